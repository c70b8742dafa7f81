"""Odd input, made from a seed: whatever comes, the answer is a picture or a sentence.

The suite runs CASES of each kind; for more of them, `python tests/test_fuzz.py 3000`.
Another kind of input needs a function `case(rng, folder)`, which makes and checks one
and returns what it was, and its line in KINDS.
"""

import io
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

import nst_tf as nst
from nst_tf import images

CASES = 40
MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB"]
MODES += ["HSV", "I", "F", "I;16", "I;16B"]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


# Pictures


def drawn(rng, mode):
    """Noise of 1 to 40 pixels a side."""
    height, width = rng.integers(1, 40, 2)
    noise = Image.fromarray(rng.integers(0, 256, (height, width, 4), "uint8"))
    if mode.startswith("I;16"):
        return Image.frombytes(mode, noise.size, rng.bytes(2 * height * width))
    if mode == "F":
        values = rng.choice([-1, 0, 0.5, 1, 300, np.nan, np.inf], (height, width))
        return Image.fromarray(values.astype("float32"))
    if mode == "LAB":
        return Image.merge("LAB", noise.split()[:3])
    via = {"PA": "P", "RGBX": "RGB"}.get(mode, "RGBA" if "A" in mode else "RGB")
    return noise.convert(via).convert(mode)


def extras(rng):
    """What comes along with a picture, whole and broken."""
    exif = Image.Exif()
    exif[0x0112] = int(rng.integers(0, 12))
    choices = {
        "exif": [exif, exif.tobytes()[:-9], b"Exif\0\0" + rng.bytes(30), rng.bytes(9)],
        "icc_profile": [SRGB, damaged(rng, SRGB)[0]],
        "quality": [1, 50, 95],
        "progressive": [True],
        "compression": ["tiff_lzw", "tiff_deflate", "jpeg", "packbits"],
        "transparency": [0, 3, b"\0\7"],
    }
    some = rng.choice(list(choices), rng.integers(0, 3), replace=False)
    return {name: choices[name][rng.integers(len(choices[name]))] for name in some}


def encoded(rng):
    """A file in a format that takes the mode, as bytes, and its description."""
    Image.init()
    written = sorted(set(Image.SAVE) - {"PDF", "EPS", "PALM"})  # which are not read
    while True:
        form, mode = rng.choice(written), rng.choice(MODES)
        file = io.BytesIO()
        try:
            drawn(rng, mode).save(file, form, **extras(rng))
        except Exception:  # of this mode or with these extras it cannot be written
            continue
        return file.getvalue(), f"{form} {mode}"


def damaged(rng, content):
    """Bytes that are whole, cut short, changed, exchanged or none."""
    how = rng.choice(["whole", "cut", "flipped", "header", "moved", "random", "empty"])
    content = bytearray(content)
    if how == "cut":
        del content[rng.integers(len(content)) :]
    elif how in ("flipped", "header"):
        end = len(content) if how == "flipped" else min(64, len(content))
        for place in rng.integers(0, end, rng.integers(1, 9)):
            content[place] ^= rng.integers(1, 256)
    elif how == "moved":
        start, end = sorted(rng.integers(0, len(content), 2))
        content[start:end] = content[start:end][::-1]
    elif how == "random":
        content[rng.integers(0, 20) :] = rng.bytes(rng.integers(0, 500))
    elif how == "empty":
        content = b""
    return bytes(content), how


def answer(path, read):
    """What a reader gives, or its refusal: by name, and in a line."""
    try:
        return read(path)
    except ValueError as error:
        assert repr(str(path)) in str(error) and str(error).isprintable()
        return str(error)


def picture_case(rng, folder):
    """A file is loaded as what a picture should be, or it is refused."""
    content, kind = encoded(rng)
    content, how = damaged(rng, content)
    path = folder / f"odd {rng.choice(['a.jpg', 'b.png', 'c'])}"
    path.write_bytes(content)
    size = rng.choice([None, 7, 50])
    shape = answer(path, images.image_shape)
    image = answer(path, lambda path: nst.load_image(path, size).numpy())
    if isinstance(image, str):
        assert how != "whole", f"{kind}: {image}"
        return f"{kind}, {how}: {image}"
    assert image.dtype == "float32" and image.shape[::3] == (1, 3)
    assert image.min() >= 0 and image.max() <= 1  # NaN fails too
    assert image.shape[1:3] == (images.fit(shape, size) if size else shape)
    return f"{kind}, {how}: {image.shape}"


# All kinds

KINDS = {"picture": picture_case}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("kind", KINDS)
def test_odd_input_gives_a_result_or_a_sentence(kind, seed, tmp_path):
    assert KINDS[kind](np.random.default_rng(seed), tmp_path)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(int(sys.argv[1])):
            for kind, case in KINDS.items():
                try:
                    print(seed, case(np.random.default_rng(seed), Path(folder)))
                except Exception as error:
                    sys.exit(f"{kind} {seed}: {type(error).__name__}: {error}")

"""Odd input, made from a seed: whatever comes, the answer is a picture or a sentence.

The suite runs a few cases of each kind; for more, `python tests/test_fuzz.py 1000`.
Another kind of input needs a function `case(rng, folder)`, which makes and checks one
in the folder, where it is run, and its line in KINDS.
"""

import argparse
import contextlib
import functools
import io
import itertools
import json
import os
import re
import shutil
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

import nst_tf as nst
from nst_tf import __main__ as command_line
from nst_tf import callbacks, images

CASES = int(os.environ.get("NST_TF_FUZZ", 30))  # of each kind
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
        return
    assert image.dtype == "float32" and image.shape[::3] == (1, 3)
    assert image.min() >= 0 and image.max() <= 1  # NaN fails too
    assert image.shape[1:3] == (images.fit(shape, size) if size else shape)


# Commands


WHOLE = ["0", "1", "2", "-1", "32", "33", "48", "64", "80", "99999999999", "1_0", "٣"]
FLOATS = ["0", "0.5", "1e-320", "1e300", "1e400", "nan", "-inf", "-1"]
NUMBERS = [*WHOLE, *FLOATS, "9" * 5000, "0x20", "1,5", "½"]
TIMES = ["0", "1s", "9s", "2 m", "1.5h", "9" * 400, "3d", "-5", "soon", "٣s", "1e3"]
WORDS = ["", " ", "-", "--", "-1", "--size", "{step}", "%s %d", "a\nb", "ä\u0308💥"]
WORDS += ["\udcff", "'", '"', "\\", "x" * 300, "None", "TRUE", "noise", "style", "max"]
WORDS += ["adam", "Adam", "sgd", "tiny", "vgg19_slim", "imagenet", "block1_conv1"]
WORDS += ["block5_conv4", "block9_conv1", "content"]
URLS = ["http://", "https://?", "http://[", "http://127.0.0.1:9/a.jpg", "HTTP://a.png"]
URLS += ["https://127.0.0.1:99999/a.png", "ftp://a/b.png", "file:///a.png"]
OUTPUTS = ["out.png", "out.JPG", "out", "out.xyz", ".png", "folder", "folder.png", "."]
OUTPUTS += ["no/out.png", "text.jpg/out.png", "photo.png", "loop.png", "link.png"]
OUTPUTS += [
    "out\udcff.png",
    "out\n.png",
    "run.npz",
    "run.gif",
    "run.webp",
    "no/run.gif",
]
OUTPUTS += [
    "/proc/a.png",
    "/proc/a.npz",
    "/proc/a.gif",
    "~/out.png",
    "x" * 300 + ".png",
]
JSONS = ["null", "true", "0", "-1", "1.5", "99999999999", "NaN", '""', '"photo.png"']
JSONS += [
    '"x"',
    '"\\ud800"',
    "[]",
    "{}",
    "[[]]",
    "[-1]",
    '["x", null]',
    '{"\\ud800": 1}',
]


def photo(height, width):
    """Always the same noise, so that a checkpoint knows its pictures again."""
    noise = np.random.default_rng(height).integers(0, 256, (height, width, 3), "uint8")
    return Image.fromarray(noise)


def furnish(rng, folder):
    """Files of all sorts; returns their names."""
    for name in ("photo.png", "ä 💥.png", "a\nb.png", "100%.png"):
        photo(30, 40).save(folder / name)
    photo(28, 36).save(folder / "painting.png")
    photo(1, 1).save(folder / "pixel.png")
    photo(1, 900).save(folder / "thin.png")
    for name in ("folder", "folder.png", "folder.npz"):
        (folder / name).mkdir()
    (folder / "text.jpg").write_text("I am no picture.")
    (folder / "empty.png").touch()
    (folder / "odd").write_bytes(damaged(rng, encoded(rng)[0])[0])
    with contextlib.suppress(OSError):  # links need rights on Windows
        (folder / "loop.png").symlink_to("loop.png")
        (folder / "link.png").symlink_to("nowhere.png")
    write_settings(rng, folder / "settings.png")
    (folder / "run.npz").write_bytes(checkpoint())
    (folder / "odd.npz").write_bytes(changed(rng, checkpoint()))
    return [path.name for path in folder.iterdir()]


def write_settings(rng, path):
    """A PNG whose settings are none, or other JSON than they should be."""
    words = PngImagePlugin.PngInfo()
    texts = [*JSONS, "{", 100_000 * "[", '{"size": 3}']
    words.add_itxt("nst_tf", texts[rng.integers(len(texts))])
    photo(9, 7).save(path, pnginfo=words)


@functools.cache
def checkpoint():
    """The bytes of one, of a run in this folder."""
    arguments = [
        *"transfer photo.png painting.png -o run.png --quiet".split(),
        *TINY,
        *SHORT,
    ]
    assert command_line.main([*arguments, "--checkpoint", "run.npz"]) == 0
    return Path("run.npz").read_bytes()


def somewhere(rng, tree):
    """A random branch of what JSON holds, and the key of one of its twigs."""
    keys = list(tree if isinstance(tree, dict) else range(len(tree)))
    key = keys[rng.integers(len(keys))]
    deeper = isinstance(tree[key], dict | list) and len(tree[key])
    return somewhere(rng, tree[key]) if deeper and rng.random() < 0.8 else (tree, key)


def changed(rng, content):
    """A checkpoint that is damaged, of another kind, or says something else."""
    if rng.random() < 0.3:
        return damaged(rng, content)[0]
    with np.load(io.BytesIO(content)) as file:
        arrays = dict(file)
    notes = json.loads(str(arrays["notes"]))
    for _ in range(rng.integers(3)):
        branch, key = somewhere(rng, notes)
        branch[key] = json.loads(rng.choice(JSONS))
        if rng.random() < 0.5:
            del branch[key]
    arrays["notes"] = np.array(json.dumps(notes))
    for name in rng.permutation(list(arrays))[: rng.integers(2)]:
        odd = [np.zeros(()), np.zeros((1, 3, 5, 3)), np.full((1, 24, 32, 3), np.nan)]
        odd += [np.array("x"), np.array("[]"), np.zeros(0)]
        arrays[name] = odd[rng.integers(len(odd))]
        if rng.random() < 0.5:
            del arrays[name]
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


TINY = "--network tiny --weights tiny.weights.h5".split()
SHORT = "--size 32 --steps 2".split()
LEFT_OUT = {"help", "quiet", "debug", "output"}  # the last has its own values


def actions(command):
    """The options and arguments of a command, as its parser has them."""
    parser = command_line._parser()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return action.choices[command]._actions


def values(rng, action, files):
    """What somebody may write after an option: mostly of its kind and number."""
    of_kind = {int: WHOLE, float: FLOATS, command_line._seconds: TIMES}
    pool = of_kind.get(action.type, WORDS + files + OUTPUTS + URLS)
    if rng.random() < 0.1:
        pool = NUMBERS + TIMES + WORDS + files + OUTPUTS + URLS
    count = 0 if action.nargs == 0 else 1
    if rng.random() < (0.5 if action.nargs == "+" else 0.05):
        count = rng.integers(4)
    return [pool[k] for k in rng.integers(len(pool), size=count)]


def option(rng, action, files):
    """One option, in one of the ways in which it can be written."""
    name, *others = map(str, rng.permutation(action.option_strings))
    given = values(rng, action, files)
    if name.startswith("--") and rng.random() < 0.1:
        name = name[: rng.integers(3, len(name) + 1)]
    if given and rng.random() < 0.2:
        return [f"{name}={given[0]}", *given[1:]]
    return [name, *given]


def transfer_arguments(rng, files):
    options = [a for a in actions("transfer") if a.option_strings]
    options = [a for a in options if a.dest not in LEFT_OUT]
    odd = [options[k] for k in rng.integers(len(options), size=rng.integers(4))]
    in_time = any(action.dest == "time_budget" for action in odd)  # which sets both
    words = [*TINY, *(SHORT if not in_time else [])]
    words += itertools.chain(*(option(rng, action, files) for action in odd))
    pictures = ["photo.png", "painting.png"]
    if rng.random() < 0.3:
        pool = files + URLS + WORDS
        pictures[rng.integers(2)] = pool[rng.integers(len(pool))]
    if rng.random() < 0.1:
        pictures = pictures[: rng.integers(3)] + ["photo.png"] * rng.integers(3)
    if rng.random() < 0.5:
        words += ["-o", OUTPUTS[rng.integers(len(OUTPUTS))]]
    if rng.random() < 0.2:
        words += ["--resume", "odd.npz"]
    return ["transfer", *pictures, *words]


def describe_arguments(rng, files):
    pool = files + URLS + WORDS
    other = [pool[k] for k in rng.integers(len(pool), size=rng.integers(3))]
    return ["describe", *(other if rng.random() < 0.5 else ["settings.png"])]


def impatient(name):
    """The progress of a run, and Ctrl-C after three steps: it may have any number."""
    bar, steps = callbacks.progress(name), itertools.count(1)

    def watch(result):
        bar(result)
        if next(steps) == 3:
            raise KeyboardInterrupt

    watch.close = bar.close
    return watch


def outcome(arguments):
    """The exit status of a command, and what it said on stderr."""
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = command_line.main(arguments)
        except SystemExit as stop:
            status = stop.code
    err.flush()
    return status, err.buffer.getvalue().decode()


@mock.patch("nst_tf.__main__.progress", impatient)
def command_case(rng, folder):
    """A command does what it is told, or says in a line why not."""
    files = furnish(rng, folder)
    make = transfer_arguments if rng.random() < 0.9 else describe_arguments
    arguments = make(rng, files)
    try:
        status, said = outcome(arguments)
    except Exception as error:
        raise AssertionError(f"nst-tf {arguments}") from error
    lines = [line for line in re.split("[\r\n]", said) if line]
    complaints = [line for line in lines if line.startswith("nst-tf: ")]
    assert status in (0, 1, 2, 130), f"nst-tf {arguments}: {status}"
    wanted = lines[-1:] if status in (1, 2) else []
    assert complaints == wanted and "Traceback" not in said, (
        f"nst-tf {arguments}: {said}"
    )
    assert said or status not in (1, 2), f"nst-tf {arguments}: {status} without a word"


# All kinds

KINDS = {"picture": picture_case, "command": command_case}


@pytest.fixture
def place(tmp_path, tiny_weights, monkeypatch):
    """An empty folder with the weights of the tiny network, and no cache elsewhere."""
    folder = tmp_path / "place"
    folder.mkdir()
    shutil.copy(tiny_weights, folder / "tiny.weights.h5")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("pooch.core.os_cache", lambda name: tmp_path / name)
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("kind", KINDS)
def test_odd_input_gives_a_result_or_a_sentence(kind, seed, place):
    KINDS[kind](np.random.default_rng(seed), place)


if __name__ == "__main__":
    os.environ["NST_TF_FUZZ"] = sys.argv[1]
    kept = "tmp_path_retention_policy=failed"
    sys.exit(pytest.main([__file__, "-q", "--maxfail=20", "-o", kept, *sys.argv[2:]]))

"""Where a picture comes from: a path, URL, open file, `PIL.Image` or array.

It is found, recognised, turned upright and converted to sRGB, or refused in a sentence.
"""

import contextlib
import io
import os
import struct
from pathlib import Path

import numpy as np
import pooch
from PIL import ExifTags, Image, ImageCms, ImageOps

MAX_PIXELS = 100_000_000
TIMEOUT = (10, 20)  # seconds to connect to a server, and to hear from it
WHITE = {"uint8": 255, "uint16": 65535}  # of arrays of integers


# What a source is, and its name


def is_url(source):
    """Whether a source is to be fetched."""
    return str(source).startswith(("http://", "https://"))


def _is_path(source):
    return isinstance(source, str | os.PathLike)


def is_array(source):
    """Whether a source is none of a path, a URL, a `PIL.Image` and an open file."""
    known = _is_path(source) or isinstance(source, Image.Image)
    return not known and not hasattr(source, "read")


def path_of(source):
    """The path or URL of a source, also of an `Image.open(...)`; "" if it has none."""
    path = getattr(source, "filename", source)
    return os.fsdecode(path) if _is_path(path) else ""


def name_of(source):
    """What an error calls a source.

    >>> name_of("photo.jpg"), name_of(np.zeros((30, 40, 3)))
    ("picture 'photo.jpg'", 'picture')
    """
    path = path_of(source)
    return f"picture {path!r}" if path else "picture"


def reason(error):
    """What an error says, on one line."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(said.split())


# Files, and how they are recognised


def _open_file(path):
    name = name_of(path)
    if not os.path.isfile(path):
        what = "is not a file" if os.path.exists(path) else "does not exist"
        raise ValueError(f"{name} {'is a folder' if os.path.isdir(path) else what}")
    try:
        return open(path, "rb")
    except OSError as error:
        raise ValueError(f"{name} cannot be opened ({reason(error)})") from error


def _download(url):
    """Fetches a picture once; later calls find it in the user's cache."""
    pooch.get_logger().setLevel("WARNING")  # the library does not print
    downloader = pooch.HTTPDownloader(
        timeout=TIMEOUT, headers={"User-Agent": "nst_tf (neural style transfer)"}
    )
    try:
        return Path(pooch.retrieve(url, None, downloader=downloader))
    except (OSError, ValueError) as error:
        message = f"{name_of(url)} could not be fetched ({reason(error)})"
        raise ValueError(message) from error


@contextlib.contextmanager
def _file(source):
    """A path, a URL or an open file, to read from."""
    if isinstance(source, io.TextIOBase):
        raise ValueError('picture: a file open as text; open it with mode "rb"')
    if not _is_path(source):
        yield source
        return
    fetched = _download(source) if is_url(source) else None
    try:
        with _open_file(fetched or source) as file:
            yield file
    except ValueError:
        if fetched:  # what is no picture should not stay in the cache
            fetched.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _readable(name):
    """Pillow's errors, which depend on the format of a picture, in our words."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        message = f"{name} has more than 100 megapixels; make it smaller first"
        raise ValueError(message) from error
    except Image.UnidentifiedImageError as error:
        raise ValueError(f"{name} is not a picture that can be read") from error
    except Exception as error:
        message = f"{name} is damaged or cut short ({reason(error)})"
        raise ValueError(message) from error


def _recognize(file):
    """`Image.open` without its limit on pixels, as we have our own.

    Between 89 and 179 megapixels it warns. To silence that would change the warnings of
    the whole process, which is not for a library to do, least of all in threads.
    """
    try:
        file.seek(0)
    except (AttributeError, OSError):  # a stream, such as a pipe
        file = io.BytesIO(file.read())
    start = file.read(16)
    Image.init()
    for factory, accept in list(Image.OPEN.values()):
        with contextlib.suppress(SyntaxError, IndexError, TypeError, struct.error):
            answer = accept(start) if accept else True
            if answer and not isinstance(answer, str):  # a str: it is not built in
                file.seek(0)
                return factory(file, "")
    raise Image.UnidentifiedImageError


@contextlib.contextmanager
def recognized(source):
    """Any source but an array, as a `PIL.Image`; a file's pixels are not read yet.

    Errors inside the `with` are reported as faults of the picture.

    Raises:
        ValueError: no such file, not a picture, damaged, or more than 100 megapixels;
            a URL that does not answer.
    """
    name = name_of(source)
    if isinstance(source, Image.Image):
        with _readable(name):
            yield source
        return
    with _file(source) as file, _readable(name):
        picture = _recognize(file)
        if picture.width * picture.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        yield picture


def skip_pixels(picture):
    """Skips the pixels of a PNG, to reach what comes after them."""
    if picture.format == "PNG":
        picture.load_prepare()
        picture.load_end()
        picture.tile = []  # nothing is left to be read


def words_in(path):
    """The text of a PNG file, `{keyword: text}`, whatever the picture's size."""
    with _open_file(path) as file, _readable(name_of(path)):
        picture = _recognize(file)
        skip_pixels(picture)
        return getattr(picture, "text", {})


# Upright, and in sRGB


def _eight_bits(picture):
    """Brings deeper greys (16-bit PNG, 32-bit and float TIFF) down to 8 bits."""
    if picture.mode != "F" and not picture.mode.startswith("I"):
        return picture
    values = np.nan_to_num(np.asarray(picture, "float32"))
    white = 65535.0
    if picture.mode == "F":
        white = 1.0 if values.max() < 2 else 255.0
    return Image.fromarray(np.uint8(np.clip(values / white, 0, 1) * 255))


def _srgb(picture):
    """Converts any colour mode, with or without an ICC profile, to sRGB."""
    profile = picture.info.get("icc_profile")
    if picture.mode in ("P", "PA", "1"):
        picture = picture.convert("RGB")
    try:
        if picture.mode == "LAB":
            source = ImageCms.createProfile("LAB")
        elif profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        else:
            return picture.convert("RGB")
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):  # broken, or for another mode
        return picture.convert("RGB")


def _flatten(picture, color):
    """Colours in sRGB, transparency laid on `color`, `(R, G, B)` from 0 to 255."""
    picture = _eight_bits(picture)
    if not picture.has_transparency_data:
        return _srgb(picture)
    rgba = picture.convert("RGBA")
    opaque = rgba.convert("RGB")
    if picture.mode in ("LA", "La"):  # stays grey, for a profile of greys
        opaque = picture.convert("LA").getchannel("L")
    flat = Image.new("RGB", picture.size, color)
    flat.paste(_srgb(opaque), mask=rgba.getchannel("A"))
    return flat


def orientation(picture):
    """1 to 8, from EXIF; 1 is upright, from 5 on width and height are swapped."""
    try:
        found = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # broken EXIF, in one of many ways
        return 1
    return found if found in range(1, 9) else 1


def upright(picture, color):
    """A copy, turned by its EXIF orientation, in sRGB, transparency laid on `color`."""
    profile = picture.info.get("icc_profile")  # which the turn may drop
    picture.load()
    turn = ImageOps.exif_transpose if orientation(picture) > 1 else Image.Image.copy
    picture = turn(picture)
    if profile:
        picture.info["icc_profile"] = profile
    return _flatten(picture, color)


# Arrays


def as_array(source):
    """An array as `(H, W, C)`, C = 1, 3 or 4; its values are not checked.

    Raises:
        ValueError: another shape.
    """
    array = np.asarray(source)
    if array.dtype.name == "bfloat16":  # of tensors, unknown to NumPy
        array = array.astype("float32")
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        what = f"batch of {len(array)}" if array.ndim == 4 else "array"
        raise ValueError(
            f"picture: {what}, shape {array.shape}; wanted one picture, (H, W, 3)"
        )
    return array


def from_array(array, color):
    """An array in RGB, transparency laid on `color`, `(R, G, B)` from 0 to 255.

    Returns:
        For uint8 a `PIL.Image`; for all else `(H, W, 3)` float32 in [0, 1].

    Raises:
        ValueError: another shape, type or range.
    """
    array = as_array(array)
    if array.dtype.kind not in "fb" and array.dtype.name not in WHITE:
        raise ValueError(
            f"picture: an array of {array.dtype}; wanted floats in [0, 1], uint16 or "
            'uint8 (arithmetic on uint8 may give another type: use .astype("uint8"))'
        )
    if array.dtype == "uint8":
        picture = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
        return _flatten(picture, color)
    white = np.float32(WHITE.get(array.dtype.name, 1))
    array = array.astype("float32")
    array /= white
    if not (array.min() >= 0 and array.max() <= 1):  # NaN fails too
        raise ValueError(
            f"picture: floats from {array.min():.8g} to {array.max():.8g}; "
            "wanted [0, 1] (divide by 255, or give uint8)"
        )
    if array.shape[2] == 4:
        below = np.array(color, "float32") / 255
        alpha = array[:, :, 3:]
        array = alpha * array[:, :, :3] + (1 - alpha) * below
    return np.broadcast_to(array, (*array.shape[:2], 3))

"""Pictures in and out: at any size as RGB in [0, 1], and written to a file."""

import contextlib
import json
import os
import tempfile
import uuid
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import tensorflow as tf
from PIL import ExifTags, Image, ImageColor, PngImagePlugin

from nst_tf.sources import (
    MAX_PIXELS,
    as_array,
    from_array,
    is_array,
    name_of,
    orientation,
    path_of,
    reason,
    recognized,
    skip_pixels,
    upright,
    words_in,
)

# What is taken as a picture: a path, a URL, an open file, or pixels in memory.
Picture: TypeAlias = (
    str | os.PathLike | IO[bytes] | Image.Image | np.ndarray | tf.Tensor
)
WHOLE_PIXELS = 2_000_000  # a JPEG up to here is decoded whole, which takes 0.05 s
FORMATS: dict[str, dict[str, Any]] = {
    ".png": dict(format="PNG"),
    ".jpg": dict(format="JPEG", quality=95, subsampling=0),
    ".jpeg": dict(format="JPEG", quality=95, subsampling=0),
    ".webp": dict(format="WEBP", quality=95),
    ".tif": dict(format="TIFF"),
    ".tiff": dict(format="TIFF"),
    ".bmp": dict(format="BMP"),
}
SETTINGS_CHUNK = "nst_tf"  # keyword of the PNG text chunk


# Sizes


def fit(shape, size):
    """Height and width with `size` as the longer one, in the proportions of `shape`.

    >>> fit((300, 400), 512)
    (384, 512)
    """
    height, width = shape
    scale = size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize(image, shape, clip=True):
    """An image at another height and width, antialiased and kept inside [0, 1].

    Args:
        image: `(B, H, W, 3)` in [0, 1].
        shape: `(height, width)` in pixels.
        clip: False for a difference of images, which may be negative.

    Returns:
        `(B, height, width, 3)` float32 tensor.
    """
    if tuple(image.shape[1:3]) == tuple(shape):
        return tf.convert_to_tensor(image, tf.float32)
    image = tf.image.resize(image, shape, method="bicubic", antialias=True)
    return tf.clip_by_value(image, 0.0, 1.0) if clip else image


# Reading


def _color(background):
    try:
        return ImageColor.getrgb(background)[:3]
    except (AttributeError, TypeError, ValueError) as error:
        message = f"background: {background!r} is not a colour, such as '#202020'"
        raise ValueError(message) from error


def _decode(picture, size, color):
    """The pixels; fewer of them for a JPEG much larger than needed."""
    full = picture.size
    if size and picture.width * picture.height > WHOLE_PIXELS:
        target = fit(full, 3 * size)  # with 2, edges are 2 % softer
        drafted = picture.draft(None, target)  # a JPEG, to 1/2, 1/4 or 1/8, rounded up
    if picture.size == full:
        return upright(picture, color)
    picture = picture.resize(target, Image.Resampling.BICUBIC, box=drafted[1])
    decoded = upright(picture, color)
    decoded.full_shape = full if orientation(picture) > 4 else full[::-1]
    return decoded


def open_image(source, size=None, background="white"):
    """Decodes a picture once, for `load_image` at several sizes up to `size`.

    Args:
        source, background: as `load_image` takes them.
        size: the largest long edge that is wanted; a larger JPEG of more than 2
            megapixels is decoded at three times that. None keeps all pixels.

    Returns:
        What `load_image` takes in place of `source`. For floats an array `(H, W, 3)`;
        for all else an upright `PIL.Image` in sRGB with two more attributes:
        `filename`, its path or URL, and `full_shape`, its height and width unreduced.

    Raises:
        ValueError: as `load_image`.
    """
    color = _color(background)
    if hasattr(source, "full_shape"):  # it is opened already
        return source
    if is_array(source):
        opened = from_array(source, color)
    else:
        with recognized(source) as picture:
            own = picture is source  # the user's, which draft() would change
            opened = _decode(picture, None if own else size, color)
    if isinstance(opened, Image.Image):
        opened.filename = path_of(source)
        opened.full_shape = getattr(opened, "full_shape", opened.size[::-1])
        opened.info = {}  # no profile: its colours are converted
    return opened


def image_shape(source):
    """Height and width of what `load_image` takes; those of a file from its header.

    >>> image_shape(np.zeros((1, 30, 40, 3)))
    (30, 40)
    """
    if is_array(source):
        return as_array(source).shape[:2]
    if hasattr(source, "full_shape"):
        return source.full_shape
    with recognized(source) as picture:
        if picture is not source:
            skip_pixels(picture)
        if orientation(picture) < 5:
            return picture.size[::-1]
        if picture.format == "TIFF":  # the size of which Pillow has turned, since 11
            tags = ExifTags.Base.ImageWidth, ExifTags.Base.ImageLength
            return tuple(picture.tag_v2[tag] for tag in tags)
        return picture.size


def load_image(
    source: Picture,
    size: int | None = None,
    background: str = "white",
    min_side: int = 1,
) -> tf.Tensor:
    """A picture from anywhere, as RGB in [0, 1].

    Turned upright by its EXIF orientation; ICC profiles, CMYK, palettes, grey and
    16 bits become sRGB; transparency is laid on `background`. Never squashed. Resized,
    a file and the same picture as an array of floats may differ by up to 4 grey values:
    Pillow resizes 8-bit pictures, TensorFlow floats.

    Args:
        source: a path or URL (JPEG, PNG, WebP, TIFF, BMP, or the first frame of a GIF;
            downloads are cached), an open file, a `PIL.Image`, or an array `(H, W, C)`
            or `(1, H, W, C)` with C = 1, 3 or 4: uint8 or uint16 in their full range,
            floats in [0, 1], or bool (True is white).
        size: long edge of the result in pixels; None keeps the picture's own.
        background: a colour that Pillow knows, such as `"white"` or `"#202020"`.
        min_side: a picture with a side shorter than this many pixels is refused.

    Returns:
        `(1, H, W, 3)` float32 tensor.

    Raises:
        ValueError: no such file, not a picture, damaged, too small, or more than 100
            megapixels, as it is or at `size`; an array of another shape, type or range;
            a URL that does not answer within 30 seconds.

    Example:

    >>> load_image(np.zeros((30, 40, 3), "uint8"), size=20).shape
    TensorShape([1, 15, 20, 3])
    """
    if size is not None and not 1 <= size <= MAX_PIXELS:  # NaN fails too
        raise ValueError(
            f"size: {size} pixels; wanted at least 1, at most 100 megapixels in all"
        )
    picture = open_image(source, size, background)
    height, width = image_shape(picture)
    shape = fit((height, width), size) if size else (height, width)
    if size and shape[0] * shape[1] > MAX_PIXELS:
        raise ValueError(
            f"size: {size} makes {name_of(source)} {shape[1]} x {shape[0]} pixels; "
            "wanted at most 100 megapixels"
        )
    if min(height, width, *shape) < min_side:
        scaled = f", {shape[1]} x {shape[0]} at size {size}" if size else ""
        raise ValueError(
            f"{name_of(source)} is {width} x {height} pixels{scaled}; at least "
            f"{min_side} x {min_side} are needed"
        )
    if isinstance(picture, Image.Image):
        picture = picture.resize(shape[::-1], Image.Resampling.BICUBIC)
        picture = np.array(picture, "float32")
        picture /= 255  # in place: 100 megapixels have 1.2 GB
    return resize(picture[None], shape)


# Writing


def check_path(path, suffixes=tuple(FORMATS)):
    """A `Path`, or a `ValueError` now if it could not be written later."""
    path = Path(os.fsdecode(path))
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"{path}: the name should end in one of {', '.join(suffixes)}")
    if os.path.isdir(path):
        raise ValueError(f"{path} is a folder; wanted the name of a file")
    if not os.path.isdir(path.parent):
        raise ValueError(f"{path}: there is no folder {path.parent}")
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
        with contextlib.suppress(FileNotFoundError):
            os.lstat(path)  # raises if the name is too long, or has NUL in it
    except (OSError, ValueError) as error:
        message = f"{path}: cannot write to {path.parent} ({reason(error)})"
        raise ValueError(message) from error
    return path


def write_atomically(path, write):
    """Calls `write(file)` on a temporary file beside `path`, then renames it.

    Whoever looks at `path` sees the old file or the new one, never half of one.
    """
    path = Path(os.fsdecode(path))
    temporary = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with open(temporary, "wb") as file:
            write(file)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _clipped(array):
    """Floats as float32, clipped to [0, 1]; refuses NaN. Other types as they are."""
    array = as_array(array)
    if array.dtype.kind != "f":
        return array
    if not np.isfinite(array).all():
        count = np.count_nonzero(~np.isfinite(array))
        raise ValueError(
            f"picture: {count} of {array.size} values are NaN or infinite; wanted "
            "numbers in [0, 1]"
        )
    return np.clip(array, 0, 1).astype("float32", copy=False)


def to_pil(image):
    """A picture as `load_image` takes it -> an 8-bit RGB `PIL.Image`.

    Floats outside [0, 1] are clipped; transparency is laid on white.

    Raises:
        ValueError: no picture, or NaN in it.
    """
    picture = open_image(_clipped(image) if is_array(image) else image)
    if isinstance(picture, Image.Image):
        return picture
    picture = picture * np.float32(255)
    return Image.fromarray(np.round(picture, out=picture).astype("uint8"))


def save_image(
    path: str | os.PathLike, image: Picture, settings: dict[str, Any] | None = None
) -> None:
    """Writes a picture in the format that its name asks for.

    Args:
        path: ends in .png, .jpg, .webp, .tif or .bmp.
        image: one picture as `load_image` takes it; floats are clipped to [0, 1].
        settings: a dict to put into a PNG as JSON; `read_settings` gives it back.

    Raises:
        ValueError: an unknown suffix, an unwritable folder, or no picture.
    """
    file_name, picture = check_path(path), to_pil(image)
    options = dict(FORMATS[file_name.suffix.lower()])
    if settings is not None and options["format"] == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt(SETTINGS_CHUNK, json.dumps(settings))
    write_atomically(file_name, lambda file: picture.save(file, **options))


def read_settings(path: str | os.PathLike) -> dict[str, Any]:
    """The settings that `save_image` put into a PNG, as a dict.

    Raises:
        ValueError: no file, not a picture, or one that carries no settings.
    """
    words = words_in(path)
    with contextlib.suppress(ValueError, RecursionError):  # no JSON, or none of ours
        settings = json.loads(words.get(SETTINGS_CHUNK, ""))
        if isinstance(settings, dict):
            return settings
    raise ValueError(f"{name_of(path)} carries no settings of nst_tf")

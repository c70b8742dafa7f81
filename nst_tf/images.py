"""Pictures in and out: any file, address or array becomes RGB in [0, 1], and back."""

import contextlib
import io
import json
import os
import struct
import tempfile
import uuid
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import pooch
import tensorflow as tf
from PIL import ExifTags, Image, ImageCms, ImageColor, ImageOps, PngImagePlugin

# What is taken as a picture: a path, a URL, an open file, or one that is there.
Picture: TypeAlias = (
    str | os.PathLike | IO[bytes] | Image.Image | np.ndarray | tf.Tensor
)
MAX_PIXELS = 100_000_000
WHOLE_PIXELS = 2_000_000  # a JPEG up to here is decoded whole, which takes 0.05 s
TOO_LARGE = "{} has more than 100 megapixels; make it smaller first"
TIMEOUT = (10, 20)  # seconds to connect to a server, and to hear from it
FORMATS: dict[str, dict[str, Any]] = {
    ".png": dict(format="PNG"),
    ".jpg": dict(format="JPEG", quality=95, subsampling=0),
    ".jpeg": dict(format="JPEG", quality=95, subsampling=0),
    ".webp": dict(format="WEBP", quality=95),
    ".tif": dict(format="TIFF"),
    ".tiff": dict(format="TIFF"),
    ".bmp": dict(format="BMP"),
}
WHITE = {"uint8": 255, "uint16": 65535}  # of arrays of integers
SETTINGS_CHUNK = "nst_tf"  # keyword of the PNG text chunk


# Reading


def is_url(source):
    return str(source).startswith(("http://", "https://"))


def _is_path(source):
    return isinstance(source, str | os.PathLike)


def _is_array(source):
    known = _is_path(source) or isinstance(source, Image.Image)
    return not known and not hasattr(source, "read")


def _path(source):
    """The path or URL of a source, also of an `Image.open(...)`; "" if it has none."""
    path = getattr(source, "filename", source)
    return os.fsdecode(path) if _is_path(path) else ""


def _name(source):
    """How an error calls a source."""
    path = _path(source)
    return f"picture {path!r}" if path else "picture"


def _reason(error):
    """What an error says, on one line."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(said.split())


def _open_file(path):
    name = _name(path)
    if not os.path.isfile(path):
        what = "is no file" if os.path.exists(path) else "does not exist"
        raise ValueError(f"{name} {'is a folder' if os.path.isdir(path) else what}")
    try:
        return open(path, "rb")
    except OSError as error:
        raise ValueError(f"{name} cannot be opened ({_reason(error)})") from error


def _download(url):
    """Fetches a picture once; later calls find it in the user's cache."""
    pooch.get_logger().setLevel("WARNING")  # the library does not print
    downloader = pooch.HTTPDownloader(
        timeout=TIMEOUT, headers={"User-Agent": "nst_tf (neural style transfer)"}
    )
    try:
        return Path(pooch.retrieve(url, None, downloader=downloader))
    except (OSError, ValueError) as error:
        message = f"{_name(url)} could not be fetched ({_reason(error)})"
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


def _color(background):
    try:
        return ImageColor.getrgb(background)[:3]
    except (AttributeError, TypeError, ValueError) as error:
        message = f"background: {background!r} is no colour, such as '#202020'"
        raise ValueError(message) from error


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
    except (ImageCms.PyCMSError, OSError):  # it is broken, or for another mode
        return picture.convert("RGB")


def _flatten(picture, color):
    """Colours in sRGB, transparency laid on a colour."""
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


def _orientation(picture):
    """1 to 8 by its EXIF; 1 is upright, from 5 on width and height change places."""
    try:
        orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # it is broken, in one of many ways
        return 1
    return orientation if orientation in range(1, 9) else 1


def _upright(picture, color):
    """Turned by its EXIF orientation, which may drop the profile, and flattened."""
    profile = picture.info.get("icc_profile")
    picture.load()
    turn = ImageOps.exif_transpose if _orientation(picture) > 1 else Image.Image.copy
    picture = turn(picture)
    if profile:
        picture.info["icc_profile"] = profile
    return _flatten(picture, color)


@contextlib.contextmanager
def _readable(name):
    """Whatever Pillow says of a picture, which depends on its format, in our words."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(TOO_LARGE.format(name)) from error
    except Image.UnidentifiedImageError as error:
        raise ValueError(f"{name} is not a picture that can be read") from error
    except Exception as error:
        message = f"{name} is damaged or cut short ({_reason(error)})"
        raise ValueError(message) from error


def _recognize(file):
    """`Image.open` without its limit of pixels, as we have our own.

    Between 89 and 179 megapixels it warns, which only a change of the warnings of the
    whole process could silence: not for a library to do, least of all in threads.
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
            if answer and not isinstance(answer, str):  # words, if it is not built in
                file.seek(0)
                return factory(file, "")
    raise Image.UnidentifiedImageError


@contextlib.contextmanager
def _picture(source):
    """Any source but an array as a `PIL.Image`; of a file no pixels are read yet."""
    if isinstance(source, Image.Image):
        yield source
        return
    name = _name(source)
    with _file(source) as file:
        with _readable(name):
            picture = _recognize(file)
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(TOO_LARGE.format(name))
        yield picture


def _read_on(picture):
    """Reads over the pixels of a PNG, to what it says after them."""
    if picture.format == "PNG":
        picture.load_prepare()
        picture.load_end()
        picture.tile = []  # nothing is left to be read


def fit(shape, size):
    """Height and width with `size` as the longer one, in the proportions of `shape`.

    >>> fit((300, 400), 512)
    (384, 512)
    """
    height, width = shape
    scale = size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _decode(picture, size, color):
    """The pixels; of a JPEG that is much larger than needed, fewer of them."""
    full = picture.size
    if size and picture.width * picture.height > WHOLE_PIXELS:
        target = fit(full, 3 * size)  # with 2, edges are 2 % softer
        drafted = picture.draft(None, target)  # a JPEG, to 1/2, 1/4 or 1/8, rounded up
    if picture.size == full:
        return _upright(picture, color)
    picture = picture.resize(target, Image.Resampling.BICUBIC, box=drafted[1])
    upright = _upright(picture, color)
    upright.full_shape = full if _orientation(picture) > 4 else full[::-1]
    return upright


def _array(source):
    """An array as `(H, W, C)`, C = 1, 3 or 4; its values are not looked at."""
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


def _from_array(array, color):
    """Checks an array; returns a picture, or `(H, W, 3)` float32 in [0, 1]."""
    array = _array(array)
    if array.dtype.kind not in "fb" and array.dtype.name not in WHITE:
        raise ValueError(
            f"picture: an array of {array.dtype}; wanted floats in [0, 1], uint16 or "
            'uint8 (arithmetic on uint8 may give another type: use .astype("uint8"))'
        )
    if array.dtype == "uint8":
        picture = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
        return _flatten(picture, color)
    array = array.astype("float32") / np.float32(WHITE.get(array.dtype.name, 1))
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


def open_image(source, size=None, background="white"):
    """Decodes a picture once, for `load_image` at several sizes up to `size`.

    Args:
        source, background: as `load_image` takes them.
        size: the largest long edge that is wanted; a JPEG of more than 2 megapixels is
            decoded to twice that, where it is much larger. None keeps all pixels.

    Returns:
        What `load_image` takes as it would `source`. Of floats the array `(H, W, 3)`;
        of all else an upright `PIL.Image` in sRGB with two attributes more: `filename`,
        its path or URL, and `full_shape`, its height and width when not reduced.

    Raises:
        ValueError: as `load_image`.
    """
    color = _color(background)
    if hasattr(source, "full_shape"):  # it is opened already
        return source
    if _is_array(source):
        opened = _from_array(source, color)
    else:
        with _picture(source) as picture, _readable(_name(source)):
            own = picture is source  # the user's, which draft() would change
            opened = _decode(picture, None if own else size, color)
    if isinstance(opened, Image.Image):
        opened.filename = _path(source)
        opened.full_shape = getattr(opened, "full_shape", opened.size[::-1])
        opened.info = {}  # no profile: its colours are converted
    return opened


def image_shape(source):
    """Height and width of what `load_image` takes; of a file the header tells them.

    >>> image_shape(np.zeros((1, 30, 40, 3)))
    (30, 40)
    """
    if _is_array(source):
        return _array(source).shape[:2]
    if hasattr(source, "full_shape"):
        return source.full_shape
    with _picture(source) as picture, _readable(_name(source)):
        if picture is not source:
            _read_on(picture)
        if picture.format == "TIFF" or _orientation(picture) < 5:  # TIFF is turned
            return picture.size[::-1]
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
    Pillow resizes pictures of 8 bits, TensorFlow floats.

    Args:
        source: a path or URL (JPEG, PNG, WebP, TIFF, BMP, or the first frame of a GIF;
            downloads are cached), an open file, a `PIL.Image`, or an array `(H, W, C)`
            or `(1, H, W, C)` with C = 1, 3 or 4: uint8 or uint16 in their full range,
            floats in [0, 1], or bool (True is white).
        size: long edge of the result in pixels; None keeps the picture's own.
        background: a colour that Pillow knows, such as `"white"` or `"#202020"`.
        min_side: a picture with a shorter side than this many pixels is refused.

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
    is_pil = isinstance(picture, Image.Image)
    height, width = picture.full_shape if is_pil else picture.shape[:2]

    shape = fit((height, width), size) if size else (height, width)
    if size and shape[0] * shape[1] > MAX_PIXELS:
        raise ValueError(
            f"size: {size} makes {_name(source)} {shape[1]} x {shape[0]} pixels; "
            "wanted at most 100 megapixels"
        )
    if min(height, width, *shape) < min_side:
        scaled = f", {shape[1]} x {shape[0]} at size {size}" if size else ""
        raise ValueError(
            f"{_name(source)} is {width} x {height} pixels{scaled}; at least "
            f"{min_side} x {min_side} are needed"
        )
    if is_pil:
        picture = picture.resize(shape[::-1], Image.Resampling.BICUBIC)
        picture = np.asarray(picture, "float32") / 255
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
            os.lstat(path)  # may say that the name is too long, or has NUL in it
    except (OSError, ValueError) as error:
        message = f"{path}: cannot write to {path.parent} ({_reason(error)})"
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
    """Floats as float32 in [0, 1], from which an optimizer strays; no NaN."""
    if not np.isfinite(array).all():
        count = np.count_nonzero(~np.isfinite(array))
        raise ValueError(
            f"picture: {count} of {array.size} values are NaN or infinite; wanted "
            "numbers in [0, 1]"
        )
    return np.clip(array, 0, 1).astype("float32")


def to_pil(image):
    """A picture as `load_image` takes it -> an 8-bit RGB `PIL.Image`.

    Floats outside [0, 1] are clipped; transparency is laid on white.

    Raises:
        ValueError: no picture, or NaN in it.
    """
    if _is_array(image):
        image = _array(image)
        image = _clipped(image) if image.dtype.kind == "f" else image
    picture = open_image(image)
    if isinstance(picture, Image.Image):
        return picture
    return Image.fromarray(np.uint8(np.round(picture * 255)))


def save_image(
    path: str | os.PathLike, image: Picture, settings: dict[str, Any] | None = None
) -> None:
    """Writes a picture in the format that its name asks for.

    Args:
        path: ends in .png, .jpg, .webp, .tif or .bmp.
        image: one picture as `load_image` takes it; floats are clipped to [0, 1].
        settings: a dict to put into a PNG as JSON; `read_settings` gives it back.

    Raises:
        ValueError: another suffix, a folder that cannot be written, or no picture.
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
    name = _name(path)
    with _open_file(path) as file, _readable(name):
        picture = _recognize(file)
        _read_on(picture)
        chunks = getattr(picture, "text", {})
    try:
        return json.loads(chunks[SETTINGS_CHUNK])
    except (KeyError, ValueError) as error:
        raise ValueError(f"{name} carries no settings of nst_tf") from error

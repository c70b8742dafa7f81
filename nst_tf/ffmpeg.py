"""Films in and out, through FFmpeg; the only file that runs it.

It comes with `pip install imageio-ffmpeg`. Frames are `(H, W, 3)` uint8, upright,
in square pixels, at a constant rate; a folder of pictures is a film, too.
"""

import contextlib
import io
import os
import re
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
BEFORE = 10.0  # seconds before the first frame, from where on a film is read
UPRIGHT = "scale=w='max(1,round(iw*sar))':h=ih,setsar=1"  # turned by FFmpeg itself
# The colours of high definition, and said so: a player need not guess.
COLORS = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
H264 = ["-c:v", "libx264", "-crf", "18", "-preset", "fast", "-pix_fmt", "yuv420p"]
H264 += ["-vf", "scale=out_color_matrix=bt709:out_range=tv", *COLORS]
GIF = "[0:v]split[a][b];[a]palettegen[p];[b][p]paletteuse"


def executable() -> str:
    """The path of FFmpeg.

    Raises:
        ImportError: it is not installed.
    """
    try:
        from imageio_ffmpeg import get_ffmpeg_exe
    except ImportError as error:
        raise ImportError(
            "film: it needs FFmpeg, `pip install imageio-ffmpeg`"
        ) from error
    return get_ffmpeg_exe()


def _start(arguments, **pipes):
    """FFmpeg, in a group of its own: Ctrl-C is for us, who then close its film."""
    command = [executable(), "-hide_banner", "-y", *map(str, arguments)]
    alone = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)  # on Windows
    options = {"start_new_session": True, "creationflags": alone}
    return subprocess.Popen(command, **options, **pipes)


def _run(arguments):
    """Exit status, standard output and error."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = _start(arguments, stdin=subprocess.DEVNULL, **pipes)
    try:
        output, errors = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process.returncode, output, errors.decode("utf-8", "replace")


def _reason(errors):
    """The last line of what FFmpeg says, without the names of its parts."""
    lines = [line for line in errors.splitlines() if line.strip()]
    return re.sub(r"\[[^]]*\] *", "", lines[-1]).strip() if lines else "no reason given"


# Reading


@dataclass(frozen=True)
class Clip:
    """A film, as it is read.

    Attributes:
        path: of a file or a folder.
        shape: height and width in square pixels.
        rate: frames per second.
        seconds: how long it says it is; None if it does not.
        pictures: the files of a folder, in their order.
    """

    path: str
    shape: tuple[int, int]
    rate: Fraction
    seconds: float | None = None
    pictures: tuple[Path, ...] = ()


def exact(rate: float) -> Fraction:
    """A rate that was rounded to two digits, as it is meant.

    >>> exact(29.97), exact(23.98), exact(25.0), exact(12.5)
    (Fraction(30000, 1001), Fraction(24000, 1001), Fraction(25, 1), Fraction(25, 2))
    """
    whole = round(rate * 1.001)
    if rate != round(rate) and abs(rate * 1.001 - whole) < 0.006:
        return Fraction(1000 * whole, 1001)
    return Fraction(rate).limit_denominator(1000)


def _rate(line):
    """The frames per second of a stream that FFmpeg describes in a line.

    Where they vary, it is the rate that has a place for all of them.
    """
    found = {unit: value for value, unit in re.findall(r"([\d.]+) (fps|tbr)", line)}
    mean, all_of_them = (float(found.get(unit, 0)) for unit in ("fps", "tbr"))
    varies = 1.02 * mean < all_of_them <= 60 and abs(all_of_them / mean - 2) > 0.01
    rate = all_of_them if varies or not mean else mean
    return exact(rate) if rate else Fraction(25)


def _natural(path):
    """So that picture 10 comes after picture 9."""
    return [int(t) if t.isdigit() else t for t in re.split(r"(\d+)", path.name)]


def _local(path):
    """A path as FFmpeg takes it: one with a colon is no address."""
    return path if "://" in path else f"file:{path}"


def _open(path):
    """A picture of a folder, upright, or a `ValueError`."""
    try:
        with Image.open(path) as picture:
            return ImageOps.exif_transpose(picture).convert("RGB")
    except OSError as error:
        raise ValueError(f"film: {path} is not a picture ({error})") from error


def _folder(path, rate):
    pictures = [p for p in Path(path).iterdir() if p.suffix.lower() in SUFFIXES]
    if not pictures:
        raise ValueError(f"film: there is no picture in the folder {path}")
    pictures = tuple(sorted(pictures, key=_natural))
    first = _open(pictures[0])
    shape = first.height, first.width
    return Clip(str(path), shape, Fraction(rate), len(pictures) / rate, pictures)


def look(path: str | os.PathLike[str], rate: int = 12) -> Clip:
    """What can be known of a film before it is read.

    Args:
        path: of anything that FFmpeg reads, or of a folder of numbered pictures.
        rate: frames per second of a folder.

    Raises:
        ValueError: no such file; FFmpeg cannot read it; there is nothing to be seen.
        ImportError: FFmpeg is not installed.
    """
    path = os.fsdecode(path)
    if os.path.isdir(path):
        return _folder(path, rate)
    if "://" not in path and not os.path.exists(path):
        raise ValueError(f"film: {path!r} does not exist")
    first = ["-map", "0:V:0", "-frames:v", "1", "-vf", UPRIGHT]
    status, png, said = _run(
        ["-i", _local(path), *first, "-f", "image2pipe", "-c:v", "png", "-"]
    )
    stream = re.search(r"^ *Stream #0:(?!.*attached pic).* Video: .*$", said, re.M)
    if "Audio:" in said and not stream:
        raise ValueError(f"film: {path} has sound only; wanted pictures")
    if status or not png or not stream:
        raise ValueError(f"film: {path} cannot be read ({_reason(said)})")
    length = re.search(r"Duration: (\d+):(\d+):([\d.]+)", said)
    seconds = length and sum(
        float(n) * unit for n, unit in zip(length.groups(), (3600, 60, 1), strict=True)
    )
    with Image.open(io.BytesIO(png)) as picture:
        return Clip(path, (picture.height, picture.width), _rate(stream[0]), seconds)


def _pictures(clip, shape, rate, start, count, mode):
    """The frames of a folder."""
    total = round(len(clip.pictures) * rate / clip.rate)
    first = round(start * rate)
    last = total if count is None else min(total, first + count)
    for k in range(first, last):
        picture = _open(clip.pictures[int(k * clip.rate / rate)])
        yield np.asarray(picture.resize(shape[::-1]).convert(mode))


def frames(
    clip: Clip,
    shape: tuple[int, int],
    rate: Fraction,
    start: float = 0.0,
    count: int | None = None,
    grey: bool = False,
):
    """The frames of a film, one after another.

    Args:
        clip: from `look`.
        shape: height and width that they are scaled to.
        rate: frames per second: some are left out, or shown again.
        start: seconds from the beginning.
        count: how many, if there are as many.
        grey: without colours.

    Yields:
        `(H, W, 3)` uint8, or `(H, W)`.
    """
    if clip.pictures:
        mode = "L" if grey else "RGB"
        yield from _pictures(clip, shape, rate, start, count, mode)
        return
    height, width = shape
    # FFmpeg jumps to somewhere before the first frame; the rate's filter, which knows
    # how long each frame is on show, leaves out the rest.
    early = min(start, BEFORE)
    jump = ["-noaccurate_seek", "-ss", f"{start - early:.6f}"] if start > early else []
    arguments = ["-v", "error", *jump, "-i", _local(clip.path), "-map", "0:V:0"]
    constant = f"fps={rate}:start_time={early:.6f}"
    arguments += ["-vf", f"{constant},scale={width}:{height}:flags=area"]
    arguments += ["-fps_mode", "passthrough"]
    arguments += [] if count is None else ["-frames:v", str(count)]
    arguments += ["-f", "rawvideo", "-pix_fmt", "gray" if grey else "rgb24", "-"]
    size = height * width * (1 if grey else 3)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "bufsize": size}
    process = _start(arguments, stdin=subprocess.DEVNULL, **pipes)
    try:
        while len(data := process.stdout.read(size)) == size:
            frame = np.frombuffer(data, "uint8")
            yield frame.reshape(shape if grey else (*shape, 3))
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


# Writing


def _temporary(path):
    return path.with_name(f".{uuid.uuid4().hex}.part{path.suffix}")


@contextlib.contextmanager
def writing(path: Path, shape: tuple[int, int], rate: Fraction):
    """Gives a function that adds a frame, `(H, W, 3)` uint8, to an .mp4.

    Its video is H.264, which every browser plays. The file is there when all is
    written, and not before.

    Args:
        path: ends in .mp4.
        shape: height and width, both even.
        rate: frames per second.

    Raises:
        OSError: it cannot be written: the disk is full.
    """
    temporary = _temporary(path)
    size = f"{shape[1]}x{shape[0]}"
    arguments = ["-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size]
    arguments += ["-r", str(rate), "-i", "-", *H264, str(temporary)]
    with tempfile.TemporaryFile() as said:
        process = _start(arguments, stdin=subprocess.PIPE, stderr=said)

        def write(frame):
            process.stdin.write(np.ascontiguousarray(frame))

        try:
            try:
                yield write
                process.stdin.close()
                failed = process.wait() != 0
            except BrokenPipeError:
                process.wait()
                failed = True
            if failed:
                said.seek(0)
                words = _reason(said.read().decode("utf-8", "replace"))
                raise OSError(f"film: {path} cannot be written ({words})")
            os.replace(temporary, path)
        finally:
            process.kill()
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()
            temporary.unlink(missing_ok=True)


def _listed(path):
    """A line of FFmpeg's list of files."""
    quoted = str(Path(path).resolve()).replace("'", r"'\''")
    return f"file '{quoted}'\n"


def join(
    parts: list[Path],
    path: Path,
    sound_of: str | None = None,
    start: float = 0.0,
    seconds: float | None = None,
) -> None:
    """Writes one film of several, which `writing` made, with the sound of another.

    Args:
        parts: in their order.
        path: ends in .mp4, or in .gif, which has no sound.
        sound_of: the film whose sound it gets, if it has any: as it is, or as AAC where
            an .mp4 cannot hold it.
        start, seconds: which part of the sound.

    Raises:
        OSError: it cannot be written: the disk is full.
    """
    temporary = _temporary(path)
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "parts.txt"
        listing.write_text("".join(map(_listed, parts)), encoding="utf-8")
        pictures = ["-v", "error", "-f", "concat", "-safe", "0", "-i", listing]
        if path.suffix.lower() == ".gif":
            tries = [[*pictures, "-filter_complex", GIF]]
        elif sound_of is None:
            tries = [[*pictures, "-c", "copy"]]
        else:
            length = [] if seconds is None else ["-t", f"{seconds:.6f}"]
            source = ["-i", _local(sound_of)]
            both = [*pictures, "-ss", f"{start:.6f}", *length, *source]
            both += ["-map", "0:v", "-map", "1:a?", "-c:v", "copy"]
            tries = [[*both, "-c:a", kind] for kind in ("copy", "aac")]
        try:
            for arguments in tries:
                fast_start = (
                    ["-movflags", "+faststart"] if path.suffix == ".mp4" else []
                )
                status, _, said = _run([*arguments, *fast_start, temporary])
                if not status:
                    os.replace(temporary, path)
                    return
            raise OSError(f"film: {path} cannot be written ({_reason(said)})")
        finally:
            temporary.unlink(missing_ok=True)

"""The steps of a run, written as a film: .gif, .webp or .mp4."""

from fractions import Fraction

import numpy as np
from PIL import Image

from nst_tf import ffmpeg
from nst_tf.images import check_path, write_atomically

FILMS = (".gif", ".webp", ".mp4")
REST = 2  # seconds that a film shows its last picture


def check_film(path, frames_per_second):
    """A `Path`, or an error now if no film could be written there later.

    Raises:
        ValueError: an unknown suffix, an unwritable folder, a wrong number.
        ImportError: .mp4 without its codec.
    """
    path = check_path(path, FILMS)
    if not isinstance(frames_per_second, int) or not 1 <= frames_per_second <= 50:
        raise ValueError(
            f"frames_per_second: {frames_per_second}; wanted a whole number, 1 to 50"
        )
    if path.suffix.lower() == ".mp4":
        ffmpeg.executable()
    return path


def _pictures(frames):
    """The frames one by one, all as large as the last one."""
    size = _picture(frames[-1]).size
    return (_picture(frame).resize(size) for frame in frames)


def _picture(frame):
    return frame if isinstance(frame, Image.Image) else Image.open(frame)


def _write_animation(path, frames, frames_per_second):
    pictures = _pictures(frames)
    milliseconds = [1000 // frames_per_second] * (len(frames) - 1) + [REST * 1000]
    options = {"save_all": True, "append_images": pictures, "loop": 0, "quality": 85}
    options |= {"format": path.suffix[1:].upper(), "duration": milliseconds}
    write_atomically(path, lambda file: next(pictures).save(file, **options))


def _write_mp4(path, frames, frames_per_second):
    width, height = (side // 2 * 2 for side in _picture(frames[-1]).size)  # for H.264
    with ffmpeg.writing(path, (height, width), Fraction(frames_per_second)) as write:
        for picture in _pictures(frames):
            last = np.asarray(picture.crop((0, 0, width, height)))
            write(last)
        for _ in range(REST * frames_per_second - 1):
            write(last)


def write_film(path, frames, frames_per_second=12):
    """Writes a film, whose last picture stays for two seconds.

    Args:
        path: ends in .gif, .webp or .mp4; never half written.
        frames: a list of RGB pictures, or of files that hold them, which are opened one
            at a time. They are resized to the last one; .mp4 drops an odd row or
            column of it.
        frames_per_second: how fast it is shown, at most 50.

    Raises:
        ValueError, ImportError: as `check_film`.
    """
    path = check_film(path, frames_per_second)
    write = _write_mp4 if path.suffix.lower() == ".mp4" else _write_animation
    write(path, frames, frames_per_second)

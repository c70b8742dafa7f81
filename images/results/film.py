"""A strip of frames: of a film, and of the same film painted.

    python images/results/film.py CLIP [STYLE]

CREDITS.md names the film.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

import nst_tf as nst
from nst_tf import ffmpeg

HERE = Path(__file__).parent
COUNT, FIRST, LAST = 5, 0.5, 4.5  # how many frames, and their seconds


def frames(path, shape):
    """Some frames of a film, beside each other."""
    clip = ffmpeg.look(path)
    times = np.linspace(FIRST, LAST, COUNT)
    found = [next(ffmpeg.frames(clip, shape, clip.rate, t, 1)) for t in times]
    return np.concatenate(found, axis=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip")
    parser.add_argument("style", nargs="?", default="the_wave")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = nst.film(args.clip, args.style, Path(folder) / "out.mp4", size=400)
        both = [frames(path, made.shape) for path in (args.clip, made.path)]
    Image.fromarray(np.concatenate(both)).save(HERE / "film.jpg", quality=88)


if __name__ == "__main__":
    main()

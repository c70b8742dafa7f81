"""Crops of photographs and paintings for training, the same ones for the same seed."""

import itertools
import math
from pathlib import Path

import numpy as np
from PIL import Image


def read_pictures(folder, longest=768, least=1):
    """All pictures of a folder, the .jpg and .png, in the order of their names.

    Args:
        folder: its path.
        longest: pixels; a picture with a longer edge is shrunk to this.
        least: how many pictures there must be.

    Returns:
        A list of `(H, W, 3)` uint8.

    Raises:
        ValueError: there are fewer.
    """
    pictures = []
    for path in sorted(Path(folder).glob("*.[jp][pn]g")):
        with Image.open(path) as picture:
            picture = picture.convert("RGB")
            picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
            pictures.append(np.asarray(picture))
    if len(pictures) < least:
        raise ValueError(
            f"{folder}: {len(pictures)} pictures, .jpg or .png; wanted at least {least}"
        )
    return pictures


def _cut(rng, picture, size, scale):
    """A square at a random place and scale, `(size, size, 3)` float32 in [0, 1]."""
    height, width = picture.shape[:2]
    low, high = scale
    shorter = min(height, width)
    side = rng.uniform(low * min(size, shorter), min(high * size, shorter))
    top, left = rng.uniform(0, height - side), rng.uniform(0, width - side)
    box = (left, top, left + side, top + side)
    picture = Image.fromarray(picture)
    crop = picture.resize((size, size), Image.Resampling.BICUBIC, box)
    return np.asarray(crop, "float32") / 255


def _shift(rng, crop):
    """A random contrast for each channel, and one random brightness for all."""
    return (crop - 0.5) * rng.uniform(0.6, 1.5, 3) + rng.uniform(0.4, 0.6)


def _mix_with_noise(rng, crop):
    """Mixes in noise, grains of 1, 2 or 4 pixels, seldom as more than half."""
    size = len(crop)
    grain = rng.choice([1, 1, 2, 4])
    grains = -(-size // grain)
    noise = rng.random((grains, grains, 3))
    share = rng.uniform() ** 2
    noise = noise.repeat(grain, 0).repeat(grain, 1)[:size, :size]
    return (1 - share) * crop + share * noise


def random_crop(
    rng, picture, size, scale=(0.7, math.inf), flip=0.5, color=0.3, noise=0.15
):
    """A square of a picture at a random place and scale, sometimes altered.

    Args:
        rng: a `numpy.random.Generator`.
        picture: `(H, W, 3)` uint8.
        size: side of the crop, in pixels.
        scale: the least and the most pixels of the picture along a side of the crop,
            as multiples of `size`: 0.7 enlarges by 1 / 0.7. Never more than the
            picture's shorter edge.
        flip: how often it is mirrored; 0 is never, 1 always.
        color: how often its contrast and colours are shifted.
        noise: how often it is mixed with noise, fine or coarse.

    Returns:
        `(size, size, 3)` float32 in [0, 1].
    """
    crop = _cut(rng, picture, size, scale)
    if rng.random() < flip:
        crop = crop[:, ::-1]
    if rng.random() < color:
        crop = _shift(rng, crop)
    if rng.random() < noise:
        crop = _mix_with_noise(rng, crop)
    return np.clip(crop, 0, 1).astype("float32")


def random_crops(folders, size, seed, **changes):
    """Endless crops, the folders taking turns.

    Args:
        folders: lists of pictures, `(H, W, 3)` uint8 each; every list gives as many
            crops as any other.
        size: side of the crops, in pixels.
        seed: a number or a tuple of numbers; the same crops for the same seed.
        **changes: scale, flip, color and noise of `random_crop`.

    Yields:
        `(size, size, 3)` float32 in [0, 1].

    Example:

    >>> photo, painting = np.zeros((2, 30, 40, 3), "uint8")
    >>> endless = random_crops([[photo], [painting]], size=16, seed=0)
    >>> np.stack(list(itertools.islice(endless, 4))).shape
    (4, 16, 16, 3)
    """
    rng = np.random.default_rng(seed)
    for pictures in itertools.cycle(folders):
        picture = pictures[rng.integers(len(pictures))]
        yield random_crop(rng, picture, size, **changes)

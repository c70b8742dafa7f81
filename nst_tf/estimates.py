"""How long a run will take and how much memory it needs: told before it begins."""

import math
import numbers
import os
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from nst_tf.features import smallest_side
from nst_tf.images import Picture, fit, image_shape
from nst_tf.memory import resident_memory
from nst_tf.optimizers import memory_for
from nst_tf.settings import check_settings
from nst_tf.targets import Paintings, extractor_of
from nst_tf.tiling import step_memory, step_work, tile_for
from nst_tf.transfer import style_transfer

DEFAULTS = style_transfer.__kwdefaults__
PROBE_SIZE = 320  # pixels of the small run; from noise, so that it has work to do
PROBE = {"steps": 4, "init": "noise", "tile": None, "resume": None, "callbacks": ()}
PROBE |= {"style_blend": None, "style_scale": None}  # a small one would be too small
WEIGHTS = ("content_weight", "style_weight", "tv_weight")
COPIES = 12  # of the image, held by an optimizer
# From coarse to fine: each size is twice the one before, and has half of its steps.
COARSEST, MOST_STEPS, LEAST_STEPS = 256, 100, 25
MOST_MORE = 3  # times as many steps, if there is time
ENOUGH = 512  # pixels; a larger picture is made only from a larger photograph
SIZES = [round(128 * 2 ** (k / 2)) // 16 * 16 for k in range(11)]  # 128 to 4096


# What it will cost


@dataclass(frozen=True)
class Estimate:
    """What a run will cost on this machine.

    Attributes:
        size, steps: the run's, as lists.
        seconds: from its first step's preparation to its last step.
        memory: bytes of this process at its peak.
        tile: at the last size; None if it is computed whole.
    """

    size: list[int]
    steps: list[int]
    seconds: float
    memory: float
    tile: int | None

    def __str__(self):
        return f"about {in_words(self.seconds)}, {self.memory / 1e9:.1f} GB"


def in_words(seconds):
    """Seconds as people say them.

    >>> in_words(8.4), in_words(100), in_words(8000)
    ('8 s', '1 min 40 s', '2 h 13 min')
    """
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{seconds} s"
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


def device():
    """Where TensorFlow computes, in words.

    >>> device()  # doctest: +ELLIPSIS
    'on the ...'
    """
    cards = tf.config.get_visible_devices("GPU")
    if cards:
        details = tf.config.experimental.get_device_details(cards[0])
        return f"on the GPU ({details.get('device_name', 'of unknown make')})"
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        cores = os.cpu_count()
    return f"on the CPU ({cores} cores)"


class Probe:
    """A small run, and what larger ones will cost, judging by it.

    Args:
        content_image, style_image: pictures, as for the larger runs.
        settings: keywords of `style_transfer`.
    """

    def __init__(self, content_image, style_image, settings):
        self.settings = check_settings(**(DEFAULTS | settings))
        self.least = smallest_side(self.settings.layers)
        shape = image_shape(content_image)
        size = max(PROBE_SIZE, math.ceil(self.least * max(shape) / min(shape)))
        # Only which parts are there matters, and that the loss stays a number.
        parts = {w: min(getattr(self.settings, w), DEFAULTS[w]) for w in WEIGHTS}
        small = settings | PROBE | parts | {"size": size, "style_size": size}
        paintings = getattr(style_image, "images", style_image)
        run = style_transfer(content_image, paintings, **small)
        first, *others = run.history["seconds"]
        step = np.median(np.diff([first, *others])) if others else first
        self.pixel = step / math.prod(fit(shape, size))
        self.tracing = max(0.0, first - 2 * step)
        self.network = extractor_of(self.settings)
        self.resident = resident_memory()

    def estimate(self, shape, size, steps):
        """The `Estimate` of a photograph, `(height, width)`, for lists of both."""
        seconds = 0.0
        for side, n in zip(size, steps, strict=True):
            pixels = fit(shape, side)
            wanted = self.settings.tile, self.settings.copied
            tile = tile_for(self.network, pixels, *wanted)
            work = step_work(self.network, pixels, tile)
            # One more, for computing the targets and allocating memory.
            seconds += self.tracing + self.pixel * work * (n + 1)
        return Estimate(size, steps, seconds, self._memory(pixels, tile), tile)

    def _memory(self, shape, tile):
        image = 4 * 3 * math.prod(shape)
        copies = COPIES
        if self.settings.optimizer == "lbfgs":
            copies += 2 * memory_for((1, *shape, 3))
        step = step_memory(self.network, shape, tile, self.settings.copied)
        return self.resident + step + copies * image

    def plan(self, time_budget, shape):
        """As `plan`, for a photograph of this shape."""
        possible = map(coarse_to_fine, (s for s in SIZES if s <= max(ENOUGH, *shape)))
        plans = [
            self.estimate(shape, **sizes)
            for sizes in possible
            if min(fit(shape, sizes["size"][0])) >= self.least
        ]
        if not plans:
            raise ValueError(f"time_budget: a picture of {shape} is too narrow for it")
        fitting = [found for found in plans if found.seconds <= time_budget]
        if not fitting:
            raise ValueError(
                f"time_budget: {time_budget:.3g} s; the smallest picture, "
                f"{plans[0].size[-1]} pixels, takes {plans[0]}"
            )
        chosen = fitting[-1]
        more = min(time_budget / chosen.seconds, MOST_MORE)
        return self.estimate(shape, chosen.size, [int(n * more) for n in chosen.steps])


def estimate(content_image: Picture, style_image: Paintings, **settings) -> Estimate:
    """How long `style_transfer` will take with these arguments, and how much memory.

    Measured by a small run of a few steps, which takes two or three seconds itself.

    Returns:
        An `Estimate`.

    Example:

    >>> found = estimate("photo.jpg", "painting.jpg", size=(256, 512))
    >>> print(found)  # doctest: +ELLIPSIS
    about ...
    """
    probe = Probe(content_image, style_image, settings)
    wanted = probe.settings
    return probe.estimate(image_shape(content_image), wanted.size, wanted.steps)


# What fits into a time


def coarse_to_fine(size: int) -> dict[str, list[int]]:
    """Sizes and steps for a large picture, as keywords of `style_transfer`.

    The first sizes draw the large strokes; the last ones, which cost the most, only
    make them sharp.

    >>> coarse_to_fine(2048)
    {'size': [256, 512, 1024, 2048], 'steps': [100, 100, 50, 25]}
    """
    sizes = [size]
    while sizes[0] >= 2 * COARSEST:
        sizes.insert(0, sizes[0] // 2)
    steps = [MOST_STEPS] + [MOST_STEPS * 2 // 2**k for k in range(1, len(sizes))]
    return {"size": sizes, "steps": [max(LEAST_STEPS, n) for n in steps]}


def plan(
    time_budget: float, content_image: Picture, style_image: Paintings, **settings
) -> Estimate:
    """The largest picture that fits into a time, from coarse to fine.

    No larger than the photograph, unless that is below 512 pixels; spare time goes
    into more steps.

    Args:
        time_budget: seconds.
        content_image: the photograph.
        style_image: the painting.
        **settings: the other keywords of `style_transfer`, but for size and steps.

    Returns:
        An `Estimate`, whose `size` and `steps` are for `style_transfer`.

    Raises:
        ValueError: not a number of seconds, or too few for even the smallest picture.

    Example:

    >>> found = plan(60, "photo.jpg", "painting.jpg")
    >>> result = style_transfer(
    ...     "photo.jpg", "painting.jpg", size=found.size[:1], steps=found.steps[0] // 50
    ... )
    """
    if not isinstance(time_budget, numbers.Real) or not time_budget > 0:
        raise ValueError(f"time_budget: {time_budget!r}; wanted a number of seconds")
    for name in ("size", "steps"):
        if name in settings:
            raise ValueError(f"{name}: a plan chooses it; leave it out")
    probe = Probe(content_image, style_image, settings)
    return probe.plan(time_budget, image_shape(content_image))

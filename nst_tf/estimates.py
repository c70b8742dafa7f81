"""How long a run will take and how much memory it needs: told before it begins."""

import math
import numbers
from dataclasses import dataclass

import numpy as np
import psutil

from nst_tf.images import fit, load_image
from nst_tf.optimizers import memory_for
from nst_tf.settings import check_settings
from nst_tf.targets import extractor_of
from nst_tf.tiling import step_memory, step_work, tile_for
from nst_tf.transfer import style_transfer

DEFAULTS = style_transfer.__kwdefaults__
PROBE = {"size": 320, "style_size": 320, "steps": 4}  # the small run
COPIES = 12  # of the image, that an optimizer works with
# From coarse to fine: each size is twice the one before, and has half of its steps.
COARSEST, MOST_STEPS, LEAST_STEPS = 256, 100, 25
MOST_MORE = 3  # times these steps, when there is time
ENOUGH = 512  # pixels; a larger picture is made only of a larger photograph
SIZES = [round(128 * 2 ** (k / 2)) // 16 * 16 for k in range(11)]  # 128 to 4096


# What it will cost


@dataclass(frozen=True)
class Estimate:
    """What a run will cost on this machine.

    Attributes:
        size, steps: the run's, as lists.
        seconds: from its first step's preparation to its last step.
        memory: bytes of this process at its peak.
        tile: of the last size; None if it is looked at whole.
    """

    size: list
    steps: list
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


class _Probe:
    """A small run, and what larger ones will cost by it."""

    def __init__(self, content_image, style_image, settings):
        self.settings = check_settings(**(DEFAULTS | settings))
        self.shape = load_image(content_image).shape[1:3]
        self.network = extractor_of(self.settings)
        small = PROBE | {"tile": None, "resume": None, "callbacks": ()}
        run = style_transfer(content_image, style_image, **(settings | small))
        first, *others = run.history["seconds"]
        step = np.median(np.diff([first, *others]))
        self.pixel = step / math.prod(fit(self.shape, PROBE["size"]))
        self.tracing = max(0.0, first - 2 * step)
        self.resident = psutil.Process().memory_info().rss

    def estimate(self, sizes, steps):
        seconds = 0.0
        for size, n in zip(sizes, steps, strict=True):
            shape = fit(self.shape, size)
            tile = tile_for(self.network, shape, self.settings["tile"])
            work = step_work(self.network, shape, tile)
            # The first step comes after a look at the targets, and fetches memory.
            seconds += self.tracing + self.pixel * work * (n + 1)
        return Estimate(sizes, steps, seconds, self.memory(shape, tile), tile)

    def memory(self, shape, tile):
        image = 4 * 3 * math.prod(shape)
        copies = COPIES
        if self.settings["optimizer"] == "lbfgs":
            copies += 2 * memory_for((1, *shape, 3))
        step = step_memory(self.network, shape, tile)
        return self.resident + step + copies * image


def estimate(content_image, style_image, **settings):
    """How long `style_transfer` will take with these arguments, and how much memory.

    Found by a small run of a few steps, which takes two or three seconds itself.

    Returns:
        An `Estimate`.

    Example:

    >>> found = estimate("photo.jpg", "painting.jpg", size=(256, 512))
    >>> print(found)  # doctest: +ELLIPSIS
    about ...
    """
    probe = _Probe(content_image, style_image, settings)
    return probe.estimate(probe.settings["size"], probe.settings["steps"])


# What may be had for it


def coarse_to_fine(size):
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


def plan(time_budget, content_image, style_image, **settings):
    """The largest picture that is done in a time, from coarse to fine.

    No larger than the photograph, unless that is below 512 pixels; time that is left
    over becomes steps.

    Args:
        time_budget: seconds.
        content_image: the photograph.
        style_image: the painting.
        **settings: the other keywords of `style_transfer`, but for size and steps.

    Returns:
        An `Estimate`, whose `size` and `steps` are for `style_transfer`.

    Raises:
        ValueError: no number of seconds, or too few for even the smallest picture.

    Example:

    >>> found = plan(60, "photo.jpg", "painting.jpg")
    >>> result = style_transfer(
    ...     "photo.jpg", "painting.jpg", size=found.size[:1], steps=found.steps[0] // 50
    ... )
    """
    if not isinstance(time_budget, numbers.Real) or not time_budget > 0:
        raise ValueError(f"time_budget: {time_budget!r}; wanted a number of seconds")
    probe = _Probe(content_image, style_image, settings)
    largest = max(ENOUGH, *probe.shape)
    plans = [
        probe.estimate(*coarse_to_fine(size).values())
        for size in SIZES
        if size <= largest
    ]
    fitting = [found for found in plans if found.seconds <= time_budget]
    if not fitting:
        raise ValueError(
            f"time_budget: {time_budget:.3g} s; the smallest picture, {SIZES[0]} "
            f"pixels, takes {plans[0]}"
        )
    chosen = fitting[-1]
    more = min(time_budget / chosen.seconds, MOST_MORE)
    return probe.estimate(chosen.size, [int(n * more) for n in chosen.steps])

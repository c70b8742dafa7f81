"""The formulas of pictures in NumPy, right and wrong: total variation, and VGG's input.

As in `formulas.py`: each comes with words for the mistake, and the right one first.
"""

import functools
import itertools

import numpy as np

from nst_tf.exercises.formulas import Table, choices, joined, summed, values
from nst_tf.features import MEAN_BGR

# Total variation


def _isotropic(a, b):
    """One root for both directions, where there are both."""
    return summed(np.sqrt(a[:, :-1] ** 2 + b[:-1] ** 2))


def _steps(x, dy, dx):
    """Differences to the neighbour dy below and dx to the right, without the edge."""
    h, w = x.shape[:2]
    right, left = max(dx, 0), max(-dx, 0)
    return x[dy:, right : w - left] - x[: h - dy, left : w - right]


def _around(x, axis):
    return np.roll(x, 1, axis) - x


def _padded(x):
    """Differences where zeros stand beyond the edge."""
    return [
        np.diff(np.pad(x, ((0, 1), (0, 0), (0, 0))), axis=0),
        np.diff(np.pad(x, ((0, 0), (0, 1), (0, 0))), axis=1),
    ]


def _to_the_right(across):
    """Differences of columns; 0 in the last, as TensorFlow has them."""
    return np.pad(across, ((0, 0), (0, 1), (0, 0)))


def _directions(x):
    """Which differences of a picture `(H, W, 3)` are there; under "" the right ones."""
    down, across, colours = (np.diff(x, axis=axis) for axis in range(3))
    diagonal, other = _steps(x, 1, 1), _steps(x, 1, -1)
    edge = "the last row or column is left out of one of the directions"
    around = "tf.roll goes around the edge: the first row is no neighbour of the last"
    a, b = down[:, :-1], across[:-1]
    return [
        ("", [down, across]),
        ("only differences from row to row are there", [down]),
        ("only differences from column to column are there", [across]),
        (
            "differences between colours are not noise: the last axis is no direction",
            [down, across, colours],
        ),
        ("one direction goes from colour to colour", [down, colours]),
        (
            "one direction goes from colour to colour: axes are off by one",
            [across, colours],
        ),
        ("only differences between colours are there", [colours]),
        (around, [_around(x, 0), _around(x, 1)]),
        (joined(around, "only rows are compared"), [_around(x, 0)]),
        (joined(around, "only columns are compared"), [_around(x, 1)]),
        (edge, [a, b]),
        (edge, [down[:, 1:], across[1:]]),
        (edge, [down[:, :-1], across]),
        (edge, [down, across[:-1]]),
        (edge, [down[:-1], across[:, :-1]]),
        (edge, [down[1:], across[:, 1:]]),
        ("zeros stand beyond the edge, as with padding", _padded(x)),
        ("neighbours are taken along the diagonal", [diagonal]),
        ("neighbours are taken along the other diagonal", [other]),
        ("neighbours are taken along both diagonals", [diagonal, other]),
        ("diagonal neighbours are there as well", [down, across, diagonal]),
        ("diagonal neighbours are there as well", [down, across, diagonal, other]),
        (
            "neighbours are two pixels apart; wanted one",
            [_steps(x, 2, 0), _steps(x, 0, 2)],
        ),
        (
            "the two directions are added before the square; wanted a^2 + b^2, not "
            "(a + b)^2",
            [a + b],
        ),
        (
            "the two directions are added before the square; wanted a^2 + b^2, not "
            "(a + b)^2",
            [np.pad(down, ((0, 1), (0, 0), (0, 0))) + _to_the_right(across)],
        ),
        ("the two directions are subtracted before the square", [a - b]),
        ("one of the two is counted twice: rows", [down, down, across]),
        ("one of the two is counted twice: columns", [down, across, across]),
        ("only rows are there, twice", [down, down]),
        (
            "each pixel is squared before the subtraction, a^2 - b^2; wanted (a - b)^2",
            [np.diff(x * x, axis=0), np.diff(x * x, axis=1)],
        ),
        ("pixels are compared with their mean, not with neighbours", [x - x.mean()]),
        (
            "pixels are compared with the mean of their colour, not with neighbours",
            [x - x.mean((0, 1))],
        ),
        ("pixels themselves are summed up, no differences", [x]),
        ("only the first colour is used", [down[..., :1], across[..., :1]]),
        ("the colours are averaged first", [down.mean(-1), across.mean(-1)]),
        ("these are differences of differences", [np.diff(x, 2, 0), np.diff(x, 2, 1)]),
        ("only every second pixel is compared", [down[::2], across[:, ::2]]),
    ]


def _measures(power):
    """What becomes of such differences; under "" what is right."""
    other = (
        "absolute values where squares are wanted"
        if power == 2
        else "squares where absolute values are wanted"
    )

    def total(ds, p=power):
        return sum(summed(np.abs(d) ** p) for d in ds)

    return {
        "": total,
        other: lambda ds: total(ds, 3 - power),
        "there is a square root": lambda ds: np.sqrt(total(ds)),
        "there is a square root for each direction": (
            lambda ds: sum(np.sqrt(summed(d**2)) for d in ds)
        ),
        "there is a square root at every pixel": (
            lambda ds: summed([_isotropic(*ds) if _crossed(ds) else np.nan])
        ),
        "the squares are missing: differences cancel": (
            lambda ds: sum(summed(d) for d in ds)
        ),
        "the sums are squared, not the differences": (
            lambda ds: sum(summed(d) ** 2 for d in ds)
        ),
        "the whole sum is squared": lambda ds: total(ds) ** 2,
        "each direction is divided by its own number of differences, a mean": (
            lambda ds: sum(np.mean(np.abs(d) ** power) for d in ds)
        ),
        "each direction is divided by its own number of differences, a mean; and "
        "absolute values are taken": (
            lambda ds: sum(np.mean(np.abs(d) ** (3 - power)) for d in ds)
        ),
        "one direction has absolute values, and one squares": (
            lambda ds: total(ds[:1], 3 - power) + total(ds[1:])
        ),
        "one direction has squares, and one absolute values": (
            lambda ds: total(ds[:1]) + total(ds[1:], 3 - power)
        ),
        "one direction is subtracted from the other": (
            lambda ds: total(ds[:1]) - total(ds[1:])
        ),
        "the directions are multiplied, not added": (
            lambda ds: np.prod([total([d]) for d in ds])
        ),
        "the power is 4 where 2 is wanted": lambda ds: total(ds, 4),
        "the power is 3 where 2 is wanted": lambda ds: total(ds, 3),
        "it is the largest difference; wanted the sum": (
            lambda ds: max(np.abs(d).max() for d in ds)
        ),
        "differences below zero are left out": (
            lambda ds: sum(summed(np.maximum(d, 0) ** power) for d in ds)
        ),
        "differences above zero are left out": (
            lambda ds: sum(summed(np.maximum(-d, 0) ** power) for d in ds)
        ),
    }


def _crossed(ds):
    """Whether they are rows and columns of one picture."""
    return (
        len(ds) == 2
        and ds[0].ndim == 3
        and (
            ds[0].shape[0] + 1 == ds[1].shape[0]
            and ds[1].shape[1] + 1 == ds[0].shape[1]
        )
    )


def variation(x, power) -> list:
    """Differences between neighbours to a power, and what is written instead."""
    found = [
        (joined(where, what), functools.partial(f, ds))
        for (where, ds), (what, f) in itertools.product(
            _directions(x), _measures(power).items()
        )
    ]
    one = "only one direction is divided: parentheses are missing, as a + b / c is "
    one += "a + (b / c)"
    (_, (down, across)), *_ = _directions(x)
    sums = [summed(np.abs(d) ** power) for d in (down, across)]
    pixels = x.shape[0] * x.shape[1]
    return [
        *found,
        (one, lambda: sums[0] * pixels + sums[1]),
        (one, lambda: sums[0] + sums[1] * pixels),
    ]


# What the network expects


MEAN = np.array(MEAN_BGR)
RGB = "RGB, where BGR is wanted: reverse the last axis"
ORDERS: Table = {
    "": lambda x: x[..., ::-1],
    RGB: lambda x: x,
    "the rows are reversed, not the colours": (lambda x: x[::-1]),
    "the columns are reversed, not the colours": lambda x: x[:, ::-1],
    "the rows are reversed as well as the colours": lambda x: x[::-1, :, ::-1],
    "a spatial axis is reversed as well as the colours": lambda x: x[:, ::-1, ::-1],
    "rows and columns are reversed, not the colours": lambda x: x[::-1, ::-1],
    "all axes are reversed": lambda x: x[::-1, ::-1, ::-1],
    "the colours are in another order; wanted BGR": (
        lambda x: x[..., [1, 2, 0]],
        lambda x: x[..., [2, 0, 1]],
        lambda x: x[..., [1, 0, 2]],
        lambda x: x[..., [0, 2, 1]],
    ),
    "the colours are inverted, 1 - x": lambda x: 1 - x[..., ::-1],
    "the picture is grey": lambda x: np.zeros_like(x) + x.mean(-1, keepdims=True),
}
SCALES = {
    "": 255.0,
    "0 to 1, where 0 to 255 is wanted: multiply first": 1.0,
    "it is multiplied by 256; wanted 255": 256.0,
    "it is multiplied by 127.5; wanted 255": 127.5,
    "it is divided by 255, where it should be multiplied": 1 / 255,
    "it is multiplied by 255 twice": 255.0**2,
}
MEANS: Table = {
    "": lambda y: MEAN,
    "the mean is not subtracted": lambda y: 0.0,
    "the mean of RGB is subtracted from BGR, or the other way round": (
        lambda y: MEAN[::-1]
    ),
    "the mean is added": lambda y: -MEAN,
    "the mean of RGB is added": lambda y: -MEAN[::-1],
    "the mean of ImageNet is subtracted in the units of 0 to 1": lambda y: MEAN / 255,
    "a mean of one half is subtracted, where ImageNet's is wanted": lambda y: 127.5,
    "one number is subtracted, where each colour has its own": (
        lambda y: MEAN.mean(),
        lambda y: 128.0,
        lambda y: MEAN[0],
        lambda y: MEAN[1],
        lambda y: MEAN[2],
    ),
    "the picture's own mean is subtracted, where ImageNet's is wanted": (
        lambda y: y.mean((0, 1)),
        lambda y: y.mean(),
    ),
}
TORCH, STD = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])  # of PyTorch's
ENDS: Table = {
    "": lambda y: y,
    "all of it is divided by 255": lambda y: y / 255,
    "it is divided by 127.5": lambda y: y / 127.5,
    "it is divided by a standard deviation": (
        lambda y: y / (255 * STD),
        lambda y: y / (255 * STD[::-1]),
        lambda y: y / STD,
        lambda y: y / STD[::-1],
        lambda y: y / 58.395,
        lambda y: (y - y.mean()) / y.std(),
        lambda y: y / y.std(),
    ),
    "it is cut to [0, 255]": lambda y: np.clip(y, 0, 255),
    "its sign is wrong": lambda y: -y,
    "it is rounded": np.round,
    "it is cut to whole numbers": np.trunc,
    "its sign is lost": np.abs,
}


def _count(*words):
    return sum(map(bool, words))


def preprocessed(x) -> list:
    """255 times BGR, minus the mean, and what is written instead.

    >>> words, right = preprocessed(np.zeros((1, 1, 3)))[0]
    >>> right()
    array([[[-103.939, -116.779, -123.68 ]]])
    """
    found = []
    for (order, y), (scale, k) in itertools.product(values(ORDERS, x), SCALES.items()):
        for mean, m in values(MEANS, k * y):
            if order == RGB and np.size(m) > 1:
                m = m[::-1]  # the mean that belongs to it
            for end, z in choices(ENDS, k * y - m):
                if not end or _count(order, scale, mean) < 2:
                    found.append(((order, scale, mean, end), z))
    found.sort(key=lambda one: _count(*one[0]))
    right, *others = [(joined(*words), z) for words, z in found]
    known = [
        ("this is what PyTorch's VGG expects, not Keras'", lambda: (x - TORCH) / STD),
        ("-1 to 1 is for other networks", lambda: 2 * x - 1),
        ("the picture is as it was", lambda: x),
        ("it is rounded", lambda: np.round(255 * x[..., ::-1]) - MEAN),
        ("it is cut to whole numbers", lambda: np.trunc(255 * x[..., ::-1]) - MEAN),
        (
            "the picture is standardised by its own mean and deviation, where "
            "ImageNet's mean is wanted",
            lambda: (x - x.mean()) / x.std(),
        ),
    ]
    return [right, *known, *others]

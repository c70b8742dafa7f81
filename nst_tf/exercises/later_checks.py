"""Checks of what chapters 06 to 08 build: distributions, control, normalisation.

    nst.exercises.check_mmd(my_mmd)

They ask as those of `checks.py` do, whose options they share.
"""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from nst_tf import color
from nst_tf.exercises import later_formulas
from nst_tf.exercises.draws import (
    GRAM,
    SHAPES,
    draws_of,
    factor_of,
    numbers,
    other_features,
    random_features,
    refuse_layout,
    sizes_of,
    square,
)
from nst_tf.exercises.mistakes import same
from nst_tf.exercises.questions import Asking, array_of, check_of, number
from nst_tf.exercises.students import Problem

SWAPPED = {"its arguments are swapped": lambda one, other: (other, one)}


def _first(table):
    """The right formula of a table, which is its first."""
    return table[0][1]()


def _other_size(shape):
    """Of another picture, with as many filters.

    >>> _other_size((1, 3, 6, 5))
    (1, 4, 7, 5)
    """
    B, H, W, N = shape
    return (B, H + 1, W + 1, N)


def _pairs(asking, layout, rng, formula, level=1.0):
    """Draws of two pictures' features: the last pair has two sizes.

    `level` multiplies all of them; where it is large, an epsilon makes no difference.
    """

    def make(shape):
        other = _other_size(shape) if shape == SHAPES[-1] else shape
        F = level * random_features(rng, layout, shape)
        S = level * other_features(rng, layout, other)
        return (F, S), _first(formula(numbers(F), numbers(S))), 1.0

    return draws_of(asking, SHAPES, rng, make)


def _ask_distance(asking, draw, found):
    """It is zero for one picture and the same both ways."""
    F, S = draw.ours
    asking.ask_zero(draw, S, S, when="when both are the same")
    back = asking.value(draw, S, F)
    asking.ask(
        "symmetry",
        same(found, back),
        f"L(F, S) is {found:.6g} and L(S, F) {back:.6g}; wanted the same",
    )


# Distributions: chapter 06


def _mmd_tensor(F, S, kernel, width):
    """The squared discrepancy as a tensor, which has a gradient."""
    x, y = (tf.reshape(A, (-1, A.shape[-1])) for A in (F, S))

    def k(a, b):
        products = tf.matmul(a, b, transpose_b=True)
        if kernel == "linear":
            return products
        if kernel == "quadratic":
            return products**2
        apart = tf.reduce_sum((a[:, None] - b[None]) ** 2, axis=-1)
        return tf.exp(-apart / (2 * width**2))

    means = [tf.reduce_mean(k(*pair)) for pair in ((x, x), (y, y), (x, y))]
    return means[0] + means[1] - 2 * means[2]


@check_of()
def check_mmd(
    asking: Asking,
    kernel: str = "quadratic",
    width: float = 1.0,
    layout: str = "bhwc",
    seed: int = 0,
) -> None:
    """Checks `f(features, target)`, the squared maximum mean discrepancy.

        mean k(x, x') + mean k(y, y') - 2 mean k(x, y)

    The means go over all pairs of positions (Gretton et al. 2012, eq. 5; Li et al.
    2017, eq. 8).

    Args:
        f: takes activations of two pictures, whose sizes may differ.
        kernel: `"quadratic"` for (x.y)^2, with which it is the squared distance of the
            Gram matrices over M; `"linear"` for x.y; `"gaussian"` for
            exp(-|x - y|^2 / (2 width^2)).
        width: of the Gaussian, at most 30: two of the points are some 3 apart.
        layout, seed, tensorflow: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> def mmd(F, S):
    ...     x, y = (tf.reshape(A, (-1, A.shape[-1])) for A in (F, S))
    ...     k = lambda a, b: tf.reduce_mean(tf.matmul(a, b, transpose_b=True) ** 2)
    ...     return k(x, x) + k(y, y) - k(x, y)
    >>> check_mmd(mmd).problem[-75:-33]
    'the cross term is taken once; wanted twice'
    """
    refuse_layout(layout)
    if kernel not in later_formulas.KERNELS:
        known = list(later_formulas.KERNELS)
        raise ValueError(f"kernel: {kernel!r} is none of {known}")
    if not 0 < width <= 30:
        raise ValueError(f"width: {width}; wanted above 0, and at most 30")
    formula = functools.partial(later_formulas.mmd, kernel=kernel, width=width)
    draws = _pairs(asking, layout, np.random.default_rng(seed), formula)
    found = asking.put(draws, number, lambda d: formula(*map(numbers, d.ours)))[0]
    _ask_distance(asking, draws[0], found)
    asking.ask_value()
    asking.ask_gradient(lambda F, S: _mmd_tensor(F, S, kernel, width))


def _moments_tensor(F, S):
    """Li's loss of means and deviations as a tensor."""
    x, y = (tf.reshape(A, (-1, A.shape[-1])) for A in (F, S))
    means = tf.reduce_mean(x, 0) - tf.reduce_mean(y, 0)
    spreads = tf.math.reduce_std(x, 0) - tf.math.reduce_std(y, 0)
    return tf.reduce_mean(means**2) + tf.reduce_mean(spreads**2)


@check_of()
def check_moments(asking: Asking, layout: str = "bhwc", seed: int = 0) -> None:
    """Checks `f(features, target)`, a loss of means and deviations.

        mean over the filters of (mean - mean')^2 + (deviation - deviation')^2

    Each filter's mean and deviation go over the positions (Li et al. 2017, eq. 13).

    Args:
        f: takes activations of two pictures, whose sizes may differ. A small number
            added to the variances, up to 1e-3, makes no difference.
        layout, seed, tensorflow: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> def moments(F, S):
    ...     (m, v), (n, w) = (tf.nn.moments(A, [0, 1, 2]) for A in (F, S))
    ...     return tf.reduce_mean((m - n)**2) + tf.reduce_mean((v - w)**2)
    >>> check_moments(moments).problem[-58:]
    'variances are compared; wanted their roots, the deviations'
    """
    refuse_layout(layout)
    formula = later_formulas.moments
    draws = _pairs(asking, layout, np.random.default_rng(seed), formula, level=40.0)
    found = asking.put(draws, number, lambda d: formula(*map(numbers, d.ours)))[0]
    _ask_distance(asking, draws[0], found)
    asking.ask_value()
    asking.ask_gradient(_moments_tensor)


# Control: chapter 07


# So many positions that a covariance over M or over M - 1 makes no difference
LARGE = [(1, 50, 66, 3), (1, 50, 66, 3), (1, 47, 71, 3), (1, 72, 55, 3)]


def _random_colors(rng, shape):
    """A picture whose colours have something to do with each other; some beyond 1."""
    mix = np.eye(3) + rng.uniform(-0.3, 0.3, (3, 3))
    noise = rng.normal(size=(*shape[:-1], 3)) * rng.uniform(0.1, 0.3, 3)
    return tf.constant(noise @ mix + rng.uniform(0.3, 0.7, 3), tf.float32)


@check_of(color.match_colors, color.match_luminance, gradient=False)
def check_color_match(asking: Asking, layout: str = "bhwc", seed: int = 0) -> None:
    """Checks `f(image, other)`: the first picture in the second one's colours.

    The colours of the result are x -> A x + b of the picture's, and have the other's
    mean and covariance (Gatys et al. 2017, section 5). Which of the matrices that do so
    is taken, by Cholesky's roots or by symmetric ones, makes no difference here.

    Args:
        f: takes two pictures, of any sizes; gives one of the first's size, not clipped.
        layout, seed, own: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> bool(check_color_match(color.match_colors))
    True
    >>> only_means = lambda image, other: (
    ...     image - tf.reduce_mean(image, (0, 1, 2)) + tf.reduce_mean(other, (0, 1, 2)))
    >>> check_color_match(only_means).problem[-26:]
    'only the means are matched'
    """
    refuse_layout(layout)
    rng = np.random.default_rng(seed)

    def make(shape):
        both = [_random_colors(rng, s) for s in (shape, _other_size(shape))]
        image, other = (x if layout == "bhwc" else x[0] for x in both)
        return (image, other), later_formulas.colors(numbers(other)), 1.0

    def shape_of(draw):
        return tuple(draw.ours[0].shape)

    def hints_of(draw):
        other = tuple(draw.ours[1].shape)
        return {other: "; it is as large as the other: are the arguments swapped?"}

    draws = draws_of(asking, LARGE, rng, make, lambda shape: {})
    picture = array_of(shape_of, hints_of)
    kept = []

    def read(value, draw):
        kept.append((draw, numbers(picture(value, draw))))
        return np.round(later_formulas.colors(kept[-1][1]), 6)  # single precision

    found = asking.put(
        draws, read, lambda d: later_formulas.color_match(*map(numbers, d.ours))
    )
    right = [draw.right for draw in draws]
    _refuse_cut([picture for _, picture in kept])
    asking.ask(
        "mean",
        all(same(f[0], r[0]) for f, r in zip(found, right, strict=True)),
        f"the mean colour is {_short(found[0][0])}, wanted {_short(right[0][0])}",
    )
    asking.ask(
        "covariance",
        all(map(same, found, right)),
        f"the covariance of R and G is {found[0][1, 1]:.4g}, wanted "
        f"{right[0][1, 1]:.4g}",
    )
    _ask_linear(asking, *kept[0])


def _refuse_cut(pictures):
    """Some of the right colours are beyond black and white."""
    if all(p.min() == 0 and p.max() == 1 for p in pictures):
        raise Problem(
            "it is cut to [0, 1], which changes mean and covariance; save_image cuts"
        )


def _short(color):
    return "(" + ", ".join(f"{c:.3f}" for c in color) + ")"


def _ask_linear(asking, draw, picture):
    """Every colour went the same way: x -> A x + b."""
    x, y = (p.reshape(-1, 3) for p in (numbers(draw.ours[0]), picture))
    x = np.column_stack([x, np.ones(len(x))])
    off = np.abs(x @ np.linalg.lstsq(x, y, rcond=None)[0] - y).max()
    asking.ask(
        "linear",
        off < 1e-3,
        "mean and covariance are right, but it is no map x -> A x + b of the colours: "
        "are positions mixed, or is it the other picture itself?",
    )


def _guided_tensor(F, T):
    """The guided Gram matrix `(N, N)` as a tensor."""
    x, t = tf.reshape(F, (-1, F.shape[-1])), tf.reshape(T, (-1, 1))
    return tf.matmul(x * t**2, x, transpose_a=True) / tf.reduce_sum(t**2)


@check_of()
def check_guided_gram(
    asking: Asking,
    layout: str = "bhwc",
    normalize: str | Callable = "positions",
    seed: int = 0,
) -> None:
    """Checks `f(features, mask)`: the Gram matrix of a region.

        G_ij = sum_k T_k^2 F_ik F_jk / sum_k T_k^2

    So it is the mean of products where the mask T is white, whatever its area (Gatys et
    al. 2017, eqs. 4 and 5, where T is first divided by the root of sum T^2).

    Args:
        f: takes activations of one layer, and a mask of the same size, `(1, H, W, 1)`
            in [0, 1]; gives `(1, N, N)`, or `(N, N)` for `"hwc"`.
        normalize: `"positions"` for that; `"paper"` or `"none"` for M times as much, as
            of a raw Gram matrix; `"mean"` for 1/N of it.
        layout, seed, tensorflow: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from nst_tf import losses
    >>> check_guided_gram(lambda F, T: losses.mean_gram(T * F)).problem[-66:]
    'the mask is not normalised: a small region has a small Gram matrix'
    """
    refuse_layout(layout)
    convention = factor_of(GRAM, normalize)
    rng = np.random.default_rng(seed)

    def make(shape):
        F = random_features(rng, layout, shape)
        T = rng.uniform(0, 1, (*shape[:-1], 1)) * (rng.random((*shape[:-1], 1)) < 0.7)
        T.flat[:2] = 0.3, 0.9
        T = tf.constant(T if layout == "bhwc" else T[0], tf.float32)
        N, M = sizes_of(shape)
        right = _first(later_formulas.guided(numbers(F), numbers(T)))
        return (F, T), right, M * convention(N, M)

    def shape_of(draw):
        N = draw.sizes["N"]
        return (1, N, N) if layout == "bhwc" else (N, N)

    draws = draws_of(asking, SHAPES, rng, make)
    asking.instead = SWAPPED
    asking.without = {
        "the mask is not used": lambda d: (d.ours[0], tf.ones_like(d.ours[1]))
    }
    read = array_of(shape_of, lambda draw: {})
    asking.put(
        draws,
        lambda value, draw: square(read(value, draw)),
        lambda draw: later_formulas.guided(*map(numbers, draw.ours)),
    )
    asking.ask_value()
    F, T = draws[1].ours
    weaker = asking.value(draws[1], F, T / 2)
    asking.ask(
        "area",
        same(weaker, draws[1].right),
        "a mask that is half as bright everywhere has another Gram matrix",
    )
    asking.ask_gradient(lambda F, T: draws[1].scale * _guided_tensor(F, T))


# Normalisation: chapter 08


BATCHES = [(2, *shape[1:]) for shape in SHAPES]  # two pictures, each with its moments


def _loud(rng, shape):
    """Features with deviations so large that an epsilon makes no difference."""
    levels = rng.uniform(30, 90, (shape[0], 1, 1, shape[-1]))
    return tf.constant(rng.uniform(0.1, 2, shape) * levels, tf.float32)


def _read_features(asking):
    read = array_of(lambda draw: tuple(draw.ours[0].shape), lambda draw: {})
    return lambda value, draw: np.asarray(read(value, draw), "float64")


def _arrays(draw):
    return [np.asarray(x, "float64") for x in draw.ours]


def _ask_flat(asking, draw, *ours):
    """Where a filter says the same everywhere, there is a number still."""
    try:
        asking.value(draw, *ours)
    except Problem as problem:
        raise Problem(
            f"where a filter is flat, so that its deviation is 0, {problem}: add a "
            "small number to the variance, such as 1e-5"
        ) from None
    asking.tick("flat")


def _weights(rng, draw):
    """Of a sum whose gradient says something: the plain sum is always the same."""
    return tf.constant(rng.normal(size=draw.ours[0].shape), tf.float32)


def _flattened(x):
    """The first filter of the first picture is one number everywhere."""
    flat = np.array(x)
    flat[0, :, :, 0] = 1.0
    return tf.constant(flat)


def _normalized(x):
    mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
    return (x - mean) / tf.sqrt(variance + 1e-9)


@check_of()
def check_instance_norm(asking: Asking, seed: int = 0) -> None:
    """Checks `f(x, scale, shift)`: instance normalisation.

        y = scale (x - mean) / deviation + shift

    Mean and deviation are those of each filter in each picture, over its positions
    (Ulyanov et al. 2016, "Instance Normalization").

    Args:
        f: takes `(B, H, W, N)`, `(N,)` and `(N,)`; gives `(B, H, W, N)`. A small
            number added to the variance, up to 1e-3, makes no difference.
        seed, tensorflow: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> def batch_norm(x, scale, shift):
    ...     mean, variance = tf.nn.moments(x, [0, 1, 2], keepdims=True)
    ...     return scale * (x - mean) / tf.sqrt(variance + 1e-5) + shift
    >>> check_instance_norm(batch_norm).problem[-54:]
    "that is batch normalisation; wanted each picture's own"
    """
    rng = np.random.default_rng(seed)
    formula = later_formulas.instance_norm

    def make(shape):
        x = _loud(rng, shape)
        scale, shift = rng.uniform([[0.3], [2.0]], [[2.0], [5.0]], (2, shape[-1]))
        ours = (x, tf.constant(scale, tf.float32), tf.constant(shift, tf.float32))
        return ours, _first(formula(*(np.asarray(a, "float64") for a in ours))), 1.0

    draws = draws_of(asking, BATCHES, rng, make, lambda shape: {})
    asking.put(draws, _read_features(asking), lambda draw: formula(*_arrays(draw)))
    asking.ask_value()
    x, scale, shift = draws[0].ours
    _ask_flat(asking, draws[0], _flattened(x), scale, shift)
    asking.ask_gradient(
        lambda x, scale, shift: scale * _normalized(x) + shift,
        towards=_weights(rng, draws[1]),
    )


@check_of()
def check_adain(asking: Asking, seed: int = 0) -> None:
    """Checks `f(content, style)`: adaptive instance normalisation.

        y = deviation' (x - mean) / deviation + mean'

    The content's features get the style's mean and deviation, filter by filter and
    picture by picture (Huang and Belongie 2017, eq. 8).

    Args:
        f: takes two `(B, H, W, N)`, whose heights and widths may differ; gives the
            first one's shape. A small number added to the variances, up to 1e-3, makes
            no difference.
        seed, tensorflow: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> def only_means(content, style):
    ...     c, s = (tf.reduce_mean(x, [1, 2], keepdims=True) for x in (content, style))
    ...     return content - c + s
    >>> check_adain(only_means).problem[-28:]
    'only the means are exchanged'
    """
    rng = np.random.default_rng(seed)
    formula = later_formulas.adain

    def make(shape):
        other = _other_size(shape) if shape == BATCHES[-1] else shape
        ours = (_loud(rng, shape), _loud(rng, other))
        return ours, _first(formula(*(np.asarray(a, "float64") for a in ours))), 1.0

    draws = draws_of(asking, BATCHES, rng, make, lambda shape: {})
    asking.put(draws, _read_features(asking), lambda draw: formula(*_arrays(draw)))
    asking.ask_value()
    content, style = draws[0].ours
    _ask_flat(asking, draws[0], _flattened(content), style)

    def right(content, style):
        mean, variance = tf.nn.moments(style, [1, 2], keepdims=True)
        return tf.sqrt(variance) * _normalized(content) + mean

    asking.ask_gradient(right, towards=_weights(rng, draws[1]))

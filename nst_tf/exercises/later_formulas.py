"""The formulas of chapters 06 to 08 in NumPy, right and wrong, in float64.

Distances of distributions (Li et al. 2017), colours and masks (Gatys et al. 2017),
normalisations (Ulyanov et al. 2016, Huang and Belongie 2017). Tables are as those of
`formulas.py`.
"""

import functools

import numpy as np

from nst_tf.exercises.formulas import Table, choices, rows, summed

# Maximum mean discrepancy


def quadratic(x, y):
    """`(M, M')`: k(x, y) = (x.y)^2 of all pairs of rows."""
    return (x @ y.T) ** 2


def linear(x, y):
    """k(x, y) = x.y"""
    return x @ y.T


def gaussian(x, y, width):
    """k(x, y) = exp(-|x - y|^2 / (2 width^2))"""
    apart = np.sum((x[:, None] - y[None]) ** 2, axis=-1)
    return np.exp(-apart / (2 * width**2))


KERNELS = {
    "quadratic": lambda width: quadratic,
    "linear": lambda width: linear,
    "gaussian": lambda width: functools.partial(gaussian, width=width),
}


def _mean(k):
    return k.mean()


def _apart(k):
    """The mean over pairs of different positions; over all pairs if there are two."""
    M = len(k)
    return (k.sum() - np.trace(k)) / (M * (M - 1))


def discrepancy(k, x, y, mean=_mean, cross=2.0, own=1.0):
    """mean k(x, x') + mean k(y, y') - 2 mean k(x, y)

    The same three sums with other factors, or with another mean within one picture.
    """
    return own * (mean(k(x, x)) + mean(k(y, y))) - cross * k(x, y).mean()


def _of_kernel(other):
    return lambda k, x, y: discrepancy(other, x, y)


def _sums(k, x, y):
    return k(x, x).sum() + k(y, y).sum() - 2 * k(x, y).sum()


def _of_filters(k, x, y):
    """Pairs of filters, where pairs of positions are wanted."""
    return discrepancy(k, x.T, y.T) if len(x) == len(y) else np.nan


def _squared_after(k, x, y):
    one, two, both = (linear(a, b).mean() ** 2 for a, b in ((x, x), (y, y), (x, y)))
    return one + two - 2 * both


def _one_to_one(k, x, y):
    """Each position with the one at the same place, as if they belonged together."""
    if len(x) != len(y):
        return np.nan
    same = (np.trace(k(a, b)) / len(x) for a, b in ((x, x), (y, y), (x, y)))
    one, two, both = same
    return one + two - 2 * both


MMDS: Table = {
    "": discrepancy,
    "the cross term is taken once; wanted twice: k(x, x') + k(y, y') - 2 k(x, y)": (
        functools.partial(discrepancy, cross=1.0)
    ),
    "the cross term is added; wanted minus": functools.partial(discrepancy, cross=-2.0),
    "the cross term is missing": functools.partial(discrepancy, cross=0.0),
    "only the cross term is there": functools.partial(discrepancy, own=0.0),
    "the terms of each picture with itself are halved": (
        functools.partial(discrepancy, own=0.5)
    ),
    "the painting with itself is missing": (
        lambda k, x, y: k(x, x).mean() - 2 * k(x, y).mean()
    ),
    "the picture with itself is missing": (
        lambda k, x, y: k(y, y).mean() - 2 * k(x, y).mean()
    ),
    "pairs are summed up; wanted means over them": _sums,
    "pairs of a position with itself are left out, as in the unbiased estimate; wanted "
    "all pairs": functools.partial(discrepancy, mean=_apart),
    "the square of the kernel is missing: k(x, y) = x.y compares means only": (
        _of_kernel(linear)
    ),
    "the square of the kernel is taken after the mean over pairs": _squared_after,
    "the kernel is x.y to the power 4": _of_kernel(lambda x, y: (x @ y.T) ** 4),
    "the kernel is x.y to the power 3": _of_kernel(lambda x, y: (x @ y.T) ** 3),
    "the kernel is (x.y + 1)^2: a constant is in it": (
        _of_kernel(lambda x, y: (x @ y.T + 1) ** 2)
    ),
    "the kernel is |x - y|^2, a distance; wanted a product": (
        _of_kernel(lambda x, y: np.sum((x[:, None] - y[None]) ** 2, axis=-1))
    ),
    "filters are paired; wanted positions, the rows of (M, N)": _of_filters,
    "each filter is compared with itself only, as in a diagonal; wanted all pairs": (
        _of_kernel(lambda x, y: (x * x) @ (y * y).T)
    ),
    "each position is paired with one only; wanted all pairs": _one_to_one,
    "there is a square root: this is the discrepancy, not its square": (
        lambda k, x, y: np.sqrt(max(discrepancy(k, x, y), 0))
    ),
    "it is squared": lambda k, x, y: discrepancy(k, x, y) ** 2,
}
GAUSSIANS: Table = {
    "the 2 in 2 width^2 is missing": lambda k, x, y, w: discrepancy(
        functools.partial(gaussian, width=w / np.sqrt(2)), x, y
    ),
    "the width is not squared": lambda k, x, y, w: discrepancy(
        functools.partial(gaussian, width=np.sqrt(w)), x, y
    ),
    "the width is not squared, and its 2 is missing": lambda k, x, y, w: discrepancy(
        functools.partial(gaussian, width=np.sqrt(w / 2)), x, y
    ),
    "the distance is not squared": lambda k, x, y, w: discrepancy(
        lambda a, b: np.exp(
            -np.sqrt(np.sum((a[:, None] - b[None]) ** 2, axis=-1)) / (2 * w**2)
        ),
        x,
        y,
    ),
}


def mmd(F, S, kernel, width) -> list:
    """The squared discrepancy, and what is written instead."""
    k, x, y = KERNELS[kernel](width), rows(F), rows(S)
    found = choices(MMDS, k, x, y)
    if kernel == "gaussian":
        found += choices(GAUSSIANS, k, x, y, width)
    return found


# Means and deviations


def deviation(x, axis=0):
    return x.std(axis)


def _both(of_mean, of_spread, distance=lambda d: np.mean(d**2)):
    """The distance of two statistics of the rows, added up."""

    def loss(x, y):
        return distance(of_mean(x) - of_mean(y)) + distance(of_spread(x) - of_spread(y))

    return loss


def _average(x):
    return x.mean(0)


def _unbiased(x):
    return x.std(0, ddof=1)


def _mean_square(x):
    return (x * x).mean(0)


MOMENTS: Table = {
    "": _both(_average, deviation),
    "variances are compared; wanted their roots, the deviations": (
        _both(_average, lambda x: x.var(0))
    ),
    "the deviation is the unbiased one, over M - 1; wanted over M": (
        _both(_average, _unbiased)
    ),
    "mean squares are compared in place of deviations": _both(_average, _mean_square),
    "roots of mean squares are compared in place of deviations": (
        _both(_average, lambda x: np.sqrt(_mean_square(x)))
    ),
    "only the means are compared": lambda x, y: np.mean(
        (_average(x) - _average(y)) ** 2
    ),
    "only the deviations are compared": (
        lambda x, y: np.mean((deviation(x) - deviation(y)) ** 2)
    ),
    "mean and deviation are those of all filters together": (
        _both(lambda x: x.mean(), lambda x: x.std())
    ),
    "mean and deviation are taken over the filters; wanted over the positions": (
        lambda x, y: (
            _both(lambda x: x.mean(1), lambda x: x.std(1))(x, y)
            if len(x) == len(y)
            else np.nan
        )
    ),
    "absolute values are taken where squares are wanted": (
        _both(_average, deviation, lambda d: np.mean(np.abs(d)))
    ),
    "there are square roots: norms, not their squares": (
        _both(_average, deviation, lambda d: np.sqrt(np.mean(d**2))),
        _both(_average, deviation, lambda d: np.sqrt(np.sum(d**2))),
    ),
    "there is a square root over all": (
        lambda x, y: np.sqrt(_both(_average, deviation)(x, y))
    ),
    "the squares are missing, so that differences cancel": (
        _both(_average, deviation, np.mean)
    ),
    "mean and deviation are added up before they are compared": (
        lambda x, y: np.mean(
            (_average(x) + deviation(x) - _average(y) - deviation(y)) ** 2
        )
    ),
    "the deviations are subtracted": lambda x, y: (
        np.mean((_average(x) - _average(y)) ** 2)
        - np.mean((deviation(x) - deviation(y)) ** 2)
    ),
    "the two are multiplied; wanted their sum": lambda x, y: (
        np.mean((_average(x) - _average(y)) ** 2)
        * np.mean((deviation(x) - deviation(y)) ** 2)
    ),
}


def moments(F, S) -> list:
    """The mean squared differences of means and deviations; what is written instead."""
    return choices(MOMENTS, rows(F), rows(S))


# Colours


def colors(image):
    """Mean and covariance of the colours, `(4, 3)`: the mean is the first row.

    >>> colors(np.ones((2, 3, 3)))[0]
    array([1., 1., 1.])
    """
    x = rows(np.asarray(image, "float64"))
    return np.concatenate([x.mean(0)[None], np.cov(x.T, bias=True)])


def _root(S, exponent=0.5):
    values, vectors = np.linalg.eigh(S)
    return (vectors * np.maximum(values, 1e-12) ** exponent) @ vectors.T


def _map(A_of, centre=True, add=True):
    """x -> A (x - mean) + mean', A of both covariances; or a part of that."""

    def wrong(image, other):
        x, y = rows(image), rows(other)
        A = A_of(np.cov(x.T, bias=True), np.cov(y.T, bias=True))
        x = x - x.mean(0) if centre else x
        return colors((x @ A.T + (y.mean(0) if add else 0.0)).reshape(image.shape))

    return wrong


def _cholesky(S, T):
    return np.linalg.cholesky(T) @ np.linalg.inv(np.linalg.cholesky(S))


def _symmetric(S, T):
    return _root(T) @ _root(S, -0.5)


def _channels(S, T):
    return np.diag(np.sqrt(np.diag(T) / np.diag(S)))


COLORS: Table = {
    "": _map(_symmetric),
    "each colour has its mean and deviation, but not what it has to do with the "
    "others: a covariance is a matrix": _map(_channels),
    "only the means are matched": _map(lambda S, T: np.eye(3)),
    "the mean of the picture is not subtracted first": (
        _map(_symmetric, centre=False),
        _map(_cholesky, centre=False),
    ),
    "the mean of the other picture is not added": (
        _map(_symmetric, add=False),
        _map(_cholesky, add=False),
    ),
    "the matrix is transposed: for rows of colours it is x A^T": (
        _map(lambda S, T: _cholesky(S, T).T),
        _map(lambda S, T: _symmetric(S, T).T),
    ),
    "the covariances change places: S' S^-1 is wanted under the root, not S S'^-1": (
        _map(lambda S, T: _symmetric(T, S)),
        _map(lambda S, T: _cholesky(T, S)),
    ),
    "the factors are in the wrong order: wanted A = L' L^-1": (
        _map(lambda S, T: np.linalg.inv(np.linalg.cholesky(S)) @ np.linalg.cholesky(T))
    ),
    "the covariances have no root: A = S' S^-1": _map(
        lambda S, T: T @ np.linalg.inv(S)
    ),
    "the root of the covariance is taken entry by entry; wanted that of the matrix": (
        _map(lambda S, T: np.sqrt(np.abs(T)) @ np.linalg.inv(np.sqrt(np.abs(S)))),
    ),
    "the picture is as it was": lambda image, other: colors(image) + 0.0,
}


def color_match(image, other) -> list:
    """Mean and covariance of the recoloured picture, right and wrong, `(4, 3)`."""
    return choices(COLORS, image, other)


# Masks


def _weighted(weight, total):
    """sum_k w_k F_ik F_jk / total, w and total of the mask T."""

    def wrong(F, T):
        x, t = rows(F), T.reshape(-1)
        return (x * weight(t)[:, None]).T @ x / total(t)

    return wrong


GUIDED: Table = {
    "": _weighted(np.square, lambda t: summed(t * t)),
    "the mask is not squared: it multiplies both factors, T_k F_ik and T_k F_jk": (
        _weighted(lambda t: t, summed),
        _weighted(lambda t: t, lambda t: summed(t * t)),
    ),
    "the mask is not normalised: a small region has a small Gram matrix": (
        _weighted(np.square, len)
    ),
    "it is divided by the sum of the mask; wanted that of its squares": (
        _weighted(np.square, summed)
    ),
    "it is divided by the square of the sum of the mask": (
        _weighted(np.square, lambda t: summed(t) ** 2)
    ),
    "it is divided by the root of the sum of squares: the guide is squared, too": (
        _weighted(np.square, lambda t: np.sqrt(summed(t * t)))
    ),
    "the mask is divided by its largest value": (
        _weighted(np.square, lambda t: len(t) * t.max() ** 2)
    ),
    "grey counts as white: the mask is cut to 0 or 1": (
        _weighted(lambda t: t > 0, lambda t: summed(t > 0)),
        _weighted(lambda t: t > 0.5, lambda t: summed(t > 0.5)),
        _weighted(lambda t: t >= 0.5, lambda t: summed(t >= 0.5)),
    ),
    "the mask is not used": _weighted(np.ones_like, len),
    "the mask is turned over: black is painted": (
        _weighted(lambda t: (1 - t) ** 2, lambda t: summed((1 - t) ** 2))
    ),
    "the mask is squared twice": (
        _weighted(lambda t: t**4, lambda t: summed(t**4)),
        _weighted(lambda t: t**4, lambda t: summed(t * t)),
    ),
}


def guided(F, T) -> list:
    """The guided Gram matrix `(N, N)`, and what is written instead."""
    return choices(GUIDED, F, T)


# Normalisations


PLACES = (1, 2)  # the axes of the positions in `(B, H, W, N)`
AXES = {
    "": PLACES,
    "mean and deviation are taken over the batch as well: that is batch "
    "normalisation; wanted each picture's own": (0, 1, 2),
    "mean and deviation are taken over the filters as well: that is layer "
    "normalisation; wanted each filter's own": (1, 2, 3),
    "mean and deviation are those of all numbers": (0, 1, 2, 3),
    "mean and deviation are taken over the filters; wanted over the positions": (3,),
    "mean and deviation are taken over the rows only": (1,),
    "mean and deviation are taken over the columns only": (2,),
    "mean and deviation are taken over the batch; wanted over the positions": (0,),
}


def _of(x, axes):
    return x.mean(axes, keepdims=True), x.std(axes, keepdims=True)


def _normal(x, axes=PLACES):
    mean, spread = _of(x, axes)
    return (x - mean) / np.where(spread > 0, spread, 1.0)


NORMS: Table = {
    **{
        words: lambda x, a, b, axes=axes: a * _normal(x, axes) + b
        for words, axes in AXES.items()
    },
    "it is divided by the variance; wanted its root": (
        lambda x, a, b: a * _normal(x) / _of(x, PLACES)[1] + b
    ),
    "it is not divided by the deviation": (
        lambda x, a, b: a * (x - _of(x, PLACES)[0]) + b
    ),
    "it is multiplied by the deviation; wanted divided": (
        lambda x, a, b: a * (x - _of(x, PLACES)[0]) * _of(x, PLACES)[1] + b
    ),
    "the mean is not subtracted": lambda x, a, b: a * x / _of(x, PLACES)[1] + b,
    "scale and shift change places": lambda x, a, b: b * _normal(x) + a,
    "the scale is not used": lambda x, a, b: _normal(x) + b,
    "the shift is not used": lambda x, a, b: a * _normal(x),
    "neither scale nor shift is used": lambda x, a, b: _normal(x),
    "the shift is inside of the scale: a (z + b); wanted a z + b": (
        lambda x, a, b: a * (_normal(x) + b)
    ),
    "the shift is subtracted": lambda x, a, b: a * _normal(x) - b,
    "it is divided by the scale": lambda x, a, b: _normal(x) / a + b,
    "one is added to the scale": lambda x, a, b: (1 + a) * _normal(x) + b,
    "the deviation is the unbiased one, over M - 1; wanted over M": (
        lambda x, a, b: (
            a
            * (x - x.mean(PLACES, keepdims=True))
            / x.std(PLACES, ddof=1, keepdims=True)
            + b
        )
    ),
}


def instance_norm(x, scale, shift) -> list:
    """scale (x - mean) / deviation + shift, and what is written instead."""
    return choices(NORMS, x, scale, shift)


def _adapted(c, s, axes=PLACES):
    mean, spread = _of(s, axes)
    return spread * _normal(c, axes) + mean


def _if_alike(f):
    """Where both have to have one shape; else nothing."""
    return lambda c, s: f(c, s) if c.shape == s.shape else np.full(c.shape, np.nan)


ADAINS: Table = {
    **{
        words: (
            _adapted
            if axes == PLACES
            else _if_alike(functools.partial(_adapted, axes=axes))
        )
        for words, axes in AXES.items()
    },
    "its arguments are swapped: the content gives the statistics": (
        _if_alike(lambda c, s: _adapted(s, c))
    ),
    "only the means are exchanged": (
        lambda c, s: c - _of(c, PLACES)[0] + _of(s, PLACES)[0]
    ),
    "the content is not divided by its deviation": (
        lambda c, s: (c - _of(c, PLACES)[0]) * _of(s, PLACES)[1] + _of(s, PLACES)[0]
    ),
    "the content's mean is not subtracted": (
        lambda c, s: c / _of(c, PLACES)[1] * _of(s, PLACES)[1] + _of(s, PLACES)[0]
    ),
    "the style's deviation is not used": lambda c, s: _normal(c) + _of(s, PLACES)[0],
    "the style's mean is not used": lambda c, s: _normal(c) * _of(s, PLACES)[1],
    "the content is normalised, and the style not used": lambda c, s: _normal(c),
    "the content's mean is added again; wanted the style's": (
        lambda c, s: _normal(c) * _of(s, PLACES)[1] + _of(c, PLACES)[0]
    ),
    "variances stand where deviations are wanted": lambda c, s: (
        (c - _of(c, PLACES)[0]) / _of(c, PLACES)[1] ** 2 * _of(s, PLACES)[1] ** 2
        + _of(s, PLACES)[0]
    ),
    "the style's variance stands where its deviation is wanted": (
        lambda c, s: _normal(c) * _of(s, PLACES)[1] ** 2 + _of(s, PLACES)[0]
    ),
    "the content's variance stands where its deviation is wanted": lambda c, s: (
        _normal(c) / _of(c, PLACES)[1] * _of(s, PLACES)[1] + _of(s, PLACES)[0]
    ),
    "mean and deviation change places": (
        lambda c, s: _normal(c) * _of(s, PLACES)[0] + _of(s, PLACES)[1]
    ),
}


def adain(content, style) -> list:
    """deviation' (x - mean) / deviation + mean', and what is written instead."""
    return choices(ADAINS, content, style)

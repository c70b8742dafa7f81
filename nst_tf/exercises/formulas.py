"""The formulas of the losses in NumPy, right and wrong, in float64.

Each table is `{words for a mistake: the wrong formula}`; under "" stands the right one.
Factors are left out: `mistakes.factor` finds them. F has the shape `(H, W, N)`, and its
rows `(M, N)`.
"""

import functools
import itertools
from collections.abc import Callable

import numpy as np

Table = dict[str, Callable | tuple[Callable, ...]]  # several ways to one mistake


def choices(table: Table, *arguments) -> list:
    """`(words, function without arguments)` of all the formulas in a table."""
    return [
        (words, functools.partial(f, *arguments))
        for words, formulas in table.items()
        for f in (formulas if isinstance(formulas, tuple) else [formulas])
    ]


def values(table: Table, *arguments) -> list:
    """`(words, what the formula gives)` of all the formulas in a table.

    >>> values({"": lambda x: x * x, "no square": lambda x: x}, 3.0)
    [('', 9.0), ('no square', 3.0)]
    """
    with np.errstate(all="ignore"):
        return [(words, f()) for words, f in choices(table, *arguments)]


# Distances between two matrices: eqs. 1 and 4


def summed(x):
    """The sum of all entries."""
    return np.sum(x, dtype="float64")


def _unit(x):
    return x / np.sqrt(summed(x * x))


def _huber(d):
    return summed(np.where(np.abs(d) < 1, d * d / 2, np.abs(d) - 0.5))


def _root(x):
    return np.sqrt(np.abs(x))


DISTANCES: Table = {
    "": lambda a, b: summed((a - b) ** 2),
    "the squares are missing: these are absolute values": (
        lambda a, b: summed(np.abs(a - b))
    ),
    "the square is missing, so that differences cancel": lambda a, b: summed(a - b),
    "the sum is squared, not its terms": lambda a, b: summed(a - b) ** 2,
    "there is a square root: a norm, not its square": (
        lambda a, b: np.sqrt(summed((a - b) ** 2))
    ),
    "it is the absolute value of the sum": lambda a, b: abs(summed(a - b)),
    "each is squared before they are subtracted, a^2 - b^2; wanted (a - b)^2": (
        lambda a, b: summed(a * a) - summed(b * b)
    ),
    "each is squared before they are subtracted, and the difference squared again": (
        lambda a, b: summed((a * a - b * b) ** 2)
    ),
    "the difference of the two sums of squares is squared": (
        lambda a, b: (summed(a * a) - summed(b * b)) ** 2
    ),
    "it is the difference of two norms; wanted the norm of the difference, squared": (
        lambda a, b: np.sqrt(summed(a * a)) - np.sqrt(summed(b * b))
    ),
    "it is the difference of two norms, squared; wanted the norm of the difference": (
        lambda a, b: (np.sqrt(summed(a * a)) - np.sqrt(summed(b * b))) ** 2
    ),
    "only one of the two is squared; wanted the square of the difference": (
        lambda a, b: summed(a - b * b),
        lambda a, b: summed(a * a - b),
    ),
    "the power is 4 where 2 is wanted": lambda a, b: summed((a - b) ** 4),
    "the power is 3 where 2 is wanted": lambda a, b: summed((a - b) ** 3),
    "the sum of squares is squared once more": lambda a, b: summed((a - b) ** 2) ** 2,
    "the two are added where one is subtracted": lambda a, b: summed((a + b) ** 2),
    "the target is not used": lambda a, b: summed(a * a),
    "the sums of squares are added; wanted the square of the difference": (
        lambda a, b: summed(a * a) + summed(b * b)
    ),
    "the sum of absolute values is squared, not each difference": (
        lambda a, b: summed(np.abs(a - b)) ** 2
    ),
    "the squares are divided by the target": lambda a, b: summed((a - b) ** 2 / b),
    "there is a softmax over the filters": (
        lambda a, b: summed((_softmax(a) - _softmax(b)) ** 2)
    ),
    "only the first three filters are compared": (
        lambda a, b: summed((a - b)[:, :3] ** 2)
    ),
    "the target is not used, nor a square": lambda a, b: summed(a),
    "the first argument is not used": lambda a, b: summed(b * b),
    "they are multiplied where one is subtracted": lambda a, b: summed(a * b),
    "it is divided by the target, entry by entry": (
        lambda a, b: summed(((a - b) / b) ** 2)
    ),
    "it is divided by the sum of squares of the target": (
        lambda a, b: summed((a - b) ** 2) / summed(b * b)
    ),
    "it is divided by the sum of squares of both": (
        lambda a, b: summed((a - b) ** 2) / (summed(b * b) + summed(a * a))
    ),
    "differences below zero are left out": (
        lambda a, b: summed(np.maximum(a - b, 0) ** 2)
    ),
    "differences above zero are left out": (
        lambda a, b: summed(np.maximum(b - a, 0) ** 2)
    ),
    "it is the largest difference; wanted the sum": lambda a, b: np.abs(a - b).max(),
    "it is the largest squared difference; wanted the sum": (
        lambda a, b: (np.abs(a - b) ** 2).max()
    ),
    "it is the median; wanted the sum": lambda a, b: np.median((a - b) ** 2),
    "both are divided by their norms, as in a cosine distance, 1 - cos": (
        lambda a, b: 1 - summed(_unit(a) * _unit(b))
    ),
    "it is a cosine; wanted squared differences": lambda a, b: summed(
        _unit(a) * _unit(b)
    ),
    "they were cut to whole numbers": (
        lambda a, b: summed((np.trunc(a) - np.trunc(b)) ** 2)
    ),
    "the differences were cut to whole numbers": lambda a, b: summed(
        np.trunc(a - b) ** 2
    ),
    "they were rounded": lambda a, b: summed((np.round(a) - np.round(b)) ** 2),
    "each is averaged or summed before the square; wanted squares first": (
        lambda a, b: (np.mean(a) - np.mean(b)) ** 2
    ),
    "positions are averaged or summed before the square; wanted squares first": (
        lambda a, b: summed((a - b).sum(0) ** 2)
    ),
    "filters are averaged or summed before the square; wanted squares first": (
        lambda a, b: summed((a - b).sum(1) ** 2)
    ),
    "there is a square root at every position, before the sum": (
        lambda a, b: summed(np.sqrt(_sum2(a - b, 1)))
    ),
    "there is a square root for every filter, before the sum": (
        lambda a, b: summed(np.sqrt(_sum2(a - b, 0)))
    ),
    "the mean of the differences is subtracted: a variance": (
        lambda a, b: summed((a - b - np.mean(a - b)) ** 2)
    ),
    "the means are subtracted first": (
        lambda a, b: summed((a - a.mean(0) - b + b.mean(0)) ** 2)
    ),
    "far differences count without a square, as in Huber's loss": (
        lambda a, b: _huber(a - b)
    ),
    "a logarithm is in it": lambda a, b: summed(np.log1p((a - b) ** 2)),
    "roots are compared": lambda a, b: summed((_root(a) - _root(b)) ** 2),
    "the last row of the matrix is left out": lambda a, b: summed((a - b)[:-1] ** 2),
    "the first row of the matrix is left out": lambda a, b: summed((a - b)[1:] ** 2),
    "the last filter is left out": lambda a, b: summed((a - b)[:, :-1] ** 2),
    "the first filter is left out": lambda a, b: summed((a - b)[:, 1:] ** 2),
    "only the first filter is compared": lambda a, b: summed((a - b)[:, 0] ** 2),
    "only the first row of the matrix is compared": lambda a, b: summed(
        (a - b)[0] ** 2
    ),
    "it is 1/2 of one sum and not of the other": (
        lambda a, b: summed(a * a) / 2 - summed(a * b) * 2 + summed(b * b) / 2
    ),
}


def _sum2(x, axis):
    return np.sum(x * x, axis)


def rows(F):
    """`(M, N)`: one row per position."""
    return F.reshape(-1, F.shape[-1])


PARTS = {  # of a picture or its features
    "the last row of the picture is left out": lambda F: F[:-1],
    "the first row of the picture is left out": lambda F: F[1:],
    "the last column of the picture is left out": lambda F: F[:, :-1],
    "the first column of the picture is left out": lambda F: F[:, 1:],
    "the last row and column of the picture are left out": lambda F: F[:-1, :-1],
    "the first row and column of the picture are left out": lambda F: F[1:, 1:],
    "only every second row and column are used": lambda F: F[::2, ::2],
    "only the first row of the picture is used": lambda F: F[:1],
    "only the last row of the picture is used": lambda F: F[-1:],
    "only the first column of the picture is used": lambda F: F[:, :1],
    "only the last column of the picture is used": lambda F: F[:, -1:],
}


def content(F, P) -> list:
    """sum (F - P)^2, and what is written instead."""
    grams = "Gram matrices are compared; wanted the features themselves"
    return [
        *choices(DISTANCES, rows(F), rows(P)),
        (grams, lambda: summed((gram(F) - gram(P)) ** 2)),
        ("the target is upside down", lambda: summed((F - P[::-1]) ** 2)),
        ("the target is mirrored", lambda: summed((F - P[:, ::-1]) ** 2)),
        ("the target's filters are reversed", lambda: summed((F - P[..., ::-1]) ** 2)),
        *(
            (words, functools.partial(_part, part, F, P))
            for words, part in PARTS.items()
        ),
    ]


def _part(part, F, P):
    return summed((part(F) - part(P)) ** 2)


# Correlations between filters: eq. 3


def gram(F):
    """`(N, N)`, the right one."""
    return rows(F).T @ rows(F)


def _of(prepare):
    """The Gram matrix of something else than the rows of F."""

    def wrong(F):
        X = prepare(F)
        X = X.reshape(-1, X.shape[-1])
        return X.T @ X

    return wrong


def _rows_of(prepare):
    return _of(lambda F: prepare(rows(F)))


def _after(change):
    """The right one, changed afterwards."""
    return lambda F: change(gram(F))


AXES = [axes for axes in itertools.permutations(range(3)) if axes[-1] != 2]
MIXED = tuple(  # reshape to N columns, where N is not the last axis
    _of(lambda F, axes=axes: F.transpose(axes).reshape(-1, F.shape[-1]))
    for axes in AXES
)
MIXED_ROWS = tuple(  # reshape to N rows, where N is not the first axis
    _of(lambda F, axes=axes: F.transpose(axes).reshape(F.shape[-1], -1).T)
    for axes in itertools.permutations(range(3))
    if axes[0] != 2
)


def _without(G, i):
    """G with row and column i of zeros."""
    G = G.copy()
    G[i] = G[:, i] = 0
    return G


def _standard(X):
    return (X - X.mean(0)) / X.std(0)


def _softmax(X):
    e = np.exp(X - X.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


APART = (
    "positions of the two factors are summed apart: sum F_i times sum F_j, wanted the "
    "sum of products F_i F_j at the same position"
)
GRAMS: Table = {
    "": gram,
    "the axes are transposed without tf.transpose: reshape(F, (N, M)) of (H, W, N) "
    "mixes the filters; reshape to (M, N), and transpose that": MIXED_ROWS,
    "the axes are transposed first, and then a reshape to N columns mixes the filters: "
    "only an axis that is the last stays together": MIXED,
    "the means are subtracted: a covariance": _rows_of(lambda X: X - X.mean(0)),
    "the mean of all is subtracted first": _rows_of(lambda X: X - X.mean()),
    "the means are subtracted at every position": (
        _rows_of(lambda X: X - X.mean(1, keepdims=True))
    ),
    "the features are standardised first, (F - mean) / std": _rows_of(_standard),
    "the features are standardised first, all together": (
        _rows_of(lambda X: (X - X.mean()) / X.std())
    ),
    "the filters are divided by their norms: cosines, wanted products": (
        _rows_of(lambda X: X / np.sqrt(_sum2(X, 0)))
    ),
    "the features are divided by their norm at every position": (
        _rows_of(lambda X: X / np.sqrt(_sum2(X, 1))[:, None])
    ),
    "the features are divided by their norm, all together": _rows_of(_unit),
    "the features are divided by their largest value": _rows_of(lambda X: X / X.max()),
    "the features are divided by their mean": _rows_of(lambda X: X / X.mean()),
    "the features are divided by their sum": _rows_of(lambda X: X / X.sum()),
    "the result is divided by its norm": _after(_unit),
    "the result is divided by its trace": _after(lambda G: G / np.trace(G)),
    "the result is divided by its largest value": _after(lambda G: G / G.max()),
    "the result is divided by its sum": _after(lambda G: G / G.sum()),
    APART: lambda F: np.outer(F.sum((0, 1)), F.sum((0, 1))),
    "rows are summed up before the product, so that only columns are paired": (
        _of(lambda F: F.sum(0))
    ),
    "columns are summed up before the product, so that only rows are paired": (
        _of(lambda F: F.sum(1))
    ),
    **{words: _of(part) for words, part in PARTS.items()},
    "the last position is left out (off by one)": _rows_of(lambda X: X[:-1]),
    "the first position is left out (off by one)": _rows_of(lambda X: X[1:]),
    "only the first position is used": _rows_of(lambda X: X[:1]),
    "only the last position is used": _rows_of(lambda X: X[-1:]),
    "only every second position is used": _rows_of(lambda X: X[::2]),
    "the last filter is left out": _after(lambda G: _without(G, -1)),
    "the first filter is left out": _after(lambda G: _without(G, 0)),
    "only the diagonal is there: products of different filters are missing": (
        _after(lambda G: np.diag(np.diag(G)))
    ),
    "the diagonal is zero: a filter times itself belongs to it": (
        _after(lambda G: G - np.diag(np.diag(G)))
    ),
    "the diagonal is there twice": _after(lambda G: G + np.diag(np.diag(G))),
    "the diagonal is half of what it should be": (
        _after(lambda G: G - np.diag(np.diag(G)) / 2)
    ),
    "one is added to the diagonal": _after(lambda G: G + np.eye(len(G))),
    "only the upper half is there: entry i, j is entry j, i": _after(np.triu),
    "only the lower half is there: entry i, j is entry j, i": _after(np.tril),
    "only what is above the diagonal is there": _after(lambda G: np.triu(G, 1)),
    "only what is below the diagonal is there": _after(lambda G: np.tril(G, -1)),
    "absolute values or roots are in it": lambda F: _root(gram(F)),
    "the result is squared": _after(np.square),
    "the mean of the result is subtracted": _after(lambda G: G - G.mean()),
    "the rows of the result are divided by their norms": (
        _after(lambda G: G / np.sqrt(_sum2(G, 1))[:, None])
    ),
    "there is a softmax over the rows of the result": _after(lambda G: _softmax(G)),
    "the result is divided by the sum of the features": lambda F: gram(F) / F.sum(),
    "only the first N positions are used": _rows_of(lambda X: X[: X.shape[1]]),
    "one of the two is upside down": lambda F: rows(F[::-1]).T @ rows(F),
    "one of the two is mirrored": lambda F: rows(F[:, ::-1]).T @ rows(F),
    "one of the two is shifted by a row": (
        lambda F: rows(np.roll(F, 1, 0)).T @ rows(F),
        lambda F: rows(F).T @ rows(np.roll(F, 1, 0)),
    ),
    "one of the two is shifted by a column": (
        lambda F: rows(np.roll(F, 1, 1)).T @ rows(F),
        lambda F: rows(F).T @ rows(np.roll(F, 1, 1)),
    ),
    "the result is multiplied by itself": _after(lambda G: G @ G),
    "a logarithm is taken": _after(np.log1p),
    "the features are squared first": _rows_of(np.square),
    "roots of the features are used": _rows_of(_root),
    "the features were cut to whole numbers": _rows_of(np.trunc),
    "the features were rounded": _rows_of(np.round),
    "there is a softmax over the filters": _rows_of(_softmax),
    "there is a softmax over the positions": _rows_of(lambda X: _softmax(X.T).T),
    "the filters are in reverse order": _rows_of(lambda X: X[:, ::-1]),
    "F_i and F_j are added where they should be multiplied": (
        lambda F: np.add.outer(F.sum((0, 1)), F.sum((0, 1)))
    ),
    "these are distances between filters; wanted products": (
        lambda F: _sum2(rows(F)[:, :, None] - rows(F)[:, None], 0)
    ),
    "one of the two is in reverse order": lambda F: rows(F)[::-1].T @ rows(F),
    "one of the two is shifted by a position": (
        lambda F: np.roll(rows(F), 1, 0).T @ rows(F)
    ),
    "the filters of one of the two are in reverse order": (
        lambda F: rows(F)[:, ::-1].T @ rows(F)
    ),
    "these are maxima over positions; wanted sums": (
        lambda F: (rows(F)[:, :, None] * rows(F)[:, None]).max(0)
    ),
}


def batch(grams) -> dict:
    """What comes instead of one Gram matrix for each of several pictures."""
    total = np.zeros_like(grams) + grams.sum(0)
    return {
        "the pictures of a batch are summed up": total,
        "the pictures of a batch are averaged": total / len(grams),
        "all have the matrix of the first picture": np.zeros_like(grams) + grams[0],
        "all have the matrix of the last picture": np.zeros_like(grams) + grams[-1],
        "the order of the pictures is reversed": grams[::-1],
        "they are divided by the number of pictures": grams / len(grams),
    }


# The painting: eqs. 4 and 5


MATRICES: Table = {  # further distances, of Gram matrices
    "only the diagonal is compared": lambda G, A: summed(np.diag(G - A) ** 2),
    "only the upper half is compared": lambda G, A: summed(np.triu(G - A) ** 2),
    "the diagonal is left out": lambda G, A: 2 * summed(np.triu(G - A, 1) ** 2),
    "only the upper half is compared, without the diagonal": (
        lambda G, A: summed(np.triu(G - A, 1) ** 2)
    ),
    "only the traces are compared": lambda G, A: np.trace(G - A) ** 2,
}
FEW = ("", *list(DISTANCES)[1:6])  # mistakes that are looked for together with others


def _gram_factors(N, M):
    """What Gram matrices may be divided by, once too often or not."""
    return {
        "": 1.0,
        "the Gram matrix is divided by M once more": 1 / M,
        "the Gram matrix is not divided by M": M,
        "the Gram matrix is divided by N once more": 1 / N,
        "the Gram matrix is not divided by N": N,
        "the Gram matrix is divided by N M once more": 1 / (N * M),
        "the Gram matrix is not divided by N M": N * M,
        "the Gram matrix is divided by 2 M N once more": 1 / (2 * N * M),
        "the Gram matrix is divided by the root of M": M**-0.5,
    }


def joined(*words):
    """Words for several mistakes at once."""
    return "; and ".join(w for w in words if w)


def _in_gram(words):
    return f"in the Gram matrix {words}" if words else ""


def layer_style(F, target, factor, both=False, few=False) -> list:
    """sum (G - A)^2, and what is written instead.

    Args:
        F: features of the generated picture.
        target: the painting's Gram matrix; its features if `both` are given so.
        factor: of Gram matrices.
        few: whether a few mistakes are enough.
    """
    N, M = F.shape[-1], F.size // F.shape[-1]
    A = factor * gram(target) if both else target
    found = []
    for extra, x in _gram_factors(N, M).items():
        table = (
            {w: DISTANCES[w] for w in FEW} if few and extra else DISTANCES | MATRICES
        )
        G = factor * x * gram(F)
        for words, d in choices(table, G, A * x if both else A):
            found.append((joined(words, extra), d))
    for (words, g), (_, t) in zip(
        choices(GRAMS, F)[1:], choices(GRAMS, target)[1:], strict=True
    ):
        target_of = t if both else lambda: A / factor
        for extra, x in _gram_factors(N, M).items() if not few else [("", 1.0)]:
            for distance in FEW if not (extra or few) else [""]:
                d = functools.partial(_distance, distance, g, target_of, factor, x)
                every = joined(distance, _in_gram(words), extra)
                found.append((every, functools.partial(d, both)))
    found += [] if few else _not_powers(N, M, G=factor * gram(F), A=A)
    if both:
        compared = "features are compared, not Gram matrices"
        theirs = choices(DISTANCES, rows(F), rows(target))
        found += [(joined(compared, words), d) for words, d in theirs]
    return found


def _not_powers(N, M, G, A):
    """Where ^ stands for a power: in Python it is "exclusive or", of whole numbers."""
    ratios = np.divide(
        [(N * M) ** 2, 4 * (N * M) ** 2, N**2, 4 * N**2],
        [(N ^ 2) * (M ^ 2), (4 * N) ^ (2 * M) ^ 2, N ^ 2, (4 * N) ^ 2],
    )
    words = "^ is no power in Python, but exclusive or: write **"
    return [(words, lambda r=r: r * summed((G - A) ** 2)) for r in ratios]


def _distance(words, gram_of, target_of, factor, extra, both):
    """A distance between wrong Gram matrices; the target is right if it was given."""
    G, A = factor * extra * gram_of(), factor * target_of()
    return DISTANCES[words](G, A * extra if both else A)


def _layer_factors(N, M):
    """Factors that the loss of a layer may have too much, by their words."""
    letters = {"N": N, "M": M, "N M": N * M, "N^2": N**2, "M^2": M**2}
    letters |= {"N^2 M^2": (N * M) ** 2, "N M^2": N * M**2, "N^2 M": N**2 * M}
    missing = {f"a division by {x} is missing": v for x, v in letters.items()}
    extra = {f"it is divided by {x} once more": 1 / v for x, v in letters.items()}
    wrong = "it is multiplied by N^2 M^2 where it should be divided: parentheses"
    return {"": 1.0} | missing | extra | {wrong: (N * M) ** 4, wrong + " ": N**4}


def _in_layer(words):
    return f"in the loss of each layer, {words}" if words else ""


def style(w, tables, scales, sizes) -> list:
    """sum_l w_l E_l, and what is written instead.

    Args:
        w: weights.
        tables: what `layer_style` gives, for each layer.
        scales: the factor of each.
        sizes: N and M of each.
    """
    factors = [_layer_factors(*size) for size in sizes]
    losses = [
        (entries[0][0], functools.cache(lambda e=entries: [float(f()) for _, f in e]))
        for entries in zip(*tables, strict=True)
    ]
    found = []
    for extra in factors[0]:
        c = [f[extra] * scale for f, scale in zip(factors, scales, strict=True)]
        for words, E in losses:
            layer = _in_layer(joined(words, extra))
            for sum_words in SUMS if not words else [""]:
                formulas = SUMS[sum_words]
                for f in formulas if isinstance(formulas, tuple) else [formulas]:
                    value = functools.partial(_of_layers, f, w, c, E)
                    found.append((joined(sum_words, layer), value))
    one = "N and M of one layer are used for all"
    for i in (0, -1):
        c = [scales[i]] * len(w)
        found.append((one, functools.partial(_of_layers, SUMS[""], w, c, losses[0][1])))
    return found


def _of_layers(f, w, c, E):
    return f(w, np.multiply(c, E()))


SUMS: Table = {  # of the layers' weights w and losses E
    "": lambda w, E: summed(w * E),
    "the weights of the layers are not used": lambda w, E: summed(E),
    "the weights are not used: it is a mean over layers": lambda w, E: np.mean(E),
    "only the last layer is there: is it added up (+=), or set (=)?": (
        lambda w, E: w[-1] * E[-1]
    ),
    "only the last layer is there, without its weight": lambda w, E: E[-1],
    "only the first layer is there: is the `return` inside the loop?": (
        lambda w, E: w[0] * E[0]
    ),
    "only the first layer is there, without its weight: is the `return` inside the "
    "loop?": lambda w, E: E[0],
    "the weights are applied twice": lambda w, E: summed(w**2 * E),
    "the square root of the weights is used": lambda w, E: summed(np.sqrt(w) * E),
    "it is divided by the number of layers": lambda w, E: summed(w * E) / len(w),
    "it is divided by the sum of the weights": lambda w, E: summed(w * E) / w.sum(),
    "it is divided by the weights": lambda w, E: summed(E / w),
    "the losses are divided by the weights, where they should be multiplied": (
        lambda w, E: summed(E[w > 0] / w[w > 0])
    ),
    "the weights belong to other layers: go by name": (
        lambda w, E: summed(w[::-1] * E),
        lambda w, E: summed(np.roll(w, 1) * E),
        lambda w, E: summed(np.roll(w, -1) * E),
        lambda w, E: summed(np.sort(w) * E),
        lambda w, E: summed(np.sort(w)[::-1] * E),
    ),
    "the weights are rounded": lambda w, E: summed(np.round(w) * E),
    "the weights are cut to whole numbers": lambda w, E: summed(np.trunc(w) * E),
    "all layers have the weight of the first one": lambda w, E: w[0] * summed(E),
    "all layers have the weight of the last one": lambda w, E: w[-1] * summed(E),
    "the sum of the weights is multiplied with the sum of the losses": (
        lambda w, E: w.sum() * summed(E)
    ),
    "the last layer is left out": lambda w, E: summed((w * E)[:-1]),
    "the first layer is left out": lambda w, E: summed((w * E)[1:]),
    "the losses are multiplied, not added": lambda w, E: np.prod(w * E),
    "it is the largest; wanted the sum": lambda w, E: np.max(w * E),
    "the whole sum is squared": lambda w, E: summed(w * E) ** 2,
    "there is a square root over the whole sum": lambda w, E: np.sqrt(summed(w * E)),
    "the losses of the layers are squared": lambda w, E: summed(w * E**2),
    "there is a square root in every layer": lambda w, E: summed(w * np.sqrt(E)),
    "the weights are added where they should be multiplied": lambda w, E: summed(w + E),
    "the losses are subtracted": lambda w, E: 2 * w[0] * E[0] - summed(w * E),
}


# Both together: eq. 7


TOTALS: Table = {
    "": lambda c, s, a, b: a * c + b * s,
    "alpha and beta are swapped": lambda c, s, a, b: b * c + a * s,
    "alpha and beta are not used": lambda c, s, a, b: c + s,
    "alpha is not used": lambda c, s, a, b: c + b * s,
    "beta is not used": lambda c, s, a, b: a * c + s,
    "alpha stands for both": lambda c, s, a, b: a * (c + s),
    "beta stands for both": lambda c, s, a, b: b * (c + s),
    "the style is missing": lambda c, s, a, b: a * c,
    "the content is missing": lambda c, s, a, b: b * s,
    "the style is missing, and the weight": lambda c, s, a, b: c,
    "the content is missing, and the weight": lambda c, s, a, b: s,
    "the content is there twice, in place of the style": (
        lambda c, s, a, b: a * c + b * c
    ),
    "the style is there twice, in place of the content": (
        lambda c, s, a, b: a * s + b * s
    ),
    "the losses are multiplied": (
        lambda c, s, a, b: a * c * b * s,
        lambda c, s, a, b: c * s,
    ),
    "weights and losses are added where they should be multiplied": (
        lambda c, s, a, b: a + c + b + s,
        lambda c, s, a, b: a + c * b + s,
    ),
    "the sums are multiplied, (alpha + beta) (content + style)": (
        lambda c, s, a, b: (a + b) * (c + s)
    ),
    "it is divided by alpha + beta": lambda c, s, a, b: (a * c + b * s) / (a + b),
    "it is divided by alpha": lambda c, s, a, b: (a * c + b * s) / a if a else 0.0,
    "it is divided by beta": lambda c, s, a, b: (a * c + b * s) / b if b else 0.0,
    "one is subtracted from the other": lambda c, s, a, b: a * c - b * s,
    "the losses are divided by their weights": lambda c, s, a, b: (
        (c / a if a else 0) + (s / b if b else 0)
    ),
    "the weights are squared": lambda c, s, a, b: a * a * c + b * b * s,
    "the losses are squared": lambda c, s, a, b: a * c * c + b * s * s,
    "there is a square root": (
        lambda c, s, a, b: np.sqrt(a * c + b * s),
        lambda c, s, a, b: a * np.sqrt(c) + b * np.sqrt(s),
    ),
    "it is squared": lambda c, s, a, b: (a * c + b * s) ** 2,
    "there is a logarithm": (
        lambda c, s, a, b: np.log(a * c + b * s),
        lambda c, s, a, b: np.log1p(a * c + b * s),
        lambda c, s, a, b: a * np.log(c) + b * np.log(s),
    ),
    "the weights are cut to whole numbers": lambda c, s, a, b: int(a) * c + int(b) * s,
    "1 - alpha stands where beta is wanted": lambda c, s, a, b: a * c + (1 - a) * s,
    "alpha multiplies both: parentheses are wrong": (
        lambda c, s, a, b: a * (c + b * s),
        lambda c, s, a, b: b * (s + a * c),
    ),
    "it is the larger of the two; wanted the sum": lambda c, s, a, b: max(a * c, b * s),
}

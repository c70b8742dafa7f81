"""Checks of a student's functions, each of which names the mistake that it finds.

    nst.exercises.check_gram_matrix(my_gram_matrix)

The function may use TensorFlow or NumPy, and be a Keras layer, a `tf.Module` or a
lambda. The check returns a `Report`: a card in a notebook, text in a terminal, true or
false in an `assert`.

A check gives the function small random features and asks, in this order, for the type,
the shape, L(x, x) = 0, symmetry, direction, value and gradient. It stops at the first
thing wrong. Which mistake was it? The wrong formulas that students write stand here
beside the right one: the one that gives the same wrong number names it.

Options that mean the same in every check that has them:

    layout     "bhwc" for features of shape (1, H, W, N), "hwc" for (H, W, N);
               N is 3 for pictures
    normalize  the factor of the sum, by the name of a convention: "paper", "positions",
               "mean" or "none"; or as a function of N and M, M = H*W
    seed       of the random numbers that the function is given
"""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from nst_tf.features import MEAN_BGR
from nst_tf.questions import (
    CLOSE,
    Asking,
    Problem,
    Student,
    a_number,
    an_array,
    ask_gradient,
    ask_identity,
    ask_value,
    check_of,
    mistake,
    same,
    words_of,
)

LAYOUTS = ("bhwc", "hwc")
SHAPE = (1, 4, 5, 7)  # B, H, W, N: no two alike, M = 20, and N is no usual factor
OTHER_SHAPE = (1, 3, 6, 5)


# What a function is given, and what is right


def _check_layout(layout):
    if layout not in LAYOUTS:
        raise ValueError(f"layout: {layout!r} is none of {list(LAYOUTS)}")


def _features(rng, layout, shape=SHAPE):
    """Random activations, positive as after ReLU."""
    F = rng.uniform(0.1, 2.0, shape).astype("float32")
    return tf.constant(F if layout == "bhwc" else F[0])


def _sizes(shape):
    """N filters and M positions."""
    return shape[-1], shape[1] * shape[2]


def _rows(F):
    """`(M, N)` in float64: one row per position."""
    F = np.asarray(F, "float64")
    return F.reshape(-1, F.shape[-1])


def _gram(F):
    """Eq. 3 in float64, `(N, N)`."""
    return _rows(F).T @ _rows(F)


def _gram_tensor(F):
    """Eq. 3 as a tensor, which has a gradient, `(N, N)`."""
    rows = tf.reshape(F, (-1, F.shape[-1]))
    return tf.matmul(rows, rows, transpose_a=True)


# Conventions: factors of the sum of squares, as functions of N and M

CONTENT = {
    "paper": lambda N, M: 1 / 2,  # eq. 1
    "none": lambda N, M: 1.0,
    "positions": lambda N, M: 1 / M,
    "mean": lambda N, M: 1 / (N * M),
}
GRAM = {  # of the Gram matrix itself
    "paper": lambda N, M: 1.0,  # eq. 3
    "none": lambda N, M: 1.0,
    "positions": lambda N, M: 1 / M,
    "mean": lambda N, M: 1 / (N * M),
}
STYLE = {  # of the squares of differences between such Gram matrices
    "paper": lambda N, M: 1 / (4 * N**2 * M**2),  # eq. 4
    "none": lambda N, M: 1.0,
    "positions": lambda N, M: 1 / (4 * N**2),
    "mean": lambda N, M: 1 / N**2,
}


def _convention(table, normalize):
    """A factor by its name, or a function of N and M as it is."""
    if callable(normalize):
        return normalize
    if normalize not in table:
        raise ValueError(
            f"normalize: {normalize!r} is none of {list(table)}, nor a function of N, M"
        )
    return table[normalize]


def _factors(expected, N, M, filters="filters", positions="positions"):
    """What is wrong with a value that has another factor than was wanted."""
    named = {
        "4": 4,
        "2": 2,
        f"M, the number of {positions}": M,
        f"N, the number of {filters}": N,
        "M^2": M**2,
        "N^2": N**2,
        "N M": N * M,
        "N^2 M^2": N**2 * M**2,
        "2 N M": 2 * N * M,
        "4 N M": 4 * N * M,
        "4 N^2": 4 * N**2,
        "4 M^2": 4 * M**2,
        "4 N^2 M^2": 4 * N**2 * M**2,
    }
    missing = {f"a division by {n} is missing": expected * x for n, x in named.items()}
    extra = {f"it is divided by {n} once more": expected / x for n, x in named.items()}
    return missing | extra


def _ask_symmetry(asking, found, back, letters, usually):
    """The value is the same when its two arguments, named by `letters`, are swapped."""
    x, y = letters
    asking.ask(
        "symmetry",
        np.isclose(found, back, rtol=CLOSE),
        f"L({x}, {y}) is {found:.6g} and L({y}, {x}) {back:.6g}; wanted the same: "
        f"usually the square is missing, {usually}",
    )


# The photograph: eq. 1


def _content_mistakes(F, P, c):
    """What is written instead of c sum (F - P)^2."""
    d = _rows(F) - _rows(P)
    M, N = d.shape
    S = np.sum(d**2)
    whole = np.int64(_rows(F)) - np.int64(_rows(P))
    return {
        "the squares are missing: these are absolute values": c * np.sum(np.abs(d)),
        "the sum is squared, not its terms": c * np.sum(d) ** 2,
        "there is a square root: a norm, not its square": np.sqrt(S),
        "a mean where a sum is wanted": S / (N * M),
        "half a mean where half a sum is wanted": S / (2 * N * M),
        "the features were cut to whole numbers": c * np.sum(whole**2.0),
    } | _factors(c * S, N, M)


@check_of
def check_content_loss(
    f: Callable,
    asking: Asking,
    layout: str = "bhwc",
    normalize: str | Callable | tuple = "paper",
    seed: int = 0,
) -> None:
    """Checks `f(features, target)`, eq. 1.

    Args:
        f: takes activations of the generated picture and of the photograph.
        normalize: `"paper"` for 1/2 sum, `"none"` for the sum, `"positions"` for the
            sum over M, `"mean"` for the sum over N M.
        layout, seed: as in every check; see `help(nst.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from nst_tf import losses
    >>> check_content_loss(losses.content_loss)
    content_loss: all right: type, shape, identity, symmetry, direction, value, gradient
    >>> check_content_loss(lambda F, P: tf.reduce_sum(tf.square(F - P))).problem[-26:]
    'a division by 2 is missing'
    """
    _check_layout(layout)
    c = _convention(CONTENT, normalize)(*_sizes(SHAPE))
    rng = np.random.default_rng(seed)
    F, P = _features(rng, layout), _features(rng, layout)
    other = [_features(rng, layout, OTHER_SHAPE) for _ in range(2)]

    def right(F, P):
        return c * tf.reduce_sum(tf.square(F - P))

    student = Student(f, F, P)
    found = a_number(student(F, P))
    asking.tick("type")
    a_number(student(*other))
    asking.tick("shape")
    ask_identity(asking, student, P, P)
    back = a_number(student(P, F))
    _ask_symmetry(asking, found, back, "FP", "so that differences cancel")
    further = a_number(student(F + 2 * (F - P), P))
    asking.ask(
        "direction",
        further > found,
        "it does not grow when the pictures move apart: is the target computed from "
        "the generated picture, or its gradient stopped by a constant?",
    )
    expected = c * np.sum((_rows(F) - _rows(P)) ** 2)
    ask_value(asking, found, expected, _content_mistakes(F, P, c))
    ask_gradient(asking, student, right, F, P)


# Correlations between filters: eq. 3


def _gram_hints(shape, M):
    """What matrices of other shapes are."""
    *batch, N, _ = shape
    swapped = (
        "; positions and filters are swapped: this compares positions with each "
        "other, not filters: transpose the other one"
    )
    squares = "; these are sums of squares: products of different filters are missing"
    return {
        (*batch, M, M): swapped,
        (M, M): swapped,
        (N, N): "; the axis of the batch is lost",
        (1, N, N): "; there is an axis too many",
        (): "; is it summed up?",
        (*batch, N): squares,
    }


def _gram_mistakes(F, c):
    """What is written instead of c F^T F, F of shape (M, N)."""
    X = _rows(F)
    M, N = X.shape
    mixed = X.reshape(N, M)
    centered = X - X.mean(0)
    G = c * X.T @ X
    return {
        "the axes are transposed without tf.transpose: reshape(F, (N, M)) of (H, W, N) "
        "mixes the filters; reshape to (M, N), and transpose that": c * mixed @ mixed.T,
        "the means are subtracted: a covariance": c * centered.T @ centered,
        "only the diagonal is right": np.diag(np.diag(G)),
        "absolute values or roots in it": c * np.sqrt(np.abs(X.T @ X)),
    } | _factors(G, N, M)


def _ask_batch(asking, student, pictures, c):
    """Each picture of a batch has a Gram matrix of its own."""
    expected = np.stack([c * _gram(picture) for picture in pictures])
    N = pictures.shape[-1]
    summed = "; the pictures of a batch are summed up, each has its own"
    hints = {(1, N, N): summed, (N, N): summed}
    asking.ask(
        "batch",
        same(an_array(student(pictures), expected.shape, hints), expected),
        "one picture is right, but of two in a batch each should have its own",
    )


@check_of
def check_gram_matrix(
    f: Callable,
    asking: Asking,
    layout: str = "bhwc",
    normalize: str | Callable | tuple = "paper",
    batch: bool = True,
    seed: int = 0,
) -> None:
    """Checks `f(features)`, eq. 3.

    Args:
        f: takes activations of one layer; gives `(1, N, N)`, or `(N, N)` for `"hwc"`.
        normalize: `"paper"` or `"none"` for the sum over positions, `"positions"` for
            the sum over M, `"mean"` for the sum over N M.
        batch: whether it has to take several pictures at once, too.
        layout, seed: as in every check; see `help(nst.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from nst_tf import losses
    >>> bool(check_gram_matrix(losses.gram_matrix))
    True
    >>> check_gram_matrix(lambda F: losses.gram_matrix(F) / 20).problem[-53:]
    'it is divided by M, the number of positions once more'
    """
    _check_layout(layout)
    N, M = _sizes(SHAPE)
    c = _convention(GRAM, normalize)(N, M)
    rng = np.random.default_rng(seed)
    F = _features(rng, layout)
    shape = (1, N, N) if layout == "bhwc" else (N, N)

    def right(F):
        return tf.reshape(c * _gram_tensor(F), shape)

    student = Student(f, F)
    found = an_array(student(F), shape, _gram_hints(shape, M)).reshape(N, N)
    asking.tick("type")
    asking.tick("shape")
    asking.ask(
        "symmetry",
        same(found, found.T),
        "it is not symmetric; filter i with j is filter j with i",
    )
    ask_value(asking, found, c * _gram(F), _gram_mistakes(F, c))
    if layout == "bhwc" and batch:
        two = tf.concat([F, _features(rng, layout)], axis=0)
        _ask_batch(asking, student, two, c)
    ask_gradient(asking, student, right, F)


# The painting: eqs. 4 and 5


def _style_conventions(normalize):
    """Factors of Gram matrices, and of the squares of their differences."""
    if isinstance(normalize, tuple):
        return normalize
    return _convention(GRAM, normalize), _convention(STYLE, normalize)


def _style_target(features, gram, layout, target):
    """The second argument: a picture's Gram matrix, or its features."""
    if target == "gram":
        return tf.constant(gram[None] if layout == "bhwc" else gram, tf.float32)
    return features


def _style_layer(rng, layout, shape, target, gram_factor):
    """Features, the target that is given with them, and the Gram matrices G and A."""
    F, S = _features(rng, layout, shape), _features(rng, layout, shape)
    G, A = (gram_factor(*_sizes(shape)) * _gram(x) for x in (F, S))
    return F, _style_target(S, A, layout, target), G, A


def _layer_style_mistakes(F, given, G, A, c, target):
    """What is written instead of c sum (G - A)^2."""
    D = G - A
    S = np.sum(D**2)
    mistakes = {
        "the squares are missing: these are absolute values": c * np.sum(np.abs(D)),
        "the squares are missing: differences cancel": c * np.sum(D),
        "there is a square root: a norm, not its square": np.sqrt(S),
    }
    if target == "features":
        d = _rows(F) - _rows(given)
        mistakes["features are compared, not Gram matrices"] = c * np.sum(d**2)
    return mistakes | _factors(c * S, *_sizes(SHAPE))


def _layer_style_problem(values, squares, c, mistakes):
    """Why the first of two layers has a wrong value; their sizes differ."""
    (found, found2), (S, S2) = values, squares
    if np.isclose(found, S, rtol=CLOSE):
        return (
            f"it returned {found:.6g}, wanted {c * S:.6g}: this is the sum of "
            "squares alone, its factor is missing"
        )
    if np.isclose(found / S, found2 / S2, rtol=CLOSE):
        return (
            f"it has one factor, {found / S:.4g}, for layers of different sizes: "
            "N and M must come from the features at hand, not from the picture's "
            "size or from 3 channels"
        )
    return mistake(found, c * S, mistakes)


@check_of
def check_layer_style_loss(
    f: Callable,
    asking: Asking,
    layout: str = "bhwc",
    normalize: str | Callable | tuple = "positions",
    target: str = "gram",
    seed: int = 0,
) -> None:
    """Checks `f(features, target)`, eq. 4.

    Args:
        f: takes activations of the generated picture and the painting's Gram matrix.
        normalize: of the Gram matrices and of the squares: `"paper"` for raw matrices
            and 1/(4 N^2 M^2), `"positions"` for matrices over M and 1/(4 N^2), which is
            the same for pictures of one size; `"mean"` for matrices over N M and a mean
            of squares; `"none"` for neither; or a pair of functions.
        target: `"gram"`, or `"features"` if the second argument is the painting's
            activations.
        layout, seed: as in every check; see `help(nst.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from nst_tf import losses
    >>> bool(check_layer_style_loss(losses.layer_style_loss))
    True
    """
    _check_layout(layout)
    gram_factor, factor = _style_conventions(normalize)
    rng = np.random.default_rng(seed)
    F, given, G, A = _style_layer(rng, layout, SHAPE, target, gram_factor)
    F2, given2, G2, A2 = _style_layer(rng, layout, OTHER_SHAPE, target, gram_factor)
    c, c2 = factor(*_sizes(SHAPE)), factor(*_sizes(OTHER_SHAPE))
    S, S2 = np.sum((G - A) ** 2), np.sum((G2 - A2) ** 2)

    def right(F, _):
        G = gram_factor(*_sizes(SHAPE)) * _gram_tensor(F)
        return c * tf.reduce_sum(tf.square(G - tf.constant(A, tf.float32)))

    student = Student(f, F, given)
    found = a_number(student(F, given))
    asking.tick("type")
    found2 = a_number(student(F2, given2))
    asking.tick("shape")
    ask_identity(asking, student, F, _style_target(F, G, layout, target))
    if target == "features":
        back = a_number(student(given, F))
        _ask_symmetry(asking, found, back, "GA", "or the painting's own Gram matrix")
    asking.ask(
        "direction",
        found > 0,
        f"it is {found:.6g} for different pictures: is the painting's Gram matrix "
        "computed from the generated picture?",
    )
    mistakes = _layer_style_mistakes(F, given, G, A, c, target)
    asking.ask(
        "value",
        same(found, c * S),
        lambda: _layer_style_problem((found, found2), (S, S2), c, mistakes),
    )
    mistakes2 = _factors(c2 * S2, *_sizes(OTHER_SHAPE))
    asking.ask(
        "value",
        same(found2, c2 * S2),
        lambda: (
            f"right for {SHAPE}, but for {OTHER_SHAPE} "
            + mistake(found2, c2 * S2, mistakes2)
        ),
    )
    ask_gradient(asking, student, right, F, given)


def _style_mistakes(w, E):
    """What is written instead of sum_l w_l E_l."""
    right = np.sum(w * E)
    return {
        "the weights of the layers are not used": np.sum(E),
        "the weights are not used: it is a mean over layers": np.mean(E),
        "only the last layer is there: is it added up (+=), or set (=)?": w[-1] * E[-1],
        "only the last layer is there, without its weight": E[-1],
        "only the first layer is there: is the `return` inside the loop?": w[0] * E[0],
        "the weights are applied twice": np.sum(w**2 * E),
        "it is divided by the number of layers": right / len(w),
        "it is divided by the sum of the weights": right / w.sum(),
        "the weights belong to other layers: go by name": np.sum(w[::-1] * E),
    }


@check_of
def check_style_loss(
    f: Callable,
    asking: Asking,
    layout: str = "bhwc",
    normalize: str | Callable | tuple = "positions",
    target: str = "gram",
    seed: int = 0,
) -> None:
    """Checks `f(features, targets, layer_weights)`, eq. 5.

    Args:
        f: takes three dicts by layer: activations, the painting's Gram matrices, and
            the weights w_l.
        normalize, target: as in `check_layer_style_loss`.
        layout, seed: as in every check; see `help(nst.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from nst_tf import losses
    >>> bool(check_style_loss(losses.style_loss))
    True
    """
    _check_layout(layout)
    gram_factor, factor = _style_conventions(normalize)
    rng = np.random.default_rng(seed)
    weights = {"block1_conv1": 0.5, "block2_conv1": 0.2, "block3_conv1": 0.4}
    F, targets, errors = {}, {}, []
    for layer, shape in zip(weights, (SHAPE, OTHER_SHAPE, (1, 2, 3, 5)), strict=True):
        F[layer], targets[layer], G, A = _style_layer(
            rng, layout, shape, target, gram_factor
        )
        errors.append(factor(*_sizes(shape)) * np.sum((G - A) ** 2))
    w, E = np.array(list(weights.values())), np.array(errors)

    student = Student(f, F, targets, weights)
    found = a_number(student(F, targets, weights))
    asking.tick("type")
    ask_value(asking, found, np.sum(w * E), _style_mistakes(w, E))
    double = {layer: 2 * w_l for layer, w_l in weights.items()}
    asking.ask(
        "weights",
        same(a_number(student(F, targets, double)), 2 * np.sum(w * E)),
        "with weights twice as large it is not twice as large: are they hard-coded "
        "in the function?",
    )
    fewer = dict(list(weights.items())[:2])
    asking.ask(
        "weights",
        same(a_number(student(F, targets, fewer)), np.sum((w * E)[:2])),
        "with weights for two of three layers it should look at these two only",
    )


# Total variation


def _variation(image, power):
    """Differences between neighbours to a power, summed up."""
    down = image[..., 1:, :, :] - image[..., :-1, :, :]
    across = image[..., :, 1:, :] - image[..., :, :-1, :]
    return tf.reduce_sum(tf.abs(down) ** power) + tf.reduce_sum(tf.abs(across) ** power)


def _variation_mistakes(x, c, power, right):
    """What is written instead of c times `_variation`."""
    rows, columns, colours = (np.diff(x, axis=axis) for axis in (1, 2, 3))

    def total(*differences, power=power):
        return c * sum(np.sum(np.abs(d) ** power) for d in differences)

    around = [np.roll(x, 1, axis) - x for axis in (1, 2)]
    corner = [rows[:, :, :-1], columns[:, :-1]]
    return {
        "only differences from row to row are there": total(rows),
        "only differences from column to column are there": total(columns),
        "differences between colours are not noise: the last axis is not a direction": (
            total(rows, columns, colours)
        ),
        "one direction goes from colour to colour": total(rows, colours),
        "one direction goes from colour to colour: axes are off by one": (
            total(columns, colours)
        ),
        "tf.roll goes around the edge: the first row is no neighbour of the last": (
            total(*around)
        ),
        "the last row or column is left out of one of the directions": total(*corner),
        "absolute values where squares are wanted": total(rows, columns, power=1),
        "squares where absolute values are wanted": total(rows, columns, power=2),
        "there is a square root": np.sqrt(total(rows, columns)),
        "the squares are missing: differences cancel": c * (rows.sum() + columns.sum()),
    } | _factors(right, *_sizes(x.shape), "colours", "pixels")


@check_of
def check_total_variation(
    f: Callable,
    asking: Asking,
    layout: str = "bhwc",
    normalize: str | Callable | tuple = "positions",
    power: int = 2,
    seed: int = 0,
) -> None:
    """Checks `f(image)`.

    Args:
        f: takes a picture.
        normalize: `"positions"` or `"paper"` for the sum over the M pixels, as in this
            library; `"none"` for the sum; `"mean"` for the sum over pixels and
            colours, N M.
        power: 2 for squares of differences, 1 for absolute values.
        layout, seed: as in every check; see `help(nst.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from nst_tf import losses
    >>> bool(check_total_variation(losses.total_variation_loss))
    True
    """
    _check_layout(layout)
    shape = (1, 4, 6, 3)
    table = GRAM | {"paper": GRAM["positions"]}
    c = _convention(table, normalize)(*_sizes(shape))
    rng = np.random.default_rng(seed)
    image = _features(rng, layout, shape) / 2
    x = np.asarray(image, "float64").reshape(shape)

    def right(image):
        return c * _variation(image, power)

    student = Student(f, image)
    found = a_number(student(image))
    asking.tick("type")
    at_zero = a_number(student(0.5 * tf.ones_like(image)))
    asking.ask(
        "identity",
        abs(at_zero) < 1e-6,
        f"it is {at_zero:.6g} for a picture of one colour; wanted 0",
    )
    expected = float(right(image))
    mistakes = _variation_mistakes(x, c, power, expected)
    ask_value(asking, found, expected, mistakes)
    ask_gradient(asking, student, right, image)


# Both together: eq. 7


def _total_mistakes(c, s, a, b):
    """What is written instead of a c + b s."""
    return {
        "alpha and beta are swapped": b * c + a * s,
        "alpha and beta are not used": c + s,
        "alpha is not used": c + b * s,
        "beta is not used": a * c + s,
        "the style is missing": a * c,
        "the content is missing": b * s,
        "the losses are multiplied": a * c * b * s,
        "it is divided by alpha + beta": (a * c + b * s) / (a + b),
        "one is subtracted from the other": a * c - b * s,
    }


@check_of
def check_total_loss(f: Callable, asking: Asking, seed: int = 0) -> None:
    """Checks `f(content, style, alpha, beta)`, eq. 7.

    Args:
        f: takes both losses and their weights.
        seed: as in every check; see `help(nst.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> bool(check_total_loss(lambda content, style, a, b: a * content + b * style))
    True
    """
    rng = np.random.default_rng(seed)
    C, S = (tf.constant(x, tf.float32) for x in rng.uniform([1, 3], [2, 4]))
    a, b = (float(x) for x in rng.uniform([5, 8], [6, 9]))
    c, s = float(C), float(S)

    def right(C, S, a, b):
        return a * C + b * S

    student = Student(f, C, S, a, b)
    found = a_number(student(C, S, a, b))
    asking.tick("type")
    ask_value(asking, found, right(c, s, a, b), _total_mistakes(c, s, a, b))
    asking.ask(
        "value",
        same(a_number(student(C, S, 2 * a, b)), right(c, s, 2 * a, b)),
        "right for one alpha, not for another: is it hard-coded?",
    )
    ask_gradient(asking, student, right, C, S, a, b)


# What the network expects


def _preprocess_mistakes(x):
    """What is written instead of 255 times BGR, minus the mean."""
    bgr, mean = x[..., ::-1], np.array(MEAN_BGR)
    torch = (x - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return {
        "RGB, where BGR is wanted: reverse the last axis": 255 * x - mean[::-1],
        "RGB, where BGR is wanted, with the mean of BGR": 255 * x - mean,
        "BGR, with the mean of RGB": 255 * bgr - mean[::-1],
        "0 to 1, where 0 to 255 is wanted: multiply first": bgr - mean,
        "0 to 1, where 0 to 255 is wanted, and RGB": x - mean[::-1],
        "0 to 1, and RGB with the mean of BGR": x - mean,
        "the mean is not subtracted": 255 * bgr,
        "the mean is not subtracted, and it is RGB": 255 * x,
        "the mean is not subtracted, nor is it 0 to 255": bgr,
        "the mean is added": 255 * bgr + mean,
        "a mean of one half, where ImageNet's is wanted": 255 * bgr - 127.5,
        "-1 to 1 is for other networks": 2 * x - 1,
        "this is what PyTorch's VGG expects, not Keras'": torch,
        "the picture is as it was": x,
        "the colours are right, but a spatial axis is reversed": (
            255 * x[..., ::-1, :] - mean
        ),
    }


@check_of
def check_preprocess(
    f: Callable, asking: Asking, layout: str = "bhwc", seed: int = 0
) -> None:
    """Checks `f(image)`: what Keras' VGG expects of an RGB picture in [0, 1].

    BGR, 0 to 255, minus the mean of ImageNet.

    Args:
        f: takes a picture.
        layout, seed: as in every check; see `help(nst.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from keras.applications.vgg19 import preprocess_input
    >>> bool(check_preprocess(lambda image: preprocess_input(255 * image)))
    True
    """
    _check_layout(layout)
    rng = np.random.default_rng(seed)
    image = tf.constant(rng.uniform(size=(1, 4, 6, 3)[layout == "hwc" :]), tf.float32)
    x = np.asarray(image, "float64")
    hints = {(*x.shape[:-1], 1): "; is it grey?"}
    if layout == "hwc":
        hints[(1, *x.shape)] = "; there is an axis too many"

    student = Student(f, image)
    found = an_array(student(image), x.shape, hints)
    asking.tick("type")
    asking.tick("shape")
    expected = 255 * x[..., ::-1] - np.array(MEAN_BGR)
    ask_value(asking, found, expected, _preprocess_mistakes(x))


# One step


def _start_and_goal(rng):
    """A picture, and that of least loss, which draws six pixels out of [0, 1]."""
    start = rng.uniform(0.2, 0.8, (1, 4, 6, 3)).astype("float32")
    goal = rng.uniform(0.1, 0.9, start.shape).astype("float32")
    start[0, 0, :3], goal[0, 0, :3] = 0.0, -1.0
    start[0, 0, 3:], goal[0, 0, 3:] = 1.0, 2.0
    return start, goal


def _ask_moves(asking, start, found, goal, rate):
    """The picture went towards its goal, stayed in [0, 1], and moved by the rate."""
    asking.ask(
        "moves",
        not np.array_equal(found, start),
        "the picture did not move: a variable moves by image.assign(...) or by the "
        "optimizer; image = ... only gives its name to something new",
    )
    asking.ask(
        "direction",
        np.sum((found - goal) ** 2) < np.sum((start - goal) ** 2),
        "the loss grew: is the gradient added where it should be subtracted?",
    )
    asking.ask(
        "range",
        found.min() >= 0 and found.max() <= 1,
        f"pixels went to {found.min():.3g} and {found.max():.3g}; wanted [0, 1]: "
        "after the step, image.assign(tf.clip_by_value(image, 0.0, 1.0))",
    )
    moved = np.abs(found - start)[:, 1:].mean()  # the first row is held by the box
    asking.ask(
        "value",
        np.isclose(moved, rate, rtol=0.01),
        f"pixels moved by {moved:.4g}, wanted {rate}, the optimizer's rate: is the "
        "gradient applied twice, or without the optimizer?",
    )


def _ask_compiled(asking, step, runs):
    """Its Python, which adds to `runs`, does not run at every call."""
    before = len(runs)
    for _ in range(3):
        step()
    asking.ask(
        "compiled",
        len(runs) - before < 3,
        "every call runs all of its Python again: write @tf.function above it, "
        "which is several times as fast",
    )


@check_of
def check_train_step(
    f: Callable, asking: Asking, compiled: bool = True, seed: int = 0
) -> None:
    """Checks `f(image, loss, optimizer)`: one step of gradient descent on the pixels.

    Args:
        f: moves a `tf.Variable` picture once, with a Keras optimizer, so that the loss,
            a function of the picture, falls. Pixels stay in [0, 1].
        compiled: whether it has to be a `tf.function`.
        seed: as in every check; see `help(nst.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from nst_tf.optimizers import train_step
    >>> @tf.function
    ... def step(image, loss, optimizer):
    ...     return train_step(lambda image: {"total": loss(image)}, image, optimizer)
    >>> bool(check_train_step(step))
    True
    """
    rng = np.random.default_rng(seed)
    start, goal = _start_and_goal(rng)
    image, weight, runs = tf.Variable(start), tf.Variable(1.0), []

    def loss(x):
        runs.append(1)
        return weight * tf.reduce_sum(tf.square(x - goal))

    rate = 0.02
    optimizer = keras.optimizers.Adam(rate)
    optimizer.build([image])

    def step():
        try:
            f(image, loss, optimizer)
        except Exception as error:
            raise Problem(words_of(error)) from error

    if not callable(f):
        raise Problem(f"wanted a function, not {type(f).__name__}")
    step()
    asking.tick("type")
    asking.ask(
        "weights",
        float(weight) == 1.0,
        "it changed a weight of the network: take the gradient with respect to the "
        "picture, not to trainable variables",
    )
    _ask_moves(asking, start, image.numpy(), goal, rate)
    if compiled:
        _ask_compiled(asking, step, runs)

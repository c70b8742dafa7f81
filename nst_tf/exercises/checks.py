"""Checks of a student's functions, each of which names the mistake that it finds.

    nst.exercises.check_gram_matrix(my_gram_matrix)

The function may use TensorFlow or NumPy, and be a Keras layer, a `tf.Module` or a
lambda. The check returns a `Report`: a card in a notebook, text in a terminal, true or
false in an `assert`.

A check gives the function small random features, of several sizes and more than once,
and asks, in this order, for the type, the shape, L(x, x) = 0, symmetry, direction,
value and gradient. It stops at the first thing wrong. Which mistake was it? The wrong
formulas that students write stand in `formulas.py` and `picture_formulas.py` beside the
right ones: the one that gives the same wrong numbers at every size, up to a factor,
names it.

Whatever the function does, the check ends with a report; only a loop without end cannot
be stopped from here.

Options that mean the same in every check that has them:

    layout      "bhwc" for features of shape (1, H, W, N), "hwc" for (H, W, N);
                N is 3 for pictures
    normalize   the factor of the sum, by the name of a convention: "paper",
                "positions", "mean" or "none"; or as a function of N and M, M = H*W
    seed        of the random numbers that the function is given
    tensorflow  whether a gradient has to flow, so that NumPy and `.numpy()` are
                refused; otherwise they are noted
    own         whether nst_tf's own function, given as it is or called, is refused;
                otherwise it is noted
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from nst_tf import losses
from nst_tf.exercises import formulas, picture_formulas
from nst_tf.exercises.draws import (
    CONTENT,
    GRAM,
    PICTURES,
    SHAPES,
    Painting,
    draws_of,
    factor_of,
    gram_tensor,
    letters_of_picture,
    numbers,
    other_features,
    random_features,
    refuse_layout,
    sizes_of,
    square,
    style_draws,
)
from nst_tf.exercises.mistakes import same
from nst_tf.exercises.questions import Asking, Draw, Theirs, array_of, check_of, number
from nst_tf.exercises.steps import check_train_step
from nst_tf.exercises.students import Problem, an_array, defaults

__all__ = ["check_train_step"]  # further checks are below

# The photograph: eq. 1


def _ask_symmetry(asking, draw, found, letters):
    """The value is the same when its two arguments, named by `letters`, are swapped."""
    back = asking.value(draw, *reversed(draw.ours))
    x, y = letters
    asking.ask(
        "symmetry",
        same(found, back),
        f"L({x}, {y}) is {found:.6g} and L({y}, {x}) {back:.6g}; wanted the same",
    )


def _unused(draws):
    """Other arguments, which have to make a difference."""
    here = (
        " that it is given is not used: is a global variable in its place, or one that "
        "is kept from an earlier call?"
    )
    return {
        "the first argument" + here: lambda d: (draws[1].ours[0], *d.ours[1:]),
        "the target" + here: lambda d: (d.ours[0], draws[1].ours[1], *d.ours[2:]),
    }


@check_of(losses.content_loss)
def check_content_loss(
    asking: Asking,
    layout: str = "bhwc",
    normalize: str | Callable = "paper",
    seed: int = 0,
) -> None:
    """Checks `f(features, target)`, eq. 1.

    Args:
        f: takes activations of the generated picture and of the photograph.
        normalize: `"paper"` for 1/2 sum, `"none"` for the sum, `"positions"` for the
            sum over M, `"mean"` for the sum over N M.
        layout, seed, tensorflow, own: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> check_content_loss(lambda F, P: tf.reduce_sum(tf.square(F - P)) / 2)
    content_loss: all right: type, shape, identity, symmetry, direction, value, gradient
    >>> check_content_loss(lambda F, P: tf.reduce_sum(tf.square(F - P))).problem[-26:]
    'a division by 2 is missing'
    """
    refuse_layout(layout)
    convention = factor_of(CONTENT, normalize)
    rng = np.random.default_rng(seed)

    def make(shape):
        F, P = random_features(rng, layout, shape), other_features(rng, layout, shape)
        S = np.sum((numbers(F) - numbers(P)) ** 2)
        return (F, P), S, convention(*sizes_of(shape))

    draws = draws_of(asking, SHAPES, rng, make)

    def variants(draw):
        return formulas.content(*map(numbers, draw.ours))

    def right(F, P):
        return draws[1].scale * tf.reduce_sum(tf.square(F - P))

    asking.without = _unused(draws)
    found = asking.put(draws, number, variants)[0]
    draw = draws[0]
    F, P = draw.ours
    asking.ask_zero(draw, P, P, when="when both are the same")
    _ask_symmetry(asking, draw, found, "FP")
    asking.ask(
        "direction",
        asking.value(draw, F + 2 * (F - P), P) > found,
        "it does not grow when the pictures move apart",
    )
    asking.ask_value()
    asking.ask_gradient(right)


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
        (1, M, M): swapped,
        (N, N): "; the axis of the batch is lost",
        (1, N, N): "; there is an axis too many",
        (): "; is it summed up?",
        (*batch, N): squares,
    }


def _ask_batch(asking, pictures, factor):
    """Each picture of a batch has a Gram matrix of its own."""
    grams = np.stack([factor * formulas.gram(numbers(p)) for p in pictures])
    N = pictures.shape[-1]
    summed = "; the pictures of a batch are summed up, each has its own"
    hints = {(1, N, N): summed, (N, N): summed}
    try:
        value = asking.student(pictures)
    except Problem as problem:
        raise Problem(
            f"one picture is right, but with two in a batch, {tuple(pictures.shape)}, "
            f"each of which should have its own: {problem}"
        ) from None
    found = an_array(value, grams.shape, hints)
    if not same(found, grams):
        causes = [w for w, v in formulas.batch(grams).items() if same(found, v)]
        raise Problem(
            "one picture is right, but of two in a batch each should have its own"
            + (f": {causes[0]}" if causes else "")
        )
    asking.tick("batch")


@check_of(losses.gram_matrix, losses.mean_gram)
def check_gram_matrix(
    asking: Asking,
    layout: str = "bhwc",
    normalize: str | Callable = "paper",
    batch: bool = True,
    seed: int = 0,
) -> None:
    """Checks `f(features)`, eq. 3.

    Args:
        f: takes activations of one layer; gives `(1, N, N)`, or `(N, N)` for `"hwc"`.
        normalize: `"paper"` or `"none"` for the sum over positions, `"positions"` for
            the sum over M, `"mean"` for the sum over N M.
        batch: whether it has to take several pictures at once, too.
        layout, seed, tensorflow, own: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> check_gram_matrix(losses.gram_matrix)
    gram_matrix: all right: type, shape, symmetry, value, batch, gradient
    (note: this is nst_tf's own gram_matrix, or calls it)
    >>> check_gram_matrix(lambda F: losses.gram_matrix(F) / 20).problem[-69:]
    'it is divided by 20 once more at every size; 20 is M of one size only'
    """
    refuse_layout(layout)
    convention = factor_of(GRAM, normalize)
    rng = np.random.default_rng(seed)
    batch = batch and layout == "bhwc"

    def make(shape):
        F = random_features(rng, layout, shape)
        return (F,), formulas.gram(numbers(F)), convention(*sizes_of(shape))

    def shape_of(draw):
        N = draw.sizes["N"]
        return (1, N, N) if layout == "bhwc" else (N, N)

    def hints_of(draw):
        return _gram_hints(shape_of(draw), draw.sizes["H"] * draw.sizes["W"])

    def right(F):
        return draws[1].scale * gram_tensor(F)

    def variants(draw):
        return formulas.choices(formulas.GRAMS, numbers(draw.ours[0]))

    draws = draws_of(asking, SHAPES, rng, make)
    read = array_of(shape_of, hints_of)
    found = asking.put(draws, lambda value, draw: square(read(value, draw)), variants)
    asking.ask(
        "symmetry",
        same(found[0], found[0].T),
        "it is not symmetric; filter i with j is filter j with i",
    )
    asking.ask_value()
    if batch:
        two = tf.concat([draws[0].ours[0], draws[1].ours[0]], axis=0)
        _ask_batch(asking, two, draws[0].scale)
    asking.ask_gradient(right)


# The painting: eqs. 4 and 5


@check_of(losses.layer_style_loss, losses.gram_loss)
def check_layer_style_loss(
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
        layout, seed, tensorflow, own: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from nst_tf import losses
    >>> bool(check_layer_style_loss(losses.layer_style_loss))
    True
    """
    painting = Painting(layout, normalize, target)
    rng = np.random.default_rng(seed)

    def make(shape):
        F, given, S = painting.layer(rng, shape)
        return (F, given), S, painting.factor(*sizes_of(shape))

    def right(F, given):
        return painting.right(F, given) * np.prod([*draws[1].theirs.letters.values()])

    draws = draws_of(asking, SHAPES, rng, make)
    asking.instead = {
        "its arguments are swapped; wanted (features, target)": lambda F, A: (A, F)
    }
    asking.without = _unused(draws)
    found = asking.put(draws, number, lambda draw: painting.variants(*draw.ours))[0]
    draw = draws[0]
    F, _ = draw.ours
    asking.ask_zero(draw, F, painting.given(F), when="when both are the same")
    if painting.both:
        _ask_symmetry(asking, draw, found, "GA")
    asking.ask("direction", found > 0, f"it is {found:.6g} for different pictures")
    asking.ask_value()
    asking.ask_gradient(right)


def _zipped(F, targets, weights):
    """The dicts in one order."""
    return {n: F[n] for n in weights}, {n: targets[n] for n in weights}, weights


def _by_features(F, targets, weights):
    """The dicts in the order of the first."""
    return F, {n: targets[n] for n in F}, {n: weights[n] for n in F}


def _by_names(F, targets, weights):
    """The dicts in the order of the alphabet."""
    return tuple({n: x[n] for n in sorted(x)} for x in (F, targets, weights))


ZIPPED = "the dicts are paired by their order; wanted by the names of the layers"
OTHER_WAYS = {
    ZIPPED: _zipped,
    f"{ZIPPED}, features[layer]": _by_features,
    f"{ZIPPED}, not sorted": _by_names,
    "its arguments are swapped; wanted (features, targets, weights)": (
        lambda F, targets, weights: (targets, F, weights)
    ),
}


def _style_variants(painting, draw):
    F, targets, weights = draw.ours
    sizes = [sizes_of(F[name].shape) for name in weights]
    scales = [painting.factor(*size) for size in sizes]
    tables = [painting.variants(F[n], targets[n], few=True) for n in weights]
    return formulas.style(np.array([*weights.values()]), tables, scales, sizes)


@check_of(losses.style_loss)
def check_style_loss(
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
        layout, seed, tensorflow, own: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from nst_tf import losses
    >>> bool(check_style_loss(losses.style_loss))
    True
    """
    painting = Painting(layout, normalize, target)
    draws = style_draws(asking, painting, np.random.default_rng(seed))

    def twice(draw):
        F, targets, weights = draw.ours
        return F, targets, {name: 2 * w for name, w in weights.items()}

    def right(F, targets, weights):
        return tf.add_n(
            [w * painting.right(F[n], targets[n]) for n, w in weights.items()]
        )

    asking.instead = OTHER_WAYS
    weights = "the weights that it is given are not used: are they hard-coded?"
    asking.without = _unused(draws) | {weights: twice}
    asking.put(draws, number, lambda draw: _style_variants(painting, draw))
    asking.ask_value()
    draw = draws[0]
    F, targets, weights = draw.ours
    fewer = dict([*weights.items()][:2])
    wanted = float(right(F, targets, fewer))
    try:
        found = asking.value(draw, F, targets, fewer)
    except Problem as problem:
        raise Problem(
            "with weights for two of three layers it should look at these two only; "
            f"{problem}"
        ) from None
    asking.ask(
        "weights",
        same(found, wanted),
        f"with weights for two of three layers it returned {found:.6g}, wanted "
        f"{wanted:.6g}: it should look at these two only",
    )
    asking.ask_gradient(right)


# Total variation


def _variation(image, power):
    """Differences between neighbours to a power, summed up."""
    down = image[..., 1:, :, :] - image[..., :-1, :, :]
    across = image[..., :, 1:, :] - image[..., :, :-1, :]
    return tf.reduce_sum(tf.abs(down) ** power) + tf.reduce_sum(tf.abs(across) ** power)


@check_of(losses.total_variation_loss)
def check_total_variation(
    asking: Asking,
    layout: str = "bhwc",
    normalize: str | Callable = "positions",
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
        layout, seed, tensorflow, own: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from nst_tf import losses
    >>> bool(check_total_variation(losses.total_variation_loss))
    True
    """
    refuse_layout(layout)
    if power not in (1, 2):
        raise ValueError(f"power: {power!r} is neither 1 nor 2")
    table = GRAM | {"paper": GRAM["positions"]}
    convention = factor_of(table, normalize)
    rng = np.random.default_rng(seed)

    def make(shape):
        image = random_features(rng, layout, shape) / 2
        formula = picture_formulas.variation(numbers(image), power)[0][1]()
        return (image,), formula, convention(*sizes_of(shape))

    def right(image):
        return draws[1].scale * _variation(image, power)

    draws = draws_of(asking, PICTURES, rng, make, letters_of_picture)
    asking.put(
        draws,
        number,
        lambda draw: picture_formulas.variation(numbers(draw.ours[0]), power),
    )
    flat = 0.5 * tf.ones_like(draws[0].ours[0])
    flat = flat * tf.constant([0.2, 0.5, 0.9])
    asking.ask_zero(draws[0], flat, when="for a picture of one colour")
    asking.ask_value()
    asking.ask_gradient(right)


# Both together: eq. 7


def _total_draws(rng):
    """Two losses and two weights, one of which is sometimes zero."""
    draws, how = [], Theirs(lambda both, *weights: (*both, *weights))
    for i in range(4):
        C, S = (tf.constant(x, tf.float32) for x in rng.uniform([1, 3], [2, 4]))
        a, b = (float(x) for x in rng.uniform([0.1, 8], [6, 9]))
        a, b = (0.0, b) if i == 2 else (a, 0.0) if i == 3 else (a, b)
        right = a * float(C) + b * float(S)
        name = f"alpha = {a:.3g}, beta = {b:.3g}"
        draws.append(Draw(((C, S), a, b), right, 1.0, {}, name, how))
    return draws


def _ask_defaults(asking, draw, wanted):
    """A weight that is left away has its default, the one that is wanted."""
    given = [x for x in defaults(asking.student.f) if isinstance(x, int | float)][-2:]
    if given and wanted and not same(given, wanted[-len(given) :]):
        raise Problem(
            f"its defaults are {', '.join(map(str, given))}; wanted "
            f"{', '.join(f'{x:g}' for x in wanted[-len(given) :])}"
        )
    both, *weights = draw.ours
    for left in range(1, len(given) + 1):
        first, rest = weights[: 2 - left], given[-left:]
        wanted = np.dot([float(x) for x in both], [*first, *rest])
        found = asking.value(draw, both, *first)
        if not same(found, wanted):
            raise Problem(
                f"with its own defaults, {', '.join(map(str, rest))}, it returned "
                f"{found:.6g}, wanted {wanted:.6g}"
            )


@check_of(losses.TotalLoss.weighted)
def check_total_loss(
    asking: Asking, weights: tuple[float, float] | None = None, seed: int = 0
) -> None:
    """Checks `f(content, style, alpha, beta)`, eq. 7.

    Args:
        f: takes both losses and their weights. If these have defaults, they are asked
            for, too.
        weights: what the defaults of alpha and beta have to be, if it has any; None if
            that makes no difference.
        seed, tensorflow, own: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> bool(check_total_loss(lambda content, style, a, b: a * content + b * style))
    True
    """
    draws = _total_draws(np.random.default_rng(seed))

    def variants(draw):
        (C, S), a, b = draw.ours
        return formulas.choices(formulas.TOTALS, float(C), float(S), a, b)

    def other_weights(draw):
        both, a, b = draw.ours
        return both, 2 * a + 1, 3 * b + 1

    def right(both, a, b):
        return a * both[0] + b * both[1]

    asking.without = {
        "alpha and beta that it is given are not used: are they hard-coded?": (
            other_weights
        )
    }
    asking.put(draws, number, variants)
    asking.ask_value()
    _ask_defaults(asking, draws[0], weights)
    asking.ask_gradient(right, of="content and style")


# What the network expects


@check_of()
def check_preprocess(asking: Asking, layout: str = "bhwc", seed: int = 0) -> None:
    """Checks `f(image)`: what Keras' VGG expects of an RGB picture in [0, 1].

    BGR, 0 to 255, minus the mean of ImageNet.

    Args:
        f: takes a picture.
        layout, seed, tensorflow: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> from keras.applications.vgg19 import preprocess_input
    >>> bool(check_preprocess(lambda image: preprocess_input(255 * image)))
    True
    """
    refuse_layout(layout)
    rng = np.random.default_rng(seed)

    def make(shape):
        image = rng.uniform(size=shape if layout == "bhwc" else shape[1:])
        image = tf.constant(image, tf.float32)
        right = picture_formulas.preprocessed(numbers(image))[0][1]()
        return (image,), right, 1.0

    def shape_of(draw):
        return tuple(draw.ours[0].shape)

    def hints_of(draw):
        H, W, _ = shape_of(draw)[-3:]
        return {(1, H, W, 1): "; is it grey?", (H, W, 1): "; is it grey?"}

    def variants(draw):
        return picture_formulas.preprocessed(numbers(draw.ours[0]))

    def right(image):
        return 255 * image

    draws = draws_of(asking, PICTURES[:-1], rng, make, lambda shape: {})
    read = array_of(shape_of, hints_of)
    asking.put(draws, lambda value, draw: numbers(read(value, draw)), variants)
    asking.ask_value()
    if asking.tensorflow:
        asking.ask_gradient(right)

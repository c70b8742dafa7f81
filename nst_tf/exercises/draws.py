"""What the checks give to a function, and what is right: features, pictures, layers.

All numbers are drawn. The first two draws have one shape, so that what is kept from the
first call is seen at the second; the others have other shapes.
"""

import numpy as np
import tensorflow as tf

from nst_tf.exercises import formulas
from nst_tf.exercises.questions import Draw

LAYOUTS = ("bhwc", "hwc")
# B, H, W, N: no two alike, N is no usual factor, and the first comes twice
SHAPES = [(1, 4, 5, 7), (1, 4, 5, 7), (1, 3, 6, 5), (1, 7, 2, 4)]
PICTURES = [(1, 4, 6, 3), (1, 4, 6, 3), (1, 5, 3, 3), (1, 8, 7, 3), (1, 3, 9, 3)]


# What a function is given, and what is right


def refuse_layout(layout):
    """If it is none of those known."""
    if layout not in LAYOUTS:
        raise ValueError(f"layout: {layout!r} is none of {list(LAYOUTS)}")


def random_features(rng, layout, shape=SHAPES[0]):
    """Random activations, positive as after ReLU."""
    F = rng.uniform(0.1, 2.0, shape).astype("float32")
    return tf.constant(F if layout == "bhwc" else F[0])


def other_features(rng, layout, shape):
    """Those of another picture, in which some filters are stronger and some weaker."""
    strength = rng.permutation(np.linspace(0.5, 1.6, shape[-1])).astype("float32")
    return random_features(rng, layout, shape) * strength


def numbers(F):
    """`(H, W, N)` in float64."""
    F = np.asarray(F, "float64")
    return F[0] if F.ndim == 4 else F


def sizes_of(shape):
    """N filters and M positions.

    >>> sizes_of((1, 4, 5, 7))
    (7, 20)
    """
    return shape[-1], shape[-3] * shape[-2]


def letters_of(shape):
    return {"N": shape[-1], "H": shape[-3], "W": shape[-2]}


def gram_tensor(F):
    """Eq. 3 as a tensor, which has a gradient, `(N, N)`."""
    rows = tf.reshape(F, (-1, F.shape[-1]))
    return tf.matmul(rows, rows, transpose_a=True)


def draws_of(asking, shapes, rng, make, letters=letters_of):
    """Draws of these shapes; `make` gives the arguments, the formula and its factor."""
    theirs, draws = {}, []
    for shape in shapes:
        if shape not in theirs:
            theirs[shape] = asking.theirs(rng)
        ours, formula, scale = make(shape)
        scale = scale * np.prod([*theirs[shape].letters.values()])
        sizes = letters(shape) | dict(theirs[shape].letters)
        name = f"shape {tuple(np.shape(ours[0]))}" if tf.is_tensor(ours[0]) else shape
        draws.append(Draw(ours, scale * formula, scale, sizes, name, theirs[shape]))
    return draws


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


def factor_of(table, normalize):
    """A factor by its name, or a function of N and M as it is."""
    if callable(normalize):
        return normalize
    if not isinstance(normalize, str) or normalize not in table:
        raise ValueError(
            f"normalize: {normalize!r} is none of {list(table)}, nor a function of N, M"
        )
    return table[normalize]


def letters_of_picture(shape):
    H, W = shape[1:3]
    return {"N": 3, "H": H, "W": W, "(H-1)": H - 1, "(W-1)": W - 1}


def square(array):
    return array.reshape(array.shape[-2:])


# The painting: eqs. 4 and 5


def _style_conventions(normalize):
    """Factors of Gram matrices, and of the squares of their differences."""
    if isinstance(normalize, tuple):
        return normalize
    return factor_of(GRAM, normalize), factor_of(STYLE, normalize)


def _check_target(target):
    if target not in ("gram", "features"):
        raise ValueError(f"target: {target!r} is neither 'gram' nor 'features'")


class Painting:
    """How a painting is given, and what is right then."""

    def __init__(self, layout, normalize, target):
        refuse_layout(layout)
        _check_target(target)
        self.layout, self.both = layout, target == "features"
        self.gram_factor, self.factor = _style_conventions(normalize)

    def gram(self, F):
        return self.gram_factor(*sizes_of(F.shape)) * formulas.gram(numbers(F))

    def given(self, features):
        """The second argument: a picture's Gram matrix, or its features."""
        if self.both:
            return features
        gram = self.gram(features)
        return tf.constant(gram[None] if self.layout == "bhwc" else gram, tf.float32)

    def layer(self, rng, shape):
        """Features, the target, and the sum of squares."""
        F, S = (
            random_features(rng, self.layout, shape),
            other_features(rng, self.layout, shape),
        )
        return F, self.given(S), np.sum((self.gram(F) - self.gram(S)) ** 2)

    def right(self, F, given):
        """Eq. 4 as a tensor."""
        sizes = sizes_of(F.shape)
        A = self.gram(given) if self.both else square(np.asarray(given))
        G = self.gram_factor(*sizes) * gram_tensor(F)
        A = tf.constant(A, tf.float32)
        return self.factor(*sizes) * tf.reduce_sum(tf.square(G - A))

    def variants(self, F, given, few=False):
        """Eq. 4 without its factor, and what is written instead."""
        given = numbers(given) if self.both else square(np.asarray(given, "float64"))
        factor = self.gram_factor(*sizes_of(F.shape))
        return formulas.layer_style(numbers(F), given, factor, self.both, few)


# Layers of each draw: the names are in no order, nor are the dicts
LAYERS = [
    {"block2_conv1": SHAPES[0], "block1_conv2": SHAPES[2], "block3_conv1": SHAPES[3]},
    {"block2_conv1": SHAPES[0], "block1_conv2": SHAPES[2], "block3_conv1": SHAPES[3]},
    {"block4_conv1": SHAPES[2]},
    {
        "block5_conv1": (1, 2, 3, 5),
        "block1_conv1": SHAPES[3],
        "block4_conv2": SHAPES[0],
        "block2_conv2": (1, 3, 2, 6),
    },
]


def _turn(names, by):
    """Names in another order."""
    names = [*names]
    return names[by % len(names) :] + names[: by % len(names)]


def style_draws(asking, painting, rng):
    """Three dicts by layer, each in an order of its own."""
    draws, theirs = [], {}
    for i, shapes in enumerate(LAYERS):
        weights = dict(zip(shapes, rng.uniform(0.1, 3, len(shapes)), strict=True))
        if i == 3:
            weights["block4_conv2"] = 0.0
        weights = {name: float(np.float32(w)) for name, w in weights.items()}
        F, targets, right = {}, {}, 0.0
        for name, shape in shapes.items():
            F[name], targets[name], S = painting.layer(rng, shape)
            right += weights[name] * painting.factor(*sizes_of(shape)) * S
        F = {name: F[name] for name in _turn(F, 1)}
        targets = {name: targets[name] for name in _turn(targets, 2)}
        how = theirs.setdefault(len(shapes), asking.theirs(rng))
        zero = ", one of weight 0" if 0.0 in weights.values() else ""
        name = f"{len(shapes)} layer{'s' * (len(shapes) > 1)}{zero}"
        draws.append(Draw((F, targets, weights), right, 1.0, {}, name, how))
    return draws

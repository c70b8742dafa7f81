"""Whose colours: the painting recoloured, luminance alone, the photograph's given back.

Tensors only. Gatys et al. 2017 ("Controlling Perceptual Factors in Neural Style
Transfer", section 5) keep a photograph's colours in two ways: by recolouring the
painting first, or by painting luminance only.
"""

import tensorflow as tf

from nst_tf.losses import Array

LUMA = (0.299, 0.587, 0.114)  # of R, G and B, as in YIQ (ITU-R BT.601)
LEAST = 1e-5  # variance that a colour is taken to have, so that grey can be divided by


def _moments(image, weights):
    """Mean `(3,)` and covariance `(3, 3)` of the colours, in double precision.

    Weights are `(1, H, W, 1)`, or None.
    """
    colors = tf.cast(tf.reshape(image, (-1, 3)), tf.float64)
    w = tf.ones_like(colors[:, :1]) if weights is None else weights
    w = tf.reshape(tf.cast(w, tf.float64), (-1, 1))
    w /= tf.reduce_sum(w)
    mean = tf.reduce_sum(w * colors, axis=0)
    centred = colors - mean
    return mean, tf.matmul(w * centred, centred, transpose_a=True)


def _power(matrix, exponent, least):
    """A symmetric matrix to a power; smaller eigenvalues count as `least`."""
    values, vectors = tf.linalg.eigh(matrix)
    powers = tf.pow(tf.maximum(values, least), exponent)
    return tf.matmul(vectors * powers, vectors, transpose_b=True)


def _linear(image, A, b):
    """x -> A x + b, of every colour, A symmetric."""
    A, b = tf.cast(A, tf.float32), tf.cast(b, tf.float32)
    return tf.tensordot(tf.cast(image, tf.float32), A, 1) + b


def match_colors(
    image: Array,
    other: Array,
    weights: Array | None = None,
    other_weights: Array | None = None,
) -> tf.Tensor:
    """Gives a picture the mean and the covariance of another's colours.

        x -> A (x - mean) + mean'       A = S^-1/2 (S^1/2 S' S^1/2)^1/2 S^-1/2

    S and S' are the covariances. Of all linear maps that take one to the other, this
    one (Monge's) moves the colours least.

    Args:
        image: `(1, H, W, 3)` RGB in [0, 1].
        other: `(1, h, w, 3)`, whose colours it gets.
        weights, other_weights: `(1, H, W, 1)` and `(1, h, w, 1)`: how much each
            position counts, such as a mask. Default: all the same.

    Returns:
        `(1, H, W, 3)`, not clipped to [0, 1].

    Example:

    >>> red = tf.ones((1, 2, 3, 3)) * [0.9, 0.1, 0.2]
    >>> match_colors(tf.ones((1, 4, 5, 3)), red)[0, 0, 0].numpy().round(3)
    array([0.9, 0.1, 0.2], dtype=float32)
    """
    mean, S = _moments(image, weights)
    wanted, S_wanted = _moments(other, other_weights)
    root, inverse = (_power(S, exponent, LEAST) for exponent in (0.5, -0.5))
    middle = _power(root @ S_wanted @ root, 0.5, 0.0)
    A = inverse @ middle @ inverse
    return _linear(image, A, wanted - tf.linalg.matvec(A, mean))


def luminance(image: Array) -> tf.Tensor:
    """How bright each position is: `(1, H, W, 3)` -> `(1, H, W, 1)`.

    >>> luminance(tf.ones((1, 1, 1, 3))).numpy()
    array([[[[1.]]]], dtype=float32)
    """
    return tf.reduce_sum(image * tf.constant(LUMA), axis=-1, keepdims=True)


def grey(image: Array) -> tf.Tensor:
    """A picture of its luminance, `(1, H, W, 3)`, its three channels alike."""
    return tf.repeat(luminance(image), 3, axis=-1)


def match_luminance(
    image: Array,
    other: Array,
    weights: Array | None = None,
    other_weights: Array | None = None,
) -> tf.Tensor:
    """A grey picture with the mean and deviation of another's luminance.

    Args:
        image, other, weights, other_weights: as in `match_colors`.

    Returns:
        `(1, H, W, 3)`, its three channels alike, not clipped to [0, 1].
    """
    mean, S = _moments(grey(image), weights)
    wanted, S_wanted = _moments(grey(other), other_weights)
    gain = tf.sqrt(S_wanted[0, 0] / tf.maximum(S[0, 0], LEAST))
    return _linear(
        grey(image), gain * tf.eye(3, dtype=gain.dtype), wanted - gain * mean
    )


def chroma(image: Array) -> tf.Tensor:
    """What a picture's colours have beside luminance, `(1, H, W, 3)`: I and Q of YIQ.

    `grey(image) + chroma(image)` is the image.
    """
    return image - luminance(image)


def with_colors_of(image: Array, photo: Array) -> tf.Tensor:
    """A picture's luminance, and a photograph's colours: both `(1, H, W, 3)`.

    Returns:
        `(1, H, W, 3)` in [0, 1].

    Example:

    >>> red, white = tf.constant([[[[1.0, 0, 0]]]]), tf.ones((1, 1, 1, 3)) * 0.299
    >>> with_colors_of(white, red).numpy().round(3)
    array([[[[1., 0., 0.]]]], dtype=float32)
    """
    return tf.clip_by_value(luminance(image) + chroma(photo), 0.0, 1.0)

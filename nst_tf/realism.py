"""Still a photograph: a picture's light and colours, with a photograph's edges.

What makes a painted photograph look painted is that its edges move. A guided filter
(He, Sun and Tang 2010) makes the picture, around every pixel, a linear function of the
photograph, so that it can have no edge that the photograph has not; Luan et al. 2017
ask the same of it by a term of the loss.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from nst_tf.images import Picture, load_image, resize

RADIUS = 1 / 24  # of the long edge
LEAST_RADIUS = 6  # pixels, in the smaller pictures where a and b are found
EPSILON = 1e-3  # variance below which the photograph counts as flat


def _mean(x, radius, axis):
    """Mean over `radius` neighbours on each side, as far as there are any."""
    n = x.shape[axis]
    sums = np.cumsum(x, axis=axis, dtype="float64")
    sums = np.concatenate([np.zeros_like(sums.take([0], axis)), sums], axis)
    i = np.arange(n)
    first, last = np.maximum(i - radius, 0), np.minimum(i + radius + 1, n)
    count = (last - first).reshape([-1 if k == axis else 1 for k in range(x.ndim)])
    return (sums.take(last, axis) - sums.take(first, axis)) / count


def _box(x, radius):
    """Mean over a square around every pixel: `(H, W, ...)` of the same shape."""
    return _mean(_mean(x, radius, 0), radius, 1)


def _coefficients(p, guide, radius, epsilon):
    """a `(H, W, 3, C)` and b `(H, W, C)` of the square around every pixel."""
    mean_guide, mean_p = _box(guide, radius), _box(p, radius)
    S = _box(guide[:, :, :, None] * guide[:, :, None, :], radius)
    S -= mean_guide[:, :, :, None] * mean_guide[:, :, None, :]
    with_p = _box(guide[:, :, :, None] * p[:, :, None, :], radius)
    with_p -= mean_guide[:, :, :, None] * mean_p[:, :, None, :]
    a = np.linalg.solve(S + epsilon * np.eye(3), with_p)
    return a, mean_p - np.einsum("hwi,hwic->hwc", mean_guide, a)


def _resized(x, shape):
    """`(H, W, ...)` at another height and width, float64."""
    if x.shape[:2] == tuple(shape):
        return x
    flat = x.reshape(1, *x.shape[:2], -1).astype("float32")
    found = tf.image.resize(flat, shape, antialias=True).numpy()
    return found.reshape(*shape, *x.shape[2:]).astype("float64")


def guided_filter(
    image: np.ndarray,
    guide: np.ndarray,
    radius: int,
    epsilon: float = EPSILON,
    shrink: int = 1,
) -> np.ndarray:
    """A picture that is, in every square, linear in the colours of a guide.

        q = a . I + b       a, b: least squares of p over the square, a ridge of epsilon

    q takes the mean of a and b over all squares around a pixel (He et al. 2010, eqs. 14
    to 16).

    Args:
        image: p, `(H, W, C)`.
        guide: I, `(H, W, 3)` in [0, 1].
        radius: of the squares, in pixels: each is 2 radius + 1 wide.
        epsilon: in squared units of the guide.
        shrink: a and b are found in pictures so many times smaller, and enlarged (He
            and Sun 2015): they are smooth.

    Returns:
        `(H, W, C)` float32.

    Example:

    >>> photo = np.random.default_rng(0).random((20, 30, 3))
    >>> negative = guided_filter(1 - photo, photo, 4, epsilon=1e-9)
    >>> bool(np.allclose(negative, 1 - photo, atol=1e-4))
    True
    """
    guide, p = np.asarray(guide, "float64"), np.asarray(image, "float64")
    small = [max(1, n // shrink) for n in guide.shape[:2]]
    few = max(1, radius // shrink)
    a, b = _coefficients(_resized(p, small), _resized(guide, small), few, epsilon)
    a, b = (_resized(_box(x, few), guide.shape[:2]) for x in (a, b))
    return (np.einsum("hwi,hwic->hwc", guide, a) + b).astype("float32")


def with_edges_of(image: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """A picture with a photograph's edges, `(H, W, 3)` both, in [0, 1]."""
    radius = max(1, round(RADIUS * max(photo.shape[:2])))
    shrink = max(1, radius // LEAST_RADIUS)
    return np.clip(guided_filter(image, photo, radius, shrink=shrink), 0, 1)


def strength(photo: Picture, result: Any, amount: float) -> np.ndarray:
    """A painted picture, weaker: its colours come first, and its strokes last.

        p + (1 - (1 - t)^2) (q - p) + t^2 (x - q)

    q is the picture x with the photograph's edges. A mixture of pixels would show both
    pictures' edges, one through the other; here the photograph's stay until late.

    Args:
        photo: p, as `load_image` takes it.
        result: x, a `Result`, or a picture of the same proportions.
        amount: t; 0 is the photograph, 1 the painted picture.

    Returns:
        `(H, W, 3)` float32 in [0, 1], at the size of the result.

    Raises:
        ValueError: not pictures, other proportions, or an amount outside of [0, 1].

    Example:

    >>> half = strength("photo.jpg", "photo.jpg", 0.5)
    """
    if not 0 <= amount <= 1:
        raise ValueError(f"amount: {amount}; wanted a number from 0 to 1")
    x = load_image(getattr(result, "image", result))
    p = load_image(photo, max(x.shape[1:3]))
    if max(abs(a - b) for a, b in zip(p.shape, x.shape, strict=True)) > 1:
        raise ValueError(
            f"result: {x.shape[2]} x {x.shape[1]} pixels, and the photograph has the "
            f"proportions of {p.shape[2]} x {p.shape[1]}; wanted a picture of it"
        )
    p, x = resize(p, x.shape[1:3])[0].numpy(), x[0].numpy()
    if amount in (0, 1):
        return x if amount else p
    q, t = with_edges_of(x, p), np.float32(amount)
    return np.clip(p + (1 - (1 - t) ** 2) * (q - p) + t**2 * (x - q), 0, 1)

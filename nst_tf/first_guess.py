"""What L-BFGS knows about pictures: its first guess of the inverse Hessian.

Usually this is a number times the identity (Nocedal and Wright 2006, eq. 7.20). We know
more about a picture: large strokes may move up to ten times as far as small ones, and
each place, for a given change of its gradient, about as far as it just did.
"""

import functools

import numpy as np
import tensorflow as tf

LARGE, GAIN = 64, 10  # pixels; longer waves may move up to ten times as far


@functools.lru_cache(maxsize=4)
def _waves(length):
    """The cosines along a side that are longer than 16 pixels, and their frequencies.

    Returns:
        `(n, length)`, orthonormal rows (DCT-II), and `(n,)` cycles a pixel.
    """
    n = max(1, length // 8)
    frequency = np.arange(n) / (2 * length)
    phase = 2 * np.pi * np.outer(frequency, np.arange(length) + 0.5)
    scale = np.sqrt(np.where(frequency == 0, 1, 2) / length)
    return tf.constant(scale[:, np.newaxis] * np.cos(phase), tf.float32), frequency


def large(picture):
    """The large strokes: waves of f cycles per pixel, times 1 / (1 + (64 f)^2).

    In TensorFlow: the threads of NumPy's matrix products would stay awake for a while
    after each, and keep the network from the processor.
    """
    _, height, width, channels = picture.shape
    (down, fy), (across, fx) = _waves(height), _waves(width)
    f2 = fx[:, np.newaxis, np.newaxis] ** 2 + fy**2
    share = np.float32(1 / (1 + LARGE**2 * f2))
    rows = tf.reshape(picture, (height, width * channels))
    waves = tf.matmul(rows, down, transpose_a=True, transpose_b=True)
    waves = tf.matmul(across, tf.reshape(waves, (width, -1)))
    waves = share * tf.reshape(waves, (len(fx), channels, len(fy)))
    waves = tf.matmul(across, tf.reshape(waves, (len(fx), -1)), transpose_a=True)
    waves = tf.reshape(waves, (width * channels, len(fy)))
    rows = tf.matmul(down, waves, transpose_a=True, transpose_b=True)
    return rows.numpy().reshape(picture.shape)


def mobility(move, change):
    """How far the pixels around each one moved per change of their gradients.

    The square root of this ratio, `(1, H, W, 1)`, of root mean squares around a pixel.
    """
    squares = [np.einsum("nhwc,nhwc->nhw", x, x) for x in (move, change)]
    around = large(np.stack(squares, axis=-1))
    least = np.mean(around, axis=(1, 2)) / 100 + np.finfo(np.float32).tiny
    around = np.maximum(around, least)
    return np.sqrt(np.sqrt(around[..., :1] / around[..., 1:]))


def of_pictures(move, change, gain=GAIN):
    """The first guess of the inverse Hessian of a picture's loss, up to a factor.

    Symmetric and positive, as it should be: with D the mobility and L the large
    strokes, D (1 + (gain - 1) L) D.

    Args:
        move: `(1, H, W, C)`, where the picture just went.
        change: of the gradient on that way, `(1, H, W, C)`.
        gain: how many times as far the longest waves may move.

    Returns:
        A function that multiplies a step, `(1, H, W, C)`, by the guess.
    """
    D = mobility(move, change)

    def guess(step):
        step = D * step
        return D * (step + (gain - 1) * large(step))

    return guess

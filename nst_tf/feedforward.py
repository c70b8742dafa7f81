"""The hand: one network that paints any photograph in a style given as a vector.

Johnson, Alahi and Fei-Fei 2016 teach a network to guess the picture that the optimiser
would find; Ulyanov et al. 2016 put instance normalisation into it; Dumoulin et al. 2017
find that its scales and shifts are enough to tell one style from another; Ghiasi et al.
2017 predict them from the painting. Here they are one vector, see `painter`.
"""

import keras
from keras import ops

FILTERS = (16, 32, 96)  # at full, half and a quarter of the size
BLOCKS = 5  # residual ones
EPSILON = 1e-3  # so that the noise of a flat picture does not become strokes


@keras.saving.register_keras_serializable("nst_tf")
class ReflectedConv(keras.layers.Conv2D):
    """A convolution whose input is continued by its mirror image, not by zeros.

    Zeros round a picture are an edge that every filter sees, and paints.
    """

    def __init__(self, filters, kernel_size, strides=1, **options):
        options = {"use_bias": False, **options, "padding": "valid"}
        super().__init__(filters, kernel_size, strides, **options)

    def call(self, inputs):
        p = self.kernel_size[0] // 2
        around = [[0, 0], [p, p], [p, p], [0, 0]]
        return super().call(ops.pad(inputs, around, mode="reflect"))

    def compute_output_shape(self, shape):
        stride = self.strides[0]
        sides = (n if n is None else -(-n // stride) for n in shape[1:3])
        return (shape[0], *sides, self.filters)


@keras.saving.register_keras_serializable("nst_tf")
class StyleNorm(keras.layers.Layer):
    """Instance normalisation with a style's own scales and shifts (Dumoulin 2017).

        y = (1 + scale) (x - mean) / deviation + shift

    Mean and variance are those of each channel over the positions of each picture; or
    they are given, each `(B, N)`, when x is only a part of a picture.
    """

    def call(self, x, scale, shift, mean=None, variance=None):
        if mean is None:
            mean, variance = ops.moments(x, axes=(1, 2), keepdims=True)
        else:
            mean, variance = mean[:, None, None], variance[:, None, None]
        factor = (1 + scale[:, None, None]) * ops.rsqrt(variance + EPSILON)
        return x * factor + (shift[:, None, None] - mean * factor)


class Moments(keras.layers.Layer):
    """Mean and variance of each channel: `(B, H, W, N)` -> `(B, 2 N)`."""

    def call(self, x):
        return ops.concatenate(ops.moments(x, axes=(1, 2)), axis=1)


@keras.saving.register_keras_serializable("nst_tf")
class Enlarge(keras.layers.Layer):
    """Twice the height and width, each position four times.

    Resizing and then convolving leaves no checkerboard, as transposed convolutions do.
    """

    def call(self, x):
        batch, height, width, N = ops.shape(x)
        one = ops.reshape(x, (batch, height, 1, width, 1, N))
        four = ops.broadcast_to(one, (batch, height, 2, width, 2, N))
        return ops.reshape(four, (batch, 2 * height, 2 * width, N))

    def compute_output_spec(self, x):
        twice = (2 * n if n else None for n in x.shape[1:3])
        return keras.KerasTensor((x.shape[0], *twice, x.shape[3]), x.dtype)


@keras.saving.register_keras_serializable("nst_tf")
class Colors(keras.layers.Layer):
    """The picture, at the photograph's size, around grey and a style's own shift.

    y = 1/2 + painted + shift
    """

    def call(self, painted, photo, shift):
        _, height, width, _ = ops.shape(photo)
        return 0.5 + painted[:, :height, :width] + shift[:, None, None]

    def compute_output_spec(self, painted, photo, shift):
        return keras.KerasTensor(photo.shape, photo.dtype)


def style_length(filters=FILTERS, blocks=BLOCKS):
    """How many numbers a style is: two for each channel, and one for each colour.

    >>> style_length()
    2307
    """
    full, half, quarter = filters
    return 2 * (2 * full + 2 * half + (1 + 2 * blocks) * quarter) + 3


class _Numbers:
    """A vector, taken in pairs of equal length from its beginning."""

    def __init__(self, vector):
        self.vector, self.used = vector, 0

    def pair(self, n):
        first, second = self.used, self.used + n
        self.used += 2 * n
        return self.vector[:, first:second], self.vector[:, second : self.used]


def painter(filters=FILTERS, blocks=BLOCKS, part=False):
    """The network: photograph and style -> picture.

    Johnson's layers (2016, supplement), with half of the filters at full and half of
    the size, where most of the time goes.

    Args:
        filters: at full, half and a quarter of the size.
        blocks: how many residual blocks.
        part: whether it is given parts of a picture, and with them the means and
            variances of the whole: see `moments`.

    Returns:
        A `keras.Model`: `(B, H, W, 3)` RGB in [0, 1] and `(B, style_length)`, for a
        part also `(B, style_length - 3)` -> `(B, H, W, 3)`, not clipped to [0, 1].
    """
    full, half, quarter = filters
    length = style_length(filters, blocks)
    photo = keras.Input((None, None, 3), name="photo")
    style = keras.Input((length,), name="style")
    moments = keras.Input((length - 3,), name="moments")
    of_style, of_picture = _Numbers(style), _Numbers(moments)

    def conv(x, n, size=3, strides=1, relu=True, *, name):
        x = ReflectedConv(n, size, strides, name=name)(x)
        given = of_picture.pair(n) if part else ()
        x = StyleNorm(name=f"{name}_norm")(x, *of_style.pair(n), *given)
        return keras.layers.ReLU(name=f"{name}_relu")(x) if relu else x

    # Down to a quarter of the size
    x = conv(photo, full, 9, name="down1")
    x = conv(x, half, strides=2, name="down2")
    x = conv(x, quarter, strides=2, name="down3")

    # Residual blocks: here the strokes are laid
    for b in range(1, blocks + 1):
        r = conv(x, quarter, name=f"block{b}_conv1")
        r = conv(r, quarter, relu=False, name=f"block{b}_conv2")
        x = keras.layers.Add(name=f"block{b}")([x, r])

    # Up again
    x = conv(Enlarge(name="enlarge2")(x), half, name="up2")
    x = conv(Enlarge(name="enlarge1")(x), full, name="up1")
    small = keras.initializers.RandomNormal(stddev=0.01)  # it begins near grey
    x = ReflectedConv(3, 9, kernel_initializer=small, name="brush")(x)
    picture = Colors(name="colors")(x, photo, style[:, -3:])
    inputs = [photo, style, moments] if part else [photo, style]
    return keras.Model(inputs, picture, name="painter")


def moments(painter):
    """What a painter normalises by: photograph and style -> `(B, style_length - 3)`.

    Mean and variance of each channel before each `StyleNorm`, in the order in which a
    painter of parts takes them.
    """
    norms = [layer for layer in painter.layers if isinstance(layer, StyleNorm)]
    found = [Moments(name=f"{norm.name}_moments")(norm.input[0]) for norm in norms]
    return keras.Model(painter.inputs, keras.layers.Concatenate()(found))


def predictor(statistics, filters=FILTERS, blocks=BLOCKS, hidden=256):
    """A painting's statistics -> its style vector (Ghiasi et al. 2017).

    Args:
        statistics: how many there are: means and deviations of a network's filters.
        filters, blocks: of the painter.
        hidden: units of the two layers between.

    Returns:
        A `keras.Model`: `(B, statistics)` -> `(B, style_length)`. It begins with zeros.
    """
    x = seen = keras.Input((statistics,), name="statistics")
    x = keras.layers.Normalization(name="standard")(x)
    # Leaky, for ReLUs can die, all of them: then every painting has one style.
    x = keras.layers.Dense(hidden, "leaky_relu", name="dense1")(x)
    x = keras.layers.Dense(hidden, "leaky_relu", name="dense2")(x)
    length = style_length(filters, blocks)
    x = keras.layers.Dense(length, kernel_initializer="zeros", name="style")(x)
    return keras.Model(seen, x, name="predictor")


def statistics(features):
    """The means of all layers' filters over the positions, then their deviations.

    Args:
        features: `{layer: (B, h, w, N)}`.

    Returns:
        `(B, 2 N)`, N filters in all.
    """
    moments = [ops.moments(F, axes=(1, 2)) for F in features.values()]
    means, variances = zip(*moments, strict=True)
    return ops.concatenate([*means, *map(ops.sqrt, variances)], axis=1)

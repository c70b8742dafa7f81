"""The paper's losses: equations 1, 3, 4, 5 and 7 in order, then total variation.

Tensors only, so that the file can be read beside Gatys, Ecker and Bethge, "Image Style
Transfer Using Convolutional Neural Networks", CVPR 2016. Its letters: F and P are the
features of the generated picture and of the photograph, G and A the Gram matrices of
the generated picture and of the painting; a layer has N filters and M = H*W positions.

Every loss is the mean over a batch, so that weights mean the same for any number of
pictures, and is computed in float32, whatever the network computes in: a sum over M
positions overflows half precision.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import TypeAlias

import numpy as np
import tensorflow as tf

Array: TypeAlias = tf.Tensor | np.ndarray  # features, Gram matrices, pictures
PARTS = ("content", "style", "tv", "total")  # what a loss reports


def _float(tensor):
    return tf.cast(tensor, tf.float32)


def _batch(tensor):
    """B, the number of pictures."""
    return _float(tf.shape(tensor)[0])


def content_loss(features: Array, target: Array) -> tf.Tensor:
    """Distance between two pictures in one layer (Gatys et al. 2016, eq. 1).

        L_content = 1/2 sum_ij (F_ij - P_ij)^2

    Its derivative with respect to F is F - P (eq. 2, where F > 0).

    Args:
        features: `(B, H, W, N)` activations of the generated picture, F.
        target: activations of the photograph, P, of the same shape.

    Returns:
        Scalar, the mean over the batch.

    Example:

    >>> float(content_loss(tf.ones((1, 2, 3, 4)), tf.zeros((1, 2, 3, 4))))
    12.0
    """
    F, P = _float(features), _float(target)
    return tf.reduce_sum(tf.square(F - P)) / 2 / _batch(F)


@tf.function(autograph=False, reduce_retracing=True)
@tf.custom_gradient
def _products(F):
    """F^T F, with the gradient of both factors in one product: half the time.

    If C is the gradient of a loss with respect to F^T F, then F (C + C^T) is that with
    respect to F; eq. 6 is this, for the C of eq. 4.

    A `tf.function` of its own, because a custom gradient is registered for the life of
    the process, together with the graph in which it was made: this one, then, and not
    every run's.
    """

    def gradient(C):
        return tf.matmul(F, C + tf.linalg.matrix_transpose(C))

    return tf.matmul(F, F, transpose_a=True), gradient


def gram_matrix(features: Array) -> tf.Tensor:
    """Correlations between the filters of one layer (Gatys et al. 2016, eq. 3).

        G_ij = sum_k F_ik F_jk          k runs over the M = H*W positions

    Args:
        features: `(B, H, W, N)` activations of one layer.

    Returns:
        `(B, N, N)`: entry `[b, i, j]` is the inner product of filters i and j of image
        b.

    Example:

    >>> gram_matrix(tf.ones((1, 2, 3, 1))).numpy()
    array([[[6.]]], dtype=float32)
    """
    B, N = tf.shape(features)[0], features.shape[-1]
    F = tf.reshape(_float(features), (B, -1, N))  # one row per position
    return _products(F)


def mean_gram(features: Array) -> tf.Tensor:
    """The Gram matrix as a mean over positions, G / M.

    What the style loss compares. The paper's own G grows with the picture, and its eq.
    4 holds for two pictures of one size; dividing each matrix by its own M gives the
    same number then, and a fair one when the painting has another size (departure 1).

    Args:
        features: `(B, H, W, N)` activations of one layer.

    Returns:
        `(B, N, N)`.
    """
    M = _float(tf.reduce_prod(tf.shape(features)[1:3]))
    return gram_matrix(features) / M


def layer_style_loss(features: Array, target: Array) -> tf.Tensor:
    """How far one layer is from the painting's style (Gatys et al. 2016, eq. 4).

        E_l = 1 / (4 N^2 M^2) sum_ij (G_ij - A_ij)^2

    Args:
        features: `(B, H, W, N)` activations of the generated picture.
        target: `(1, N, N)`, the painting's `mean_gram` of this layer: A / M.

    Returns:
        Scalar, the mean over the batch.

    Example:

    >>> float(layer_style_loss(2 * tf.ones((1, 2, 3, 1)), tf.ones((1, 1, 1))))
    2.25
    """
    return gram_loss(mean_gram(features), target)


def gram_loss(gram: Array, target: Array) -> tf.Tensor:
    """Eq. 4 from Gram matrices computed already, each divided by its own M.

    Args:
        gram: `(B, N, N)`, G / M of the generated picture.
        target: `(1, N, N)`, A / M of the painting.

    Returns:
        Scalar, the mean over the batch.
    """
    gram, target = _float(gram), _float(target)
    N = _float(tf.shape(gram)[-1])
    return tf.reduce_sum(tf.square(gram - target)) / (4 * N**2) / _batch(gram)


def style_loss(
    features: dict[str, Array],
    targets: dict[str, Array],
    layer_weights: dict[str, float],
) -> tf.Tensor:
    """The layers' style losses together (Gatys et al. 2016, eq. 5).

        L_style = sum_l w_l E_l

    Args:
        features: `{layer: (B, H, W, N)}` of the generated picture; further layers
            are ignored.
        targets: `{layer: (1, N, N)}`, the painting's `mean_gram`.
        layer_weights: `{layer: w_l}`.

    Returns:
        Scalar.
    """
    return tf.add_n(
        [
            w * layer_style_loss(features[layer], targets[layer])
            for layer, w in layer_weights.items()
        ]
    )


def total_variation_loss(image: Array) -> tf.Tensor:
    """Mean squared difference between neighbours (Mahendran and Vedaldi 2015).

        L_tv = 1/(H W) sum_xyc (I_(x+1)yc - I_xyc)^2 + (I_x(y+1)c - I_xyc)^2

    A mean over pixels where they have a sum (and beta = 2), so that the weight means
    the same at every size (departure 3).

    Args:
        image: `(B, H, W, 3)`.

    Returns:
        Scalar.

    Example:

    >>> float(total_variation_loss(tf.ones((1, 4, 5, 3))))
    0.0
    """
    image = _float(image)
    across = image[:, :, 1:] - image[:, :, :-1]
    down = image[:, 1:] - image[:, :-1]
    pixels = _float(tf.reduce_prod(tf.shape(image)[:3]))
    return (tf.reduce_sum(tf.square(across)) + tf.reduce_sum(tf.square(down))) / pixels


def content_and_style(
    features: dict[str, Array],
    content_targets: dict[str, Array],
    style_targets: dict[str, Array],
    style_layers: dict[str, float],
    guides: dict[str, Array] | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """The two parts of eq. 7 that need the network.

    Here eq. 1 is a mean over the N*M entries of a layer instead of a sum, because the
    sum grows with the picture while eq. 4 does not, and alpha/beta would mean something
    else at every size (departure 2); several content layers count equally.

    Args:
        features: `{layer: (B, H, W, N)}` of the generated picture.
        content_targets: `{layer: (B, H, W, N)}`, features of the photograph; or empty.
        style_targets: `{layer: (1, N, N)}`, `mean_gram` of the painting.
        style_layers: `{layer: w_l}`; or empty.
        guides: `{layer: (R, H, W, 1)}`, where which style is wanted: see `guides.py`.
            The targets are then `(R, N, N)`, and each of R regions counts the same.

    Returns:
        Two scalars: content and style, zero if there are no layers for it.
    """
    content = style = tf.constant(0.0)
    if content_targets:
        losses = [
            content_loss(features[layer], P) / _float(tf.reduce_prod(tf.shape(P)[1:]))
            for layer, P in content_targets.items()
        ]
        content = tf.add_n(losses) / len(losses)
    if style_layers:
        if guides:
            features = {layer: features[layer] * guides[layer] for layer in guides}
        style = style_loss(features, style_targets, style_layers)
    return content, style


@dataclass(eq=False)
class TotalLoss:
    """What the generated picture should become (Gatys et al. 2016, eq. 7).

        L_total = alpha L_content + beta L_style + (weight) L_tv

    Calling it with a `(1, H, W, 3)` image gives a dict of four scalars: content, style
    and tv without their weights, and the weighted total. A part whose weight is zero is
    not computed, and reported as zero.

    Attributes:
        extractor: image -> `{layer: features}`, for all the layers named below.
        content_targets: `{layer: (1, H, W, N)}`, features of the photograph.
        style_targets: `{layer: (1, N, N)}`, `mean_gram` of the painting.
        style_layers: `{layer: w_l}`.
        content_weight: alpha.
        style_weight: beta.
        tv_weight: weight of total variation.
        guides: `{layer: (R, H, W, 1)}`, where which of R styles is wanted; the style
            targets are then `(R, N, N)`. None: one style, everywhere.
        view: image -> what is seen of it, such as `guides.View`. None: all of it.
    """

    extractor: Callable[[Array], dict[str, tf.Tensor]]
    content_targets: dict[str, Array]
    style_targets: dict[str, Array]
    style_layers: dict[str, float]
    content_weight: float
    style_weight: float
    tv_weight: float = 0.0
    _: KW_ONLY
    guides: dict[str, Array] | None = None
    view: Callable[[Array], Array] | None = None

    def __post_init__(self):
        # A part without weight has no layers, and is not computed.
        self._content = self.content_targets if self.content_weight else {}
        self._style = self.style_layers if self.style_weight else {}

    def content_and_style(self, image: Array) -> tuple[tf.Tensor, tf.Tensor]:
        """The content and style parts of eq. 7."""
        features = self.extractor(image)
        targets = self._content, self.style_targets, self._style
        return content_and_style(features, *targets, self.guides)

    def weighted(self, content, style, image):
        """The dict of four scalars, from content and style."""
        tv = total_variation_loss(image) if self.tv_weight else tf.constant(0.0)
        total = (
            self.content_weight * content
            + self.style_weight * style
            + self.tv_weight * tv
        )
        return dict(zip(PARTS, (content, style, tv, total), strict=True))

    def __call__(self, image: Array) -> dict[str, tf.Tensor]:
        image = self.view(image) if self.view else image
        content, style = self.content_and_style(image)
        return self.weighted(content, style, image)

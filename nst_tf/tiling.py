"""Pictures of any size in the memory of a tile, with the very same loss and gradient.

What the losses need of a picture is sums over positions: Gram matrices, and squared
distances to the photograph. They can be added up tile by tile. The gradient takes a
second pass over the tiles, once it is known how the loss changes with each of the sums.
That is the whole price: the network sees each tile twice, with a halo as wide as its
reach, so that the features are those of the whole picture.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from nst_tf.features import Reflected, reach, stride
from nst_tf.losses import Array, TotalLoss, content_loss, gram_loss, gram_matrix
from nst_tf.memory import free_memory

GRID = 16  # pixels between positions of block 5: here the grids of all layers meet
LARGEST_TILE = 1024  # its halo is small already
SMALLEST_TILE = 64
SHARE = 0.7  # of the free memory, for one step


# Tiles


def windows(shape, tile, halo):
    """The tiles of a picture: `(K, 8)` pixels, K tiles.

    Top, bottom, left and right of what the network sees, and then of the tile itself.
    What it sees has a halo more, where the picture goes on.

    >>> windows((32, 40), 32, 16)
    array([[ 0, 32,  0, 40,  0, 32,  0, 32],
           [ 0, 32, 16, 40,  0, 32, 32, 40]])
    """
    grid = [-(-length // tile) for length in shape]
    starts = tile * np.indices(grid).reshape(2, -1).T
    ends = np.minimum(starts + tile, shape)
    seen = np.maximum(starts - halo, 0), np.minimum(ends + halo, shape)
    sides = [np.stack(both, 2).reshape(-1, 4) for both in (seen, (starts, ends))]
    return np.hstack(sides)


def known(extractor):
    """Whether it comes from `feature_extractor`, so that its reach is known."""
    return hasattr(extractor, "variant")


def _halo(extractor):
    return -(-reach(extractor.output, extractor.name) // GRID) * GRID


def _windows(extractor, shape, tile):
    return windows(shape, tile, _halo(extractor))


def _crop(image, window):
    """What the network sees for a tile."""
    top, bottom, left, right = tf.unstack(window[:4])
    return image[:, top:bottom, left:right]


def _own(features, layer, window, start=(0, 0)):
    """A tile's own positions, in features that start at pixel `start`."""
    top, bottom, left, right = tf.unstack(window[4:])
    s = stride(layer)
    rows = slice((top - start[0]) // s, (bottom - start[0]) // s)
    columns = slice((left - start[1]) // s, (right - start[1]) // s)
    return features[:, rows, columns]


def _look(extractor, crop, window):
    """`{layer: (1, h, w, N)}` of a tile."""
    start = window[0], window[2]
    return {
        layer: _own(features, layer, window, start)
        for layer, features in extractor(crop).items()
    }


def _guided(features, layer, guides, window):
    """A tile's features of a layer, `(1, h, w, N)`, or `(R, h, w, N)`: by region."""
    if guides is None:
        return features[layer]
    return features[layer] * _own(guides[layer], layer, window)


def _positions(image, layer):
    """Height and width of a layer's features."""
    return image.shape[1] // stride(layer), image.shape[2] // stride(layer)


# Targets


def tiled_features(extractor, image, layers, tile):
    """`{layer: (1, H, W, N)}` of a picture."""
    found = {}
    for layer in layers:
        N = extractor.output[layer].shape[-1]
        found[layer] = np.empty((1, *_positions(image, layer), N), "float32")
    for window in _windows(extractor, image.shape[1:3], tile):
        features = _look(extractor, _crop(image, window), window)
        for layer in layers:
            _own(found[layer], layer, window)[:] = features[layer]
    return {layer: tf.constant(found[layer]) for layer in layers}


def tiled_grams(extractor, image, layers, tile, guides=None):
    """`{layer: (1, N, N)}`: the `mean_gram` of a picture; or `(R, N, N)`, guided."""
    grams = dict.fromkeys(layers, 0.0)
    for window in _windows(extractor, image.shape[1:3], tile):
        features = _look(extractor, _crop(image, window), window)
        for layer in layers:
            F = _guided(features, layer, guides, window)
            grams[layer] += gram_matrix(F)
    return {layer: grams[layer] / np.prod(_positions(image, layer)) for layer in layers}


# The loss


def _add_up(terms, count, zeros):
    """Sums of `terms(k)`, a list of tensors, over k < count; one k at a time."""

    def add(k, *sums):
        return k + 1, *map(tf.add, sums, terms(k))

    start = [0, *zeros]
    loop = tf.while_loop(lambda k, *_: k < count, add, start, parallel_iterations=1)
    return list(loop[1:])


@dataclass(eq=False)
class TiledLoss(TotalLoss):
    """The `TotalLoss` of a picture of any size, in the memory of a tile.

    Its values and its gradient are those of `TotalLoss`, up to rounding. Ask
    `loss_and_gradient` for the gradient, as the optimizers do: a `tf.GradientTape`
    around a call finds the same, but keeps all tiles in memory.

    Attributes:
        extractor: one from `feature_extractor`, whose reach is known.
        tile: height and width of a tile in pixels, a multiple of 16.
    """

    tile: int = LARGEST_TILE

    def _tiles(self, image):
        return tf.constant(_windows(self.extractor, image.shape[1:3], self.tile))

    def _terms(self, crop, window):
        """What a tile adds to eq. 1 in content layers and to eq. 3 in style layers."""
        F = _look(self.extractor, crop, window)
        content = [
            content_loss(F[layer], _own(P, layer, window))
            for layer, P in self._content.items()
        ]
        return content + [
            gram_matrix(_guided(F, layer, self.guides, window)) for layer in self._style
        ]

    def _sums(self, image, tiles):
        """The first pass: eq. 1 in each content layer, then eq. 3 in each style layer.

        Lists of scalars and of `(R, N, N)`, R regions.
        """
        zeros = [tf.constant(0.0) for _ in self._content]
        for layer in self._style:
            A, T = self.style_targets[layer], (self.guides or {}).get(layer)
            zeros.append(tf.zeros((1 if T is None else T.shape[0], *A.shape[1:])))
        return _add_up(
            lambda k: self._terms(_crop(image, tiles[k]), tiles[k]),
            tiles.shape[0],
            zeros,
        )

    def _gradient_terms(self, image, window, upstream):
        """What a tile adds to the gradient of the image: zeros around the crop's."""
        crop = _crop(image, window)
        with tf.GradientTape() as tape:
            tape.watch(crop)
            terms = self._terms(crop, window)
        gradient = tape.gradient(terms, crop, upstream)
        height, width = image.shape[1:3]
        top, bottom, left, right = tf.unstack(window[:4])
        around = [[0, 0], [top, height - bottom], [left, width - right], [0, 0]]
        return [tf.pad(gradient, around)]

    def _gradient(self, image, tiles, upstream):
        """The second pass, with the gradient of the total with respect to each sum."""
        (gradient,) = _add_up(
            lambda k: self._gradient_terms(image, tiles[k], upstream),
            tiles.shape[0],
            [tf.zeros_like(image)],
        )
        return gradient

    def _parts(self, sums, image):
        """Content and style, made of the sums."""
        sums = iter(sums)
        content = style = tf.constant(0.0)
        for P in self._content.values():
            content += next(sums) / tf.cast(len(self._content) * tf.size(P[0]), P.dtype)
        for layer, w in self._style.items():
            M = np.prod(_positions(image, layer))
            style += w * gram_loss(next(sums) / M, self.style_targets[layer])
        return content, style

    def content_and_style(self, image):
        return self._parts(self._sums(image, self._tiles(image)), image)

    def loss_and_gradient(self, image: Array) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Two passes over the tiles: one for the sums, one for the gradient.

        Args:
            image: `(1, H, W, 3)`.

        Returns:
            The dict of losses, and the gradient of their total, `(1, H, W, 3)`.
        """
        image = tf.convert_to_tensor(image)
        if self.view is None:
            return self._of_seen(image)
        with tf.GradientTape() as tape:
            tape.watch(image)
            seen = self.view(image)
        losses, gradient = self._of_seen(seen)
        return losses, tape.gradient(seen, image, gradient)

    def _of_seen(self, image):
        """The losses of what is seen, and the gradient with respect to that."""
        tiles = self._tiles(image)
        sums = self._sums(image, tiles)
        with tf.GradientTape() as tape:
            tape.watch([image, *sums])
            content, style = self._parts(sums, image)
            losses = self.weighted(content, style, image)
        own, *upstream = tape.gradient(
            losses["total"], [image, *sums], unconnected_gradients="zero"
        )
        return losses, own + self._gradient(image, tiles, upstream)


# What it costs


def step_work(extractor, shape, tile=None):
    """What a step costs, in pixels of a picture computed whole."""
    if tile is None:
        return math.prod(shape)
    top, bottom, left, right = _windows(extractor, shape, tile).T[:4]
    seen = np.sum((bottom - top) * (right - left))
    return 1.5 * seen  # forward twice and back, instead of forward and back


def step_memory(extractor, shape, tile=None, copied=()):
    """Bytes that a loss and its gradient take.

    Args:
        extractor: the network.
        shape: `(height, width)` in pixels.
        tile: as in `tile_for`; None for a whole picture.
        copied: layers whose features are held once more, as those of a region are.

    All activations are kept for the gradient, with reflected ones beside those that
    they were made of; at the first layer, the end of its way back, it holds two more of
    that layer's size.
    """
    if tile is not None:
        shape = [min(side, tile + 2 * _halo(extractor)) for side in shape]
    convolutions = [layer for layer in extractor.layers if hasattr(layer, "filters")]
    values = sum(layer.filters / stride(layer.name) ** 2 for layer in convolutions)
    reflected = [layer for layer in extractor.layers if isinstance(layer, Reflected)]
    values += sum(r.output.shape[-1] / stride(r.name) ** 2 for r in reflected)
    outputs = extractor.output
    values += sum(outputs[name].shape[-1] / stride(name) ** 2 for name in copied)
    first = convolutions[0].filters if convolutions else 0
    return 4 * (values + 2 * first) * math.prod(shape)


def tile_for(extractor, shape, tile=None, copied=()):
    """The tile for a picture of this shape; None if it needs none.

    Args:
        extractor: one from `feature_extractor`. The reach of any other is not known:
            it gets no tiles.
        shape: `(height, width)` in pixels.
        tile: the one to take if the picture is larger. Default: none if the picture
            fits into the memory that is free, or else one that takes half of it.
        copied: as in `step_memory`.
    """
    if not known(extractor):
        return None
    if tile is None:
        room = SHARE * free_memory()
        cost = functools.partial(step_memory, extractor, shape, copied=copied)
        if cost() <= room:
            return None
        tile = LARGEST_TILE
        while tile > SMALLEST_TILE and cost(tile) > room / 2:
            tile //= 2
    return tile if tile < max(shape) else None

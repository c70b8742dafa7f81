"""What a picture should become: a style, targets, and the total loss made of them."""

import functools
import hashlib
import weakref
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from nst_tf.color import chroma, grey, match_colors, match_luminance
from nst_tf.features import feature_extractor, smallest_side, weights_file
from nst_tf.guides import (
    Masks,
    View,
    by_region,
    check_masks,
    guides,
    load_masks,
    shared,
)
from nst_tf.images import Picture, image_shape, load_image, open_image
from nst_tf.losses import TotalLoss, mean_gram
from nst_tf.settings import (
    check_blend,
    check_color,
    check_network,
    check_scale,
    check_sizes,
    check_tile,
    check_weights,
)
from nst_tf.tiling import TiledLoss, known, tile_for, tiled_features, tiled_grams

STYLE_LAYERS = tuple(f"block{b}_conv1" for b in range(1, 6))  # the paper's, section 3


def fingerprint(images):
    """A short hash of pixels, by which a resumed run recognises its pictures."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(np.ascontiguousarray(image))
    return digest.hexdigest()[:16]


# The network


@functools.lru_cache(maxsize=2)
def _extractor(layers, network, pooling, normalize, weights, padding):
    variant = pooling, normalize, weights
    return feature_extractor(layers, network, *variant, padding=padding)


def kept_extractor(
    network,
    layers,
    pooling="avg",
    normalize=True,
    weights="imagenet",
    padding="zeros",
):
    """As `feature_extractor`, but the last two networks are cached.

    A model is returned as it is.
    """
    if not isinstance(network, str):
        return network
    layers = tuple(dict.fromkeys(layers))
    file = weights_file(network, weights)
    return _extractor(layers, network, pooling, normalize, file, padding)


def extractor_of(settings):
    """The network that a run with these `Settings` uses."""
    names = ("pooling", "normalize", "weights", "padding")
    variant = {name: getattr(settings, name) for name in names}
    return kept_extractor(settings.network, settings.layers, **variant)


# Targets


def content_targets(extractor, image, layers, tile=None):
    """`{layer: (1, H, W, N)}`: the photograph's features, P."""
    if tile is not None:
        return tiled_features(extractor, image, layers, tile)
    features = extractor(image)
    return {layer: features[layer] for layer in layers}


def style_targets(extractor, image, layers, tile=None, guide=None):
    """`{layer: (1, N, N)}`: the painting's `mean_gram`, A / M; or of a part, guided."""
    if tile is not None:
        return tiled_grams(extractor, image, layers, tile, guide)
    features = extractor(image)
    if guide:
        features = {layer: features[layer] * guide[layer] for layer in layers}
    return {layer: mean_gram(features[layer]) for layer in layers}


def _grams(extractor, image, layers, tile, mask=None, r=1):
    """`style_targets` of a painting, or where its mask, number r, is white."""
    guide = None
    if mask is not None:
        mask = load_masks([mask], image, "style_masks", r)
        guide = guides(mask, layers, "style_masks", r)
    tile_here = tile_for(extractor, image.shape[1:3], tile)
    return style_targets(extractor, image, layers, tile_here, guide)


class Style:
    """The style of one or several pictures; its Gram matrices are computed once.

    `style_transfer` makes one from its `style_image`. Make it yourself to paint many
    photographs in one style without repeating that.

    Args:
        images: a picture, as `load_image` takes it, or a list of pictures.
        blend: their weights, such as `[0.7, 0.3]`; only their proportions count.
        scale: how large they are, as a factor of the size that is asked for: a number,
            or one for each. Default: 1.

    Raises:
        ValueError: not one weight or factor for each picture; negative ones.
    """

    def __init__(
        self,
        images: Picture | list[Picture],
        blend: list[float] | None = None,
        scale: float | list[float] | None = None,
    ):
        self.images = [*images] if isinstance(images, list | tuple) else [images]
        if not self.images:
            raise ValueError("style_image: none; wanted at least one")
        self.blend = check_blend(blend, self.images)
        self.scale = check_scale(scale, self.images)
        self._pictures: dict[int, list] = {}
        self._sides: list[int] = []  # the shorter one of each file
        self._targets: dict[Any, dict] = {}

    def load(self, sizes, min_side=1):
        """The pictures at several sizes of their long edge; each file is decoded once.

        Args:
            sizes: in pixels, before each picture's `scale`.
            min_side: a picture with a side shorter than this is refused.

        Returns:
            A list for each size, of `(1, H, W, 3)` images.
        """
        found = {size: self._pictures.get(size) for size in sizes}
        missing = [size for size, pictures in found.items() if pictures is None]
        if missing:
            opened = [open_image(image) for image in self.images]
            self._sides = [min(image_shape(o)) for o in opened]
        for size in missing:
            scaled = zip(opened, self._scaled(size), strict=True)
            found[size] = self._pictures[size] = [load_image(o, s) for o, s in scaled]
        for size, pictures in found.items():
            each = self.images, self._scaled(size), pictures, self._sides
            for image, scaled, picture, side in zip(*each, strict=True):
                if min(side, *picture.shape[1:3]) < min_side:
                    load_image(image, scaled, min_side=min_side)  # says so
        return [found[size] for size in sizes]

    def _scaled(self, size):
        """The long edge of each picture, in pixels."""
        return [max(1, round(factor * size)) for factor in self.scale]

    def targets(self, extractor, layers, size, tile=None):
        """`{layer: (1, N, N)}`, `mean_gram` of the pictures at this size, blended.

        Blending the targets has the same gradient as blending the losses: only a
        constant differs.

        Args:
            extractor: image -> `{layer: features}`.
            layers: their names.
            size: long edge of the pictures, in pixels.
            tile: as in `style_transfer`.
        """

        def blended(pictures):
            both = zip(pictures, self.blend, strict=True)
            grams = [(b, _grams(extractor, image, layers, tile)) for image, b in both]
            return {layer: sum(b * G[layer] for b, G in grams) for layer in layers}

        return self._kept(extractor, layers, size, (), blended)

    def targets_by_region(self, extractor, layers, size, masks, tile=None):
        """`{layer: (R, N, N)}`, `mean_gram` of a picture for each of R regions.

        Args:
            extractor, layers, size, tile: as in `targets`.
            masks: R masks, as `load_mask` takes them, of the pictures in their order,
                or of the only picture; None for all of a picture.
        """

        def of_regions(pictures):
            pictures = pictures * len(masks) if len(pictures) == 1 else pictures
            both = enumerate(zip(pictures, masks, strict=True), start=1)
            grams = [
                _grams(extractor, image, layers, tile, mask, r)
                for r, (image, mask) in both
            ]
            return {layer: tf.concat([G[layer] for G in grams], 0) for layer in layers}

        key = tuple(None if m is None else fingerprint([load_image(m)]) for m in masks)
        return self._kept(extractor, layers, size, key, of_regions)

    def _kept(self, extractor, layers, size, masks, compute):
        """What was computed once, from the pictures at a size."""
        network = getattr(extractor, "variant", None) or weakref.ref(extractor)
        key = network, tuple(layers), size, masks
        if key not in self._targets:
            (pictures,) = self.load([size], smallest_side(layers))
            self._targets[key] = compute(pictures)
            self._pictures.pop(size, None)  # they are large, and not needed any more
        return self._targets[key]

    def __getstate__(self):
        """Its pictures, and the targets of networks that go by name."""
        known = {k: grams for k, grams in self._targets.items() if type(k[0]) is tuple}
        return self.__dict__ | {"_pictures": {}, "_targets": known}


Paintings: TypeAlias = Picture | list[Picture] | Style


# The loss


def _where(masks, layers):
    """The guides of masks `(R, H, W, 1)`, and what is painted: None if it is all."""
    shares, painted = shared(masks)
    everywhere = float(tf.reduce_min(painted)) == 1
    return guides(shares, layers), None if everywhere else painted


def _recolored(style, photo, size, masks, style_masks, color):
    """The `Style` in the photograph's colours, or with its luminance.

    Each region's painting gets those of the region.

    Args:
        style: a `Style`.
        photo: `(1, H, W, 3)`.
        size: long edge of the paintings, in pixels.
        masks: of the regions, `(R, H, W, 1)`; or None.
        style_masks: a list of R, or None.
        color: "matched" or "photo".
    """
    match = match_colors if color == "matched" else match_luminance
    (paintings,) = style.load([size])
    found = [
        tf.clip_by_value(match(painting, photo, own, mask), 0.0, 1.0)
        for painting, mask, own in by_region(paintings, masks, style_masks)
    ]
    same = len(found) == len(paintings)
    scale = style.scale if same else style.scale * len(found)
    return Style(found, style.blend if same else None, scale)


def total_loss(
    content: Picture,
    style: Paintings,
    network: str | keras.Model = "vgg19",
    *,
    content_layers: str | list[str] = "block4_conv2",
    style_layers: str | list[str] | tuple[str, ...] | dict[str, float] = STYLE_LAYERS,
    content_weight: float = 0.02,
    style_weight: float = 1.0,
    tv_weight: float = 0.5,
    style_size: int | None = None,
    content_masks: Masks | None = None,
    style_masks: Masks | None = None,
    color: str = "painting",
    tile: int | None = None,
) -> TotalLoss:
    """The loss that `style_transfer` minimises (Gatys et al. 2016, eq. 7).

    Args:
        content: the photograph, as `load_image` takes it, at the size of the result.
        style: the painting, or a list of several; or a `Style`.
        network: a name, a model from `feature_extractor`, or one of your own.
        content_layers: layers whose features follow the photograph.
        style_layers: layers whose Gram matrices follow the painting, all equally; or a
            dict of layers and weights.
        content_weight: alpha.
        style_weight: beta.
        tv_weight: weight of total variation.
        style_size: long edge of the painting in pixels. Default: the photograph's.
        content_masks, style_masks, color: where which style is wanted, and in whose
            colours, as in `style_transfer`.
        tile: side of the tiles of a big picture, as in `style_transfer`.

    Returns:
        A `TotalLoss`, or a `TiledLoss` for a picture that needs tiles.

    Raises:
        ValueError: for anything that cannot work.
        ConnectionError: the network's weights are missing and cannot be downloaded.

    Example:

    >>> photo = load_image("photo.jpg", 64)
    >>> loss = total_loss(photo, "painting.jpg", "vgg19_slim")
    >>> sorted(loss(photo))
    ['content', 'style', 'total', 'tv']
    """
    layers, followed = check_network(network, content_layers, style_layers)
    weights = check_weights(content_weight, style_weight, tv_weight)
    check_tile(tile, network)
    if style_size is not None:
        check_sizes([style_size], "style_size", least=1)
    both = [*layers, *followed]
    least = smallest_side(both)
    content = load_image(content, min_side=least)
    style = style if isinstance(style, Style) else Style(style)

    check_color(color)
    content_masks, style_masks = check_masks(
        content_masks, style_masks, len(style.images)
    )

    # In whose colours, and where
    size = max(content.shape[1:3]) if style_size is None else style_size
    masks = load_masks(content_masks, content) if content_masks else None
    if color != "painting":
        style = _recolored(style, content, size, masks, style_masks, color)
    regions = 0 if masks is None else len(masks)

    # What the network finds in both pictures
    extractor = kept_extractor(network, both)
    if regions and not known(extractor):
        raise ValueError(
            f"content_masks: which pixels {extractor.name} sees in a position is not "
            "known; masks are for networks by name or from feature_extractor"
        )
    guide, painted = (None, None) if masks is None else _where(masks, followed)
    view = None
    if painted is not None or color == "photo":
        view = View(content, painted, chroma(content) if color == "photo" else None)
    tile_here = tile_for(extractor, content.shape[1:3], tile, [*followed] * regions)
    seen = grey(content) if color == "photo" else content
    P = content_targets(extractor, seen, layers, tile_here)
    if style_masks or len(style.images) == regions > 1:
        parts = style_masks or [None] * regions
        grams = style.targets_by_region(extractor, followed, size, parts, tile)
    else:
        grams = style.targets(extractor, followed, size, tile)
    kind = functools.partial(TiledLoss, tile=tile_here) if tile_here else TotalLoss
    return kind(extractor, P, grams, followed, **weights, guides=guide, view=view)

"""Where which style is wanted: masks, and what they become in each layer.

Gatys et al. 2017 ("Controlling Perceptual Factors in Neural Style Transfer", section
4): a mask T_r is shrunk to each layer, and the features are multiplied by it before
their Gram matrix is made. White is "here"; grey is "half".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import tensorflow as tf

from nst_tf.color import grey, luminance
from nst_tf.features import stride
from nst_tf.images import Picture, image_shape, load_image
from nst_tf.losses import Array

Masks: TypeAlias = Picture | Sequence[Picture | None]
SQUASHED = 0.02  # how much a mask's proportions may differ from the picture's
ALPHA = "alpha"  # the mask that is the photograph's own transparency


# Masks


def _alpha(picture):
    """How opaque a picture is, `(1, H, W, 1)`: what white and black below it show."""
    source = getattr(picture, "filename", None) or picture
    white, black = (load_image(source, background=b) for b in ("white", "black"))
    return 1 - tf.reduce_mean(white - black, axis=-1, keepdims=True)


def load_mask(
    source: Picture, shape: tuple[int, int], of: Picture | None = None
) -> tf.Tensor:
    """A mask from anywhere, at the size of a picture; white is "here".

    Args:
        source: as `load_image` takes it; its luminance counts, and transparency is
            black. `"alpha"`: the transparency of the picture `of`.
        shape: height and width of the picture in pixels.
        of: the picture.

    Returns:
        `(1, H, W, 1)` float32 tensor in [0, 1].

    Raises:
        ValueError: not a picture; other proportions than the picture's, as a mask is
            never squashed; black everywhere; a picture without transparency.

    Example:

    >>> load_mask(tf.eye(30, 40), (15, 20)).shape
    TensorShape([1, 15, 20, 1])
    """
    if is_word(source):
        mask = _alpha(of)
        if float(tf.reduce_min(mask)) == 1:
            raise ValueError("content_masks: the photograph is opaque, without alpha")
    else:
        mask = luminance(load_image(source, background="black"))
    height, width = mask.shape[1:3]
    squashed = (height / width) / (shape[0] / shape[1])
    if abs(math.log(squashed)) > SQUASHED + 1 / min(*shape, height, width):
        raise ValueError(
            f"mask: {width} x {height} pixels, for a picture of {shape[1]} x "
            f"{shape[0]}; wanted the same proportions"
        )
    if (height, width) != tuple(shape):
        mask = tf.image.resize(mask, shape, "bilinear", antialias=True)
    if float(tf.reduce_max(mask)) == 0:
        raise ValueError("mask: it is black everywhere; white is where it holds")
    return tf.clip_by_value(mask, 0.0, 1.0)


def as_masks(masks):
    """A list, of one mask or of several; None stays."""
    if masks is None or isinstance(masks, list | tuple):
        return masks if masks is None else list(masks)
    return [masks]


def is_word(mask):
    """Whether it is no picture: None, or the photograph's own transparency."""
    return mask is None or (isinstance(mask, str) and mask == ALPHA)


def check_masks(
    content_masks: Masks | None,
    style_masks: Masks | None,
    paintings: int | None = None,
) -> tuple[list | None, list | None]:
    """Both as lists of one length; None where there are none.

    Args:
        content_masks: one mask, or a list; None in it is everywhere.
        style_masks: one mask, or a list; None in it is all of the painting.
        paintings: how many there are, if it is known.

    Raises:
        ValueError: their numbers do not fit to one another.
    """
    contents, styles = as_masks(content_masks), as_masks(style_masks)
    if contents is None and styles is None:
        return None, None
    regions = len(styles if contents is None else contents)
    contents = [None] * regions if contents is None else contents
    if not regions:
        raise ValueError("content_masks: none; leave it out, or give at least one")
    if styles is not None and len(styles) != regions:
        raise ValueError(
            f"style_masks: {len(styles)}, for {regions} content_masks; wanted one for "
            "each, or None for all of a painting"
        )
    one_blend = regions == 1 and styles is None
    if paintings not in (None, 1, regions) and not one_blend:
        raise ValueError(
            f"style_image: {paintings} paintings, for {regions} masks; wanted one for "
            "each mask, or one for all"
        )
    return contents, styles


def with_alpha(masks: list | None, photo: Picture) -> list | None:
    """The masks; instead of `"alpha"`, the photograph's own transparency as an array.

    Raises:
        ValueError: it has none.
    """
    if masks is None:
        return None
    shape = image_shape(photo)
    return [
        load_mask(m, shape, of=photo) if m is not None and is_word(m) else m
        for m in masks
    ]


def load_masks(
    sources: list, picture: tf.Tensor, name: str = "content_masks", first: int = 1
) -> tf.Tensor:
    """Masks of a picture `(1, H, W, 3)`: `(R, H, W, 1)`; of None, white everywhere.

    Args:
        sources: the masks.
        picture: whose they are.
        name, first: what an error calls them, and the number of the first one.

    Raises:
        ValueError: as `load_mask`, with the number of the mask.
    """
    shape = picture.shape[1:3]

    def load(r, source):
        if source is None:
            return tf.ones((1, *shape, 1))
        try:
            return load_mask(source, shape)
        except ValueError as error:
            words = str(error).removeprefix("mask: ")
            raise ValueError(f"{name}: number {r}: {words}") from error

    return tf.concat([load(r, m) for r, m in enumerate(sources, first)], 0)


def by_region(
    paintings: list, masks: tf.Tensor | None, style_masks: list | None
) -> list[tuple]:
    """Each painting with its region; several in the only region are blended there.

    Args:
        paintings: `(1, H, W, 3)`; one for each region, one for all, or a blend.
        masks: of the photograph, `(R, H, W, 1)`; None is everywhere.
        style_masks: of the paintings, one for each region, None for all of one; or
            None for all of all.

    Returns:
        A list of: the painting, where its region is in the photograph `(H, W, 1)`, and
        where it is in the painting `(1, h, w, 1)`; None is everywhere.
    """
    regions = 1 if masks is None else len(masks)
    paintings = paintings * regions if len(paintings) == 1 else paintings
    found = []
    for r, painting in enumerate(paintings):
        r = r if regions > 1 else 0
        own = style_masks and load_masks(
            [style_masks[r]], painting, "style_masks", first=r + 1
        )
        found.append((painting, None if masks is None else masks[r], own))
    return found


def shared(masks: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Overlapping masks, each with its share of the place.

    Args:
        masks: `(R, H, W, 1)` in [0, 1], R regions.

    Returns:
        The shares `(R, H, W, 1)`, whose sum is at most 1, and that sum `(1, H, W, 1)`:
        how much of each place is painted at all.
    """
    total = tf.reduce_sum(masks, axis=0, keepdims=True)
    return masks / tf.maximum(total, 1.0), tf.minimum(total, 1.0)


@dataclass(frozen=True, eq=False)
class View:
    """What is seen of an image: it where it is painted, elsewhere the photograph.

        x -> T x + (1 - T) p

    So the seam is seen, too, and painted over. Where T is zero, the photograph stays to
    the last bit; half means half of both.

    Attributes:
        photo: p, `(1, H, W, 3)`.
        painted: T, `(1, H, W, 1)` in [0, 1]; None is one everywhere.
        chroma: what the result's colours are beside luminance, `(1, H, W, 3)`: then
            image and photograph are seen in grey. None: colours are seen, too.
    """

    photo: Array
    painted: Array | None = None
    chroma: Array | None = None

    def __call__(self, image: Array) -> tf.Tensor:
        """What the network sees: `(1, H, W, 3)` -> `(1, H, W, 3)`."""
        photo = self.photo
        if self.chroma is not None:
            image, photo = grey(image), grey(photo)
        if self.painted is None:
            return image
        return self.painted * image + (1 - self.painted) * photo

    def picture(self, image: Array) -> tf.Tensor:
        """What a person is shown: with the colours. `(1, H, W, 3)` in [0, 1]."""
        if self.chroma is None:
            return self(image)
        colored = tf.clip_by_value(grey(image) + self.chroma, 0.0, 1.0)
        return View(self.photo, self.painted)(colored)


# Guides


def guides(
    masks: tf.Tensor, layers: Sequence[str], name: str = "content_masks", first: int = 1
) -> dict[str, tf.Tensor]:
    """What the features of each layer are multiplied by, in each region.

        T_r -> T_r / sqrt(mean(T_r^2))

    With this, the Gram matrix of a small region is as large as that of a large one, and
    a mask that is white everywhere changes nothing.

    Args:
        masks: `(R, H, W, 1)` in [0, 1], R regions.
        layers: names of layers.
        name, first: what an error calls the masks, and the number of the first one.

    Returns:
        `{layer: (R, h, w, 1)}`.

    Raises:
        ValueError: a region with less than one position in a layer.

    Example:

    >>> found = guides(tf.ones((2, 30, 41, 1)), ["block3_conv1"])
    >>> found["block3_conv1"].shape
    TensorShape([2, 7, 10, 1])
    """
    found = {}
    for layer in layers:
        s = stride(layer)
        T = tf.nn.avg_pool2d(masks, s, s, "VALID")
        _check_areas(T, f"{layer}, whose positions are {s} pixels apart", name, first)
        found[layer] = T / tf.sqrt(tf.reduce_mean(tf.square(T), (1, 2, 3), True))
    return found


def _check_areas(T, where, name, first):
    areas = tf.reduce_sum(T, axis=(1, 2, 3)).numpy()
    for r, area in enumerate(areas, start=first):
        if area < 1:
            raise ValueError(
                f"{name}: number {r} covers {area:.2g} positions of {where}; wanted at "
                "least 1: a larger mask or size, or lower style layers"
            )

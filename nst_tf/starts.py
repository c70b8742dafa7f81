"""What a run starts from: its pictures at every size, and the first image among them.

Between sizes, a picture is split into its *first* image (the photograph, noise, ...)
and the *change* that the run made to it. Only the change is enlarged; the first image
has its own detail at every size.
"""

import functools
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from nst_tf.color import match_colors
from nst_tf.fast import blended, fast_paint, predict_style
from nst_tf.features import smallest_side
from nst_tf.guides import by_region, load_masks, shared
from nst_tf.images import load_image, open_image, resize
from nst_tf.targets import fingerprint


def _cover(image, shape):
    """Resizes an image to cover `shape`, and crops the excess."""
    height, width = image.shape[1:3]
    scale = max(shape[0] / height, shape[1] / width)
    covering = max(shape[0], round(height * scale)), max(shape[1], round(width * scale))
    image = resize(image, covering)
    top, left = (covering[0] - shape[0]) // 2, (covering[1] - shape[1]) // 2
    return image[:, top : top + shape[0], left : left + shape[1]]


@dataclass(frozen=True)
class Pictures:
    """All that goes into a run.

    Attributes:
        contents: the photograph at every size, a list of `(1, H, W, 3)`.
        firsts: the first image at every size, in the shapes of the contents.
        styles: the paintings at the first size.
        masks: all of them, at the first size.
        guessed: whether the first image follows from photograph and paintings.
        photos: the photograph as it was given, at every size.
    """

    contents: list
    firsts: list
    styles: list
    masks: list
    guessed: bool
    photos: list

    def fingerprint(self):
        """A short hash of the pixels that were given."""
        given = [] if self.guessed else self.firsts
        return fingerprint([*given, *self.photos, *self.styles, *self.masks])


def _pictures_of_init(settings, style, least, full):
    """The picture of `init` at every size, in its own proportions."""
    sizes, init = settings.size, settings.init
    if isinstance(init, str) and init == "style":
        return [paintings[0] for paintings in style.load(sizes, least)]
    opened = open_image(init, None if full else sizes[-1])
    return [load_image(opened, size) for size in sizes]


def _firsts(contents, style, settings, least, full):
    """The first image at all sizes, in the shapes of the contents."""
    init, shapes = settings.init, [content.shape[1:3] for content in contents]
    if isinstance(init, str) and init == "content":
        return contents
    if isinstance(init, str) and init == "fast":
        vectors = [predict_style(image) for image in style.images]
        vector = blended(vectors, style.blend)
        return [fast_paint(content, vector) for content in contents]
    if isinstance(init, str) and init == "noise":  # enlarged: no finer noise
        noise = np.random.default_rng(settings.seed).uniform(size=contents[0].shape)
        noise = tf.constant(noise, tf.float32)
        return [noise, *(resize(noise, shape, clip=False) for shape in shapes[1:])]
    pictures = _pictures_of_init(settings, style, least, full)
    return [_cover(*both) for both in zip(pictures, shapes, strict=True)]


def _masks(content, styles, settings):
    """The masks of the photograph, then those of the paintings, at the first size."""
    if settings.content_masks is None:
        return []
    masks = load_masks(settings.content_masks, content)
    of_styles = [own for *_, own in by_region(styles, masks, settings.style_masks)]
    return [masks, *(own for own in of_styles if own is not None)]


def _recolored(styles, blend, settings, photo):
    """The photograph in the paintings' colours: those of each region, or blended."""
    masks = load_masks(settings.content_masks or [None], photo)
    parts = [
        match_colors(photo, style, mask, own)
        for style, mask, own in by_region(styles, masks, settings.style_masks)
    ]
    shares, painted = shared(masks)
    if len(masks) == 1:
        shares = [b * shares[0] for b in blend]
    together = sum(s * part for s, part in zip(shares, parts, strict=True))
    return tf.clip_by_value(together + (1 - painted) * photo, 0.0, 1.0)


def load_pictures(content_image, style, settings, full=False):
    """The `Pictures` of a run; each file is decoded once.

    Args:
        content_image: the photograph, as `load_image` takes it.
        style: a `Style`.
        settings: the `Settings`; no mask is the word "alpha".
        full: decode all pixels of a large JPEG: slower, and some grey values differ.

    Raises:
        ValueError: a picture that cannot be read, or is too small.
    """
    sizes = settings.size
    least = smallest_side(settings.layers)
    opened = open_image(content_image, None if full else sizes[-1])
    contents = [load_image(opened, size, min_side=least) for size in sizes]
    of_style = isinstance(settings.init, str) and settings.init == "style"
    also = sizes if of_style else []  # for the first image
    styles, *_ = style.load([*settings.style_sizes, *also], least)
    masks = _masks(contents[0], styles, settings)
    photos = contents
    guessed = isinstance(settings.init, str) and settings.init == "fast"
    if settings.realistic and settings.color == "matched":
        recolor = functools.partial(_recolored, styles, style.blend, settings)
        contents, guessed = [recolor(photo) for photo in photos], True
    firsts = _firsts(contents, style, settings, least, full)
    return Pictures(contents, firsts, styles, masks, guessed, photos)


def load_same_pictures(saved, content_image, style, settings):
    """The `Pictures` of a run that goes on, decoded as they were.

    Args:
        saved: the earlier `Result`.
        content_image, style, settings: as in `load_pictures`.

    Raises:
        ValueError: they are other pictures than those of the earlier run.
    """
    names = ("size", "style_size")
    before = replace(settings, **{name: saved.settings[name] for name in names})
    for full in (False, True):
        pictures = load_pictures(content_image, style, before, full)
        if pictures.fingerprint() == saved.settings["fingerprint"]:
            if settings.size == before.size:
                return pictures
            return load_pictures(content_image, style, settings, full)
    raise ValueError("resume: the run was made with other pictures")


def enlarge(image, small, large):
    """An image at the next size: its change is enlarged, its first image replaced.

    So details too small until now, such as windows, need not be found again.

    Args:
        image: `(1, h, w, 3)`, so far.
        small, large: the first image at this size, and at the next, `(1, H, W, 3)`.

    Returns:
        `(1, H, W, 3)` in [0, 1].
    """
    if image.shape == large.shape:
        return tf.convert_to_tensor(image, tf.float32)
    change = resize(image - small, large.shape[1:3], clip=False)
    return tf.clip_by_value(large + change, 0.0, 1.0)

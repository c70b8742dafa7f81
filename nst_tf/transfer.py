"""The run: a start image, sizes from coarse to fine, a history, and going on later."""

import functools
import hashlib
import io
import math
import os
import time
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from nst_tf.callbacks import PARTS, load_checkpoint
from nst_tf.features import feature_extractor, smallest_side
from nst_tf.images import load_image, resize, save_image, to_pil
from nst_tf.losses import TotalLoss
from nst_tf.optimizers import OPTIMIZERS, descend
from nst_tf.settings import as_json, as_list, check_blend, check_settings
from nst_tf.tiling import TiledLoss, content_targets, style_targets, tile_for

STYLE_LAYERS = tuple(f"block{b}_conv1" for b in range(1, 6))  # the paper's, section 3
HISTORY = ("step", "size", *PARTS, "seconds")


# What comes out


@dataclass
class Result:
    """What a run gives: the picture, how it came about, and what it was asked for.

    Attributes:
        state: what the optimizer holds; `state["image"]` is the `(1, H, W, 3)` picture.
        history: dict of lists, one entry a step: step, size, content, style, tv, total
            (the losses of the image that the step started from, unweighted but for the
            total; L-BFGS: of the best image so far) and seconds since the start.
        settings: the arguments that shaped the picture, as JSON can hold them, and a
            fingerprint of the pixels that went in.
        complete: False while the run goes on, and if it was stopped early.
    """

    state: dict
    history: dict
    settings: dict
    complete: bool = False

    @property
    def image(self):
        """The picture: `(H, W, 3)` float32 array, RGB in [0, 1]."""
        return np.array(self.state["image"])[0]

    def save(self, path):
        """Writes the picture; a PNG keeps the settings (see `nst_tf.save_image`)."""
        last = {name: values[-1] for name, values in self.history.items() if values}
        save_image(path, self.image, self.settings | {"last": last})

    def _repr_png_(self):
        file = io.BytesIO()
        to_pil(self.image).save(file, "PNG")
        return file.getvalue()

    def __repr__(self):
        height, width = self.image.shape[:2]
        steps = len(self.history["step"])
        end = f", total {self.history['total'][-1]:.4g}" if steps else ""
        return f"<Result {width} x {height} after {steps} steps{end}>"


class NotFiniteError(FloatingPointError):
    """The loss became infinite or no number. `result` has the last good image."""

    def __init__(self, message, result):
        super().__init__(message)
        self.result = result


# What goes in


class Style:
    """The style of one or several pictures; its Gram matrices are computed once.

    `style_transfer` makes one from its `style_image`. Make it yourself to paint many
    photographs in one style without repeating that.

    Args:
        images: a picture, as `load_image` takes it, or a list of pictures.
        blend: their weights, such as `[0.7, 0.3]`; only their proportions count.

    Raises:
        ValueError: another number of weights than of pictures; negative or all zero.
    """

    def __init__(self, images, blend=None):
        several = isinstance(images, list | tuple)
        self.images = list(images) if several else [images]
        if not self.images:
            raise ValueError("style_image: none; wanted at least one")
        self.blend = check_blend(blend, self.images)
        self._pictures, self._targets = {}, {}

    def load(self, size, min_side=1):
        """The pictures with `size` as their long edge, a list of `(1, H, W, 3)`."""
        if size not in self._pictures:
            self._pictures[size] = [
                load_image(i, size, min_side=min_side) for i in self.images
            ]
        return self._pictures[size]

    def targets(self, extractor, layers, size, tile=None):
        """`{layer: (1, N, N)}`, `mean_gram` of the pictures at this size, blended.

        Blending the targets has the same gradient as blending the losses: their sum of
        squares differs by a constant.
        """
        key = (extractor, tuple(layers), size)
        if key not in self._targets:
            self._targets[key] = dict.fromkeys(layers, 0.0)
            for image, b in zip(self.load(size), self.blend, strict=True):
                tile_here = tile_for(extractor, image.shape[1:3], tile)
                grams = style_targets(extractor, image, layers, tile_here)
                for layer in layers:
                    self._targets[key][layer] += b * grams[layer]
        return self._targets[key]


def _cover(image, shape):
    """Resizes an image until it covers `shape`, and cuts off what hangs over."""
    height, width = image.shape[1:3]
    scale = max(shape[0] / height, shape[1] / width)
    covering = max(shape[0], round(height * scale)), max(shape[1], round(width * scale))
    image = resize(image, covering)
    top, left = (covering[0] - shape[0]) // 2, (covering[1] - shape[1]) // 2
    return image[:, top : top + shape[0], left : left + shape[1]]


def _first_images(init, contents, style, sizes, seed):
    """The first image at all sizes, in the shapes of the contents."""
    shapes = [content.shape[1:3] for content in contents]
    if isinstance(init, str) and init == "content":
        return contents
    if isinstance(init, str) and init == "noise":  # one noise, without finer noise
        noise = np.random.default_rng(seed).uniform(size=contents[0].shape)
        noise = tf.constant(noise, tf.float32)
        return [noise, *(resize(noise, shape, clip=False) for shape in shapes[1:])]
    if isinstance(init, str) and init == "style":
        pictures = [style.load(size)[0] for size in sizes]
    else:
        pictures = [load_image(init, size) for size in sizes]
    return [_cover(*both) for both in zip(pictures, shapes, strict=True)]


def enlarge(image, small, large):
    """An image at the next size: its change is enlarged, and what it began with is not.

    Windows and branches, too small to be painted so far, need not be found again.

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


@functools.lru_cache(maxsize=2)
def _extractor(layers, network, pooling, normalize, weights, environment):
    """The last networks are kept, so that the next picture need not load them again."""
    return feature_extractor(layers, network, pooling, normalize, weights)


def network_of(settings):
    """The network that a run with these settings looks with; they are checked."""
    if not isinstance(settings["network"], str):
        return settings["network"]
    layers = dict.fromkeys([*settings["content_layers"], *settings["style_layers"]])
    names = ("network", "pooling", "normalize", "weights")
    variant = (settings[name] for name in names)
    return _extractor(tuple(layers), *variant, os.environ.get("NST_TF_WEIGHTS"))


def _minimizer(optimizer):
    """`descend` or `lbfgs`, chosen by name or by a Keras optimizer."""
    if isinstance(optimizer, str):
        return OPTIMIZERS[optimizer]
    return functools.partial(descend, optimizer=optimizer)


def fingerprint(images):
    """A short hash of pixels, by which a resumed run knows its pictures again."""
    digest = hashlib.sha256()
    for image in images:
        digest.update(np.ascontiguousarray(image))
    return digest.hexdigest()[:16]


def _resume(path, settings):
    """A `Result` from a checkpoint, which must belong to a run with these settings."""
    saved = load_checkpoint(path)
    for name, value in settings.items():
        if saved["settings"].get(name) != value:
            raise ValueError(
                f"resume: {path} was made with {name}={saved['settings'].get(name)!r}, "
                f"and this run has {name}={value!r}"
            )
    return Result(**saved)


# The run


def _steps(result, stages, minimize):
    """Moves the pixels through all stages, `(size, steps, first, make_loss)` each.

    `first` is the first image, at the size of the stage.

    Yields after every step. The result's state and history are replaced, never changed,
    so that it is whole at any time.
    """
    clock = time.perf_counter() - (result.history["seconds"] or [0.0])[-1]
    finest = stages[-1][0]
    firsts = {size: first for size, _, first, _ in stages}
    good = result.state, result.history  # known to have a finite loss
    for size, steps, first, make_loss in stages:
        sizes = result.history["size"]
        done = sizes.count(size)
        over = done == steps or result.state.get("converged", False)
        if sizes and (size < sizes[-1] or size == sizes[-1] and over):
            continue  # it was done before the checkpoint
        small = firsts[sizes[-1]] if sizes else first
        start = result.state | {"image": enlarge(result.state["image"], small, first)}
        for losses, state in minimize(make_loss(), start, steps - done):
            step = len(result.history["step"]) + 1
            finite = math.isfinite(losses["total"])
            if not finite:
                result.state, result.history = good
            if not finite or not np.isfinite(state["image"]).all():
                raise NotFiniteError(
                    f"the loss is {losses['total']} at step {step}, size {size}; "
                    "smaller weights or a smaller learning rate may help",
                    result,
                )
            good = result.state, result.history
            row = {"step": step, "size": size, **losses}
            row["seconds"] = time.perf_counter() - clock
            history = {k: [*values, row[k]] for k, values in result.history.items()}
            result.state, result.history = state, history
            done += 1
            last = done == steps or state.get("converged", False)
            result.complete = last and size == finest
            yield


def _run(result, stages, minimize, callbacks):
    """All the steps, watched by the callbacks; Ctrl-C ends them early."""
    try:
        for _ in _steps(result, stages, minimize):
            for callback in callbacks:
                callback(result)
    except KeyboardInterrupt:
        if not result.history["step"]:
            raise
    finally:
        for callback in callbacks:
            if hasattr(callback, "close") and result.history["step"]:
                callback.close(result)
    return result


def style_transfer(
    content_image,
    style_image,
    *,
    size: int | list[int] = (256, 512),
    steps: int | list[int] = 100,
    style_size: int | None = None,
    style_blend: list[float] | None = None,
    content_weight: float = 0.02,
    style_weight: float = 1.0,
    tv_weight: float = 0.5,
    content_layers: str | list[str] = "block4_conv2",
    style_layers: str | list[str] = STYLE_LAYERS,
    network: str = "vgg19",
    pooling: str = "avg",
    normalize: bool = True,
    weights: str = "imagenet",
    init: str = "content",
    seed: int = 0,
    optimizer: str = "lbfgs",
    tile: int | None = None,
    callbacks=(),
    resume: str | None = None,
):
    """Paints a photograph in the style of a painting (Gatys et al. 2016).

    Args:
        content_image: the photograph: a path, URL, `PIL.Image` or array.
        style_image: the painting, or a list of several; or a `Style`.
        size: long edge of the result in pixels; several sizes run from coarse to fine,
            which draws the larger strokes first.
        steps: how many at each size, or one number for each size; for L-BFGS these are
            evaluations of the loss and its gradient.
        style_size: long edge of the painting in pixels; its strokes grow with it.
            Default: the size of the result.
        style_blend: weights of several paintings, such as 0.7 0.3. Default: equal.
        content_weight: alpha. More of it keeps more of the photograph: try 1e-4 to
            1e-1.
        style_weight: beta. Only alpha/beta matters, so that this can stay 1.
        tv_weight: weight of total variation; takes away speckles, then detail: try 0
            (as in the paper) to 2.
        content_layers: layers in which the photograph is kept.
        style_layers: layers in which the painting is followed, all equally; or from
            Python a dict of layers and weights.
        network: vgg19, vgg19_slim (fast, no download) or vgg16; from Python also a
            Keras model: image -> features.
        pooling: avg, as in the paper, or max, as the network was trained.
        normalize: rescale the filters to a mean activation of one, as in the paper.
        weights: a file with weights of the network, instead of its own.
        init: the first image: content, style, noise, or a picture.
        seed: of the noise; the same seed gives the same picture.
        optimizer: lbfgs or adam; from Python also any Keras optimizer, such as
            `keras.optimizers.Adam(0.05)`, whose rate is in units of the pixels' range.
        tile: side of the tiles in which big pictures are computed, a multiple of 16
            pixels: less memory, more time, the same picture. Default: whole pictures
            while the free memory suffices, then tiles.
        callbacks: functions of the `Result` so far, called after every step: see
            `nst_tf.callbacks`.
        resume: a file of the callback `checkpoint`; the run goes on from there.

    Returns:
        A `Result`. Ctrl-C (and a notebook's stop button) gives back the one so far.

    Raises:
        ValueError: before the first step, for anything that cannot work.
        ConnectionError: the network's weights are not here and cannot be downloaded.
        NotFiniteError: the loss became infinite or no number; has the last good image.

    Example:

    >>> result = style_transfer("photo.jpg", "painting.jpg", size=48, steps=2)
    >>> result.image.shape
    (32, 48, 3)
    """
    settings = check_settings(dict(locals()))
    sizes, steps = settings["size"], settings["steps"]
    content_layers, style_layers = settings["content_layers"], settings["style_layers"]
    callbacks = settings["callbacks"]
    style = style_image
    if not isinstance(style, Style):
        style = Style(style_image, style_blend)
    elif style_blend is not None:
        raise ValueError("style_blend: this `Style` has a blend of its own")

    # The pictures come first: a wrong one should not wait for the network.
    least = smallest_side([*content_layers, *style_layers])
    contents = [load_image(content_image, s, min_side=least) for s in sizes]
    scale = settings["style_size"] / sizes[-1]
    styles = style.load(round(scale * sizes[0]), min_side=least)
    firsts = _first_images(init, contents, style, sizes, seed)

    settings |= {"style_image": style.images, "style_blend": style.blend}
    settings["fingerprint"] = fingerprint([*firsts, *contents, *styles])
    for name in ("tile", "callbacks", "resume"):  # change nothing in the picture
        del settings[name]
    result = Result(
        {"image": firsts[0]}, {name: [] for name in HISTORY}, as_json(settings)
    )
    if resume:
        result = _resume(resume, result.settings)
    network = network_of(settings)

    def make_loss(size, content):
        tile_here = tile_for(network, content.shape[1:3], tile)
        loss = functools.partial(TiledLoss, tile=tile_here) if tile_here else TotalLoss
        return loss(
            network,
            content_targets(network, content, content_layers, tile_here),
            style.targets(network, style_layers, round(scale * size), tile),
            style_layers,
            settings["content_weight"],
            settings["style_weight"],
            settings["tv_weight"],
        )

    stages = [
        (s, n, first, functools.partial(make_loss, s, content))
        for s, n, first, content in zip(sizes, steps, firsts, contents, strict=True)
    ]
    return _run(result, stages, _minimizer(optimizer), callbacks)


def reconstruct(
    image, layers, match="content", *, init="noise", tv_weight=0.0, **settings
):
    """What a layer keeps of a picture, made visible (Gatys et al. 2016, figure 1).

    Args:
        image: the picture, as `style_transfer` takes it.
        layers: a layer or a list of them.
        match: `"content"` for a picture with the same features, eq. 1; `"style"` for
            one with the same Gram matrices, eq. 5: a texture.
        init: the first image, as in `style_transfer`.
        tv_weight: weight of total variation.
        **settings: the other keywords of `style_transfer`.

    Returns:
        A `Result`.

    Example:

    >>> texture = reconstruct("painting.jpg", "block1_conv1", "style", size=48, steps=2)
    """
    if match not in ("content", "style"):
        raise ValueError(f"match: {match!r} is none of ['content', 'style']")
    return style_transfer(
        image,
        image,
        init=init,
        content_layers=as_list(layers),
        style_layers=layers,
        content_weight=float(match == "content"),
        style_weight=float(match == "style"),
        tv_weight=tv_weight,
        **settings,
    )

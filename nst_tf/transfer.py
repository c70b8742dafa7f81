"""The run: a start image, sizes from coarse to fine, a history, and going on later."""

import functools
import io
import math
import numbers
import os
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from nst_tf.callbacks import PARTS, load_checkpoint
from nst_tf.features import (
    NETWORKS,
    check_layers,
    feature_extractor,
    layer_names,
    smallest_side,
)
from nst_tf.images import load_image, resize, save_image, to_pil
from nst_tf.losses import TotalLoss, mean_gram
from nst_tf.optimizers import OPTIMIZERS, descend

STYLE_LAYERS = tuple(f"block{b}_conv1" for b in range(1, 6))  # the paper's, section 3
INITS = ("content", "style", "noise")
SMALLEST_SIZE = 32
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
        settings: all arguments of the run, as JSON can hold them.
        complete: False while the run goes on, and if it was stopped early.
    """

    state: dict
    history: dict
    settings: dict
    complete: bool = False

    @property
    def image(self):
        """The picture: `(H, W, 3)` float32 array, RGB in [0, 1]."""
        return np.asarray(self.state["image"])[0]

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

    `style_transfer` makes one from its `style_image`. Make it yourself, together with a
    `feature_extractor`, to paint many photographs in one style without repeating that.

    Args:
        images: a picture, as `load_image` takes it, or a list of pictures.
        blend: their weights, such as `[0.7, 0.3]`; only their proportions count.

    Raises:
        ValueError: another number of weights than of pictures; negative or all zero.
    """

    def __init__(self, images, blend=None):
        self.images = list(images) if isinstance(images, list | tuple) else [images]
        blend = [1] * len(self.images) if blend is None else list(blend)
        if len(blend) != len(self.images):
            raise ValueError(
                f"style_blend: {len(blend)} weights for {len(self.images)} style images"
            )
        if not all(b >= 0 and math.isfinite(b) for b in blend) or not sum(blend) > 0:
            raise ValueError(f"style_blend: {blend}; wanted positive numbers")
        self.blend = [b / sum(blend) for b in blend]
        self._pictures, self._targets = {}, {}

    def load(self, size, min_side=1):
        """The pictures with `size` as their long edge, a list of `(1, H, W, 3)`."""
        key = (size, min_side)
        if key not in self._pictures:
            self._pictures[key] = [
                load_image(i, size, min_side=min_side) for i in self.images
            ]
        return self._pictures[key]

    def targets(self, extractor, layers, size):
        """`{layer: (1, N, N)}`, `mean_gram` of the pictures at this size, blended.

        Blending the targets has the same gradient as blending the losses: their sum of
        squares differs by a constant.
        """
        key = (extractor, tuple(layers), size)
        if key not in self._targets:
            self._targets[key] = dict.fromkeys(layers, 0.0)
            for image, b in zip(self.load(size), self.blend, strict=True):
                features = extractor(image)
                for layer in layers:
                    self._targets[key][layer] += b * mean_gram(features[layer])
        return self._targets[key]


def _cover(image, shape):
    """Resizes an image until it covers `shape`, and cuts off what hangs over."""
    height, width = image.shape[1:3]
    scale = max(shape[0] / height, shape[1] / width)
    covering = max(shape[0], round(height * scale)), max(shape[1], round(width * scale))
    image = resize(image, covering)
    top, left = (covering[0] - shape[0]) // 2, (covering[1] - shape[1]) // 2
    return image[:, top : top + shape[0], left : left + shape[1]]


def _start_image(init, content, style, size, seed):
    """The first image, in the shape of the content."""
    shape = content.shape[1:3]
    if isinstance(init, str) and init == "content":
        return content
    if isinstance(init, str) and init == "style":
        return _cover(style.load(size)[0], shape)
    if isinstance(init, str) and init == "noise":
        noise = np.random.default_rng(seed).uniform(size=content.shape)
        return tf.constant(noise, tf.float32)
    return _cover(load_image(init, size), shape)


def _as_list(value):
    return list(value) if isinstance(value, list | tuple) else [value]


def _is_whole(value, least):
    return isinstance(value, numbers.Integral) and value >= least


def _sizes_and_steps(size, steps, name="size"):
    """Checks both; returns two lists of the same length."""
    sizes, steps = _as_list(size), _as_list(steps)
    wrong = [s for s in sizes if not _is_whole(s, SMALLEST_SIZE)]
    if wrong or not sizes:
        wrong = wrong[0] if wrong else "none"
        raise ValueError(
            f"{name}: {wrong}; wanted a whole number, at least {SMALLEST_SIZE} pixels"
        )
    if sorted(set(sizes)) != sizes:
        raise ValueError(f"size: {size}; wanted sizes that grow")
    if not all(_is_whole(n, 1) for n in steps):
        raise ValueError(f"steps: {steps}; wanted whole numbers of at least 1")
    if len(steps) == 1:
        steps = steps * len(sizes)
    if len(steps) != len(sizes):
        raise ValueError(f"steps: {len(steps)} numbers for {len(sizes)} sizes")
    return [int(s) for s in sizes], [int(n) for n in steps]


def _check_weights(weights):
    for name, weight in weights.items():
        number = isinstance(weight, numbers.Real) and math.isfinite(weight)
        if not number or weight < 0:
            raise ValueError(f"{name}: {weight}; wanted a number that is not negative")
    if not weights["content_weight"] and not weights["style_weight"]:
        raise ValueError("content_weight, style_weight: both zero; one should not be")


def _layer_weights(layers):
    """`{layer: w_l}` from a list, whose layers count equally, or from such a dict."""
    if not isinstance(layers, dict):
        layers = _as_list(layers)
        layers = {layer: 1 / len(layers) for layer in layers}
    if not layers:
        raise ValueError("style_layers: none; wanted at least one")
    if not all(w >= 0 for w in layers.values()) or not sum(layers.values()) > 0:
        raise ValueError(f"style_layers: {layers}; wanted weights that are positive")
    return layers


def _check_choices(init, optimizer, network, content_layers, style_layers):
    """Finds misspelt names before anything is loaded."""
    given = isinstance(optimizer, keras.optimizers.Optimizer)
    if not given and optimizer not in OPTIMIZERS:
        raise ValueError(
            f"optimizer: {optimizer!r} is none of {sorted(OPTIMIZERS)}, nor a Keras one"
        )
    if isinstance(init, str) and init not in INITS and not Path(init).is_file():
        raise ValueError(
            f"init: {init!r} is none of {list(INITS)}, nor a picture's file"
        )
    if isinstance(network, keras.Model):
        name, available = network.name, network.output
    elif network in NETWORKS:
        name, available = network, layer_names(network)
    else:
        raise ValueError(f"network: {network!r} is none of {sorted(NETWORKS)}")
    if not content_layers:
        raise ValueError("content_layers: none; wanted at least one")
    check_layers(content_layers, available, name, "content_layers")
    check_layers(style_layers, available, name, "style_layers")


@functools.lru_cache(maxsize=2)
def _extractor(layers, network, pooling, normalize, weights, environment):
    """The last networks are kept, so that the next picture need not load them again."""
    return feature_extractor(layers, network, pooling, normalize, weights)


def _minimizer(optimizer):
    """`descend` or `lbfgs`, chosen by name or by a Keras optimizer."""
    if isinstance(optimizer, str):
        return OPTIMIZERS[optimizer]
    return functools.partial(descend, optimizer=optimizer)


def _as_json(value):
    """An argument as JSON can hold it; pictures that are no files by their shape."""
    if isinstance(value, Style):
        return _as_json(value.images)
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, keras.optimizers.Optimizer):
        return keras.optimizers.serialize(value)
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, keras.Model):
        return value.name
    shape = getattr(value, "shape", None) or getattr(value, "size", None)
    return f"{type(value).__name__} {tuple(shape)}" if shape else type(value).__name__


def _settings(arguments):
    """All the arguments of a run but those that do not shape the picture."""
    silent = ("callbacks", "resume")
    return {k: _as_json(v) for k, v in arguments.items() if k not in silent}


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


def _run(result, stages, minimize, callbacks):
    """Moves the pixels through all stages: `(size, steps, shape, make_loss)` each."""
    history = result.history
    clock = time.perf_counter() - (history["seconds"] or [0.0])[-1]
    good = result.state  # the last state whose loss is known to be finite
    for size, steps, shape, make_loss in stages:
        done = history["size"].count(size)
        if size < (history["size"] or [0])[-1] or done == steps:
            continue  # before the checkpoint that the run was resumed from
        start = result.state | {"image": resize(result.state["image"], shape)}
        for losses, state in minimize(make_loss(), start, steps - done):
            step = len(history["step"]) + 1
            if not math.isfinite(losses["total"]):
                result.state = good
                raise NotFiniteError(
                    f"the loss is {losses['total']} at step {step}, size {size}; "
                    "smaller weights or a smaller learning rate may help",
                    result,
                )
            good, result.state = result.state, state
            seconds = time.perf_counter() - clock
            row = {"step": step, "size": size, **losses, "seconds": seconds}
            for name, value in row.items():
                history[name].append(value)
            done += 1
            result.complete = done == steps and size == stages[-1][0]
            for callback in callbacks:
                callback(result)
    result.complete = True


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
        network: vgg19 or vgg16; from Python also a Keras model: image -> features.
        pooling: avg, as in the paper, or max, as the network was trained.
        normalize: rescale the filters to a mean activation of one, as in the paper.
        weights: a file with weights of the network, instead of Keras' download.
        init: the first image: content, style, noise, or a picture.
        seed: of the noise; the same seed gives the same picture.
        optimizer: lbfgs or adam; from Python also any Keras optimizer, such as
            `keras.optimizers.Adam(0.05)`, with its rate in units of the pixels' range.
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
    settings = _settings(locals())
    sizes, steps = _sizes_and_steps(size, steps)
    if style_size is None:
        style_size = sizes[-1]
    _sizes_and_steps(style_size, 1, "style_size")
    part_weights = {
        "content_weight": content_weight,
        "style_weight": style_weight,
        "tv_weight": tv_weight,
    }
    _check_weights(part_weights)
    content_layers, style_layers = (
        _as_list(content_layers),
        _layer_weights(style_layers),
    )
    _check_choices(init, optimizer, network, content_layers, style_layers)
    style = style_image
    if not isinstance(style, Style):
        style = Style(style_image, style_blend)
    settings |= {"size": sizes, "steps": steps, "style_blend": style.blend}

    # The pictures come first: a wrong one should not wait for the network.
    layers = list(dict.fromkeys([*content_layers, *style_layers]))
    least = smallest_side(layers)
    contents = [load_image(content_image, s, min_side=least) for s in sizes]
    scale = style_size / sizes[-1]
    style.load(round(scale * sizes[0]), min_side=least)
    if resume:
        result = _resume(resume, settings)
    else:
        image = _start_image(init, contents[0], style, sizes[0], seed)
        result = Result({"image": image}, {name: [] for name in HISTORY}, settings)
    if isinstance(network, str):
        environment = os.environ.get("NST_TF_WEIGHTS")
        network = _extractor(
            tuple(layers), network, pooling, normalize, weights, environment
        )

    def make_loss(size, content):
        features = network(content)
        return TotalLoss(
            network,
            {layer: features[layer] for layer in content_layers},
            style.targets(network, style_layers, round(scale * size)),
            style_layers,
            **part_weights,
        )

    stages = [
        (s, n, content.shape[1:3], functools.partial(make_loss, s, content))
        for s, n, content in zip(sizes, steps, contents, strict=True)
    ]
    try:
        _run(result, stages, _minimizer(optimizer), callbacks)
    except KeyboardInterrupt:
        if not result.history["step"]:
            raise
    return result


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
        **{f"{match}_layers": layers},
        content_weight=float(match == "content"),
        style_weight=float(match == "style"),
        tv_weight=tv_weight,
        **settings,
    )

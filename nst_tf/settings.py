"""What a run is asked for: checked before the first step, and written down as JSON."""

import contextlib
import numbers
import os
import sys
from dataclasses import dataclass, fields

import keras
import numpy as np
from PIL import Image

from nst_tf.features import check_layers, check_variant, layer_names
from nst_tf.guides import check_masks
from nst_tf.optimizers import OPTIMIZERS
from nst_tf.sources import is_url

INITS = ("content", "style", "noise", "fast")
COLORS = ("painting", "matched", "photo")
SMALLEST_SIZE = 32
WATCHING = ("nst_tf.callbacks", "nst_tf.figures")  # where functions make callbacks


def as_list(value):
    """A list, of one thing or of several."""
    if isinstance(value, str | bytes | os.PathLike):
        return [value]
    try:
        return list(value)
    except TypeError:  # it is one thing
        return [value.item() if isinstance(value, np.ndarray) else value]


def _is_whole(value, least):
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return whole and value >= least


def _is_weight(value):
    return isinstance(value, numbers.Real) and 0 <= value <= sys.float_info.max


# Checks: each raises a `ValueError`, or returns its argument in standard form


def check_sizes(size, name="size", least=SMALLEST_SIZE):
    """A list of growing sizes."""
    sizes = as_list(size)
    wrong = [s for s in sizes if not _is_whole(s, least)]
    if wrong or not sizes:
        raise ValueError(
            f"{name}: {wrong[0] if wrong else 'none'}; wanted a whole number, at least "
            f"{least} pixels"
        )
    if sorted(set(sizes)) != sizes:
        raise ValueError(f"{name}: {size}; wanted sizes that grow")
    return [int(s) for s in sizes]


def check_steps(steps, sizes):
    """A list of steps, one number for each size."""
    steps = as_list(steps)
    if not all(_is_whole(n, 1) for n in steps):
        raise ValueError(f"steps: {steps}; wanted whole numbers of at least 1")
    if len(steps) == 1:
        steps = steps * len(sizes)
    if len(steps) != len(sizes):
        raise ValueError(f"steps: {len(steps)} numbers for {len(sizes)} sizes")
    return [int(n) for n in steps]


def check_weights(content_weight, style_weight, tv_weight):
    """A dict of the three."""
    weights = {
        "content_weight": content_weight,
        "style_weight": style_weight,
        "tv_weight": tv_weight,
    }
    for name, weight in weights.items():
        if not _is_weight(weight):
            raise ValueError(f"{name}: {weight}; wanted a number that is not negative")
    if not content_weight and not style_weight:
        raise ValueError("content_weight, style_weight: both zero; one should not be")
    return {name: float(weight) for name, weight in weights.items()}


def check_blend(blend, images):
    """A list of weights, one for each image, that sum to one."""
    blend = [1.0] * len(images) if blend is None else as_list(blend)
    if len(blend) != len(images):
        raise ValueError(
            f"style_blend: {len(blend)} weights for {len(images)} style images"
        )
    if not all(map(_is_weight, blend)) or not sum(blend):
        raise ValueError(f"style_blend: {blend}; wanted positive numbers")
    return [float(b / sum(blend)) for b in blend]


def check_scale(scale, images):
    """A list of factors of the size, one for each image."""
    scale = as_list(1.0 if scale is None else scale)
    scale = scale * len(images) if len(scale) == 1 else scale
    if len(scale) != len(images):
        raise ValueError(
            f"style_scale: {len(scale)} numbers for {len(images)} style images"
        )
    if not all(map(_is_weight, scale)) or not all(scale):
        raise ValueError(f"style_scale: {scale}; wanted positive numbers")
    return [float(factor) for factor in scale]


def check_network(network, content_layers, style_layers):
    """The content layers as a list, the style layers as a dict of their weights."""
    outputs = None
    with contextlib.suppress(Exception):  # a model may have no such thing
        outputs = network.output
    if not isinstance(network, keras.Model):
        name, available = network, layer_names(network)
    elif isinstance(outputs, dict):
        name, available = network.name, list(outputs)
    else:
        raise ValueError(
            f"network: {network.name} gives no dict of {{layer: features}}"
        )
    content_layers = as_list(content_layers)
    check_layers(content_layers, available, name, "content_layers")
    if not isinstance(style_layers, dict):
        layers = dict.fromkeys(as_list(style_layers))
        style_layers = {layer: 1 / len(layers) for layer in layers}
    check_layers(style_layers, available, name, "style_layers")
    weights = style_layers.values()
    if not all(map(_is_weight, weights)) or not sum(weights):
        raise ValueError(f"style_layers: {style_layers}; wanted positive weights")
    return content_layers, style_layers


def check_init(init):
    known = not isinstance(init, str) or init in INITS
    if not known and not is_url(init) and not os.path.isfile(init):
        raise ValueError(f"init: {init!r} is none of {list(INITS)}, nor a file")


def check_color(color):
    if color not in COLORS:
        raise ValueError(f"color: {color!r} is none of {list(COLORS)}")


def check_seed(seed):
    if not _is_whole(seed, 0):
        raise ValueError(f"seed: {seed!r}; wanted a whole number of at least 0")


def check_bool(name, value):
    if not isinstance(value, bool):
        raise ValueError(f"{name}: {value!r}; wanted True or False")


def check_optimizer(optimizer):
    if isinstance(optimizer, keras.optimizers.Optimizer):
        try:
            type(optimizer).from_config(optimizer.get_config())
            keras.optimizers.serialize(optimizer)
        except (TypeError, ValueError) as error:
            raise ValueError(f"optimizer: it cannot be copied ({error})") from error
    elif not isinstance(optimizer, str) or optimizer not in OPTIMIZERS:
        raise ValueError(
            f"optimizer: {optimizer!r} is none of {sorted(OPTIMIZERS)}, nor a Keras one"
        )


def check_tile(tile, network):
    if tile is None:
        return
    if not _is_whole(tile, 64) or tile % 16:
        raise ValueError(f"tile: {tile}; wanted a multiple of 16, at least 64 pixels")
    if isinstance(network, keras.Model) and not hasattr(network, "variant"):
        raise ValueError(
            f"tile: how far {network.name} sees is not known; tiles are for networks "
            "by name or from feature_extractor"
        )


def check_callbacks(callbacks):
    """A list of functions."""
    callbacks = [callbacks] if callable(callbacks) else as_list(callbacks)
    if not all(map(callable, callbacks)):
        raise ValueError(f"callbacks: {callbacks}; wanted functions of a Result")
    for callback in callbacks:
        name = getattr(callback, "__qualname__", "")
        ours = getattr(callback, "__module__", None) in WATCHING
        if ours and "<locals>" not in name:  # it makes one, but is none
            raise ValueError(f"callbacks: {name} is not called; wanted {name}(...)")
    return callbacks


# All of them


@dataclass(frozen=True)
class Settings:
    """`style_transfer`'s keywords but for `resume`, each checked and in standard form.

    Attributes:
        size, steps: lists of one length.
        style_size: at the last size; the painting shrinks and grows with the picture.
        content_layers: a list.
        style_layers: `{layer: weight}`.
        content_masks, style_masks: lists of one length, or None.
        callbacks: a list of functions.
    """

    size: list
    steps: list
    style_size: int
    style_scale: list | None
    style_blend: list | None
    content_weight: float
    style_weight: float
    tv_weight: float
    content_layers: list
    style_layers: dict
    content_masks: list | None
    style_masks: list | None
    color: str
    realistic: bool
    network: object
    pooling: str
    padding: str
    normalize: bool
    weights: str
    init: object
    seed: int
    optimizer: object
    tile: int | None
    callbacks: list

    @property
    def layers(self):
        """All the layers that the network has to give, a list."""
        return [*self.content_layers, *self.style_layers]

    @property
    def copied(self):
        """Layers of which each region holds the features once more, a list."""
        return [*self.style_layers] * len(self.content_masks or [])

    @property
    def style_sizes(self):
        """Long edges of the painting, one for each size of the picture."""
        return [round(self.style_size / self.size[-1] * size) for size in self.size]

    def shaping(self):
        """What shapes the picture, as JSON can hold it: all but tiles and callbacks."""
        names = [field.name for field in fields(self)]
        kept = [name for name in names if name not in ("tile", "callbacks")]
        return {name: as_json(getattr(self, name)) for name in kept}


def check_settings(resume=None, **keywords):
    """The `Settings` of all keywords of `style_transfer`; `resume` is handled there.

    Raises:
        ValueError: for anything that cannot work, before any of it is computed.
    """
    sizes = check_sizes(keywords["size"])
    style_size = keywords["style_size"]
    (style_size,) = check_sizes(
        [sizes[-1] if style_size is None else style_size], "style_size"
    )
    network = keywords["network"]
    content_layers, style_layers = check_network(
        network, keywords["content_layers"], keywords["style_layers"]
    )
    for name in ("normalize", "realistic"):
        check_bool(name, keywords[name])
    if isinstance(network, str):
        names = ("pooling", "normalize", "weights", "padding")
        check_variant(network, *(keywords[name] for name in names))
    check_color(keywords["color"])
    check_init(keywords["init"])
    check_seed(keywords["seed"])
    check_optimizer(keywords["optimizer"])
    check_tile(keywords["tile"], network)
    masks = check_masks(keywords["content_masks"], keywords["style_masks"])
    weights = ("content_weight", "style_weight", "tv_weight")
    checked = {
        "size": sizes,
        "steps": check_steps(keywords["steps"], sizes),
        "style_size": style_size,
        "content_layers": content_layers,
        "style_layers": style_layers,
        "content_masks": masks[0],
        "style_masks": masks[1],
        "callbacks": check_callbacks(keywords["callbacks"]),
        **check_weights(*(keywords[name] for name in weights)),
    }
    return Settings(**(keywords | checked))


# As JSON


def as_json(value):
    """A setting as JSON can hold it; what has no file becomes its type and shape."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, keras.optimizers.Optimizer):
        saved = keras.optimizers.serialize(value)
        del saved["config"]["name"]  # Keras numbers them: sgd_1, sgd_2
        return as_json(saved)
    if isinstance(value, keras.Model):
        return value.name
    if isinstance(value, Image.Image):
        size = f"picture {value.width} x {value.height}"
        return os.fsdecode(getattr(value, "filename", "")) or size
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if hasattr(value, "read"):
        return f"file {getattr(value, 'name', '')}"
    return f"array {tuple(np.shape(value))}"

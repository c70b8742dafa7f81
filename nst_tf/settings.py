"""What a run is asked for: checked before the first step, and written down as JSON."""

import math
import numbers
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from nst_tf.features import check_layers, check_variant, layer_names
from nst_tf.images import is_url
from nst_tf.optimizers import OPTIMIZERS

INITS = ("content", "style", "noise")
SMALLEST_SIZE = 32


def as_list(value):
    """A list of what came as one thing or as several."""
    if isinstance(value, str | bytes | Path) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


def _is_whole(value, least):
    return isinstance(value, numbers.Integral) and value >= least


def _is_weight(value):
    return isinstance(value, numbers.Real) and math.isfinite(value) and value >= 0


# Checks: each raises a `ValueError`, or returns its argument in one form


def check_sizes(size, name="size"):
    """A list of growing sizes."""
    sizes = as_list(size)
    wrong = [s for s in sizes if not _is_whole(s, SMALLEST_SIZE)]
    if wrong or not sizes:
        raise ValueError(
            f"{name}: {wrong[0] if wrong else 'none'}; wanted a whole number, at least "
            f"{SMALLEST_SIZE} pixels"
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


def check_network(network, content_layers, style_layers):
    """The content layers as a list, the style layers as a dict of their weights."""
    if not isinstance(network, keras.Model):
        name, available = network, layer_names(network)
    elif isinstance(network.output, dict):
        name, available = network.name, list(network.output)
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
    if not known and not is_url(init) and not Path(init).is_file():
        raise ValueError(f"init: {init!r} is none of {list(INITS)}, nor a file")


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
    if isinstance(network, keras.Model):
        raise ValueError(
            f"tile: how far {network.name} sees is not known; tiles are for networks "
            "by name"
        )


def check_callbacks(callbacks):
    """A list of functions."""
    callbacks = [callbacks] if callable(callbacks) else list(callbacks or [])
    if not all(map(callable, callbacks)):
        raise ValueError(f"callbacks: {callbacks}; wanted functions of a Result")
    return callbacks


def check_settings(settings):
    """`style_transfer`'s keywords, each in one form; the pictures are not looked at."""
    sizes = check_sizes(settings["size"])
    style_size = settings["style_size"]
    (style_size,) = check_sizes(
        [sizes[-1] if style_size is None else style_size], "style_size"
    )
    network = settings["network"]
    content_layers, style_layers = check_network(
        network, settings["content_layers"], settings["style_layers"]
    )
    if isinstance(network, str):
        variant = (settings[name] for name in ("pooling", "normalize", "weights"))
        check_variant(network, *variant)
    check_init(settings["init"])
    check_optimizer(settings["optimizer"])
    check_tile(settings["tile"], network)
    weights = ("content_weight", "style_weight", "tv_weight")
    return settings | {
        "size": sizes,
        "steps": check_steps(settings["steps"], sizes),
        "style_size": style_size,
        "content_layers": content_layers,
        "style_layers": style_layers,
        "callbacks": check_callbacks(settings["callbacks"]),
        **check_weights(*(settings[name] for name in weights)),
    }


# As JSON


def as_json(value):
    """A setting as JSON can hold it; what is no file is told by its type and shape."""
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, keras.optimizers.Optimizer):
        return keras.optimizers.serialize(value)
    if isinstance(value, keras.Model):
        return value.name
    if isinstance(value, Image.Image):
        return f"picture {value.width} x {value.height}"
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Path):
        return str(value)
    return f"array {tuple(np.shape(value))}"

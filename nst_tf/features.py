"""The eye, a network: what VGG19, VGG16 or the slim VGG19 sees, layer by layer.

The only file that knows how these networks want their input (blue first, 0 to 255,
minus a mean). Everywhere else pictures are RGB in [0, 1].
"""

import contextlib
import difflib
import os
import re
import sys
import warnings
from pathlib import Path

import keras
import numpy as np

MEAN_BGR = (103.939, 116.779, 123.68)  # ImageNet means of Keras' VGG

# Filters of each convolution, block by block (Simonyan and Zisserman 2015, table 1).
NETWORKS = {
    "vgg16": ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3),
    "vgg19": ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4),
    "vgg19_slim": ((32,) * 2, (64,) * 2, (128,) * 4, (256, 256, 256, 384), (512,)),
}
SLIM = "vgg19_slim"  # VGG19 with fewer filters, taught by it: nst_tf/weights/distill.py
POOLING = {"avg": keras.layers.AveragePooling2D, "max": keras.layers.MaxPooling2D}
PADDING = {"zeros": "same", "reflect": "valid"}  # what Keras' convolutions are told
WEIGHTS = Path(__file__).parent / "weights"
# Environment variables that name a file with the weights of a network.
VARIABLES = {"vgg19": "NST_TF_WEIGHTS", "vgg16": "NST_TF_WEIGHTS_VGG16"}


def layer_names(network: str = "vgg19") -> list[str]:
    """Names of a network's convolutions, from the first to the last.

    >>> layer_names("vgg19")[:3]
    ['block1_conv1', 'block1_conv2', 'block2_conv1']
    """
    if not isinstance(network, str) or network not in NETWORKS:
        raise ValueError(f"network: {network!r} is none of {sorted(NETWORKS)}")
    return [
        f"block{b}_conv{c}"
        for b, widths in enumerate(NETWORKS[network], 1)
        for c in range(1, len(widths) + 1)
    ]


def check_layers(layers, available, network, argument="layers"):
    """Raises a `ValueError` that guesses which layer was meant."""
    if not layers:
        raise ValueError(f"{argument}: none; wanted at least one")
    for layer in layers:
        if layer in available:
            continue
        other = re.fullmatch(r"(?:conv|relu)_?(\d)_(\d)", str(layer))
        guess = "block{}_conv{}".format(*other.groups()) if other else str(layer)
        close = difflib.get_close_matches(guess, available, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"It has {list(available)}."
        raise ValueError(f"{argument}: no layer {layer!r} in {network}. {hint}")


def check_variant(network, pooling, normalize, weights, padding):
    """Raises a `ValueError` if a network has no such variant."""
    if not isinstance(weights, str | os.PathLike):
        raise ValueError(f"weights: {weights!r}; wanted the path of a file")
    if weights != "imagenet" and not os.path.isfile(weights):
        raise ValueError(f"weights: there is no file {os.fspath(weights)}")
    if not isinstance(pooling, str) or pooling not in POOLING:
        raise ValueError(f"pooling: {pooling!r} is none of {sorted(POOLING)}")
    if not isinstance(padding, str) or padding not in PADDING:
        raise ValueError(f"padding: {padding!r} is none of {sorted(PADDING)}")
    if network == SLIM and not (pooling == "avg" and normalize):
        raise ValueError(
            f"{SLIM} was taught by the paper's network: it has only 'avg' "
            "pooling and is always normalised"
        )


def stride(layer):
    """Pixels from one position of a layer to the next; 1 if its name does not say.

    >>> stride("block3_conv2")
    4
    """
    block = re.match(r"block(\d)_", layer)
    return 2 ** (int(block[1]) - 1) if block else 1


def smallest_side(layers):
    """The least height and width, in pixels, of a picture that reaches these layers.

    >>> smallest_side(["block1_conv1", "block3_conv2"])
    4
    """
    return max(map(stride, layers))


def reach(layers, network="vgg19"):
    """How many pixels these layers see beyond their own, on each side.

    >>> reach(["block1_conv1", "block5_conv1"])
    70
    """
    seen = {}
    for name in layer_names(network):  # a 3x3 convolution sees one position more
        seen[name] = max(seen.values(), default=0) + stride(name)
    return max(seen[layer] for layer in layers)


@keras.saving.register_keras_serializable("nst_tf")
class Reflected(keras.layers.Layer):
    """One position more on each side: `(B, H, W, N)` -> `(B, H + 2, W + 2, N)`.

    As in a mirror that stands on the outermost position: 1 | 0 1 2 | 1. Where a side
    has one position only, that one is repeated.
    """

    def call(self, x):
        # Slices, as padding whose width depends on the size has no export.
        above, below = x[:, :2][:, -1:], x[:, -2:][:, :1]
        x = keras.ops.concatenate([above, x, below], axis=1)
        left, right = x[:, :, :2][:, :, -1:], x[:, :, -2:][:, :, :1]
        return keras.ops.concatenate([left, x, right], axis=2)


def _network(network, pooling, padding="zeros"):
    """All convolutions of a VGG, without weights: RGB image -> {layer: features}.

    The slim VGG19 has a linear readout after each: see `feature_extractor`.
    """
    # Set here, so that a user's global Keras settings make no difference.
    fixed = {"dtype": "float32", "data_format": "channels_last"}
    images = keras.Input((None, None, 3), name="image", dtype="float32")
    features = {}

    # What Keras' VGG was trained on: BGR, 0 to 255, minus the mean of ImageNet.
    x = images[..., ::-1] * 255.0 - np.array(MEAN_BGR, "float32")

    for b, widths in enumerate(NETWORKS[network], 1):
        for c, filters in enumerate(widths, 1):
            name = f"block{b}_conv{c}"
            if padding == "reflect":
                x = Reflected(name=f"{name}_padding", dtype="float32")(x)
            x = keras.layers.Conv2D(
                filters,
                3,
                padding=PADDING[padding],
                activation="relu",
                name=name,
                **fixed,
            )(x)
            features[name] = x
            if network == SLIM:
                features[name] = keras.layers.Conv2D(
                    filters, 1, use_bias=False, name=f"{name}_readout", **fixed
                )(x)
        x = POOLING[pooling](2, name=f"block{b}_pool", **fixed)(x)
    return keras.Model(images, features, name=network)


def weights_file(network, weights="imagenet"):
    """The file with the weights of a network; "imagenet" if Keras has to fetch it."""
    if weights == "imagenet" and network == SLIM:
        return str(WEIGHTS / f"{SLIM}.weights.h5")
    if weights == "imagenet":
        return os.environ.get(VARIABLES.get(network, "")) or weights
    return os.fspath(weights)


def _load_weights(model, network, weights):
    """Fills `model` from the package's file, Keras' download or the user's file."""
    source = file = weights_file(network, weights)
    if file == "imagenet":
        model.set_weights(_download(network))
        return
    if weights == "imagenet" and network in VARIABLES:
        source = f"{file} (from {VARIABLES[network]})"
    if not Path(file).is_file():
        raise ValueError(f"weights: there is no file {source}")
    # Keras skips, with a warning, what a file lacks: NaN will show it.
    model.set_weights([np.full(w.shape, np.nan) for w in model.get_weights()])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.load_weights(file)
    except Exception as error:  # h5py and Keras raise a dozen different ones
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise ValueError(
            f"weights: {source} is damaged or does not belong to {network} ({reason})"
        ) from error
    if not all(np.isfinite(array).all() for array in model.get_weights()):
        raise ValueError(
            f"weights: {source} is damaged: some values are missing or not finite"
        )


def _download(network):
    """Keras' own ImageNet weights, which it fetches, checks and caches."""
    application = getattr(keras.applications, network.upper())
    try:
        with contextlib.redirect_stdout(sys.stderr):  # for Keras' progress bar
            return application(include_top=False).get_weights()
    except Exception:  # Keras raises a bare one
        fetch = f"keras.applications.{network.upper()}(include_top=False)"
        raise ConnectionError(
            f"The ImageNet weights of {network} are not on this machine and could not "
            "be downloaded. Connect and try again; or take the slim network, which is "
            f"built in: network={SLIM!r}; or run, on a connected machine, `python "
            f"-c 'import keras; {fetch}'`, copy the .h5 file from its ~/.keras/models, "
            "and give its path as weights=PATH or in the environment variable "
            f"{VARIABLES[network]}."
        ) from None


def measure_means(model, photos):
    """Mean activation of every filter of a model: `{layer: (N,) array}`.

    The mean over the positions of each photograph, then over the photographs.
    """
    from nst_tf.images import load_image  # not above: distill.py has no TensorFlow

    sums = dict.fromkeys(model.output, 0.0)
    for photo in photos:
        for name, features in model(load_image(photo)).items():
            sums[name] += features.numpy().mean(axis=(0, 1, 2), dtype="float64")
    return {name: (sums[name] / len(photos)).astype("float32") for name in sums}


def filter_means(model, pooling):
    """Mean activation of every filter over natural photographs, with a floor.

    VGG19's were measured on 223 photographs (`nst_tf/weights/measure_means.py`). Those
    of a network that is not in the file are measured now, on three.

    A filter that hardly ever fires in photographs is held at a quarter of its layer's
    median. VGG19 has one that never does, in block4_conv1, and one for dogs, in
    block5_conv1, which alone would be 70 % of that layer's loss in a picture of a dog.

    Returns:
        `{layer: (N,) array}`
    """
    with np.load(WEIGHTS / "filter_means.npz") as file:
        keys = {name: f"{model.name}/{pooling}/{name}" for name in model.output}
        if set(keys.values()) <= set(file.files):
            means = {name: file[key] for name, key in keys.items()}
        else:
            means = measure_means(model, sorted((WEIGHTS / "photos").glob("*.jpg")))
    return {name: np.maximum(m, 0.25 * np.median(m)) for name, m in means.items()}


def _normalize(model, means):
    """Rescales the weights so that each filter has mean activation one (section 2).

    Dividing a filter by its mean and multiplying what reads it by the same number
    changes nothing further up: ReLU and pooling commute with a positive factor.
    """
    incoming = np.ones(3, "float32")
    for name in model.output:
        layer = model.get_layer(name)
        kernel, bias = layer.get_weights()
        layer.set_weights(
            [kernel * incoming[:, None] / means[name], bias / means[name]]
        )
        incoming = means[name]


def feature_extractor(
    layers: str | list[str],
    network: str = "vgg19",
    pooling: str = "avg",
    normalize: bool = True,
    weights: str | os.PathLike = "imagenet",
    *,
    padding: str = "zeros",
) -> keras.Model:
    """A network, cut after the last layer asked for: image -> {layer: features}.

    Section 2 of Gatys et al. 2016: VGG with average pooling, its weights rescaled so
    that the mean activation of each filter, over pictures and positions, is one.

    `"vgg19_slim"` has the same layers up to block5_conv1 and about half of the filters.
    It was taught VGG19's normalised features: E s, with s its own features and E a
    learned `(N_vgg, N)` matrix, approximates them. What comes out of a layer is not E s
    but the shorter

        sqrt(N / N_vgg) R s,    E = Q R    (QR decomposition)

    which has the same losses as E s: Q is orthonormal, so that neither eq. 1 as a mean
    nor eq. 4 can tell them apart. One alpha and one beta therefore mean the same on
    both networks.

    Args:
        layers: Keras' names of convolutions, such as `["block4_conv2"]`; what comes out
            is their activation after ReLU (for the slim network, see above).
        network: `"vgg19"`, `"vgg16"` or `"vgg19_slim"`.
        pooling: `"avg"` as in the paper, or `"max"` as the network was trained.
        normalize: rescale the weights as the paper does.
        weights: `"imagenet"` for Keras' own (downloaded and cached by Keras, or read
            from the file that the environment variable NST_TF_WEIGHTS names, for VGG16
            NST_TF_WEIGHTS_VGG16; the slim network's come with this package), or the
            path of a file with weights of this network.
        padding: what a convolution finds beyond the border: `"zeros"`, as the network
            was trained with, or `"reflect"`, its features as in a mirror. To zeros, a
            border is an edge like any other, by which the network knows it.

    Returns:
        A `tf.keras.Model`: `(B, H, W, 3)` RGB in [0, 1] -> `{layer: (B, h, w, N)}`. Its
        `variant` says which network it is.

    Raises:
        ValueError: unknown layer, network, pooling or padding; weights that do not fit.
        ConnectionError: the weights are missing and cannot be downloaded.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Keras runs on {keras.backend.backend()!r}; nst_tf needs TensorFlow: set "
            "the environment variable KERAS_BACKEND to 'tensorflow' before the import"
        )
    layers = [layers] if isinstance(layers, str) else list(layers)
    check_layers(layers, layer_names(network), network)
    check_variant(network, pooling, normalize, weights, padding)

    model = _network(network, pooling, padding)
    _load_weights(model, network, weights)
    if normalize and network != SLIM:
        _normalize(model, filter_means(model, pooling))
    outputs = {name: model.output[name] for name in layers}
    extractor = keras.Model(model.input, outputs, name=network)
    extractor.trainable = False
    # What it is, so that others know its reach, or recognise it.
    file = weights_file(network, weights)
    extractor.variant = (network, pooling, normalize, file, padding)
    return extractor

"""The fast network for other places: browsers, phones, other languages.

    export_fast("fast.onnx")
    export_fast("the_wave.tflite", "the_wave")
    export_predictor("predictor.onnx")

It takes a photograph, `(B, H, W, 3)` RGB in [0, 1] of any height and width, and gives
the picture in the same shape. Unless it is exported for one style, its second input is
the vector of a style, `(B, S)`. The predictor gives that of any painting, which it
takes as the other takes a photograph.
"""

import contextlib
import io
import json
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
from keras import ops

from nst_tf import feedforward
from nst_tf.fast import AnyStyle, fast_network, style_vector
from nst_tf.features import SLIM
from nst_tf.images import check_path, write_atomically
from nst_tf.targets import STYLE_LAYERS, kept_extractor

AXES = "batch", "height", "width"
OUTPUTS = {"fast": "picture", "predictor": "style"}  # what each network gives
INSIDE = "saved_model.pb"  # a file of every exported folder


# The network


@keras.saving.register_keras_serializable("nst_tf")
class OneStyle(keras.layers.Layer):
    """One style's vector for each photograph of a batch: `(B, H, W, 3)` -> `(B, S)`."""

    def __init__(self, length, **options):
        super().__init__(**options)
        self.length = length
        self.vector = self.add_weight((length,), "zeros", name="vector")

    def call(self, photo):
        return ops.broadcast_to(self.vector, (ops.shape(photo)[0], self.length))

    def compute_output_spec(self, photo):
        return keras.KerasTensor((photo.shape[0], self.length), photo.dtype)

    def get_config(self):
        return super().get_config() | {"length": self.length}


def exported_model(style=None):
    """The network as it is exported: its picture is clipped to [0, 1].

    Args:
        style: as in `fast_style_transfer`; None leaves it as the second input.

    Returns:
        A `keras.Model`: `(B, H, W, 3)`, for any style also `(B, S)` -> `(B, H, W, 3)`.
    """
    painter = fast_network().painter
    photo, vector = inputs = painter.inputs
    if style is not None:
        values = style_vector(style)
        layer = OneStyle(len(values), name="one_style")
        inputs, vector = [photo], layer(photo)
        layer.vector.assign(values)
    picture = ops.clip(painter([photo, vector]), 0.0, 1.0)
    return keras.Model(inputs, picture, name="fast")


def exported_predictor():
    """The predictor as it is exported, with the slim network that sees for it.

    Returns:
        A `keras.Model`: `(B, H, W, 3)` RGB in [0, 1] -> `(B, S)`.
    """
    painting = keras.Input((None, None, 3), name="painting")
    features = kept_extractor(SLIM, STYLE_LAYERS, padding="reflect")(painting)
    told = feedforward.statistics({layer: features[layer] for layer in STYLE_LAYERS})
    _, standard, *layers = fast_network().predictor.layers
    # `standard` itself keeps tensors, which tf2onnx would take for inputs.
    mean, variance = (
        ops.convert_to_numpy(value) for value in (standard.mean, standard.variance)
    )
    x = (told - mean) / np.maximum(np.sqrt(variance), keras.config.epsilon())
    for layer in layers:
        x = layer(x)
    return keras.Model([painting], x, name="predictor")


# Formats


def _as_keras(model, path):
    model.save(path)


def _as_folder(model, path):
    with contextlib.redirect_stdout(io.StringIO()):  # Keras 3.5 knows no `verbose`
        model.export(path, format="tf_saved_model")


def _as_tflite(model, path):
    model.export(path, format="litert", verbose=False)


def _as_onnx(model, path):
    try:
        import onnx
        import tf2onnx  # noqa: F401 - Keras calls it
    except ImportError as error:
        raise ImportError(
            'for ONNX there is the extra `export`: `pip install "nst_tf[export]"`'
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx looks for names that NumPy had
        model.export(path, format="onnx", verbose=False)
    network = onnx.load(path)
    _name_axes(network.graph, OUTPUTS[model.name])
    onnx.save(network, path)


def _name_axes(graph, name):
    """The output of an ONNX graph, and all axes, get names for people."""
    (output,) = graph.output
    for node in graph.node:
        node.output[:] = [name if one == output.name else one for one in node.output]
    output.name = name
    for value in (*graph.input, output):
        for axis, word in zip(value.type.tensor_type.shape.dim, AXES, strict=False):
            if not axis.dim_value:
                axis.dim_param = word


WRITERS = {
    ".keras": _as_keras,
    "": _as_folder,
    ".tflite": _as_tflite,
    ".onnx": _as_onnx,
}


# Writing


def _checked(path):
    """A `Path` where the export can be written, or a `ValueError`."""
    path = Path(os.fsdecode(path))
    if path.suffix:
        return check_path(path, [suffix for suffix in WRITERS if suffix])
    ours = path.is_dir() and (not any(path.iterdir()) or (path / INSIDE).exists())
    if path.exists() and not ours:
        raise ValueError(f"{path} is there, and no exported network; choose another")
    check_path(path.with_suffix(".pb"), [".pb"])  # can its parent be written to?
    return path


def _write(model, path):
    """Writes beside `path` and renames, so that no half of an export is left."""
    # Called once, so that all of it is built
    model([np.zeros((1, *(n or 32 for n in x.shape[1:]))) for x in model.inputs])
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        written = Path(folder) / path.name
        WRITERS[path.suffix](model, written)
        if path.is_dir():
            shutil.rmtree(path)
        os.replace(written, path)


def export_fast(path: str | os.PathLike[str], style: AnyStyle | None = None) -> None:
    """Writes the fast network in the format that the name asks for.

    Args:
        path: ends in .onnx (ONNX Runtime, browsers), .tflite (LiteRT, phones) or
            .keras; or the name of a folder (TensorFlow's SavedModel).
        style: as in `fast_style_transfer`: it paints in this one only. None: it takes
            the vector of any. Those of the named styles are written beside it,
            `fast.onnx` -> `fast.styles.json`.

    Raises:
        ValueError: another ending, a place that cannot be written, or no style.
        ImportError: .onnx without the extra `export`.

    Example:

    >>> export_fast("wave.keras", "the_wave")
    >>> wave = keras.models.load_model("wave.keras")
    >>> wave([np.zeros((1, 50, 70, 3))]).shape
    TensorShape([1, 50, 70, 3])
    """
    place = _checked(path)
    _write(exported_model(style), place)
    if style is None:
        styles = fast_network().styles.items()
        vectors = {name: np.round(v.astype(float), 5).tolist() for name, v in styles}
        words = json.dumps(vectors, separators=(",", ":")).encode()
        write_atomically(place.with_suffix(".styles.json"), lambda f: f.write(words))


def export_predictor(path: str | os.PathLike[str]) -> None:
    """Writes the predictor: a painting -> its vector, the second input of the other.

    What `predict_style` gives for a painting whose long edge has 512 pixels, it gives
    for the same pixels; both sides should have at least 16.

    Args:
        path: as in `export_fast`.

    Raises:
        ValueError: another ending, or a place that cannot be written.
        ImportError: .onnx without the extra `export`.

    Example:

    >>> export_predictor("predictor.keras")
    >>> predictor = keras.models.load_model("predictor.keras")
    >>> predictor([np.zeros((1, 50, 70, 3))]).shape
    TensorShape([1, 2307])
    """
    place = _checked(path)
    _write(exported_predictor(), place)

"""The fast network for other places: browsers, phones, other languages.

    export_fast("fast.onnx")
    export_fast("the_wave.tflite", "the_wave")

It takes a photograph, `(B, H, W, 3)` RGB in [0, 1] of any height and width, and gives
the picture in the same shape. Unless it is exported for one style, its second input is
the vector of a style, `(B, S)`.
"""

import json
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
from keras import ops

from nst_tf.fast import AnyStyle, fast_network, style_vector
from nst_tf.images import check_path, write_atomically

AXES = "batch", "height", "width"
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


# Formats


def _as_keras(model, path):
    model.save(path)


def _as_folder(model, path):
    model.export(path, format="tf_saved_model", verbose=False)


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
    _name_axes(network.graph)
    onnx.save(network, path)


def _name_axes(graph):
    """The output of an ONNX graph, and all axes, get names for people."""
    (picture,) = graph.output
    for node in graph.node:
        node.output[:] = [
            "picture" if name == picture.name else name for name in node.output
        ]
    picture.name = "picture"
    for value in (*graph.input, picture):
        for axis, name in zip(value.type.tensor_type.shape.dim, AXES, strict=False):
            if not axis.dim_value:
                axis.dim_param = name


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
    model = exported_model(style)
    model([np.zeros((1, *(n or 32 for n in x.shape[1:]))) for x in model.inputs])
    _write(model, place)
    if style is None:
        styles = fast_network().styles.items()
        vectors = {name: np.round(v.astype(float), 5).tolist() for name, v in styles}
        words = json.dumps(vectors, separators=(",", ":")).encode()
        write_atomically(place.with_suffix(".styles.json"), lambda f: f.write(words))

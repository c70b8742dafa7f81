"""Neural style transfer in TensorFlow, to be read beside Gatys, Ecker and Bethge
(2016).

import nst_tf as nst

result = nst.style_transfer("photo.jpg", "painting.jpg")
result.save("out.png")
nst.figures.loss_curves(result.history)
"""

import contextlib
import ctypes
import importlib
import os


@contextlib.contextmanager
def _silence():
    """Hides what TensorFlow's libraries write to file descriptor 2 while they load."""
    try:
        keep, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:  # there is no stderr at all
        yield
        return
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(keep, 2)
        os.close(keep)
        os.close(nowhere)


def _has_driver():
    """Whether this machine has NVIDIA's driver, and so perhaps a GPU."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
    raise ImportError("nst_tf needs Keras on TensorFlow: KERAS_BACKEND is another one")
# TensorFlow reports errors, and no more; a user's own choice wins.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
with _silence():
    import tensorflow

    if not _has_driver():  # without one, a missing GPU is no error
        tensorflow.config.list_physical_devices("GPU")

from nst_tf import figures
from nst_tf.callbacks import animate, checkpoint, progress, save_images
from nst_tf.estimates import coarse_to_fine, estimate, plan
from nst_tf.exports import export_fast, export_predictor
from nst_tf.fast import (
    FastStyle,
    fast_style_transfer,
    fast_styles,
    fit_style,
    predict_style,
    style_vector,
)
from nst_tf.features import feature_extractor, layer_names
from nst_tf.images import load_image, read_settings, save_image
from nst_tf.losses import (
    TotalLoss,
    content_loss,
    gram_matrix,
    layer_style_loss,
    mean_gram,
    style_loss,
    total_variation_loss,
)
from nst_tf.optimizers import descend, lbfgs
from nst_tf.realism import strength
from nst_tf.regions import regions
from nst_tf.results import NotFiniteError, Result
from nst_tf.sweeps import sweep
from nst_tf.targets import Style, total_loss
from nst_tf.tiling import TiledLoss
from nst_tf.transfer import reconstruct, style_transfer
from nst_tf.video import Film, film

__version__ = "0.1.0"
__all__ = [
    # pictures
    "load_image",
    "save_image",
    "read_settings",
    # the eye
    "feature_extractor",
    "layer_names",
    # the losses
    "content_loss",
    "gram_matrix",
    "mean_gram",
    "layer_style_loss",
    "style_loss",
    "total_variation_loss",
    "total_loss",
    "TotalLoss",
    "TiledLoss",
    # moving the pixels
    "descend",
    "lbfgs",
    # watching
    "progress",
    "save_images",
    "animate",
    "checkpoint",
    # the run
    "style_transfer",
    "reconstruct",
    "Style",
    "Result",
    "NotFiniteError",
    # a picture in a second
    "fast_style_transfer",
    "fast_styles",
    "fit_style",
    "FastStyle",
    "style_vector",
    "predict_style",
    "export_fast",
    "export_predictor",
    # a film
    "film",
    "Film",
    # what it will cost
    "estimate",
    "plan",
    "coarse_to_fine",
    # where, and how much
    "regions",
    "strength",
    # many runs
    "sweep",
    # drawing
    "figures",
    # teaching
    "exercises",
]
_LATER = {"exercises"}  # loaded by whoever asks for them first


def __getattr__(name):
    if name in _LATER:
        return importlib.import_module(f"nst_tf.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LATER})

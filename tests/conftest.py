"""A tiny network of random weights, so that the suite is fast; the slim one, where a
real picture matters. Neither needs a download."""

import gc
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import nst_tf as nst
from nst_tf import features

ROOT = Path(__file__).parent.parent
PHOTO = ROOT / "images" / "content" / "coffee.jpg"
PAINTING = ROOT / "images" / "style" / "brush_strokes.jpg"


def pytest_collection_modifyitems(items):
    if not os.environ.get("NST_TF_WEIGHTS"):
        skip = pytest.mark.skip(reason="NST_TF_WEIGHTS names no weights of VGG19")
        for item in items:
            if "vgg19" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """A file with weights of `network="tiny"`: VGG19's shape with a few filters."""
    features.NETWORKS["tiny"] = ((6,) * 2, (8,) * 2, (10,) * 4, (12,) * 4, (14,) * 4)
    model = features._network("tiny", "avg")
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            spread = np.sqrt(2 / np.prod(kernel.shape[:3]))  # He et al. 2015
            kernel = rng.normal(0, spread, kernel.shape)
            layer.set_weights([kernel, bias])
    path = tmp_path_factory.mktemp("weights") / "tiny.weights.h5"
    model.save_weights(path)
    return str(path)


@pytest.fixture(autouse=True)
def small_world(tiny_weights, tmp_path, monkeypatch):
    """A folder with a photo and a painting; the tiny network is the default."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(PHOTO, "photo.jpg")
    shutil.copy(PAINTING, "painting.jpg")
    tiny = ("tiny", "avg", True, tiny_weights)
    monkeypatch.setattr(nst.feature_extractor, "__defaults__", tiny)
    defaults = {"network": "tiny", "weights": tiny_weights, "size": 48, "steps": 3}
    for name, value in defaults.items():
        monkeypatch.setitem(nst.style_transfer.__kwdefaults__, name, value)


@pytest.fixture
def slim_world(small_world, monkeypatch):
    """The slim VGG19 is the default."""
    slim = ("vgg19_slim", "avg", True, "imagenet")
    monkeypatch.setattr(nst.feature_extractor, "__defaults__", slim)
    for name, value in {"network": "vgg19_slim", "weights": "imagenet"}.items():
        monkeypatch.setitem(nst.style_transfer.__kwdefaults__, name, value)


@pytest.fixture
def live_tensors():
    """A function that counts the tensors which are alive, and the graphs."""

    def count():
        gc.collect()
        kinds = [type(thing).__name__ for thing in gc.get_objects()]
        return kinds.count("EagerTensor"), kinds.count("FuncGraph")

    return count


@pytest.fixture
def photo():
    return nst.load_image(PHOTO, 48)


@pytest.fixture
def painting():
    return nst.load_image(PAINTING, 40)

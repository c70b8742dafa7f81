"""A tiny network of random weights, so that the suite is fast; the slim one, where a
real picture matters. Neither needs a download."""

import gc
import os
import shutil
from pathlib import Path

import numpy as np
import psutil
import pytest

import nst_tf as nst
from nst_tf import features, ffmpeg

ROOT = Path(__file__).parent.parent
PHOTO = ROOT / "images" / "content" / "coffee.jpg"
PAINTING = ROOT / "images" / "style" / "brush_strokes.jpg"
BROWSER = next(filter(None, map(shutil.which, ["chromium", "google-chrome"])), None)
WIDTHS = ((6,) * 2, (8,) * 2, (10,) * 4, (12,) * 4, (14,) * 4)  # VGG19's shape
# A quick run: what tests give instead of the shipped defaults.
TINY_NETWORK = {"network": "tiny", "weights": "tiny.weights.h5"}
TINY = TINY_NETWORK | {"size": 48, "steps": 3}
# And quicker still, where two layers are enough.
SHALLOW = {"content_layers": "block1_conv2", "style_layers": "block1_conv1"}


def transfer(content="photo.jpg", style="painting.jpg", **settings):
    """`style_transfer` of the small world's pictures, by the tiny network."""
    return nst.style_transfer(content, style, **(TINY | settings))


class Killed(Exception):
    """What `kill_at` raises."""


def kill_at(step):
    """A callback that ends a run after a step."""

    def kill(result):
        if result.history["step"][-1] == step:
            raise Killed

    return kill


def ffmpegs():
    """The processes of FFmpeg that this one has started, and that have not ended."""
    return [p for p in psutil.Process().children() if "ffmpeg" in p.name()]


class AsPath:
    """What has a path, and is no `pathlib.Path`."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


def pytest_collection_modifyitems(items):
    if not os.environ.get("NST_TF_WEIGHTS"):
        skip = pytest.mark.skip(reason="NST_TF_WEIGHTS names no weights of VGG19")
        for item in items:
            if "vgg19" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """A file with weights of `network="tiny"`, which is known as long as tests run."""
    features.NETWORKS["tiny"] = WIDTHS
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
    yield str(path)
    del features.NETWORKS["tiny"]


@pytest.fixture(autouse=True)
def small_world(tiny_weights, tmp_path, monkeypatch):
    """A folder with a photo, a painting and the weights of the tiny network."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(PHOTO, "photo.jpg")
    shutil.copy(PAINTING, "painting.jpg")
    shutil.copy(tiny_weights, TINY["weights"])


@pytest.fixture
def slim_world(small_world, monkeypatch):
    """For examples in the docs, as they stand: the defaults are a quick, slim run."""
    picture = nst.images.to_pil(nst.load_image("photo.jpg", 160))
    with ffmpeg.writing(Path("clip.mp4"), (48, 64), 5) as add:
        for k in range(12):
            add(np.asarray(picture.crop((2 * k, 20, 2 * k + 64, 68))))
    slim = ("vgg19_slim", "avg", True, "imagenet")
    monkeypatch.setattr(nst.feature_extractor, "__defaults__", slim)
    defaults = {"network": "vgg19_slim", "size": 48, "steps": 3}
    for name, value in defaults.items():
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


@pytest.fixture(scope="module")
def browser():
    """Chromium, driven by Playwright; without one, its tests are skipped."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not BROWSER:
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox"]
        )
        yield browser
        browser.close()

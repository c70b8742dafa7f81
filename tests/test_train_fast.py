"""The script that taught the fast network, on a few crops."""

import importlib.util
import json
import os
import socket
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest
from PIL import Image

import nst_tf as nst
from nst_tf import fast, features
from nst_tf.images import load_image

spec = importlib.util.spec_from_file_location(
    "train_fast", features.WEIGHTS / "train_fast.py"
)
train_fast = importlib.util.module_from_spec(spec)
spec.loader.exec_module(train_fast)


def picture(seed, shape=(60, 75)):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), "uint8")


@pytest.fixture(scope="module")
def see():
    return train_fast.eye("vgg19_slim")


def test_the_loss_is_the_librarys(see):
    photos = [load_image(picture(seed)) for seed in (1, 2)]
    paintings = [picture(seed, (50, 66)) for seed in (3, 4)]
    images = np.random.default_rng(5).random((2, 60, 75, 3)).astype("float32")
    known = [train_fast.style_of(see, see, load_image(p)[0]) for p in paintings]
    grams = {n: np.stack([k[n] for k in known]) for n in train_fast.STYLE_LAYERS}
    P = see(np.concatenate(photos))[train_fast.CONTENT_LAYER]
    grams = {name: G.astype("float32") for name, G in grams.items()}
    found = train_fast.total_loss(see, images, P, grams, alpha=0.02)
    layers = [*train_fast.STYLE_LAYERS, train_fast.CONTENT_LAYER]
    network = nst.feature_extractor(layers, "vgg19_slim", padding="reflect")
    for k in range(2):
        painting = load_image(paintings[k])
        loss = nst.total_loss(photos[k], painting, network, style_size=66)
        expected = loss(images[k : k + 1])["total"]
        np.testing.assert_allclose(found[k], expected, rtol=2e-3)  # half precision


GRAMS = {layer: np.ones((2, 2)) for layer in train_fast.STYLE_LAYERS}
STYLE = GRAMS | {"statistics": np.ones(20)}


def test_a_lesson_is_the_same_for_the_same_seed_and_epoch():
    lessons = train_fast.Lessons([picture(0)], [STYLE], [STYLE] * 3, 30, 0, 4, 32)
    (one,), (again,), (other,) = lessons[0], lessons[0], lessons[1]
    np.testing.assert_array_equal(one["photo"], again["photo"])
    assert not np.array_equal(one["photo"], other["photo"])
    assert one["photo"].shape == (4, 32, 32, 3)
    rows = np.concatenate([lessons[k][0]["row"] for k in range(30)])
    assert set(rows) == {-1, 0, train_fast.PHOTOGRAPH}
    assert 0.6 < np.mean(rows == 0) / np.mean(rows == -1) < 1.6


def test_no_crop_is_altogether_flat():
    """Normalising one would raise its rounding errors to the power of all layers."""
    orange = np.full((40, 40, 3), [255, 128, 0], "uint8")
    lessons = train_fast.Lessons([orange], [STYLE], [STYLE], 30, 0, 4, 32)
    photos = np.concatenate([lessons[k][0]["photo"] for k in range(30)])
    spreads = photos.std(axis=(1, 2)).max(axis=1)
    assert min(spreads) > train_fast.FLAT / 3


def test_two_paintings_side_by_side_are_a_share_of_each(see):
    """Of features, one beside the other: statistics are those of all positions."""
    rng = np.random.default_rng(0)
    names = train_fast.STYLE_LAYERS
    left, right = ({n: rng.random((1, 4, w, 3)) for n in names} for w in (3, 9))

    def style(features):
        told = np.asarray(train_fast.feedforward.statistics(features))[0]
        grams = {n: np.asarray(train_fast.gram(F))[0] for n, F in features.items()}
        return grams | {"statistics": told}

    class Quarter:
        random = staticmethod(lambda: 0.25)  # 3 of 12 columns

    found = train_fast.side_by_side(Quarter, style(left), style(right))
    both = {n: np.concatenate([left[n], right[n]], axis=2) for n in names}
    for name, expected in style(both).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-5)


def test_a_named_style_is_its_own_and_others_are_predicted(see):
    model = train_fast.Training(see, 20, alpha=0.02)
    rng = np.random.default_rng(0)
    model.table.assign(rng.normal(size=model.table.shape))
    model.predictor.get_layer("style").bias.assign(rng.normal(size=2307))
    told = rng.random((3, 20)).astype("float32")
    found = np.asarray(model.style(told, np.array([1, -1, train_fast.PHOTOGRAPH])))
    np.testing.assert_allclose(found[[0, 2]], np.asarray(model.table)[[1, -1]])
    np.testing.assert_allclose(found[1], model.predictor(told)[1], rtol=1e-6)


def test_variants_and_flat_parts_are_pictures():
    rng = np.random.default_rng(0)
    for _ in range(5):
        one = train_fast.variant(rng, picture(1, (200, 160)))
        assert one.dtype == np.float32 and 320 <= max(one.shape[:2]) <= 600
        assert one.min() >= 0 and one.max() <= 1
    crop = np.float32(picture(1, (32, 32)) / 255)
    for _ in range(30):
        found = train_fast.flat_part(rng, crop)
        same = (found == crop).all(axis=-1)
        assert found.shape == crop.shape and same.any() and not same.all()


def test_beyond_black_and_white_there_is_a_way_back(see):
    """The picture that is saved is the same; what lies beyond costs its square."""
    model = train_fast.Training(see, 1984, alpha=0.02)
    photo = np.random.default_rng(0).random((1, 32, 40, 3)).astype("float32")
    style = train_fast.style_of(see, see, photo[0])
    lesson = {name: x.astype("float32")[None] for name, x in style.items()}
    lesson |= {"photo": photo, "row": np.array([0])}
    inside, beyond = (
        float(model.compute_loss(x=lesson, y_pred=keras.ops.convert_to_tensor(y)))
        for y in (np.ones_like(photo), np.full_like(photo, 1.5))
    )
    np.testing.assert_allclose(beyond - inside, train_fast.BEYOND * 0.25, rtol=1e-3)


def test_two_windows_of_one_photograph_overlap():
    names = [picture(0, (90, 90))], [STYLE], [STYLE] * 3, 20, 0, 3, 32
    lessons = train_fast.Lessons(*names, pairs=0.5)
    batches = [lessons[k][0] for k in range(20)]
    pairs = [batch for batch in batches if batch["apart"][0, 0] >= 0]
    assert 4 < len(pairs) < 16
    for batch in batches:
        assert batch["photo"].shape == (3, 32, 32, 3)
        assert (batch["apart"][2] == -1).all()
    for batch in pairs:
        (dy, dx), (first, second, _) = batch["apart"][0], batch["photo"]
        np.testing.assert_array_equal(first[dy:, dx:], second[: 32 - dy, : 32 - dx])
        found = train_fast.flicker(
            keras.ops.convert_to_tensor(batch["photo"]), (dy, dx)
        )
        assert float(found) == 0


def test_flicker_is_the_mean_difference_of_what_overlaps():
    pictures = np.random.default_rng(0).random((3, 40, 50, 3)).astype("float32")
    both = pictures[0, 5:29, 7:41], pictures[1, :24, :34]
    apart = np.array([5, 7], "int32")
    found = train_fast.flicker(keras.ops.convert_to_tensor(pictures), apart)
    np.testing.assert_allclose(found, np.abs(both[0] - both[1]).mean(), rtol=1e-5)
    assert float(train_fast.flicker(pictures, np.array([-1, -1], "int32"))) == 0


def test_a_run_that_is_lost_is_not_kept():
    with pytest.raises(FloatingPointError, match="the loss is nan at batch 3"):
        train_fast.Finite().on_train_batch_end(3, {"loss": float("nan")})
    train_fast.Finite().on_train_batch_end(3, {"loss": -0.5})


@pytest.fixture
def folders(tmp_path):
    for folder, count in (("photos", 21), ("paintings", 21), ("named", 2)):
        (tmp_path / folder).mkdir()
        for k in range(count):
            Image.fromarray(picture(k)).save(tmp_path / folder / f"{k:02}.png")
    return tmp_path


def test_a_run_goes_on_and_writes_what_the_library_reads(folders, monkeypatch):
    styles = {"one": ["00.png", "the first"], "two": ["01.png", "the second"]}
    (folders / "styles.json").write_text(json.dumps(styles))
    monkeypatch.setattr(train_fast, "STYLES", folders / "styles.json")
    monkeypatch.setattr(train_fast, "STYLE_SIZE", 48)
    monkeypatch.setattr(train_fast, "variant", lambda rng, p: np.float32(p / 255))
    run = folders / "run"

    def train(epochs):
        words = f"{folders}/photos --paintings {folders}/paintings --named"
        words += f" {folders}/named --run {run} --variants 1 --batches 1 --batch 2"
        words += f" --size 48 --every 1 --epochs {epochs} --cooldown 1 --steady 4"
        monkeypatch.setattr(sys, "argv", ["train_fast.py", *words.split()])
        train_fast.main()

    train(2)
    first = dict(np.load(run / "fast.npz"))
    train(3)
    again = dict(np.load(run / "fast.npz"))
    assert not np.array_equal(first["styles"], again["styles"])
    epochs = [line.split(",")[0] for line in (run / "log.csv").read_text().split()]
    assert epochs == ["epoch", "0", "1", "2"]

    fast.fast_network.cache_clear()
    monkeypatch.setattr(fast, "FILE", run / "fast.npz")
    assert fast.fast_styles() == {"one": "the first", "two": "the second"}
    result = fast.fast_style_transfer(picture(3), {"one": 0.3, "two": 0.7}, size=40)
    assert result.image.shape == (32, 40, 3)
    fast.fast_network.cache_clear()


def arrays_in(path):
    found = {}

    def keep(name, thing):
        if isinstance(thing, h5py.Dataset):
            found[name] = np.array(thing)

    with h5py.File(path) as file:
        file.visititems(keep)
    return found


@pytest.mark.skipif(
    tuple(map(int, keras.__version__.split(".")[:2])) < (3, 15),
    reason="what stands in for Keras there was written for 3.15",
)
def test_two_machines_learn_as_one(folders, tmp_path):
    """Two processes, each with half of every batch, end with the same numbers."""
    words = [f"{folders}/photos", "--paintings", f"{folders}/paintings", "--named"]
    words += [f"{folders}/named", "--variants", "1", "--batches", "2", "--batch", "2"]
    words += ["--size", "32", "--every", "1", "--epochs", "1", "--cooldown", "1"]
    styles = {"one": ["00.png", "the first"], "two": ["01.png", "the second"]}
    (folders / "styles.json").write_text(json.dumps(styles))
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(features.WEIGHTS)!r})\n"
        "from pathlib import Path\n"
        "import train_fast\n"
        f"train_fast.STYLES = Path({str(folders / 'styles.json')!r})\n"
        "train_fast.main()\n"
    )
    sockets = [socket.socket() for _ in range(2)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    machines = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    running = []
    for k in range(2):
        task = {"type": "worker", "index": k}
        config = json.dumps({"cluster": {"worker": machines}, "task": task})
        command = [sys.executable, "-c", program, *words, "--run", f"{tmp_path}/run{k}"]
        running.append(
            subprocess.Popen(
                command,
                env=os.environ | {"TF_CONFIG": config},
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    for one in running:
        _, said = one.communicate(timeout=300)
        assert one.returncode == 0, said[-3000:]
    assert (tmp_path / "run0" / "fast.npz").exists()
    assert not (tmp_path / "run1" / "fast.npz").exists()
    first, second = (
        arrays_in(tmp_path / f"run{k}/backup{k or ''}/latest.weights.h5")
        for k in range(2)
    )
    assert len(first) > 30 and first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], err_msg=name)

import inspect
import threading

import keras
import numpy as np
import pytest
from conftest import SHALLOW, TINY, TINY_NETWORK, AsPath, transfer

import nst_tf as nst
from nst_tf import targets
from nst_tf.optimizers import OPTIMIZERS
from nst_tf.results import HISTORY, load_checkpoint
from nst_tf.settings import check_settings


def test_a_run_gives_an_image_a_history_and_its_settings():
    result = transfer(steps=4)
    assert result.image.shape == (32, 48, 3) and result.image.dtype == "float32"
    assert result.image.min() >= 0 and result.image.max() <= 1
    assert list(result.history) == list(HISTORY)
    assert result.history["step"] == [1, 2, 3, 4]
    assert result.settings["content_image"] == "photo.jpg"
    assert result.complete


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_loss_falls(optimizer):
    total = transfer(steps=25, optimizer=optimizer).history["total"]
    assert total[-1] < 0.5 * total[0]


def test_the_first_loss_is_that_of_the_start_image(photo, painting, tiny_weights):
    """From the content: no content loss, and the style loss made of the parts."""
    style_layers = {f"block{b}_conv1": 0.2 for b in range(1, 6)}
    extractor = nst.feature_extractor(list(style_layers), "tiny", weights=tiny_weights)
    targets = {n: nst.mean_gram(F) for n, F in extractor(painting).items()}
    expected = nst.style_loss(extractor(photo), targets, style_layers)
    history = transfer(style_size=40, steps=1).history
    assert history["content"] == [0]
    np.testing.assert_allclose(history["style"], expected, rtol=1e-5)


def test_the_same_seed_gives_the_same_picture():
    one, same = (transfer(init="noise", seed=1).image for _ in range(2))
    np.testing.assert_array_equal(one, same)


def test_a_run_starts_from_its_first_image_and_enlarges_the_change():
    """A rate of zero changes nothing, so that the image keeps its detail."""
    still = dict(optimizer=keras.optimizers.SGD(0.0), steps=1)
    image = transfer(init="painting.jpg", size=[32, 48], **still).image
    np.testing.assert_array_equal(image, transfer(init="painting.jpg", **still).image)
    coarse = transfer(size=32, steps=6, init="noise")
    fine = transfer(size=[32, 48], steps=[6, 1], init="noise")
    expected = nst.load_image(coarse.image, 48)
    np.testing.assert_allclose(fine.image, expected[0], atol=1e-5)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_sizes_go_from_coarse_to_fine(optimizer):
    result = transfer(size=[32, 48], steps=[4, 3], optimizer=optimizer)
    assert result.history["size"] == [32] * 4 + [48] * 3
    assert result.history["step"] == list(range(1, 8))
    assert result.image.shape == (32, 48, 3)
    assert result.settings["size"] == [32, 48]


def test_more_content_weight_keeps_more_of_the_photograph(photo):
    slim = {"network": "vgg19_slim", "weights": "imagenet", "steps": 40}
    results = [transfer(content_weight=a, **slim) for a in (1e-4, 1.0, 1e3)]
    distances = [np.abs(result.image - photo[0]).mean() for result in results]
    assert distances[0] > distances[1] > distances[2]
    losses = [result.history["content"][-1] for result in results]
    assert losses[0] > losses[1] > losses[2]


def test_total_variation_smooths():
    rough, smooth = (
        float(
            nst.losses.total_variation_loss(transfer(tv_weight=w, steps=20).image[None])
        )
        for w in (0.0, 1e3)
    )
    assert smooth < 0.7 * rough


def test_the_network_may_be_a_model_of_the_user_s():
    image = keras.Input((None, None, 3))
    edges = keras.layers.Conv2D(4, 3, activation="relu")(image)
    model = keras.Model(image, {"edges": edges}, name="mine")
    options = dict(network=model, content_layers="edges", style_layers="edges")
    result = transfer(**options, steps=10)
    assert result.history["total"][-1] < result.history["total"][0]
    assert result.settings["network"] == "mine"
    reconstruct("edges", network=model)
    with pytest.raises(ValueError, match="no layer 'block4_conv2' in mine"):
        transfer(network=model, style_layers="edges")


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_the_network_may_compute_in_any_precision(policy, optimizer):
    image = keras.Input((None, None, 3))
    edges = keras.layers.Conv2D(4, 3, activation="relu", dtype=policy)(image)
    model = keras.Model(image, {"edges": edges}, name="mine")
    options = dict(network=model, content_layers="edges", style_layers="edges")
    result = transfer(**options, steps=10, optimizer=optimizer)
    assert result.history["total"][-1] < result.history["total"][0]


def test_style_layers_may_have_weights():
    layers = {"block1_conv1": 1.0, "block5_conv1": 3.0}
    heavy, plain = (
        transfer(style_layers=w, steps=1).history["style"][0]
        for w in (layers, list(layers))
    )
    single = {n: transfer(style_layers=n, steps=1).history["style"][0] for n in layers}
    np.testing.assert_allclose(
        heavy, sum(layers[n] * single[n] for n in layers), rtol=1e-5
    )
    np.testing.assert_allclose(plain, sum(single.values()) / 2, rtol=1e-5)


# The defaults


def test_the_defaults_are_a_run_of_vgg19_from_coarse_to_fine():
    settings = check_settings(**nst.style_transfer.__kwdefaults__)
    assert settings.network == "vgg19" and settings.weights == "imagenet"
    assert (settings.size, settings.steps) == ([256, 512], [100, 100])
    assert settings.style_sizes == [256, 512]
    assert settings.style_layers == {f"block{b}_conv1": 0.2 for b in range(1, 6)}


def test_the_defaults_reach_the_run(monkeypatch):
    """Vgg19's weights are not here: the tiny network looks in its place."""

    def look(layers, *variant):
        asked.append(variant)
        return nst.feature_extractor(layers, **TINY_NETWORK)

    asked, runs = [], []

    def stub(loss, start, steps):
        """In place of L-BFGS: one step for all."""
        runs.append((loss, start["image"].shape, steps))
        losses = dict.fromkeys(("content", "style", "tv", "total"), 1.0)
        yield losses, start | {"converged": True}

    monkeypatch.delenv("NST_TF_WEIGHTS", raising=False)
    monkeypatch.setattr(targets, "_extractor", look)
    monkeypatch.setitem(OPTIMIZERS, "lbfgs", stub)
    result = nst.style_transfer("photo.jpg", "painting.jpg")
    assert asked == [("vgg19", "avg", True, "imagenet", "zeros")] * 2
    shapes = [(1, 171, 256, 3), (1, 341, 512, 3)]
    assert [run[1:] for run in runs] == [(shape, 100) for shape in shapes]
    for loss, *_ in runs:
        weights = loss.content_weight, loss.style_weight, loss.tv_weight
        assert weights == (0.02, 1.0, 0.5)
        assert list(loss.content_targets) == ["block4_conv2"]
    expected = check_settings(**nst.style_transfer.__kwdefaults__).shaping()
    expected["style_blend"] = expected["style_scale"] = [1.0]
    assert expected.items() <= result.settings.items()


def test_the_total_loss_has_the_same_defaults():
    loss, run = (
        inspect.signature(function).parameters
        for function in (nst.total_loss, nst.style_transfer)
    )
    shared = loss.keys() & run.keys()
    assert shared >= {"network", "content_layers", "style_layers", "tv_weight", "tile"}
    for name in shared:
        assert loss[name].default == run[name].default, name


# Paths


def test_paths_may_be_anything_that_has_one():
    weights, photo, painting = map(
        AsPath, [TINY["weights"], "photo.jpg", "painting.jpg"]
    )
    result = transfer(photo, painting, weights=weights, init=photo)
    np.testing.assert_array_equal(result.image, transfer(init="photo.jpg").image)
    assert result.settings["weights"] == TINY["weights"]
    assert result.settings["init"] == result.settings["content_image"] == "photo.jpg"
    result.save(AsPath("out.png"))
    assert nst.read_settings(AsPath("out.png"))["style_image"] == ["painting.jpg"]


# Many runs


SCALED = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.02))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", SCALED])
@pytest.mark.parametrize("settings", [{"size": [32, 48]}, {"size": 96, "tile": 64}])
def test_runs_leave_nothing_behind(optimizer, settings, live_tensors):
    counts = []
    for _ in range(4):
        transfer(**SHALLOW, optimizer=optimizer, steps=1, **settings)
        counts.append(live_tensors())
    assert counts[1:] == counts[1:2] * 3


# Reconstruction


def reconstruct(layers, match="content", **settings):
    return nst.reconstruct("photo.jpg", layers, match, **(TINY | settings))


def test_a_first_layer_is_reconstructed_nearly_exactly(photo):
    result = reconstruct("block1_conv1", steps=150)
    assert np.abs(result.image - photo[0]).mean() < 0.04


def test_a_texture_has_the_style_and_not_the_content(photo):
    layers = ["block1_conv1", "block2_conv1"]
    result = reconstruct(layers, "style", steps=60)
    assert result.history["style"][-1] < 0.01 * result.history["style"][0]
    assert result.history["content"] == [0.0] * len(result.history["step"])
    assert np.abs(result.image - photo[0]).mean() > 0.05


def test_reconstruct_knows_two_ways():
    with pytest.raises(ValueError, match=r"match: 'both' is none of"):
        reconstruct("block1_conv1", "both")


# A run that does not end well


def raise_at(step, error):
    def callback(result):
        if result.history["step"][-1] == step:
            raise error

    return callback


class Closing:
    """A callback that notes that it was closed, and may fail while it is."""

    def __init__(self, error=None):
        self.error, self.closed = error, 0

    def __call__(self, result):
        pass

    def close(self, result):
        self.closed += 1
        if self.error:
            raise self.error


def chain(error):
    """An error, and those that came before it or were kept with it."""
    errors = []
    while error and error not in errors:
        errors.append(error)
        error = error.__context__
    return errors


def test_ctrl_c_gives_back_the_result_so_far():
    watchers = [raise_at(4, KeyboardInterrupt()), Closing()]
    result = transfer(**SHALLOW, steps=9, callbacks=watchers)
    assert result.history["step"] == [1, 2, 3, 4] and not result.complete
    assert watchers[1].closed == 1
    np.testing.assert_array_equal(result.image, transfer(**SHALLOW, steps=4).image)


def test_every_callback_is_closed_whatever_others_do():
    full, other = OSError("no space left"), RuntimeError("another")
    watchers = [Closing(full), nst.checkpoint("run.npz"), Closing(other), Closing()]
    with pytest.raises(OSError, match="no space left") as raised:
        transfer(**SHALLOW, callbacks=watchers)
    assert [w.closed for w in watchers if hasattr(w, "closed")] == [1, 1, 1]
    assert load_checkpoint("run.npz").complete
    assert chain(raised.value) == [full, other]
    assert raised.value.result.complete


def test_the_error_of_the_run_comes_before_those_of_closing():
    real, full, other = ValueError("the real one"), OSError("full"), RuntimeError()
    watchers = [raise_at(2, real), Closing(full), nst.checkpoint("r.npz")]
    with pytest.raises(ValueError, match="the real one") as raised:
        transfer(**SHALLOW, callbacks=[*watchers, Closing(other)])
    assert chain(raised.value) == [real, full, other]
    assert raised.value.result.history["step"] == [1, 2]
    assert load_checkpoint("r.npz").history["step"] == [1, 2]


def test_ctrl_c_while_a_callback_is_closed_arrives():
    watchers = [Closing(KeyboardInterrupt()), nst.checkpoint("run.npz"), Closing()]
    with pytest.raises(KeyboardInterrupt) as raised:
        transfer(**SHALLOW, callbacks=watchers)
    assert raised.value.result.complete and watchers[2].closed == 1
    assert load_checkpoint("run.npz").complete


def test_one_error_may_be_raised_by_several():
    """As by a callback that fails in a step, and says so again when it is closed."""
    error, other = ValueError("the same"), OSError("another")
    watchers = [raise_at(2, error), Closing(error), Closing(error), Closing(other)]

    def run():
        with pytest.raises(ValueError, match="the same") as raised:
            transfer(**SHALLOW, callbacks=watchers)
        seen.extend(chain(raised.value))

    seen = []
    thread = threading.Thread(target=run, daemon=True)  # it must not go in circles
    thread.start()
    thread.join(timeout=20)
    assert seen == [error, other]


class SaysItAgain(Closing):
    """As one that writes in the background: the step's error, then one on top of it."""

    def __call__(self, result):
        try:
            raise ValueError("the real one")
        except ValueError as error:
            self.error = error
            raise

    def close(self, result):
        try:
            raise self.error
        except ValueError as error:
            raise RuntimeError("while closing") from error


def test_errors_that_go_in_circles_are_told_once():
    watchers = [SaysItAgain(), Closing(OSError("second"))]
    with pytest.raises(ValueError, match="the real one"):
        transfer(**SHALLOW, callbacks=watchers)


class HasAResult(Exception):
    result = property(lambda self: None)


def test_an_error_that_has_a_result_of_its_own_arrives():
    with pytest.raises(HasAResult):
        transfer(**SHALLOW, callbacks=raise_at(1, HasAResult()))


def test_ctrl_c_before_the_first_step_arrives(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("nst_tf.transfer.total_loss", interrupted)
    watcher = Closing()
    with pytest.raises(KeyboardInterrupt):
        transfer(**SHALLOW, callbacks=watcher)
    assert not watcher.closed  # there is nothing to be kept


def breaking_network(bad):
    """A network whose features become infinite where a picture is darker than `bad`."""
    image = keras.Input((None, None, 3))
    dark = keras.ops.where(keras.ops.min(image) < bad, np.inf, 1.0)
    return keras.Model(image, {"features": image * dark}, name="breaking")


@pytest.mark.parametrize("optimizer", [keras.optimizers.SGD(0.1), "lbfgs"])
def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_image(optimizer):
    dark, grey = np.full((40, 60, 3), 0.01), np.full((40, 60, 3), 0.6)
    settings = dict(
        network=breaking_network(bad=0.3),
        content_layers="features",
        style_layers="features",
        optimizer=optimizer,
    )
    if optimizer == "lbfgs":  # walks around what is no number, unless it starts there
        with pytest.raises(nst.NotFiniteError, match="at step 1, size 48"):
            transfer(dark, grey, steps=50, **settings)
        return
    white = np.ones((40, 60, 3))
    targets = dict(content_weight=0.0, style_weight=1.0, init=grey)
    with pytest.raises(nst.NotFiniteError, match="at step") as error:
        transfer(white, np.full((40, 60, 3), 0.3), steps=500, **targets, **settings)
    result = error.value.result
    assert not result.complete and 0.3 <= result.image.min() < 0.6


def test_a_gradient_that_is_no_number_stops_the_run_too():
    """The square root has an infinite slope at zero, while its value is fine."""
    image = keras.Input((None, None, 3))
    root = keras.ops.sqrt(keras.ops.relu(image - 0.5))
    network = keras.Model(image, {"features": root}, name="root")
    settings = dict(network=network, content_layers="features", style_layers="features")
    dark, bright = np.full((40, 60, 3), 0.2), np.full((40, 60, 3), 0.9)
    for optimizer in ("adam", "lbfgs"):
        with pytest.raises(nst.NotFiniteError) as error:
            transfer(bright, bright, init=dark, optimizer=optimizer, **settings)
        np.testing.assert_allclose(error.value.result.image, 0.2, atol=1e-6)


# Mistakes


@pytest.mark.parametrize("which", ["content", "style"])
def test_a_wrong_picture_is_found_before_the_network_is_loaded(which, monkeypatch):
    monkeypatch.setattr(targets, "_extractor", None)  # calling it would fail
    with pytest.raises(ValueError, match="'no.jpg' does not exist"):
        transfer(**{which: "no.jpg"})


# With the real network


@pytest.mark.vgg19
def test_vgg19_paints():
    """From the photograph to far below its loss, in few steps, at a readable size."""
    result = transfer(network="vgg19", weights="imagenet", size=[64, 128], steps=15)
    assert result.history["total"][-1] < 0.5 * result.history["total"][15]
    assert result.settings["network"] == "vgg19"


@pytest.mark.vgg19
def test_a_first_layer_of_vgg19_is_reconstructed_nearly_exactly():
    vgg19 = {"network": "vgg19", "weights": "imagenet"}
    result = reconstruct("block1_conv1", **vgg19, size=64, steps=300)
    photo = nst.load_image("photo.jpg", 64)[0]
    assert np.abs(result.image - photo).mean() < 0.03

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import nst_tf as nst
from nst_tf import targets
from nst_tf.results import HISTORY


@pytest.fixture
def photo_png(small_world):
    """The photograph in a file that is always decoded in all its pixels."""
    Image.open("photo.jpg").save("photo.png")
    return "photo.png"


def transfer(content="photo.jpg", style="painting.jpg", **settings):
    return nst.style_transfer(content, style, **settings)


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


def test_paths_pictures_and_arrays_are_the_same(photo_png):
    picture = Image.open("photo.jpg")
    sources = [photo_png, picture, np.asarray(picture)]
    images = [transfer(source).image for source in sources]
    np.testing.assert_array_equal(images[0], images[1])
    np.testing.assert_array_equal(images[0], images[2])


def test_the_same_seed_gives_the_same_picture():
    one, same = (transfer(init="noise", seed=1).image for _ in range(2))
    other = transfer(init="noise", seed=2).image
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).mean() > 0.1


def start_of(**settings):
    """The image that a run starts from: a rate of zero leaves it as it is."""
    return transfer(steps=1, optimizer=keras.optimizers.SGD(0.0), **settings).image


def test_init_content_is_the_photograph(photo):
    np.testing.assert_array_equal(start_of(init="content"), photo[0])


def test_init_style_covers_without_squashing():
    """A painting with a black square in its middle: it stays square."""
    painting = np.ones((64, 64, 3), "float32")
    painting[16:48, 16:48] = 0
    start = transfer(
        "photo.jpg",
        painting,
        init="style",
        steps=1,
        optimizer=keras.optimizers.SGD(0.0),
    ).image
    dark = np.argwhere(start.mean(axis=2) < 0.5)
    height, width = dark.max(axis=0) - dark.min(axis=0) + 1
    assert start.shape == (32, 48, 3) and height == width == 24


def test_init_noise_is_noise():
    start = start_of(init="noise")
    assert abs(start.mean() - 0.5) < 0.05 and abs(start.std() - 12**-0.5) < 0.03


def test_init_may_be_a_picture(photo):
    np.testing.assert_array_equal(start_of(init="photo.jpg"), photo[0])
    np.testing.assert_allclose(start_of(init=1 - photo), 1 - photo[0], atol=1e-6)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_sizes_go_from_coarse_to_fine(optimizer):
    result = transfer(size=[32, 48], steps=[4, 3], optimizer=optimizer)
    assert result.history["size"] == [32] * 4 + [48] * 3
    assert result.history["step"] == list(range(1, 8))
    assert result.image.shape == (32, 48, 3)
    assert result.settings["size"] == [32, 48]


def test_a_finer_size_starts_from_the_coarser_picture(photo_png):
    coarse = transfer(photo_png, size=32, steps=6, init="noise")
    fine = transfer(photo_png, size=[32, 48], steps=[6, 1], init="noise")
    expected = nst.load_image(coarse.image, 48)
    np.testing.assert_allclose(fine.image, expected[0], atol=1e-5)


@pytest.mark.parametrize("init", ["content", "style", 1 - np.eye(96)])
def test_what_did_not_change_has_its_detail_at_a_finer_size(init):
    image = start_of(init=init, size=[32, 48])
    np.testing.assert_allclose(image, start_of(init=init), atol=1e-6)


def test_it_is_the_change_that_is_enlarged(photo_png):
    coarse = transfer(photo_png, size=32, steps=6)
    fine = transfer(photo_png, size=[32, 48], steps=[6, 1])
    change = coarse.image - nst.load_image(photo_png, 32)[0]
    assert np.abs(change).max() > 0.1
    change = tf.image.resize(change, (32, 48), "bicubic", antialias=True)
    expected = np.clip(nst.load_image(photo_png, 48)[0] + change, 0, 1)
    np.testing.assert_allclose(fine.image, expected, atol=1e-5)


def test_more_content_weight_keeps_more_of_the_photograph(slim_world, photo):
    results = [transfer(content_weight=a, steps=40) for a in (1e-4, 1.0, 1e3)]
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


def test_two_styles_meet_in_the_middle():
    """With all weight on one painting, the other does not matter."""
    both = ["painting.jpg", "photo.jpg"]
    blends = [[1, 0], [0.7, 0.3], [0, 1]]
    first, middle, second = (
        transfer(style=both, style_blend=b, steps=1).history["style"][0] for b in blends
    )
    alone = transfer(steps=1).history["style"][0]
    np.testing.assert_allclose(first, alone, rtol=1e-5)
    assert first > middle > second


def test_a_style_is_computed_once_for_many_photographs(monkeypatch):
    calls = []
    original = targets.style_targets
    monkeypatch.setattr(
        targets, "style_targets", lambda *a: calls.append(1) or original(*a)
    )
    style = nst.Style("painting.jpg")
    alone = transfer("photo.jpg", "painting.jpg").image
    calls.clear()
    images = [transfer("photo.jpg", style).image for _ in range(3)]
    assert len(calls) == 1
    np.testing.assert_array_equal(images[2], alone)


def test_the_network_may_be_a_model_of_the_user_s():
    image = keras.Input((None, None, 3))
    edges = keras.layers.Conv2D(4, 3, activation="relu")(image)
    model = keras.Model(image, {"edges": edges}, name="mine")
    options = dict(network=model, content_layers="edges", style_layers="edges")
    result = transfer(**options, steps=10)
    assert result.history["total"][-1] < result.history["total"][0]
    assert result.settings["network"] == "mine"
    nst.reconstruct("photo.jpg", "edges", network=model)
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


# Many runs


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("settings", [{"size": [32, 48]}, {"size": 96, "tile": 64}])
def test_runs_leave_nothing_behind(optimizer, settings, live_tensors):
    counts = []
    for _ in range(4):
        transfer(optimizer=optimizer, steps=1, **settings)
        counts.append(live_tensors())
    assert counts[1:] == counts[1:2] * 3


# Reconstruction


def test_a_first_layer_is_reconstructed_nearly_exactly(photo):
    result = nst.reconstruct("photo.jpg", "block1_conv1", steps=150)
    assert np.abs(result.image - photo[0]).mean() < 0.04


def test_a_texture_has_the_style_and_not_the_content(photo):
    layers = ["block1_conv1", "block2_conv1"]
    result = nst.reconstruct("photo.jpg", layers, "style", steps=60)
    assert result.history["style"][-1] < 0.01 * result.history["style"][0]
    assert result.history["content"] == [0.0] * len(result.history["step"])
    assert np.abs(result.image - photo[0]).mean() > 0.05


def test_reconstruct_knows_two_ways():
    with pytest.raises(ValueError, match=r"match: 'both' is none of"):
        nst.reconstruct("photo.jpg", "block1_conv1", "both")


# The result


def test_a_result_shows_itself_in_a_notebook():
    result = transfer()
    assert result._repr_png_().startswith(b"\x89PNG")
    assert repr(result).startswith("<Result 48 x 32 after 3 steps, total ")


def test_a_saved_result_tells_how_it_was_made():
    result = transfer(size=[32, 48], tv_weight=0.5)
    result.save("out.png")
    settings = nst.read_settings("out.png")
    assert settings["tv_weight"] == 0.5 and settings["size"] == [32, 48]
    assert settings["last"]["total"] == result.history["total"][-1]
    np.testing.assert_allclose(nst.load_image("out.png")[0], result.image, atol=0.002)


# A run that does not end well


def interrupt_at(step):
    def stop(result):
        if result.history["step"][-1] == step:
            raise KeyboardInterrupt

    return stop


def test_ctrl_c_gives_back_the_result_so_far():
    result = transfer(steps=9, callbacks=[interrupt_at(4)])
    assert result.history["step"] == [1, 2, 3, 4] and not result.complete
    np.testing.assert_array_equal(result.image, transfer(steps=4).image)


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


def test_a_tiny_picture_says_how_small_it_may_be():
    with pytest.raises(ValueError, match="1 x 1 pixels.*at least 16 x 16"):
        transfer(np.zeros((1, 1, 3)))
    shallow = dict(content_layers="block2_conv1", style_layers="block1_conv1")
    assert transfer(np.zeros((2, 3, 3)), **shallow).image.shape == (32, 48, 3)


# With the real network


@pytest.mark.vgg19
def test_vgg19_paints():
    """From the photograph to far below its loss, in few steps, at a readable size."""
    result = transfer(network="vgg19", weights="imagenet", size=[64, 128], steps=15)
    assert result.history["total"][-1] < 0.5 * result.history["total"][15]
    assert result.settings["network"] == "vgg19"


@pytest.mark.vgg19
def test_a_first_layer_of_vgg19_is_reconstructed_nearly_exactly():
    result = nst.reconstruct(
        "photo.jpg",
        "block1_conv1",
        network="vgg19",
        weights="imagenet",
        size=64,
        steps=300,
    )
    photo = nst.load_image("photo.jpg", 64)[0]
    assert np.abs(result.image - photo).mean() < 0.03

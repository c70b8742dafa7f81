import os

import h5py
import keras
import numpy as np
import pytest

import nst_tf as nst
from nst_tf import features

LAYERS = ["block1_conv1", "block3_conv2", "block5_conv1"]


def extractor(weights, layers=LAYERS, **options):
    return nst.feature_extractor(layers, "tiny", weights=weights, **options)


def test_each_layer_has_its_own_size(photo, tiny_weights):
    shapes = {n: tuple(F.shape) for n, F in extractor(tiny_weights)(photo).items()}
    assert shapes == {
        "block1_conv1": (1, 32, 48, 6),
        "block3_conv2": (1, 8, 12, 10),
        "block5_conv1": (1, 2, 3, 14),
    }


def test_the_network_ends_at_the_last_layer_asked_for(tiny_weights):
    model = extractor(tiny_weights, ["block2_conv1"])
    assert [layer.name for layer in model.layers if layer.weights] == [
        "block1_conv1",
        "block1_conv2",
        "block2_conv1",
    ]


def test_nothing_in_it_can_be_trained(tiny_weights):
    assert extractor(tiny_weights).trainable_weights == []


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_normalised_features_are_the_raw_ones_divided_by_their_means(
    photo, tiny_weights, pooling
):
    raw = extractor(tiny_weights, pooling=pooling, normalize=False)
    names = nst.layer_names("tiny")
    model = extractor(tiny_weights, names, pooling=pooling, normalize=False)
    means = features.filter_means(model, pooling)
    normalised = extractor(tiny_weights, pooling=pooling)(photo)
    for name, F in raw(photo).items():
        np.testing.assert_allclose(
            normalised[name], F / means[name], rtol=2e-4, atol=1e-5
        )


def test_mean_activation_is_one_over_the_photographs_it_was_measured_on(tiny_weights):
    photos = sorted((features.WEIGHTS / "photos").glob("*.jpg"))
    means = features.measure_means(extractor(tiny_weights), photos)
    for mean in means.values():
        assert np.all(mean < 1.001)  # below one where the floor holds
        assert np.mean(np.abs(mean - 1) < 0.001) >= 0.5


def test_pooling_makes_a_difference(photo, tiny_weights):
    avg, peak = (
        extractor(tiny_weights, pooling=p, normalize=False)(photo)["block5_conv1"]
        for p in ("avg", "max")
    )
    assert np.mean(peak) > 1.1 * np.mean(avg)


# Padding


def test_zeros_are_the_default(photo, tiny_weights):
    zeros = extractor(tiny_weights, padding="zeros")(photo)
    for layer, F in extractor(tiny_weights)(photo).items():
        np.testing.assert_array_equal(F, zeros[layer])


def test_a_reflected_picture_is_one_that_goes_on_as_in_a_mirror(photo, tiny_weights):
    by_hand = np.pad(photo, [(0, 0), (1, 1), (1, 1), (0, 0)], "reflect")
    raw = {"weights": tiny_weights, "layers": ["block1_conv1"], "normalize": False}
    F = extractor(**raw, padding="reflect")(photo)["block1_conv1"]
    expected = extractor(**raw)(by_hand)["block1_conv1"][:, 1:-1, 1:-1]
    np.testing.assert_allclose(F, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_a_grey_picture_shows_a_network_its_border_only_with_zeros(padding):
    grey = np.full((1, 80, 96, 3), 0.5, "float32")
    model = nst.feature_extractor(LAYERS, "vgg19_slim", padding=padding)
    for F in model(grey).values():
        spread = np.ptp(F, axis=(1, 2)).max() / np.max(np.abs(F))
        assert (spread < 1e-4) == (padding == "reflect")


def test_far_from_the_border_padding_makes_no_difference(tiny_weights):
    picture = np.random.default_rng(0).random((1, 176, 192, 3), dtype="float32")
    zeros, mirror = (
        extractor(tiny_weights, normalize=False, padding=padding)(picture)[
            "block5_conv1"
        ]
        for padding in ("zeros", "reflect")
    )
    np.testing.assert_allclose(zeros[:, 5:6, 5:7], mirror[:, 5:6, 5:7], rtol=1e-4)
    assert np.abs(zeros - mirror).max() > 0.01 * np.max(zeros)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (2, 1), (3, 5)])
def test_a_single_position_is_its_own_reflection(height, width):
    x = np.random.default_rng(0).random((1, height, width, 2), dtype="float32")
    expected = x
    for axis, length in ((1, height), (2, width)):
        widths = [(int(axis == k),) * 2 for k in range(4)]
        expected = np.pad(expected, widths, "reflect" if length > 1 else "edge")
    np.testing.assert_array_equal(features.Reflected()(x), expected)


def test_the_smallest_pictures_can_be_reflected(tiny_weights):
    for network, weights in (("tiny", tiny_weights), ("vgg19_slim", "imagenet")):
        model = nst.feature_extractor(
            LAYERS, network, weights=weights, padding="reflect"
        )
        F = model(np.full((1, 16, 33, 3), 0.5, "float32"))["block5_conv1"]
        assert F.shape[1:3] == (1, 2) and np.isfinite(F).all()


# What is refused


@pytest.mark.parametrize(
    ("layer", "meant"),
    [
        ("conv4_2", "block4_conv2"),
        ("relu4_2", "block4_conv2"),
        ("relu_1_1", "block1_conv1"),
        ("block4_con2", "block4_conv2"),
        ("Block5_conv1", "block5_conv1"),
    ],
)
def test_a_layer_of_another_naming_says_which_is_meant(layer, meant):
    with pytest.raises(ValueError, match=f"{layer!r} in vgg19. Did you mean '{meant}'"):
        nst.feature_extractor([layer], "vgg19")


def test_a_layer_like_no_other_lists_them_all():
    with pytest.raises(ValueError, match=r"It has \['block1_conv1', .*\]"):
        nst.feature_extractor(["fc7"], "vgg19")


@pytest.mark.parametrize(
    ("name", "value"), [("network", "vgg"), ("pooling", "mean"), ("padding", "same")]
)
def test_unknown_choices_are_refused_with_the_known_ones(name, value):
    with pytest.raises(ValueError, match=f"{name}: '{value}' is none of"):
        nst.feature_extractor(LAYERS, **{name: value})


def test_a_missing_weights_file_is_named():
    with pytest.raises(ValueError, match="there is no file no.h5"):
        nst.feature_extractor(LAYERS, weights="no.h5")


def test_weights_of_another_network_are_refused(tiny_weights):
    with pytest.raises(ValueError, match="does not belong to vgg16"):
        nst.feature_extractor(LAYERS, "vgg16", weights=tiny_weights)


def test_damaged_weights_are_refused(tiny_weights, tmp_path):
    damaged = tmp_path / "cut.weights.h5"
    with open(tiny_weights, "rb") as file:
        damaged.write_bytes(file.read()[:5000])
    with pytest.raises(ValueError, match="is damaged"):
        extractor(str(damaged))


def test_weights_that_are_no_numbers_are_refused(tiny_weights, tmp_path):
    model = features._network("tiny", "avg")
    model.set_weights([np.full(w.shape, np.nan) for w in model.get_weights()])
    model.save_weights(tmp_path / "nan.weights.h5")
    with pytest.raises(ValueError, match="not finite"):
        extractor(str(tmp_path / "nan.weights.h5"))


def test_weights_are_found_through_the_environment(photo, tiny_weights, monkeypatch):
    monkeypatch.setitem(nst.features.VARIABLES, "tiny", "NST_TF_WEIGHTS")
    monkeypatch.setenv("NST_TF_WEIGHTS", tiny_weights)
    found, given = extractor("imagenet")(photo), extractor(tiny_weights)(photo)
    np.testing.assert_array_equal(found["block5_conv1"], given["block5_conv1"])


def test_each_network_has_its_own_variable(monkeypatch):
    monkeypatch.setenv("NST_TF_WEIGHTS", "nineteen.h5")
    assert nst.features.weights_file("vgg16") == "imagenet"
    monkeypatch.setenv("NST_TF_WEIGHTS_VGG16", "sixteen.h5")
    assert nst.features.weights_file("vgg16") == "sixteen.h5"
    assert nst.features.weights_file("vgg19") == "nineteen.h5"


def test_wrong_weights_in_the_environment_name_it(tiny_weights, monkeypatch):
    monkeypatch.setenv("NST_TF_WEIGHTS", tiny_weights)
    with pytest.raises(ValueError, match="from NST_TF_WEIGHTS"):
        nst.feature_extractor(LAYERS, "vgg19", weights="imagenet")


def test_offline_without_weights_says_what_to_do(monkeypatch):
    def no_network(include_top):
        raise Exception("URL fetch failure")

    monkeypatch.delenv("NST_TF_WEIGHTS", raising=False)
    monkeypatch.setattr(keras.applications, "VGG19", no_network)
    with pytest.raises(ConnectionError) as error:
        nst.feature_extractor(LAYERS, "vgg19", weights="imagenet")
    for way_out in ("vgg19_slim", "weights=PATH", "NST_TF_WEIGHTS", "~/.keras/models"):
        assert way_out in str(error.value)
    assert "\n" not in str(error.value)


def save_as_keras_2(model, path):
    """The layout of Keras' own VGG weights; Keras 3 reads it but does not write it."""
    layers = [layer for layer in model.layers if layer.weights]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name for layer in layers]
        for layer in layers:
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = [f"{layer.name}_W", f"{layer.name}_b"]
            group[f"{layer.name}_W"], group[f"{layer.name}_b"] = layer.get_weights()


def test_keras_download_and_file_give_the_same_network(photo, monkeypatch, tmp_path):
    """In both layouts: Keras 3's, and the older one that Keras still downloads."""
    donor = keras.applications.VGG16(include_top=False, weights=None)
    donor.save_weights(tmp_path / "new.weights.h5")
    save_as_keras_2(donor, tmp_path / "old.h5")
    monkeypatch.delenv("NST_TF_WEIGHTS", raising=False)
    monkeypatch.setattr(keras.applications, "VGG16", lambda include_top: donor)
    options = dict(layers=["block3_conv3"], network="vgg16", normalize=False)
    expected = nst.feature_extractor(**options, weights="imagenet")(photo)[
        "block3_conv3"
    ]
    for name in ("new.weights.h5", "old.h5"):
        found = nst.feature_extractor(**options, weights=str(tmp_path / name))(photo)
        np.testing.assert_array_equal(found["block3_conv3"], expected)


def keras_features(application, weights, layers, photo):
    donor = application(include_top=False, weights=weights)
    model = keras.Model(donor.input, [donor.get_layer(name).output for name in layers])
    pixels = keras.applications.vgg19.preprocess_input(np.asarray(photo) * 255)
    return dict(zip(layers, model(pixels), strict=True))


def assert_parity(found, expected):
    for name, F in expected.items():
        difference = np.linalg.norm(found[name] - F) / np.linalg.norm(F)
        assert difference < 1e-5, name


@pytest.mark.vgg19
def test_features_are_those_of_keras_vgg19(photo):
    names = nst.layer_names("vgg19")
    options = dict(network="vgg19", pooling="max", normalize=False, weights="imagenet")
    mine = nst.feature_extractor(names, **options)(photo)
    weights = os.environ["NST_TF_WEIGHTS"]
    assert_parity(mine, keras_features(keras.applications.VGG19, weights, names, photo))


def test_features_are_those_of_keras_vgg16(photo, tmp_path):
    donor = keras.applications.VGG16(include_top=False, weights=None)
    path = str(tmp_path / "random.weights.h5")
    donor.save_weights(path)
    names = nst.layer_names("vgg16")
    options = dict(network="vgg16", pooling="max", normalize=False, weights=path)
    mine = nst.feature_extractor(names, **options)(photo)
    assert_parity(mine, keras_features(keras.applications.VGG16, path, names, photo))


@pytest.mark.vgg19
def test_normalised_vgg19_speaks_equally_loudly_in_all_layers(photo):
    normalised, raw = (
        nst.feature_extractor(
            nst.layer_names(), "vgg19", normalize=n, weights="imagenet"
        )(photo)
        for n in (True, False)
    )
    normalised, raw = ([np.mean(f) for f in F.values()] for F in (normalised, raw))
    assert max(normalised) / min(normalised) < 3 < max(raw) / min(raw)


def test_the_slim_network_needs_no_download_and_no_environment(photo, monkeypatch):
    monkeypatch.setenv("NST_TF_WEIGHTS", "elsewhere.h5")
    names = nst.layer_names("vgg19_slim")
    assert names == nst.layer_names("vgg19")[: len(names)]
    slim = nst.feature_extractor(names, "vgg19_slim", weights="imagenet")(photo)
    assert set(slim) == set(names)
    assert all(np.isfinite(F).all() and np.std(F) > 0 for F in slim.values())


@pytest.mark.parametrize("options", [{"pooling": "max"}, {"normalize": False}])
def test_the_slim_network_says_what_it_was_taught(options):
    with pytest.raises(ValueError, match="vgg19_slim was taught .* always normalised"):
        nst.feature_extractor(LAYERS, "vgg19_slim", weights="imagenet", **options)


@pytest.mark.vgg19
def test_the_slim_network_has_the_losses_of_vgg19():
    photo, painting = (nst.load_image(p, 256) for p in ("photo.jpg", "painting.jpg"))
    noise = np.random.default_rng(0).normal(0, 0.05, photo.shape)
    layers = [*(f"block{b}_conv1" for b in range(1, 6)), "block4_conv2"]
    style, content = [], []
    for network in ("vgg19", "vgg19_slim"):
        model = nst.feature_extractor(layers, network, weights="imagenet")
        P, S, X = (model(image) for image in (photo, painting, photo + noise))
        style.append([nst.layer_style_loss(P[n], nst.mean_gram(S[n])) for n in layers])
        content.append([np.mean(np.square(P[n] - X[n])) for n in layers])
    np.testing.assert_allclose(style[1], style[0], rtol=0.15)
    np.testing.assert_allclose(content[1][-1], content[0][-1], rtol=0.15)
    # The style layers' readouts are as strong as style losses want them.
    np.testing.assert_allclose(content[1], content[0], rtol=0.2)

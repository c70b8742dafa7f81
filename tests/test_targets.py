import concurrent.futures
import pickle

import keras
import numpy as np
import pytest
from conftest import SHALLOW, TINY_NETWORK, transfer

import nst_tf as nst
from nst_tf import targets

LAYERS = ["block1_conv1", "block2_conv1"]


ALL = ["block4_conv2", *targets.STYLE_LAYERS]


@pytest.fixture
def extractor():
    return nst.feature_extractor(ALL, **TINY_NETWORK)


@pytest.fixture
def computed(monkeypatch):
    """A list of the layers of which targets were computed, one entry a picture."""
    calls = []
    original = targets.style_targets
    monkeypatch.setattr(
        targets,
        "style_targets",
        lambda *args: calls.append(args[2]) or original(*args),
    )
    return calls


def assert_equal(found, expected, **tolerance):
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], **tolerance)


# A style


def test_the_targets_of_a_blend_are_blended(extractor):
    names = ["painting.jpg", "photo.jpg"]
    one, other = (nst.Style(name).targets(extractor, LAYERS, 48) for name in names)
    both = nst.Style(names, [3, 1]).targets(extractor, LAYERS, 48)
    expected = {n: 0.75 * one[n] + 0.25 * other[n] for n in LAYERS}
    assert_equal(both, expected, rtol=1e-5)
    features = extractor(nst.load_image("painting.jpg", 48))
    assert_equal(one, {n: nst.mean_gram(features[n]) for n in LAYERS}, rtol=1e-5)


def test_each_picture_of_a_style_has_its_scale(extractor):
    names = ["painting.jpg", "photo.jpg"]
    larger, smaller = (
        nst.Style(name).targets(extractor, LAYERS, size)
        for name, size in zip(names, (80, 32), strict=True)
    )
    both = nst.Style(names, [3, 1], [1.25, 0.5]).targets(extractor, LAYERS, 64)
    expected = {n: 0.75 * larger[n] + 0.25 * smaller[n] for n in LAYERS}
    assert_equal(both, expected, rtol=1e-5)
    shapes = [nst.load_image(n, s).shape for n, s in zip(names, (80, 32), strict=True)]
    (loaded,) = nst.Style(names, scale=[1.25, 0.5]).load([64])
    assert [picture.shape for picture in loaded] == shapes
    assert nst.Style(names, scale=2).scale == [2.0, 2.0]


@pytest.mark.parametrize("color", ["matched", "photo"])
def test_recolored_paintings_keep_their_scale(color):
    style = nst.Style(["painting.jpg", "photo.jpg"], scale=[1.5, 0.5])
    photo = nst.load_image("photo.jpg", 48)
    found = targets._recolored(style, photo, 48, None, None, color)
    assert found.scale == [1.5, 0.5]
    expected = [picture.shape for picture in style.load([48])[0]]
    assert [picture.shape for picture in found.load([48])[0]] == expected


def test_a_style_is_computed_once_for_many_photographs(computed):
    style = nst.Style("painting.jpg")
    images = [transfer("photo.jpg", style, **SHALLOW).image for _ in range(2)]
    assert len(computed) == 1
    alone = transfer("photo.jpg", "painting.jpg", **SHALLOW).image
    for image in images:
        np.testing.assert_array_equal(image, alone)


def test_a_style_is_computed_again_for_what_is_looked_at_otherwise(extractor, computed):
    style = nst.Style("painting.jpg")
    looks = [(extractor, LAYERS, 48), (extractor, LAYERS[1:], 48)]
    looks += [(extractor, LAYERS, 64)]
    for other in ({"pooling": "max"}, {"padding": "reflect"}):
        looks += [(nst.feature_extractor(LAYERS, **TINY_NETWORK, **other), LAYERS, 48)]
    for look in looks:
        expected = nst.Style("painting.jpg").targets(*look)
        assert_equal(style.targets(*look), expected)
    assert len(computed) == 2 * len(looks)


def test_two_networks_of_one_name_are_one_to_a_style(computed):
    style = nst.Style("painting.jpg")
    for _ in range(2):
        extractor = nst.feature_extractor(LAYERS, **TINY_NETWORK)
        style.targets(extractor, LAYERS, 48)
    assert len(computed) == 1


def own_network(seed):
    image = keras.Input((None, None, 3))
    kernel = keras.initializers.RandomNormal(seed=seed)
    edges = keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer=kernel)
    return keras.Model(image, {"edges": edges(image)}, name="mine")


def test_models_of_the_users_own_are_told_apart():
    style = nst.Style("painting.jpg")
    one, other = (style.targets(own_network(k), ["edges"], 48) for k in (1, 2))
    assert np.abs(one["edges"] - other["edges"]).max() > 0


def test_a_used_style_travels_light_and_keeps_what_it_knows(extractor, computed):
    style = nst.Style("painting.jpg")
    expected = style.targets(extractor, LAYERS, 64)
    style.targets(own_network(0), ["edges"], 64)
    sent = pickle.dumps(style)
    assert len(sent) < 5_000  # neither pictures nor networks
    arrived = pickle.loads(sent)
    computed.clear()
    assert_equal(arrived.targets(extractor, LAYERS, 64), expected)
    assert not computed
    arrived.targets(own_network(0), ["edges"], 64)
    assert len(computed) == 1 and arrived.blend == [1.0]


def test_a_style_that_was_good_enough_for_shallow_layers_is_not_for_deep_ones():
    style = nst.Style(np.random.default_rng(0).random((40, 900, 3)))
    assert transfer(style=style, **SHALLOW, size=64).complete
    message = "900 x 40 pixels, 64 x 3 at size 64; at least 16 x 16 are needed"
    with pytest.raises(ValueError, match=message):
        transfer(style=style, size=64)
    deep = nst.feature_extractor(["block5_conv1"], **TINY_NETWORK)
    with pytest.raises(ValueError, match=message):
        style.targets(deep, ["block5_conv1"], 64)


def test_threads_may_share_a_style():
    style = nst.Style(["painting.jpg", "photo.jpg"], [0.4, 0.6])

    def paint(size):
        return transfer("photo.jpg", style, **SHALLOW, size=size).image

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(paint, [48, 48, 64, 64]))
    for size, image in zip([48, 48, 64, 64], together, strict=True):
        alone = nst.Style(style.images, style.blend)
        expected = transfer("photo.jpg", alone, **SHALLOW, size=size).image
        np.testing.assert_array_equal(image, expected)


def test_a_style_keeps_gram_matrices_and_no_pictures(live_tensors):
    style = nst.Style("painting.jpg")
    transfer("photo.jpg", style, **SHALLOW)
    before, _ = live_tensors()
    for size in (40, 56, 64):
        transfer("photo.jpg", style, **SHALLOW, size=size)
    assert live_tensors()[0] - before == 3  # of the one style layer


def test_a_stream_is_read_once_for_shallow_and_deep_layers():
    class Stream:
        def __init__(self):
            self.read = open("painting.jpg", "rb").read

    deep = {"content_layers": "block4_conv2", "style_layers": "block1_conv1"}
    streamed = transfer("photo.jpg", Stream(), **deep)
    expected = transfer("photo.jpg", "painting.jpg", **deep)
    np.testing.assert_array_equal(streamed.image, expected.image)


# The network


def test_the_last_two_networks_are_kept():
    layers = ["block1_conv1"], ["block1_conv2"], ["block2_conv1"]
    first, second, third = (
        targets.kept_extractor(layers=names, **TINY_NETWORK) for names in layers
    )
    for kept, names in ((third, layers[2]), (second, layers[1])):
        again = targets.kept_extractor(layers=[*names, *names], **TINY_NETWORK)
        assert again is kept
    assert targets.kept_extractor(layers=layers[0], **TINY_NETWORK) is not first


def test_other_weights_in_the_environment_are_another_network(
    tiny_weights, monkeypatch
):
    monkeypatch.setitem(nst.features.VARIABLES, "tiny", "NST_TF_WEIGHTS")
    kept = []
    for path in (tiny_weights, TINY_NETWORK["weights"]):
        monkeypatch.setenv("NST_TF_WEIGHTS", path)
        kept.append(targets.kept_extractor("tiny", ["block1_conv1"]))
    assert kept[0] is not kept[1]


# The loss


def test_the_total_loss_is_put_together_of_its_parts(extractor, photo, painting):
    layers = {"block1_conv1": 1.0, "block3_conv1": 3.0}
    P, S = extractor(photo), extractor(painting)
    expected = nst.TotalLoss(
        extractor,
        {"block4_conv2": P["block4_conv2"]},
        {layer: nst.mean_gram(S[layer]) for layer in layers},
        layers,
        content_weight=0.1,
        style_weight=2.0,
        tv_weight=0.25,
    )
    weights = {"content_weight": 0.1, "style_weight": 2.0, "tv_weight": 0.25}
    options = weights | {"style_layers": layers, "style_size": 40}
    found = nst.total_loss(photo, "painting.jpg", extractor, **options)
    image = np.random.default_rng(0).random(photo.shape).astype("float32")
    assert_equal(found(image), expected(image), rtol=1e-5)


def test_the_total_loss_is_that_of_a_run(photo):
    network = targets.kept_extractor(layers=ALL, **TINY_NETWORK)
    history = transfer(init=1 - photo, steps=1).history
    losses = nst.total_loss(photo, "painting.jpg", network)(1 - photo)
    for name, value in losses.items():
        np.testing.assert_allclose(history[name], value, rtol=1e-5)


def test_the_total_loss_of_a_picture_with_tiles_is_a_tiled_one(extractor):
    large = nst.load_image("photo.jpg", 200)
    whole = nst.total_loss(large, "painting.jpg", extractor)
    tiled = nst.total_loss(large, "painting.jpg", extractor, tile=64)
    assert type(whole) is nst.TotalLoss and type(tiled) is nst.TiledLoss
    assert tiled.tile == 64
    assert_equal(tiled(1 - large), whole(1 - large), rtol=1e-4)


def test_the_total_loss_takes_a_style_and_its_blend(extractor, photo):
    style = nst.Style(["painting.jpg", "photo.jpg"], [0, 1])
    image = 1 - photo
    found = nst.total_loss(photo, style, extractor)(image)
    assert_equal(found, nst.total_loss(photo, "photo.jpg", extractor)(image), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "vgg"}, "network: 'vgg' is none of"),
        ({"content_layers": "conv4_2"}, "content_layers.*Did you mean 'block4_conv2'"),
        ({"style_layers": []}, "style_layers: none"),
        ({"content_weight": -1}, "content_weight: -1; wanted"),
        ({"content_weight": 0, "style_weight": 0}, "both zero"),
        ({"tv_weight": "much"}, "tv_weight: much"),
        ({"tile": 100}, "tile: 100; wanted a multiple of 16"),
        ({"style_size": 0}, "style_size: 0; wanted a whole number"),
        ({"style_size": "64"}, "style_size: 64; wanted a whole number"),
        ({"content": np.zeros((8, 90, 3))}, "90 x 8 pixels; at least 16 x 16"),
        ({"style": np.zeros((8, 90, 3))}, "90 x 8 pixels.*at least 16 x 16"),
        ({"style": []}, "style_image: none"),
        ({"style": "no.jpg"}, "'no.jpg' does not exist"),
    ],
)
def test_a_loss_that_cannot_be_is_told(changes, message, extractor, photo):
    given = {"content": photo, "style": "painting.jpg", "network": extractor}
    with pytest.raises(ValueError, match=message):
        nst.total_loss(**(given | changes))

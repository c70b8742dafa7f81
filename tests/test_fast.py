import itertools
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import nst_tf as nst
from nst_tf import fast, feedforward
from nst_tf.color import match_colors, with_colors_of
from nst_tf.fast import FastStyle, fast_style_transfer, fit_style, style_vector
from nst_tf.targets import STYLE_LAYERS

LENGTH = feedforward.style_length()


SHIPPED = fast.fast_network


@pytest.fixture
def shipped(small_network, monkeypatch):
    """The network of the file itself."""
    monkeypatch.setattr(fast, "fast_network", SHIPPED)


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    """A network of random weights with two named styles, in place of the file's."""
    rng = np.random.default_rng(0)
    painter, predictor = feedforward.painter(), feedforward.predictor(1984)
    for model in painter, predictor:
        for weight in model.trainable_weights:
            weight.assign(rng.normal(0, 0.05, weight.shape))
    vectors = rng.normal(0, 0.5, (2, LENGTH)).astype("float32")
    styles = dict(zip(["waves", "night"], vectors, strict=True))
    about = {"waves": "Waves, by nobody", "night": "A night, by nobody"}
    photograph = rng.normal(0, 0.5, LENGTH).astype("float32")
    network = fast.Fast(painter, predictor, styles, photograph, about)
    monkeypatch.setattr(fast, "fast_network", lambda: network)
    return network


def picture(height=30, width=41, seed=1):
    pixels = np.random.default_rng(seed).random((height, width, 3))
    return pixels.astype("float32")


def test_the_result_is_the_networks_picture(small_network):
    result = fast_style_transfer(picture(), "waves", size=None)
    vector = small_network.styles["waves"][None]
    expected = small_network.painter(
        [tf.constant(picture()[None]), tf.constant(vector)]
    )
    np.testing.assert_allclose(result.image, np.clip(expected[0], 0, 1), atol=1e-5)
    assert result.complete and result.settings["style"] == "waves"
    assert result.settings["size"] == 41


@pytest.mark.parametrize("shape", [(24, 37), (53, 70), (33, 25)])
def test_it_has_the_shape_of_the_photograph(shape):
    assert fast_style_transfer(picture(*shape), "night", size=None).image.shape == (
        *shape,
        3,
    )


def test_strength_0_is_the_photograph_and_1_the_style():
    none, all_of_it = (
        fast_style_transfer(picture(), "waves", size=None, strength=s).image
        for s in (0, 1)
    )
    np.testing.assert_allclose(none, picture(), atol=1e-6)
    assert np.abs(all_of_it - picture()).mean() > 0.01
    with pytest.raises(ValueError, match="strength: 1.5; wanted a number from 0 to 1"):
        fast_style_transfer(picture(), "waves", strength=1.5)


def test_a_blend_of_one_style_is_that_style():
    np.testing.assert_allclose(style_vector({"waves": 3}), style_vector("waves"))


def test_a_blend_is_the_weighted_mean():
    found = style_vector({"waves": 3, "night": 1})
    expected = 0.75 * style_vector("waves") + 0.25 * style_vector("night")
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "weights", [{}, {"waves": 0}, {"waves": -1}, {"waves": np.nan}]
)
def test_a_blend_needs_weights(weights):
    with pytest.raises(ValueError, match="wanted numbers of at least 0, not all 0"):
        style_vector(weights)


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(ValueError, match="nor a file. Did you mean 'waves'?"):
        style_vector("Wave")
    with pytest.raises(ValueError, match="There are waves, night."):
        style_vector("cubism")


def test_a_missing_file_is_no_name():
    with pytest.raises(ValueError, match="'no.jpg' does not exist"):
        style_vector("no.jpg")


@pytest.mark.parametrize(
    ("vector", "words"),
    [(np.zeros(5), "a vector of shape"), (np.full(LENGTH, np.nan), "not finite")],
)
def test_a_vector_of_another_network_is_refused(vector, words):
    with pytest.raises(ValueError, match=words):
        style_vector(vector)
    with pytest.raises(ValueError, match=words):
        style_vector(FastStyle(vector))


def test_a_painting_is_predicted_from_what_the_slim_network_sees(small_network):
    painting = picture(64, 80)
    image = nst.load_image(painting, 512)
    layers = [f"block{b}_conv1" for b in range(1, 6)]
    eye = nst.feature_extractor(layers, "vgg19_slim", padding="reflect")
    told = [f(F, axis=(1, 2)) for f in (np.mean, np.std) for F in eye(image).values()]
    expected = small_network.predictor(np.concatenate(told, axis=1))[0]
    np.testing.assert_allclose(style_vector(painting), expected, rtol=1e-2, atol=1e-4)


def test_a_painting_of_one_colour_is_a_style():
    assert np.isfinite(style_vector(np.full((40, 50, 3), 0.3))).all()


def test_a_photograph_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="at least 24 x 24 are needed"):
        fast_style_transfer(picture(20, 20), "waves", size=None)


def test_a_style_is_saved_and_read(tmp_path):
    style = FastStyle(style_vector("night"), "a night")
    style.save(tmp_path / "mine.npz")
    again = FastStyle.load(tmp_path / "mine.npz")
    assert again.name == "a night"
    np.testing.assert_allclose(again.vector, style.vector, rtol=1e-3, atol=1e-3)
    found = style_vector(str(tmp_path / "mine.npz"))
    np.testing.assert_array_equal(found, again.vector)


def test_a_file_that_is_no_style_is_refused(tmp_path):
    (tmp_path / "bad.npz").write_text("no style")
    with pytest.raises(ValueError, match="bad.npz holds no style"):
        style_vector(tmp_path / "bad.npz")
    with pytest.raises(ValueError, match="there is no file"):
        FastStyle.load(tmp_path / "missing.npz")


def test_parts_have_no_seam(monkeypatch):
    """Where the moments are those of the whole, parts make the same picture."""
    photo = picture(150, 203)
    whole = fast_style_transfer(photo, "waves", size=None).image
    monkeypatch.setattr(fast, "WHOLE", 1000)
    monkeypatch.setattr(fast, "PART", 64)
    monkeypatch.setattr(fast, "MOMENTS", 203)
    parts = fast_style_transfer(photo, "waves", size=None).image
    np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_fitting_a_style_lowers_its_loss():
    losses = []
    painting = nst.load_image(picture(64, 80), 64)
    style = fit_style(
        painting, steps=8, callback=lambda step, loss: losses.append(loss)
    )
    assert len(losses) == 8 and losses[-1] < losses[0]
    assert not np.array_equal(style.vector, style_vector(painting))
    with pytest.raises(ValueError, match="wanted more than 0"):
        fit_style(painting, minutes=0)


def test_fitting_stops_in_time():
    painting = picture(64, 80)
    assert isinstance(fit_style(painting, minutes=1e-4), FastStyle)


def test_fitting_leaves_the_network_as_it_was(small_network):
    before = small_network.painter.get_weights()
    fit_style(picture(64, 80), steps=1)
    after = small_network.painter.get_weights()
    assert all(map(np.array_equal, before, after))
    assert isinstance(small_network.painter, keras.Model)


# Where, and in whose colours


def left_half(shape=(30, 41)):
    mask = np.zeros(shape, "float32")
    mask[:, : shape[1] // 2] = 1
    return mask


def test_only_what_is_white_is_painted():
    whole = fast_style_transfer(picture(), "waves", size=None).image
    found = fast_style_transfer(
        picture(), "waves", size=None, content_masks=left_half()
    ).image
    np.testing.assert_array_equal(found[:, 20:], picture()[:, 20:])
    np.testing.assert_allclose(found[:, :20], whole[:, :20], atol=1e-6)


def test_each_style_is_where_its_mask_is_white():
    waves, night = (
        fast_style_transfer(picture(), name, size=None).image
        for name in ("waves", "night")
    )
    left = left_half()
    result = fast_style_transfer(
        picture(), ["waves", "night"], size=None, content_masks=[left, 1 - left]
    )
    np.testing.assert_allclose(result.image[:, :20], waves[:, :20], atol=1e-6)
    np.testing.assert_allclose(result.image[:, 20:], night[:, 20:], atol=1e-6)
    assert result.settings["style"] == ["waves", "night"]
    grey = fast_style_transfer(
        picture(), ["waves", "night"], size=None, content_masks=[left * 0 + 0.5] * 2
    )
    np.testing.assert_allclose(grey.image, (waves + night) / 2, atol=1e-5)


def test_the_photographs_colours_are_given_back():
    found = fast_style_transfer(picture(), "waves", size=None, color="photo").image
    painted = fast_style_transfer(picture(), "waves", size=None).image
    expected = with_colors_of(painted[None], picture()[None])[0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_painting_in_the_photographs_colours_is_predicted():
    painting = picture(40, 50, seed=9) ** 3
    found = fast_style_transfer(picture(), painting, size=None, color="matched").image
    matched = match_colors(nst.load_image(painting, 512), picture()[None])
    expected = fast_style_transfer(
        picture(), np.clip(matched[0], 0, 1), size=None
    ).image
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("style", "options", "words"),
    [
        (["waves", "night"], {}, "2 styles for 0 content_masks"),
        (["waves", "night"], {"content_masks": [None] * 3}, "2 styles for 3"),
        ("waves", {"color": "matched"}, "recolours the painting, and needs one"),
        ("waves", {"color": "red"}, "color: 'red' is none of"),
        ("waves", {"content_masks": np.ones((5, 5))}, "5 x 5 pixels, for a picture of"),
        ("waves", {"content_masks": "alpha"}, "photograph is opaque"),
    ],
)
def test_what_cannot_be_painted_is_one_sentence(style, options, words):
    with pytest.raises(ValueError, match=words):
        fast_style_transfer(picture(), style, size=None, **options)


def test_a_vector_is_predicted_from_standardised_statistics(shipped):
    """Two layers of leaky units, in NumPy, on what the file holds."""
    with np.load(fast.FILE) as file:
        arrays = {n: file[n].astype("float64") for n in file.files if "predictor" in n}
    image = nst.load_image("painting.jpg", fast.PAINTING_SIZE)
    eye = nst.feature_extractor(list(STYLE_LAYERS), "vgg19_slim", padding="reflect")
    F = {layer: eye(image)[layer].numpy()[0] for layer in STYLE_LAYERS}
    told = [F[n].mean((0, 1)) for n in F] + [F[n].std((0, 1)) for n in F]
    of = {name.removeprefix("predictor/"): x for name, x in arrays.items()}
    x = np.concatenate(told) - of["standard/mean"]
    x /= np.sqrt(of["standard/variance"])
    for layer in ("dense1", "dense2"):
        x = x @ of[f"{layer}/kernel"] + of[f"{layer}/bias"]
        x = np.where(x > 0, x, 0.2 * x)  # Keras' slope
    expected = x @ of["style/kernel"] + of["style/bias"]
    np.testing.assert_allclose(nst.predict_style("painting.jpg"), expected, atol=2e-3)


def test_every_painting_is_predicted_a_style_of_its_own(shipped):
    """A predictor whose units have all died knows one style only."""
    root = Path(__file__).parent.parent / "images"
    files = [*(root / "content").glob("*.jpg"), *(root / "style").glob("*.jpg")]
    vectors = [nst.predict_style(path) for path in files]
    for one, other in itertools.combinations(vectors, 2):
        assert np.abs(one - other).mean() > 0.005

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_tf import feedforward
from nst_tf.feedforward import EPSILON, StyleNorm, moments, painter, style_length

SMALL = {"filters": (4, 6, 5), "blocks": 1}
LENGTH = style_length(**SMALL)


@pytest.fixture(scope="module")
def small():
    """A small painter with random weights."""
    model, rng = painter(**SMALL), np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    return model


def photo(height=21, width=30, seed=1):
    pixels = np.random.default_rng(seed).random((1, height, width, 3))
    return tf.constant(pixels, tf.float32)


def style(seed=2, count=1):
    rng = np.random.default_rng(seed)
    return tf.constant(rng.normal(0, 0.5, (count, LENGTH)), tf.float32)


def test_norm_is_that_of_each_picture_and_channel():
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (2, 4, 5, 6)).astype("float32")
    scale, shift = rng.normal(size=(2, 2, 6)).astype("float32")
    found = StyleNorm()(x, scale, shift)
    for b, n in np.ndindex(2, 6):
        one = x[b, :, :, n]
        normal = (one - one.mean()) / np.sqrt(one.var() + EPSILON)
        expected = (1 + scale[b, n]) * normal + shift[b, n]
        np.testing.assert_allclose(found[b, :, :, n], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("shape", [(21, 30), (8, 9), (32, 20), (23, 17)])
def test_a_picture_has_the_shape_of_its_photograph(small, shape):
    assert small([photo(*shape), style()]).shape == (1, *shape, 3)


def test_a_picture_of_a_batch_does_not_depend_on_the_others(small):
    photos = tf.concat([photo(seed=1), photo(seed=5)], axis=0)
    both = small([photos, style(count=2)])
    alone = small([photos[1:], style(count=2)[1:]])
    np.testing.assert_allclose(both[1:], alone, atol=1e-4)


def test_a_style_shifts_the_colours(small):
    shift = np.zeros((1, LENGTH), "float32")
    shift[:, -3:] = 0.1, 0.2, 0.3
    change = small([photo(), style() + shift]) - small([photo(), style()])
    expected = np.broadcast_to([0.1, 0.2, 0.3], change.shape)
    np.testing.assert_allclose(change, expected, atol=1e-5)


def test_its_length_is_what_the_layers_use():
    assert style_length() == 2 * (16 + 32 + 96 + 10 * 96 + 32 + 16) + 3
    norms = [x for x in painter(**SMALL).layers if isinstance(x, StyleNorm)]
    channels = sum(norm.output.shape[-1] for norm in norms)
    assert 2 * channels + 3 == LENGTH


def test_edges_are_continued_by_their_mirror_image():
    layer = feedforward.ReflectedConv(2, 3)
    x = photo(4, 5)
    found = layer(x)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    expected = keras.ops.conv(padded, layer.kernel, padding="valid")
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_enlarging_repeats_each_position():
    x = photo(3, 4)
    found = feedforward.Enlarge()(x)
    np.testing.assert_array_equal(found, np.repeat(np.repeat(x, 2, 1), 2, 2))


def test_parts_with_the_moments_of_the_whole_are_the_whole(small):
    parts = painter(**SMALL, part=True)
    parts.set_weights(small.get_weights())
    whole, z = photo(160, 40), style()
    told = moments(small)([whole, z])
    expected = small([whole, z])
    np.testing.assert_allclose(parts([whole, z, told]), expected, atol=1e-5)
    top = parts([whole[:, :120], z, told])[:, :80]  # what it sees lies within 40
    np.testing.assert_allclose(top, expected[:, :80], atol=1e-4)


def test_a_network_is_the_same_after_it_was_saved(small, tmp_path):
    small.save(tmp_path / "fast.keras")
    again = keras.saving.load_model(tmp_path / "fast.keras")
    np.testing.assert_array_equal(again([photo(), style()]), small([photo(), style()]))


def test_a_prediction_begins_with_zeros():
    found = feedforward.predictor(10, **SMALL)(np.ones((2, 10), "float32"))
    np.testing.assert_array_equal(found, np.zeros((2, LENGTH)))


def test_statistics_are_the_means_of_all_filters_then_their_deviations():
    rng = np.random.default_rng(0)
    features = {
        "one": rng.random((2, 3, 4, 5)).astype("float32"),
        "two": rng.random((2, 2, 3, 4)).astype("float32"),
    }
    expected = [f(F, axis=(1, 2)) for f in (np.mean, np.std) for F in features.values()]
    found = feedforward.statistics(features)
    np.testing.assert_allclose(found, np.concatenate(expected, 1), rtol=1e-5)

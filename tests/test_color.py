import numpy as np
import pytest
import tensorflow as tf
from scipy.linalg import sqrtm

from nst_tf import color


def picture(seed, shape=(13, 17)):
    """Colours that are correlated, as those of photographs are."""
    rng = np.random.default_rng(seed)
    mix = rng.normal(0, 0.05, (3, 3)) + 0.1 * np.eye(3)
    return (rng.normal(size=(1, *shape, 3)) @ mix + rng.uniform(0.3, 0.7, 3)).astype(
        "float32"
    )


def moments(image, weights=None):
    """By NumPy's own covariance."""
    colors = np.asarray(image, "float64").reshape(-1, 3)
    weights = None if weights is None else np.ravel(weights)
    mean = np.average(colors, axis=0, weights=weights)
    return mean, np.cov(colors.T, aweights=weights, ddof=0)


def assert_same_moments(found, expected, atol=1e-4):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=atol)


def test_matched_colours_have_the_others_mean_and_covariance():
    found = color.match_colors(picture(0), picture(1, (8, 9)))
    assert_same_moments(moments(found), moments(picture(1, (8, 9))))


def test_the_map_is_monges():
    """As SciPy's matrix root has it: the symmetric map of one covariance to another."""
    image, other = picture(0), picture(1)
    (mean, S), (wanted, S_wanted) = moments(image), moments(other)
    root = sqrtm(S)
    inverse = np.linalg.inv(root)
    A = inverse @ sqrtm(root @ S_wanted @ root) @ inverse
    np.testing.assert_allclose(A, A.T, atol=1e-8)
    expected = (image - mean) @ A.T + wanted
    np.testing.assert_allclose(color.match_colors(image, other), expected, atol=1e-3)


def test_a_picture_with_its_own_colours_stays():
    np.testing.assert_allclose(
        color.match_colors(picture(0), picture(0)), picture(0), atol=1e-3
    )


def test_weights_say_which_positions_count():
    rng = np.random.default_rng(2)
    w, v = (rng.random((1, 13, 17, 1)).astype("float32") for _ in range(2))
    found = color.match_colors(picture(0), picture(1), w, v)
    assert_same_moments(moments(found, w), moments(picture(1), v))


@pytest.mark.parametrize("which", ["image", "other", "both"])
def test_pictures_of_one_colour_and_grey_ones_work(which):
    flat = np.full((1, 13, 17, 3), [0.2, 0.5, 0.7], "float32")
    gray = np.repeat(picture(0)[..., :1], 3, axis=-1)
    for plain in (flat, gray):
        image = plain if which != "other" else picture(0)
        other = plain if which != "image" else picture(1)
        found = color.match_colors(image, other).numpy()
        assert np.isfinite(found).all()
        np.testing.assert_allclose(moments(found)[0], moments(other)[0], atol=1e-4)


def test_luminance_is_the_weighted_sum():
    expected = picture(0) @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(color.luminance(picture(0))[..., 0], expected, rtol=1e-5)
    np.testing.assert_allclose(
        color.grey(picture(0)) + color.chroma(picture(0)), picture(0), atol=1e-6
    )


def test_matched_luminance_has_the_others_mean_and_deviation():
    found = color.match_luminance(picture(0), picture(1)).numpy()
    expected = color.luminance(picture(1)).numpy()
    np.testing.assert_allclose(found.mean(), expected.mean(), atol=1e-5)
    np.testing.assert_allclose(found[..., 0].std(), expected.std(), rtol=1e-4)
    assert (found == found[..., :1]).all()
    flat = color.match_luminance(np.full((1, 4, 5, 3), 0.3, "float32"), picture(1))
    np.testing.assert_allclose(flat, np.full((1, 4, 5, 3), expected.mean()), atol=1e-5)


def test_the_photographs_colours_stay_and_the_luminance_is_the_pictures():
    rng = np.random.default_rng(0)
    photo = rng.uniform(0.4, 0.6, (1, 7, 9, 3)).astype("float32")
    image = rng.uniform(0.4, 0.6, (1, 7, 9, 3)).astype("float32")
    found = color.with_colors_of(image, photo)
    np.testing.assert_allclose(
        color.luminance(found), color.luminance(image), atol=1e-6
    )
    for a, b in [(0, 1), (1, 2)]:  # what is no luminance: differences of channels
        np.testing.assert_allclose(
            found[..., a] - found[..., b], photo[..., a] - photo[..., b], atol=1e-6
        )


def test_colours_stay_within_black_and_white():
    red = tf.constant([[[[1.0, 0.0, 0.0]]]])
    found = color.with_colors_of(tf.ones((1, 1, 1, 3)), red).numpy()
    assert found.min() >= 0 and found.max() <= 1

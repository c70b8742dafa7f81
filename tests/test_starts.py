import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import nst_tf as nst
from nst_tf import images, starts
from nst_tf.images import load_image, resize
from nst_tf.settings import check_settings


def pictures(content="photo.jpg", style="painting.jpg", full=False, **settings):
    defaults = nst.style_transfer.__kwdefaults__ | {"size": [48, 96]}
    checked = check_settings(**(defaults | settings))
    style = style if isinstance(style, nst.Style) else nst.Style(style)
    return starts.load_pictures(content, style, checked, full)


def assert_close(found, expected, atol=0.0):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=atol)


# The pictures


def test_each_size_has_its_photograph_and_the_first_one_its_painting():
    found = pictures(style_size=64)
    assert_close(found.contents, [load_image("photo.jpg", size) for size in (48, 96)])
    assert_close(found.styles, [load_image("painting.jpg", 32)])


def test_several_paintings_come_along():
    found = pictures(style=["painting.jpg", "photo.jpg"])
    names = "painting.jpg", "photo.jpg"
    assert_close(found.styles, [load_image(name, 48) for name in names])


@pytest.mark.parametrize("init", ["content", "style", "painting.jpg"])
def test_each_file_is_decoded_once(init, monkeypatch):
    decoded = []
    original = images._decode
    monkeypatch.setattr(
        images, "_decode", lambda p, *a: decoded.append(p.size) or original(p, *a)
    )
    pictures(init=init)
    names = ["photo.jpg", "painting.jpg"] + [init] * init.endswith("jpg")
    assert sorted(decoded) == sorted(Image.open(name).size for name in names)


def test_a_tiny_picture_says_how_small_it_may_be():
    one = np.zeros((1, 1, 3))
    for both in [{"content": one}, {"style": one}]:
        with pytest.raises(ValueError, match="1 x 1 pixels.*at least 16 x 16"):
            pictures(**both)
    shallow = dict(content_layers="block2_conv1", style_layers="block1_conv1")
    assert pictures(np.zeros((2, 3, 3)), **shallow).contents[0].shape == (1, 32, 48, 3)


def test_a_fingerprint_tells_pictures_apart():
    turned = np.asarray(Image.open("photo.jpg").rotate(180))
    others = [
        pictures(),
        pictures(turned),
        pictures(style=turned),
        pictures(init=turned),
        pictures(init="noise"),
        pictures(init="noise", seed=1),
        pictures(size=96),
        pictures(style_size=64),
    ]
    assert len({found.fingerprint() for found in others}) == len(others)
    assert pictures().fingerprint() == others[0].fingerprint()


# The first image


def test_the_content_is_the_photograph():
    found = pictures(init="content")
    assert_close(found.firsts, found.contents)


def test_a_picture_covers_the_photograph_without_being_squashed():
    """A painting with a black square in its middle: it stays square."""
    painting = np.ones((64, 64, 3), "float32")
    painting[16:48, 16:48] = 0
    by_name = pictures(style=painting, init="style", size=48).firsts
    for (first,) in (by_name, pictures(init=painting, size=48).firsts):
        dark = np.argwhere(first[0].numpy().mean(axis=2) < 0.5)
        height, width = dark.max(axis=0) - dark.min(axis=0) + 1
        assert first.shape == (1, 32, 48, 3) and height == width == 24


def test_a_picture_of_the_same_shape_is_taken_as_it_is(photo):
    for same in ("photo.jpg", 1 - photo):
        expected = load_image(same, 48)
        assert_close(pictures(init=same, size=48).firsts, [expected], atol=1e-6)


def test_every_size_has_the_detail_of_the_picture():
    found = pictures(init="photo.jpg").firsts
    assert_close(found, [load_image("photo.jpg", size) for size in (48, 96)])


def test_noise_is_noise_by_its_seed():
    (first,), (same,), (other,) = (
        pictures(init="noise", seed=seed, size=96).firsts for seed in (1, 1, 2)
    )
    mean, deviation = np.mean(first), np.std(first)
    assert abs(mean - 0.5) < 0.02 and abs(deviation - 12**-0.5) < 0.01
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).mean() > 0.3


def test_noise_becomes_no_finer():
    small, large = pictures(init="noise").firsts
    np.testing.assert_allclose(large, resize(small, large.shape[1:3], clip=False))


# From one size to the next


def image(height, width, seed):
    values = np.random.default_rng(seed).uniform(0.3, 0.7, (1, height, width, 3))
    return tf.constant(values, tf.float32)


def test_it_is_the_change_that_is_enlarged():
    small, large = image(20, 30, 0), image(40, 60, 1)
    change = np.zeros((1, 20, 30, 3), "float32")
    change[:, 5:12, 8:20] = 0.2
    found = starts.enlarge(small + change, small, large)
    enlarged = tf.image.resize(change, (40, 60), "bicubic", antialias=True)
    np.testing.assert_allclose(found, large + enlarged, atol=1e-6)


def test_what_did_not_change_has_its_detail_at_a_finer_size():
    small, large = image(20, 30, 0), image(40, 60, 1)
    np.testing.assert_array_equal(starts.enlarge(small, small, large), large)


def test_an_enlarged_image_stays_between_black_and_white():
    small, large = image(20, 30, 0), image(40, 60, 1)
    for change in (-0.6, 0.6):
        found = starts.enlarge(small + change, small, large)
        assert np.min(found) >= 0 and np.max(found) <= 1


def test_at_the_same_size_an_image_stays_as_it_is():
    painted = image(20, 30, 2)
    found = starts.enlarge(painted.numpy(), image(20, 30, 0), image(20, 30, 1))
    np.testing.assert_array_equal(found, painted)

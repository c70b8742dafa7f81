import numpy as np
import pytest
import tensorflow as tf
from conftest import TINY_NETWORK, Killed, kill_at, transfer

import nst_tf as nst
from nst_tf.color import match_colors
from nst_tf.realism import guided_filter, with_edges_of


def pictures(shape=(9, 11), channels=2):
    rng = np.random.default_rng(0)
    return rng.random((*shape, channels)), rng.random((*shape, 3))


@pytest.mark.parametrize("radius", [1, 2, 20])
def test_it_is_the_definition(radius):
    """By loops over the squares, each solved by itself."""
    p, guide = pictures()
    H, W, C = p.shape
    eps = 0.01
    squares = {}
    for i in range(H):
        for j in range(W):
            at = np.s_[
                max(i - radius, 0) : i + radius + 1, max(j - radius, 0) : j + radius + 1
            ]
            x, y = guide[at].reshape(-1, 3), p[at].reshape(-1, C)
            S = np.cov(x.T, ddof=0) + eps * np.eye(3)
            cross = (x - x.mean(0)).T @ (y - y.mean(0)) / len(x)
            a = np.linalg.solve(S, cross)
            squares[i, j] = a, y.mean(0) - x.mean(0) @ a
    expected = np.zeros_like(p)
    for i in range(H):
        for j in range(W):
            near = [
                squares[k, m]
                for k in range(max(i - radius, 0), min(i + radius + 1, H))
                for m in range(max(j - radius, 0), min(j + radius + 1, W))
            ]
            a, b = (np.mean(both, axis=0) for both in zip(*near, strict=True))
            expected[i, j] = guide[i, j] @ a + b
    np.testing.assert_allclose(
        guided_filter(p, guide, radius, eps), expected, atol=1e-5
    )


def test_a_flat_guide_leaves_a_mean_of_means():
    p, _ = pictures()
    found = guided_filter(p, np.full((9, 11, 3), 0.5), radius=30)
    np.testing.assert_allclose(
        found, np.broadcast_to(p.mean((0, 1)), p.shape), atol=1e-5
    )


def test_what_is_found_in_small_pictures_is_nearly_the_same():
    photo = nst.load_image("photo.jpg", 240)[0].numpy()
    image = np.sqrt(photo[:, :, ::-1])
    exact, fast = (guided_filter(image, photo, 24, shrink=n) for n in (1, 4))
    assert np.abs(exact - fast).mean() < 0.01 < np.abs(exact - photo).mean()


def test_light_comes_from_the_picture_and_edges_from_the_photograph():
    """A photograph of stripes; a picture that is darker, with noise and no stripes."""
    rng = np.random.default_rng(1)
    photo = np.repeat((np.arange(96) // 8 % 2)[None, :, None], 64, 0) * 0.6 + 0.2
    photo = np.repeat(photo, 3, axis=2)
    image = np.clip(0.4 * photo + rng.normal(0, 0.1, photo.shape), 0, 1)
    found = with_edges_of(image, photo)
    np.testing.assert_allclose(found.mean(), image.mean(), atol=0.01)
    inside = found[:, 2:6]  # of one stripe: the noise is gone
    assert inside.std() < 0.2 * image[:, 2:6].std()
    steps = np.abs(np.diff(found[:, :, 0], axis=1))
    assert steps[:, 7::8].min() > 5 * np.median(np.delete(steps, np.s_[7::8], axis=1))


# How much


def test_strength_goes_from_the_photograph_to_the_picture():
    photo = nst.load_image("photo.jpg", 96)[0].numpy()
    result = transfer(size=96, steps=8)
    np.testing.assert_array_equal(nst.strength("photo.jpg", result, 1), result.image)
    np.testing.assert_allclose(nst.strength("photo.jpg", result, 0), photo, atol=1e-6)
    away = [
        np.abs(nst.strength("photo.jpg", result, t) - photo).mean()
        for t in (0.2, 0.4, 0.6, 0.8, 1)
    ]
    assert away == sorted(away)


def test_colours_come_before_strokes():
    """The photograph in another light, under stripes: the light comes, they do not."""
    photo = nst.load_image("photo.jpg", 120)[0].numpy()
    stripes = 0.3 * (np.arange(120) // 3 % 2)[None, :, None] - 0.15
    picture = np.clip(photo * [0.5, 0.7, 1.0] * 0.6 + 0.2 + stripes, 0, 1)
    picture = picture.astype("float32")
    found = nst.strength(photo, picture, 0.5)
    mixed = (photo + picture) / 2
    light = [np.abs((x - picture).mean((0, 1))).mean() for x in (found, mixed)]
    assert light[0] < 0.7 * light[1]
    strokes = [np.abs(np.diff(x - photo, axis=1)).mean() for x in (found, mixed)]
    assert strokes[0] < 0.7 * strokes[1]


@pytest.mark.parametrize(
    ("result", "amount", "words"),
    [
        ("photo.jpg", 1.5, "amount: 1.5; wanted a number from 0 to 1"),
        ("photo.jpg", float("nan"), "amount: nan"),
        (np.ones((50, 50, 3)), 0.5, "50 x 50 pixels, and the photograph has the"),
    ],
)
def test_what_cannot_be_weaker_is_one_sentence(result, amount, words):
    with pytest.raises(ValueError, match=words):
        nst.strength("photo.jpg", result, amount)


# The run


def test_the_result_gets_the_photographs_edges_back():
    plain = transfer(size=64, steps=6)
    found = transfer(size=64, steps=6, realistic=True)
    photo = nst.load_image("photo.jpg", 64)[0].numpy()
    np.testing.assert_allclose(
        found.image, with_edges_of(plain.image, photo), atol=1e-5
    )


def test_matched_colours_are_the_paintings_then():
    """It begins with the photograph in the painting's colours, its own edges kept."""
    photo = nst.load_image("photo.jpg", 64)
    painting = nst.load_image("painting.jpg", 64)
    recolored = tf.clip_by_value(match_colors(photo, painting), 0.0, 1.0)
    result = transfer(size=64, steps=1, realistic=True, color="matched")
    np.testing.assert_allclose(result.state["image"], recolored, atol=1e-6)
    np.testing.assert_array_equal(result.state["edges"], photo)


def test_regions_are_recoloured_by_their_own_paintings():
    photo = nst.load_image("photo.jpg", 64)
    left = np.zeros(photo.shape[1:3], "float32")
    left[:, :32] = 1
    masks, styles = [left, 1 - left], ["painting.jpg", "photo.jpg"]
    settings = {"content_masks": masks, "realistic": True, "color": "matched"}
    result = transfer("photo.jpg", styles, size=64, steps=1, **settings)
    start = result.state["image"]
    for mask, style in zip(masks, styles, strict=True):
        weights = mask[None, :, :, None]
        part = match_colors(photo, nst.load_image(style, 64), weights)
        expected = np.clip(part, 0, 1)[0][mask == 1]
        np.testing.assert_allclose(start[0][mask == 1], expected, atol=1e-5)


def test_a_realistic_run_goes_on_as_if_unbroken():
    settings = {"size": [48, 64], "steps": 4, "realistic": True, "color": "matched"}
    expected = transfer(**settings)
    with pytest.raises(Killed):
        transfer(**settings, callbacks=[nst.checkpoint("run.npz", 1), kill_at(6)])
    found = nst.style_transfer(resume="run.npz", **TINY_NETWORK)
    np.testing.assert_allclose(found.image, expected.image, atol=1e-5)
    assert found.settings["realistic"] is True


def test_realistic_is_yes_or_no():
    with pytest.raises(ValueError, match="realistic: 'very'; wanted True or False"):
        transfer(realistic="very")

import numpy as np
import pytest
from conftest import PAINTING, PHOTO

import nst_tf as nst
from nst_tf.regions import regions


@pytest.fixture(scope="module")
def found():
    return regions(PHOTO, PAINTING, 3)


def test_masks_are_shares_of_every_place(found):
    for masks in found:
        assert 1 <= len(masks) <= 3
        for mask in masks:
            assert mask.dtype == np.float32 and mask.min() >= 0 and mask.max() <= 1
        np.testing.assert_allclose(sum(masks), 1, atol=1e-4)
    assert len(found[0]) == len(found[1])


def test_they_have_the_proportions_of_their_pictures_and_the_largest_is_first(found):
    photo = nst.load_image("photo.jpg", 512)[0]
    assert found[0][0].shape == photo.shape[:2]
    shares = [mask.mean() for mask in found[0]]
    assert shares == sorted(shares, reverse=True)


def test_a_picture_corresponds_to_itself_and_to_its_mirror_image():
    photo = nst.load_image("photo.jpg", 256)[0].numpy()
    one, same = regions(photo, photo, 2)
    np.testing.assert_allclose(one, same, atol=1e-4)
    one, mirrored = regions(photo, photo[:, ::-1], 2)
    assert len(one) == 2
    agree = np.mean([m[:, ::-1] * o for m, o in zip(mirrored, one, strict=True)]) * 2
    assert agree > 0.8  # of all positions


def test_sky_goes_to_sky_and_ground_to_ground():
    """A smooth sky over stripes; the painting's are higher, and other colours."""
    rng = np.random.default_rng(0)

    def landscape(horizon, sky, ground):
        picture = np.zeros((240, 320, 3), "float32")
        picture[:] = sky
        picture[horizon:] = ground
        picture[horizon:, ::8] = 0
        return np.clip(picture + rng.normal(0, 0.02, picture.shape), 0, 1)

    photo = landscape(150, [0.5, 0.7, 0.9], [0.3, 0.5, 0.2])
    painting = landscape(90, [0.9, 0.7, 0.4], [0.6, 0.3, 0.3])
    order = []
    for masks, horizon in zip(regions(photo, painting, 2), (150, 90), strict=True):
        assert len(masks) == 2
        scale = masks[0].shape[0] / 240
        sky, ground = (
            [mask[rows].mean() for mask in masks]
            for rows in (
                np.s_[: int(scale * (horizon - 20))],
                np.s_[int(scale * (horizon + 20)) :],
            )
        )
        order.append(int(np.argmax(sky)))
        assert sky[order[-1]] > 0.8 and ground[1 - order[-1]] > 0.8
    assert order[0] == order[1]


def test_regions_are_masks_of_a_transfer(found):
    masks, of_painting = found
    loss = nst.total_loss(
        nst.load_image("photo.jpg", 128),
        "painting.jpg",
        "vgg19_slim",
        content_masks=masks,
        style_masks=of_painting,
    )
    assert loss.style_targets["block1_conv1"].shape[0] == len(masks)


def test_one_region_is_everything():
    for masks in regions("photo.jpg", "painting.jpg", 1):
        assert len(masks) == 1
        np.testing.assert_allclose(masks[0], 1, atol=1e-4)


@pytest.mark.parametrize(
    ("photo", "k", "words"),
    [
        ("photo.jpg", 0, "k: 0; wanted a whole number of at least 1"),
        ("photo.jpg", 2.5, "k: 2.5; wanted"),
        ("missing.jpg", 2, "does not exist"),
        (np.zeros((8, 8, 3)), 2, "at least 32 x 32 are needed"),
    ],
)
def test_a_mistake_is_one_sentence(photo, k, words):
    with pytest.raises(ValueError, match=words):
        regions(photo, "painting.jpg", k)


def test_pictures_of_one_colour_have_one_region():
    masks, of_painting = regions(
        np.full((64, 80, 3), 0.5), np.full((64, 80, 3), 0.2), 3
    )
    assert len(masks) == len(of_painting) >= 1
    assert np.isfinite(masks).all() and np.isfinite(of_painting).all()

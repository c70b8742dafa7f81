"""What tiles add up to is compared with the whole picture."""

import numpy as np
import pytest
import tensorflow as tf
from conftest import transfer

import nst_tf as nst
from nst_tf import targets, tiling
from nst_tf.optimizers import loss_and_gradient

CONTENT = ["block2_conv2", "block4_conv2"]
STYLE = {f"block{b}_conv1": b / 15 for b in range(1, 6)}


def image(height, width, seed):
    return tf.constant(
        np.random.default_rng(seed).random((1, height, width, 3)), tf.float32
    )


def loss(extractor, tile, shape, **weights):
    whole = {"content_weight": 0.02, "style_weight": 1.0, "tv_weight": 0.5} | weights
    parts = (
        extractor,
        targets.content_targets(extractor, image(*shape, 1), CONTENT, tile),
        targets.style_targets(extractor, image(90, 133, 2), list(STYLE), tile),
        STYLE,
        *whole.values(),
    )
    return nst.TiledLoss(*parts, tile) if tile else nst.TotalLoss(*parts)


@pytest.fixture(params=["tiny", "vgg19_slim", "tiny, reflected"])
def extractor(request, tiny_weights):
    name, *reflected = request.param.split(", ")
    return nst.feature_extractor(
        [*CONTENT, *STYLE],
        name,
        weights=tiny_weights if name == "tiny" else "imagenet",
        padding="reflect" if reflected else "zeros",
    )


@pytest.mark.parametrize(
    ("height", "width"),
    [(171, 235), (128, 209), (64, 272), (24, 150)],  # 24 are one position of block 5
)
@pytest.mark.parametrize("compiled", [False, True])
def test_loss_and_gradient_are_those_of_the_whole_picture(
    extractor, height, width, compiled
):
    evaluate = tf.function(loss_and_gradient) if compiled else loss_and_gradient
    pixels = image(height, width, 0)
    expected, gradient = evaluate(loss(extractor, None, (height, width)), pixels)
    found, tiled = evaluate(loss(extractor, 64, (height, width)), pixels)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)
    assert tf.norm(tiled - gradient) < 1e-4 * tf.norm(gradient)
    np.testing.assert_allclose(tiled, gradient, atol=1e-4 * np.abs(gradient).max())


@pytest.mark.parametrize("zero", ["content_weight", "style_weight", "tv_weight"])
def test_a_part_without_weight_is_left_out_of_tiles_too(extractor, zero):
    pixels = image(70, 100, 0)
    expected, gradient = loss_and_gradient(
        loss(extractor, None, (70, 100), **{zero: 0.0}), pixels
    )
    found, tiled = loss_and_gradient(
        loss(extractor, 64, (70, 100), **{zero: 0.0}), pixels
    )
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)
    assert tf.norm(tiled - gradient) < 1e-4 * tf.norm(gradient)


def test_the_halo_is_as_wide_as_the_network_sees(extractor):
    """A pixel further away than the reach changes nothing, one at the reach does."""
    reach = nst.features.reach(list(STYLE), extractor.name)
    pixels = image(256, 16, 0).numpy()
    before = extractor(pixels)["block5_conv1"][0, 8]  # pixels 128 to 143
    changed = []
    for row in (128 - reach - 1, 128 - reach, 143 + reach, 143 + reach + 1):
        touched = pixels.copy()
        touched[0, row] = 1.0
        after = extractor(touched)["block5_conv1"][0, 8]
        changed.append(bool(tf.reduce_any(after != before)))
    assert changed == [False, True, True, False]


def test_tiles_cover_every_pixel_once():
    counts = np.zeros((171, 235), int)
    for *seen, top, bottom, left, right in tiling.windows((171, 235), 64, 80):
        counts[top:bottom, left:right] += 1
        assert seen[0] == max(0, top - 80) and seen[1] == min(171, bottom + 80)
        assert seen[2] == max(0, left - 80) and seen[3] == min(235, right + 80)
    assert (counts == 1).all()


def test_a_transfer_in_tiles_makes_the_same_picture():
    whole = transfer(size=(96, 144))
    tiled = transfer(size=(96, 144), tile=64)
    np.testing.assert_allclose(
        tiled.history["total"], whole.history["total"], rtol=1e-4
    )
    np.testing.assert_allclose(tiled.image, whole.image, atol=1e-3)
    assert tiled.settings == whole.settings


def test_tiles_are_taken_when_memory_is_short(extractor, monkeypatch):
    def free(megabytes):
        monkeypatch.setattr(tiling, "free_memory", lambda: megabytes * 1e6)

    need = tiling.step_memory(extractor, (3000, 4000)) / 1e6
    free(2 * need)
    assert tiling.tile_for(extractor, (3000, 4000)) is None
    free(need)
    assert tiling.tile_for(extractor, (3000, 4000)) == 1024
    free(need / 10)
    small = tiling.tile_for(extractor, (3000, 4000))
    assert small in (256, 512)
    assert tiling.tile_for(extractor, (3000, 4000), tile=128) == 128
    assert tiling.tile_for(extractor, (100, 120), tile=128) is None


def test_reflected_features_are_kept_beside_those_they_were_made_of(tiny_weights):
    zeros, mirror = (
        nst.feature_extractor(
            ["block2_conv1"], "tiny", weights=tiny_weights, padding=padding
        )
        for padding in ("zeros", "reflect")
    )
    more = tiling.step_memory(mirror, (20, 30)) - tiling.step_memory(zeros, (20, 30))
    assert more == 4 * (3 + 6 + 6 / 4) * 20 * 30  # what the three convolutions read


def test_a_network_whose_reach_is_not_known_gets_no_tiles(extractor):
    own = tf.keras.Model(extractor.input, {"a": extractor.output["block1_conv1"]})
    assert tiling.tile_for(own, (10**5, 10**5)) is None
    layers = {"content_layers": "a", "style_layers": "a"}
    with pytest.raises(ValueError, match="tile: how far"):
        transfer(network=own, tile=64, **layers)


def test_a_network_is_not_known_by_its_name(extractor):
    """A user may call a model as one of ours is called."""
    features = {"block1_conv1": extractor.output["block1_conv1"]}
    own = tf.keras.Model(extractor.input, features, name=extractor.name)
    assert tiling.tile_for(own, (10**5, 10**5)) is None


@pytest.mark.parametrize("tile", [0, 32, 100, 64.0, "64", -64])
def test_a_wrong_tile_is_told(tile):
    with pytest.raises(ValueError, match="tile: .* multiple of 16"):
        transfer(tile=tile)


def test_each_region_holds_the_features_of_its_layers_once_more(extractor):
    plain, two = (
        tiling.step_memory(extractor, (64, 80), copied=layers)
        for layers in ([], ["block3_conv1"] * 2)
    )
    N = extractor.output["block3_conv1"].shape[-1]
    assert two - plain == 2 * 4 * N * (64 // 4) * (80 // 4)

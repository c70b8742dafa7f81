import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import TINY_NETWORK, Killed, kill_at, transfer
from PIL import Image

import nst_tf as nst
from nst_tf.color import chroma, luminance, match_colors
from nst_tf.guides import guides, load_mask, shared
from nst_tf.losses import mean_gram
from nst_tf.optimizers import loss_and_gradient


def random_masks(R=2, shape=(29, 42)):
    return np.random.default_rng(0).random((R, *shape, 1)).astype("float32")


# Masks


@pytest.mark.parametrize("kind", ["bool", "floats", "uint8", "file", "color"])
def test_white_is_here_whatever_the_mask_is(kind, tmp_path):
    half = np.zeros((20, 30), bool)
    half[:, 15:] = True
    sources = {
        "bool": half,
        "floats": half.astype("float32")[None, :, :, None],
        "uint8": np.repeat(half[:, :, None] * np.uint8(255), 3, axis=2),
        "file": tmp_path / "mask.png",
        "color": tmp_path / "rgb.png",
    }
    Image.fromarray(half).save(sources["file"])
    Image.fromarray(half).convert("RGB").save(sources["color"])
    mask = load_mask(sources[kind], (20, 30))
    np.testing.assert_allclose(mask[0, :, :, 0], half, atol=1e-6)
    smaller = load_mask(sources[kind], (10, 15))[0, :, :, 0].numpy()
    assert smaller[:, :6].max() == 0 and smaller[:, 9:].min() > 0.999


def test_grey_is_half_and_transparency_is_black():
    grey = np.full((4, 6, 4), 128, "uint8")
    grey[:, 3:, 3] = 0
    mask = load_mask(grey, (4, 6))[0, :, :, 0].numpy()
    np.testing.assert_allclose(mask[:, :3], (128 / 255) ** 2, atol=0.005)
    assert mask[:, 3:].max() == 0


def test_the_photographs_transparency_is_a_mask(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (8, 12, 4), "uint8")
    Image.fromarray(pixels).save(tmp_path / "cut.png")
    for photo in (pixels, tmp_path / "cut.png"):
        mask = load_mask("alpha", (8, 12), of=photo)
        np.testing.assert_allclose(mask[0, :, :, 0], pixels[:, :, 3] / 255, atol=0.01)
    with pytest.raises(ValueError, match="the photograph is opaque"):
        load_mask("alpha", (8, 12), of=pixels[:, :, :3])


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.ones((20, 20)), "20 x 20 pixels, for a picture of 60 x 40"),
        (np.ones((40, 64)), "64 x 40 pixels, for a picture of 60 x 40"),
        (np.zeros((40, 60)), "black everywhere"),
        (np.full((40, 60), np.nan), "wanted \\[0, 1\\]"),
        ("missing.png", "does not exist"),
        ("words.png", "not a picture"),
    ],
)
def test_what_cannot_be_a_mask_is_one_sentence(mask, words, tmp_path):
    (tmp_path / "words.png").write_text("words")
    with pytest.raises(ValueError, match=words):
        load_mask(mask, (40, 60))


def test_a_mask_of_nearly_the_same_proportions_is_taken():
    assert load_mask(np.ones((41, 61)), (400, 600)).shape == (1, 400, 600, 1)


def test_overlapping_masks_share_the_place():
    masks = tf.constant([1.0, 1.0, 0.25, 0.0])[None, None, :, None] * [1.0]
    masks = tf.concat([masks, masks[:, :, ::-1]], 0)  # 1 1 .25 0 and 0 .25 1 1
    shares, total = shared(masks)
    np.testing.assert_allclose(total[0, 0, :, 0], [1, 1, 1, 1])
    np.testing.assert_allclose(shares[0, 0, :, 0], [1, 0.8, 0.2, 0], atol=1e-6)
    alone, total = shared(0.5 * masks[:1])
    np.testing.assert_allclose(alone, 0.5 * masks[:1])
    np.testing.assert_allclose(total[0, 0, :, 0], [0.5, 0.5, 0.125, 0])


# Guides


def test_a_guide_is_the_mean_of_the_mask_scaled_to_a_mean_square_of_one():
    masks = random_masks()
    found = guides(tf.constant(masks), ["block1_conv1", "block3_conv2"])
    for layer, s in [("block1_conv1", 1), ("block3_conv2", 4)]:
        h, w = 29 // s, 42 // s
        for r in range(2):
            T = np.zeros((h, w))
            for i in range(h):
                for j in range(w):
                    here = masks[r, i * s : (i + 1) * s, j * s : (j + 1) * s, 0]
                    T[i, j] = here.mean()
            T /= np.sqrt((T**2).mean())
            np.testing.assert_allclose(found[layer][r, :, :, 0], T, rtol=1e-5)


def test_guided_gram_matrices_are_those_of_loops():
    rng = np.random.default_rng(1)
    F = rng.normal(size=(1, 7, 10, 3)).astype("float32")
    T = guides(tf.constant(random_masks()), ["block3_conv1"])["block3_conv1"].numpy()
    found = mean_gram(F * T)
    for r in range(2):
        G = np.zeros((3, 3))
        for i in range(7):
            for j in range(10):
                f = F[0, i, j] * T[r, i, j]
                G += np.outer(f, f)
        np.testing.assert_allclose(found[r], G / 70, rtol=1e-4)


def test_white_everywhere_changes_nothing_to_the_last_bit():
    layers = [f"block{b}_conv1" for b in range(1, 6)]
    for guide in guides(tf.ones((1, 67, 53, 1)), layers).values():
        np.testing.assert_array_equal(guide, np.ones_like(guide))


def test_a_region_that_is_too_small_for_a_layer_is_named():
    masks = np.zeros((2, 64, 64, 1), "float32")
    masks[0], masks[1, :8, :8] = 1, 1
    assert guides(tf.constant(masks), ["block4_conv1"])
    with pytest.raises(ValueError, match="number 2 covers 0.25 positions of block5"):
        guides(tf.constant(masks), ["block5_conv1"])


# The loss


SHAPE = (171, 235)
LAYERS = [f"block{b}_conv1" for b in range(1, 5)]


def halves(shape=SHAPE, soft=False):
    """Left and right, sharp or from white to black."""
    height, width = shape
    line = np.linspace(1, 0, width) if soft else np.arange(width) < width // 3
    left = np.tile(np.float32(line), (height, 1))
    return [left, 1 - left]


def loss_of(tiny_weights, tile=None, style="painting.jpg", **masks):
    network = nst.feature_extractor(
        ["block4_conv2", *LAYERS], "tiny", weights=tiny_weights
    )
    return nst.total_loss(
        tf.image.resize(nst.load_image("photo.jpg", 235), SHAPE),
        style,
        network,
        style_layers=LAYERS,
        style_size=90,
        tile=tile,
        **masks,
    )


def noise(shape=SHAPE):
    pixels = np.random.default_rng(5).random((1, *shape, 3))
    return tf.constant(pixels, tf.float32)


def test_white_everywhere_is_no_mask_to_the_last_bit(tiny_weights):
    plain, white = (
        loss_and_gradient(loss_of(tiny_weights, **masks), noise())
        for masks in ({}, {"content_masks": np.ones(SHAPE)})
    )
    for name in plain[0]:
        assert plain[0][name] == white[0][name]
    np.testing.assert_array_equal(plain[1], white[1])


@pytest.mark.parametrize("soft", [False, True])
def test_tiles_of_regions_are_the_whole(tiny_weights, soft):
    masks = {
        "style": ["painting.jpg", "photo.jpg"],
        "content_masks": [0.8 * mask for mask in halves(soft=soft)],
        "style_masks": [None, np.tri(40, 60)],
    }
    expected, gradient = loss_and_gradient(loss_of(tiny_weights, **masks), noise())
    tiled = loss_of(tiny_weights, tile=64, **masks)
    assert isinstance(tiled, nst.TiledLoss)
    found, other = loss_and_gradient(tiled, noise())
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)
    np.testing.assert_allclose(other, gradient, atol=1e-4 * np.abs(gradient).max())


def test_a_region_has_the_style_of_its_painting_where_its_mask_is_white(tiny_weights):
    """Independently: the mean of two guided losses, each made by hand."""
    left, right = halves()
    masks = {"content_masks": [left, right], "style": ["painting.jpg", "photo.jpg"]}
    loss = loss_of(tiny_weights, **masks)
    F = loss.extractor(noise())
    expected = 0.0
    for mask, style in zip(halves(), ["painting.jpg", "photo.jpg"], strict=True):
        T = guides(tf.constant(mask[None, :, :, None]), LAYERS)
        A = loss.extractor(nst.load_image(style, 90))
        for layer in LAYERS:
            G = mean_gram(F[layer] * T[layer])
            expected += nst.losses.gram_loss(G, mean_gram(A[layer])) / 4 / 2
    np.testing.assert_allclose(loss(noise())["style"], expected, rtol=1e-5)


def test_two_halves_in_one_style_are_near_the_whole_in_it(tiny_weights):
    photo = nst.load_image("photo.jpg", 96)
    network = nst.feature_extractor(
        ["block4_conv2", *nst.targets.STYLE_LAYERS], "tiny", weights=tiny_weights
    )
    loss = nst.total_loss(photo, "painting.jpg", network)
    whole, both = (
        transfer(size=96, steps=30, content_masks=masks).image[None]
        for masks in (None, halves(photo.shape[1:3]))
    )
    before, wanted, found = (float(loss(x)["style"]) for x in (photo, whole, both))
    assert found < wanted + 0.2 * (before - wanted)


# The run


def test_what_is_not_white_stays_the_photograph_to_the_last_bit():
    photo = nst.load_image("photo.jpg", 48)[0].numpy()
    left, _ = halves(photo.shape[:2])
    for init in ("content", "noise"):
        result = transfer(content_masks=left, init=init, steps=10)
        black = left == 0
        np.testing.assert_array_equal(result.image[black], photo[black])
        assert np.abs(result.image - photo)[~black].mean() > 0.01


def test_grey_is_a_little():
    photo = nst.load_image("photo.jpg", 48)[0].numpy()
    changes = [
        np.abs(transfer(content_masks=np.full((32, 48), g)).image - photo).mean()
        for g in (1.0, 0.5, 0.25)
    ]
    assert changes[0] > 1.3 * changes[1] > 1.5 * changes[2] > 0


def test_a_cut_out_photograph_is_painted_where_it_is_opaque(tmp_path):
    cut = Image.open("photo.jpg").convert("RGBA")
    left = Image.fromarray(halves((cut.height, cut.width))[0] > 0)
    cut.putalpha(left.convert("L"))
    cut.save(tmp_path / "cut.png")
    result = transfer("cut.png", content_masks="alpha")
    photo = nst.load_image("cut.png", 48)[0].numpy()
    np.testing.assert_array_equal(result.image[:, 20:], photo[:, 20:])
    assert np.abs(result.image[:, :14] - photo[:, :14]).mean() > 0.01
    assert result.settings["content_masks"] == ["alpha"]


def test_a_run_with_masks_goes_on_as_if_unbroken():
    shape = nst.load_image("photo.jpg", 64).shape[1:3]
    for name, mask in zip(["left.png", "right.png"], halves(shape), strict=True):
        Image.fromarray(mask > 0).save(name)
    settings = {
        "size": [48, 64],
        "steps": 4,
        "content_masks": ["left.png", "right.png"],
    }
    settings["style"] = ["painting.jpg", "photo.jpg"]
    expected = transfer(**settings)
    with pytest.raises(Killed):
        transfer(**settings, callbacks=[nst.checkpoint("run.npz", 1), kill_at(6)])
    found = nst.style_transfer(resume="run.npz", **TINY_NETWORK)
    np.testing.assert_allclose(found.image, expected.image, atol=1e-6)
    Image.open("left.png").rotate(180).save("left.png")
    with pytest.raises(ValueError, match="other pictures"):
        nst.style_transfer(resume="run.npz", steps=5, **TINY_NETWORK)


def test_a_sweep_tells_masks_apart():
    left, right = halves((32, 48))
    settings = {"content_masks": [left, right, "mask.png"]}
    Image.fromarray(left > 0).save("mask.png")
    paths = nst.sweep(
        "photo.jpg", "painting.jpg", settings, size=48, steps=1, **TINY_NETWORK
    )
    assert len(set(paths)) == 3
    again = nst.sweep(
        "photo.jpg", "painting.jpg", settings, size=48, steps=1, **TINY_NETWORK
    )
    assert again == paths


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"content_masks": []}, "content_masks: none"),
        ({"content_masks": [None] * 3}, "2 paintings, for 3 masks"),
        (
            {"content_masks": [None] * 2, "style_masks": [None]},
            "style_masks: 1, for 2 content_masks",
        ),
        ({"content_masks": [None, np.zeros((32, 48))]}, "number 2: it is black"),
        (
            {"content_masks": [None] * 2, "style_masks": [None, np.ones((9, 9))]},
            "style_masks: number 2: 9 x 9 pixels, for a picture of 48 x",
        ),
        ({"content_masks": ["no.png", None]}, "number 1: picture 'no.png' does not"),
        ({"content_masks": "alpha", "style": "painting.jpg"}, "photograph is opaque"),
        ({"content_masks": [np.eye(32, 48), None]}, "number 1 covers 0"),
    ],
)
def test_a_mistake_is_one_sentence_before_the_first_step(settings, words):
    steps = []
    with pytest.raises(ValueError, match=words):
        transfer(
            **{"style": ["painting.jpg", "photo.jpg"]} | settings,
            callbacks=steps.append,
        )
    assert not steps


def drawn_mask(rng, shape):
    """Any mask, of another size, type or softness; sometimes a wrong one."""
    scale = rng.choice([0.3, 1, 2.5])
    height, width = (max(1, round(scale * n)) for n in shape)
    if rng.random() < 0.15:
        height = max(1, height // 2)  # other proportions
    kinds = ("half", "noise", "soft", "spot", "black", "white", "nan")
    kind = rng.choice(kinds, p=[0.25, 0.2, 0.2, 0.15, 0.05, 0.1, 0.05])
    y, x = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None]
    mask = {
        "half": lambda: (x + 0 * y > rng.uniform(0.1, 0.9)).astype(float),
        "noise": lambda: rng.random((height, width)),
        "soft": lambda: np.clip(x - y + rng.uniform(-0.5, 0.8), 0, 1),
        "spot": lambda: ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.02).astype(float),
        "black": lambda: np.zeros((height, width)),
        "white": lambda: np.ones((height, width)),
        "nan": lambda: np.full((height, width), np.nan),
    }[kind]()
    if kind != "nan":
        kind = rng.choice(["bool", "uint8", "float32", "color"])
        mask = {
            "bool": lambda: mask > 0.5,
            "uint8": lambda: np.uint8(255 * mask),
            "float32": lambda: mask.astype("float32"),
            "color": lambda: np.repeat(np.uint8(255 * mask)[..., None], 3, axis=2),
        }[kind]()
    return None if rng.random() < 0.1 else mask


@pytest.mark.parametrize("seed", range(40))
def test_any_masks_are_painted_or_refused_in_one_sentence(seed):
    rng = np.random.default_rng(seed)
    photo, painting = (nst.load_image(n, 64)[0] for n in ("photo.jpg", "painting.jpg"))
    regions = int(rng.integers(1, 4))
    masks = [drawn_mask(rng, photo.shape[:2]) for _ in range(regions)]
    of_style = [drawn_mask(rng, painting.shape[:2]) for _ in range(regions)]
    settings = {
        "content_masks": masks,
        "style_masks": of_style if rng.random() < 0.4 else None,
        "color": str(rng.choice(["painting", "matched", "photo"])),
        "realistic": bool(rng.random() < 0.3),
        "tile": [None, 64][int(rng.integers(2))],
    }
    try:
        result = transfer(photo, painting, size=64, steps=2, **settings)
    except ValueError as error:
        assert "\n" not in str(error)
        assert re.search("content_masks|style_masks|picture", str(error)), error
        return
    assert np.isfinite(result.image).all()
    assert result.image.min() >= 0 and result.image.max() <= 1


def test_masks_need_a_network_whose_positions_are_known():
    image = keras.Input((None, None, 3))
    edges = keras.layers.Conv2D(4, 3, strides=2, padding="same")(image)
    network = keras.Model(image, {"edges": edges}, name="mine")
    layers = {"content_layers": "edges", "style_layers": "edges"}
    with pytest.raises(ValueError, match="which pixels mine sees in a position"):
        nst.total_loss(
            nst.load_image("photo.jpg", 48),
            "painting.jpg",
            network,
            content_masks=[None],
            **layers,
        )


# In whose colours


def test_the_photographs_colours_stay_and_its_luminance_is_painted():
    photo = nst.load_image("photo.jpg", 48)
    result = transfer(color="photo", steps=10)
    found = result.image[None]
    inside = ((found > 0.001) & (found < 0.999)).all(axis=-1)  # nothing was clipped
    assert inside.mean() > 0.5
    np.testing.assert_allclose(chroma(found)[inside], chroma(photo)[inside], atol=1e-5)
    assert np.abs(luminance(found) - luminance(photo)).mean() > 0.005


@pytest.mark.parametrize("masked", [False, True])
def test_a_matched_painting_has_the_colours_of_its_region(tiny_weights, masked):
    """Independently: the Gram matrices of a painting that is recoloured by hand."""
    masks = halves() if masked else [np.ones(SHAPE, "float32")]
    options = {"content_masks": masks} if masked else {}
    loss = loss_of(tiny_weights, color="matched", **options)
    photo = tf.clip_by_value(
        tf.image.resize(nst.load_image("photo.jpg", 235), SHAPE), 0, 1
    )
    painting = nst.load_image("painting.jpg", 90)
    for r, mask in enumerate(masks):
        matched = match_colors(painting, photo, None, mask[None, :, :, None])
        A = loss.extractor(tf.clip_by_value(matched, 0.0, 1.0))
        for layer in LAYERS:
            expected = mean_gram(A[layer])[0]
            np.testing.assert_allclose(
                loss.style_targets[layer][r], expected, atol=1e-4 * np.max(expected)
            )


@pytest.mark.parametrize("color", ["matched", "photo"])
def test_colours_go_with_masks_tiles_and_resuming(color):
    left, _ = halves((64, 96))
    Image.fromarray(left > 0).save("left.png")
    photo = nst.load_image("photo.jpg", 96)[0].numpy()
    settings = {"color": color, "content_masks": "left.png", "size": 96, "steps": 6}
    whole = transfer(**settings)
    black = nst.guides.load_mask("left.png", photo.shape[:2])[0, :, :, 0] == 0
    np.testing.assert_allclose(whole.image[black], photo[black], atol=1e-6)
    tiled = transfer(**settings, tile=64)
    np.testing.assert_allclose(tiled.image, whole.image, atol=0.02)
    with pytest.raises(Killed):
        transfer(**settings, callbacks=[nst.checkpoint("run.npz", 1), kill_at(3)])
    found = nst.style_transfer(resume="run.npz", **TINY_NETWORK)
    np.testing.assert_allclose(found.image, whole.image, atol=1e-6)


def test_an_unknown_colour_is_one_sentence():
    with pytest.raises(ValueError, match="color: 'red' is none of"):
        transfer(color="red")

"""By two layers only: what goes on are pictures, settings and optimizers."""

import functools
import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import SHALLOW, TINY_NETWORK, AsPath, Killed, kill_at, transfer
from PIL import Image

import nst_tf as nst
from nst_tf import optimizers
from nst_tf.images import load_image, open_image
from nst_tf.results import load_checkpoint, save_checkpoint
from nst_tf.targets import fingerprint


def run(*pictures, **settings):
    return transfer(*pictures, **(SHALLOW | settings))


def broken_off(step, content="photo.jpg", style="painting.jpg", **settings):
    """Leaves a checkpoint, `run.npz`, of a run that was killed after a step."""
    watchers = [nst.checkpoint("run.npz"), kill_at(step)]
    with pytest.raises(Killed):
        run(content, style, callbacks=watchers, **settings)


def go_on(*pictures, **settings):
    return nst.style_transfer(*pictures, resume="run.npz", **settings)


def assert_same(found, expected):
    """To the last bit, but for the clock."""
    np.testing.assert_array_equal(found.image, expected.image)
    for name in expected.history.keys() - {"seconds"}:
        assert found.history[name] == expected.history[name], name
    assert found.complete == expected.complete


@pytest.fixture
def pngs(small_world):
    """Both pictures in files that are always decoded in all their pixels."""
    for name in ("photo", "painting"):
        Image.open(f"{name}.jpg").save(f"{name}.png")
    return "photo.png", "painting.png"


# To the last bit

PLAN = dict(size=[32, 48], steps=[5, 4])


@functools.cache
def unbroken(optimizer):
    return run(**PLAN, optimizer=optimizer)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("step", [3, 5, 7, 9])
def test_a_resumed_run_equals_the_unbroken_one_to_the_last_bit(optimizer, step):
    """Killed within the first size, at its end, within the second, and at the end."""
    broken_off(step, **PLAN, optimizer=optimizer)
    resumed = run(**PLAN, optimizer=optimizer, resume="run.npz")
    assert_same(resumed, unbroken(optimizer))
    assert np.all(np.diff(resumed.history["seconds"]) > 0)
    assert resumed.complete and resumed.settings == unbroken(optimizer).settings


@pytest.mark.parametrize("stop", range(1, 11, 2))
def test_lbfgs_is_resumed_from_a_file_wherever_it_is(stop, tmp_path, monkeypatch):
    """On a loss that makes it halve its steps and forget its memory."""
    monkeypatch.setattr(optimizers, "SHORTEST", 0.2)

    def loss(image):
        waves = tf.abs(tf.sin(300 * image) + tf.sin(690 * image[:, ::-1]))
        return {"total": tf.reduce_sum(waves) + 0.1 * tf.reduce_sum(image**2)}

    start = np.random.default_rng(0).uniform(size=(1, 3, 5, 3)).astype("float32")
    run = list(nst.lbfgs(loss, start, steps=40))
    memory = [len(state["moves"]) for _, state in run]
    assert min(np.diff(memory)) < 0 and any(state["length"] < 1 for _, state in run)
    state = run[stop][1]
    result = nst.Result(state, {"step": [1]}, {})
    nst.checkpoint(tmp_path / "run.npz", every=1)(result)
    loaded = load_checkpoint(tmp_path / "run.npz").state
    again = list(nst.lbfgs(loss, loaded, steps=39 - stop))
    assert [losses for losses, _ in again] == [losses for losses, _ in run[stop + 1 :]]


SCHEDULES = [
    keras.optimizers.schedules.CosineDecay(0.1, 6),
    keras.optimizers.schedules.PiecewiseConstantDecay((2,), (0.1, 0.01)),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["cosine", "pieces"])
@pytest.mark.parametrize("how", ["given", "made again", "restored"])
def test_an_optimizer_goes_on_where_it_was(schedule, how):
    """With its momentum and schedule; Keras calls two of a kind differently."""
    first, second = (keras.optimizers.SGD(schedule, momentum=0.9) for _ in range(2))
    broken_off(4, steps=6, optimizer=first)
    again = {"given": first, "made again": second}
    resumed = go_on(**({"optimizer": again[how]} if how in again else {}))
    assert_same(resumed, run(steps=6, optimizer=first))


# More of it


def test_a_default_may_be_asked_for_as_a_list():
    run(steps=2, callbacks=nst.checkpoint("run.npz"))
    seen = []

    def stop(result):
        seen.append(result.settings["steps"])
        raise Killed

    with pytest.raises(Killed):
        go_on(steps=[100], callbacks=stop)
    assert seen == [[100]]


def test_a_default_that_differs_from_the_run_contradicts_it():
    run(tv_weight=0.3, callbacks=nst.checkpoint("run.npz"))
    with pytest.raises(ValueError, match="tv_weight=0.3, but now tv_weight=0.5"):
        go_on(tv_weight=float("0.5"))


def test_a_model_of_the_users_own_may_be_built_again():
    def model():
        image = keras.Input((None, None, 3))
        ones = keras.initializers.Ones()
        edges = keras.layers.Conv2D(4, 3, kernel_initializer=ones)(image)
        return keras.Model(image, {"edges": edges})

    layers = {"content_layers": "edges", "style_layers": "edges", "steps": 4}
    first, second = model(), model()
    assert first.name != second.name
    whole = run(network=first, **layers)
    broken_off(2, network=first, **layers)
    assert_same(go_on(network=second), whole)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_more_steps_of_a_finished_run_equal_an_unbroken_one(optimizer):
    run(steps=4, optimizer=optimizer, callbacks=nst.checkpoint("run.npz"))
    more = go_on(steps=8)
    assert_same(more, run(steps=8, optimizer=optimizer))
    assert more.settings["steps"] == [8]


@pytest.mark.parametrize("init", ["content", "style", "noise"])
def test_further_sizes_of_a_finished_run_equal_an_unbroken_one(init):
    first = {"size": 32, "steps": 4, "init": init}
    run(**first, callbacks=nst.checkpoint("run.npz"))
    expected = run(**first | {"size": [32, 48, 64]})
    assert_same(go_on(size=[32, 48, 64]), expected)


def test_further_sizes_keep_the_proportion_of_the_painting():
    run(style_size=36, callbacks=nst.checkpoint("run.npz"))
    assert go_on(size=[48, 64]).settings["style_size"] == 48


def test_what_went_on_can_go_on_again():
    run(size=32, steps=2, callbacks=nst.checkpoint("run.npz"))
    go_on(size=[32, 48], steps=[2, 1], callbacks=nst.checkpoint("run.npz"))
    expected = run(size=[32, 48], steps=[2, 3])
    assert_same(go_on(steps=[2, 3]), expected)


def test_sizes_that_are_passed_keep_their_steps():
    broken_off(7, **PLAN)
    resumed = go_on(steps=3)
    assert resumed.history["size"] == [32] * 5 + [48] * 3
    assert resumed.settings["steps"] == [5, 3]


def test_a_finished_run_stays_as_it_is():
    finished = run(callbacks=nst.checkpoint("run.npz"))
    again = go_on()
    assert again.history == finished.history and again.complete
    np.testing.assert_array_equal(again.image, finished.image)


@pytest.mark.parametrize(
    ("killed", "steps", "message"),
    [(4, 3, "4 steps were made at size 32, .*steps=3"), (7, [5, 1], "2 steps .* 48")],
)
def test_steps_that_are_made_cannot_be_taken_back(killed, steps, message):
    broken_off(killed, **PLAN)
    with pytest.raises(ValueError, match=f"resume: {message}.*at least as many"):
        go_on(steps=steps)


# What a file brings


def test_a_file_alone_is_enough():
    """With no setting at its default."""
    settings = {
        "size": [32, 48],
        "steps": [2, 4],
        "style_size": 40,
        "style_scale": [1.0, 1.5],
        "style_blend": [0.7, 0.3],
        "content_weight": 0.1,
        "style_weight": 2.0,
        "tv_weight": 0.0,
        "content_layers": ["block2_conv2", "block3_conv1"],
        "style_layers": {"block1_conv1": 1.0, "block2_conv1": 3.0},
        "pooling": "max",
        "padding": "reflect",
        "normalize": False,
        "init": "noise",
        "seed": 3,
        "optimizer": "adam",
    }
    pictures = "photo.jpg", ["painting.jpg", "photo.jpg"]
    broken_off(4, *pictures, **settings)
    resumed = go_on()
    assert_same(resumed, run(*pictures, **settings))
    assert settings.items() <= resumed.settings.items()
    assert TINY_NETWORK.items() <= resumed.settings.items()
    assert resumed.settings["content_image"] == pictures[0]
    assert resumed.settings["style_image"] == pictures[1]


def test_a_style_is_left_out_or_given_again_with_its_blend_and_scale():
    style = nst.Style(["painting.jpg", "photo.jpg"], [0.2, 0.8], [1, 0.9])
    broken_off(2, style=style)
    expected = run(style=style)
    assert_same(go_on(), expected)
    assert_same(go_on("photo.jpg", style), expected)


def old_checkpoint(path, result):
    """As it was written before settings were restored from files."""
    state = {name: np.asarray(value) for name, value in result.state.items()}
    notes = {"history": result.history, "settings": result.settings, "complete": False}
    with open(path, "wb") as file:
        np.savez(file, notes=np.array(json.dumps(notes)), **state)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_an_old_file_goes_on(optimizer):
    """Its settings were a dict of all arguments in the order of the signature."""

    def keep(result):
        if result.history["step"][-1] == 2:
            blank = dict.fromkeys(["content_image", "style_image"])
            old_checkpoint(
                "old.npz",
                nst.Result(result.state, result.history, blank | result.settings),
            )

    whole = run(steps=5, optimizer=optimizer, callbacks=keep)
    assert_same(nst.style_transfer(resume="old.npz"), whole)


# Pictures


@pytest.mark.parametrize("how", ["absolute", "moved", "opened", "arrays", "PathLike"])
def test_pictures_are_known_again_by_their_pixels(how, pngs, tmp_path):
    broken_off(2, *pngs)
    expected = run(*pngs)
    if how == "moved":
        (tmp_path / "elsewhere").mkdir()
        for name in pngs:
            os.rename(name, tmp_path / "elsewhere" / f"my {name}")
    again = {
        "absolute": lambda name: str(tmp_path / name),
        "moved": lambda name: f"elsewhere/my {name}",
        "opened": Image.open,
        "arrays": lambda name: np.asarray(Image.open(name)),
        "PathLike": lambda name: AsPath(name),
    }[how]
    assert_same(go_on(*map(again, pngs)), expected)


def test_a_checkpoint_may_be_anything_with_a_path():
    broken_off(2)
    for path in (Path("run.npz"), AsPath("run.npz")):
        assert nst.style_transfer(resume=path, steps=4).complete


@pytest.mark.parametrize("which", ["content", "style", "both"])
def test_other_pictures_are_refused(which):
    broken_off(2)
    Image.open("photo.jpg").rotate(180).save("turned.png")
    other = {
        "content": ("turned.png", "painting.jpg"),
        "style": ("photo.jpg", "turned.png"),
        "both": ("painting.jpg", "photo.jpg"),
    }
    with pytest.raises(ValueError, match="resume: .* with other pictures"):
        go_on(*other[which])


@pytest.mark.parametrize("which", ["content_image", "style_image"])
def test_a_picture_that_is_gone_must_be_given_again(which):
    broken_off(2)
    name = {"content_image": "photo.jpg", "style_image": "painting.jpg"}[which]
    os.rename(name, "moved.jpg")
    message = f"resume: {which} was '{name}', which is missing.*; give {which} again"
    with pytest.raises(ValueError, match=message):
        go_on()
    pictures = {which: "moved.jpg"}
    assert nst.style_transfer(resume="run.npz", **pictures).complete


def test_a_picture_that_was_no_file_must_be_given_again(photo):
    broken_off(2, photo)
    with pytest.raises(ValueError, match="content_image was 'array .*give"):
        go_on()
    assert go_on(photo).complete


def test_an_init_picture_is_found_again():
    Image.open("photo.jpg").rotate(180).save("init.png")
    broken_off(2, init="init.png")
    expected = run(init="init.png")
    assert_same(go_on(), expected)
    os.rename("init.png", "moved.png")
    assert_same(go_on(init="moved.png"), expected)
    with pytest.raises(ValueError, match="init was 'init.png'.*give init again"):
        go_on()
    with pytest.raises(ValueError, match="other pictures"):
        go_on(init="painting.jpg")


def test_an_init_array_must_be_given_again(photo):
    broken_off(2, init=1 - photo)
    with pytest.raises(ValueError, match="init was 'array .*give init again"):
        go_on()
    assert_same(go_on(init=1 - photo), run(init=1 - photo))


@pytest.fixture
def large_jpeg(small_world):
    """More than 2 megapixels, so that it is decoded smaller, by the sizes asked for."""
    waves = np.random.default_rng(0).integers(0, 256, (11, 18, 3), "uint8")
    picture = Image.fromarray(waves).resize((1900, 1160), Image.Resampling.BICUBIC)
    picture.save("large.jpg", quality=95)
    return "large.jpg"


def test_a_large_jpeg_is_known_again_at_further_sizes(large_jpeg):
    run(large_jpeg, size=32, callbacks=nst.checkpoint("run.npz"))
    pictures = [load_image(open_image(large_jpeg, size), 32) for size in (32, 128)]
    assert np.abs(pictures[0] - pictures[1]).max() > 0
    resumed = go_on(size=[32, 128], callbacks=nst.checkpoint("run.npz"))
    assert resumed.history["size"] == [32] * 3 + [128] * 3
    assert len(go_on(steps=4).history["size"]) == 7


def test_a_large_jpeg_goes_on_as_it_was_decoded_before(large_jpeg):
    """At first as a picture of the user's own, which is not decoded smaller."""
    sizes = {"size": [32, 48], "steps": 4}
    whole = run(Image.open(large_jpeg), **sizes)
    broken_off(2, Image.open(large_jpeg), **sizes)
    assert_same(go_on(large_jpeg), whole)


def test_a_large_jpeg_of_an_old_file_is_known_again(large_jpeg):
    """Which decoded all of its pixels."""
    result = run(large_jpeg, callbacks=nst.checkpoint("run.npz"))
    whole = load_image(np.asarray(Image.open(large_jpeg)), 48)
    painting = load_image("painting.jpg", 48)
    assert np.abs(whole - load_image(large_jpeg, 48)).max() > 0
    result.settings["fingerprint"] = fingerprint([whole, whole, painting])
    old_checkpoint("run.npz", result)
    assert go_on(steps=5).complete


# What cannot be restored


def own_network():
    image = keras.Input((None, None, 3))
    edges = keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer="ones")
    return keras.Model(image, {"edges": edges(image)}, name="mine")


def test_a_network_of_the_users_own_must_be_given_again():
    settings = {"content_layers": "edges", "style_layers": "edges"}
    settings["network"] = own_network()
    broken_off(2, **settings)
    with pytest.raises(ValueError, match="network was 'mine'.*give network again"):
        go_on()
    resumed = go_on(network=settings["network"])
    assert_same(resumed, run(**settings))


class MySGD(keras.optimizers.SGD):
    pass


def test_an_optimizer_of_the_users_own_must_be_given_again():
    broken_off(2, optimizer=MySGD(0.1))
    with pytest.raises(ValueError, match="optimizer was 'MySGD'.*give optimizer again"):
        go_on()
    assert_same(go_on(optimizer=MySGD(0.1)), run(optimizer=MySGD(0.1)))


# What contradicts it


@functools.cache
def finished():
    return run(steps=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("content_weight", 3.0),
        ("style_weight", 3.0),
        ("tv_weight", 3.0),
        ("content_layers", "block3_conv1"),
        ("style_layers", {"block1_conv1": 0.5}),
        ("network", "vgg16"),
        ("pooling", "max"),
        ("padding", "reflect"),
        ("normalize", False),
        ("init", "noise"),
        ("init", "photo.jpg"),
        ("seed", 1),
        ("optimizer", "adam"),
        ("optimizer", keras.optimizers.SGD(0.1)),
        ("size", [32, 64]),
        ("size", 64),
        ("style_size", 96),
        ("style_scale", 2),
    ],
)
def test_a_contradiction_names_the_setting(name, value):
    save_checkpoint("run.npz", finished())
    before = "'lbfgs'" if name == "optimizer" else ".*"
    message = rf"resume: the run was made with {name}={before}, but now {name}="
    with pytest.raises(ValueError, match=message):
        go_on(**{name: value})


def test_a_file_from_before_padding_was_a_setting_was_made_with_zeros():
    result = finished()
    del result.settings["padding"], result.settings["style_scale"]
    save_checkpoint("run.npz", result)
    assert go_on().settings["padding"] == "zeros"
    assert go_on().settings["style_scale"] == [1.0]
    with pytest.raises(ValueError, match="padding='zeros', but now padding='reflect'"):
        run(resume="run.npz", padding="reflect")


def test_another_blend_is_a_contradiction():
    broken_off(2, style=["painting.jpg", "photo.jpg"], style_blend=[0.7, 0.3])
    with pytest.raises(ValueError, match="made with style_blend=.* now style_blend="):
        go_on(style_blend=[0.5, 0.5])


def test_another_rate_is_a_contradiction():
    broken_off(2, optimizer=keras.optimizers.SGD(0.1))
    with pytest.raises(ValueError, match="made with optimizer=.* now optimizer="):
        go_on(optimizer=keras.optimizers.SGD(0.2))


def test_where_the_weights_are_and_how_it_is_computed_may_change(tmp_path):
    broken_off(2, size=96)
    os.rename("tiny.weights.h5", "moved.weights.h5")
    resumed = go_on(weights="moved.weights.h5", tile=64)
    expected = run(size=96, weights="moved.weights.h5")
    np.testing.assert_allclose(resumed.image, expected.image, atol=1e-3)

import json
import sys

import imageio_ffmpeg
import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageSequence

import nst_tf as nst
from nst_tf import optimizers
from nst_tf.results import load_checkpoint


class Killed(Exception):
    pass


def kill_at(step):
    def kill(result):
        if result.history["step"][-1] == step:
            raise Killed

    return kill


PLAN = dict(size=[32, 48], steps=[5, 4])


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("step", [3, 5, 7, 9])
def test_a_resumed_run_equals_the_uninterrupted_one_to_the_last_bit(optimizer, step):
    """Killed within the first size, at its end, within the second, and at the end."""
    run = dict(content_image="photo.jpg", style_image="painting.jpg", **PLAN)
    run["optimizer"] = optimizer
    whole = nst.style_transfer(**run)
    with pytest.raises(Killed):
        watchers = [nst.checkpoint("run.npz", every=step), kill_at(step)]
        nst.style_transfer(**run, callbacks=watchers)
    resumed = nst.style_transfer(**run, resume="run.npz")
    np.testing.assert_array_equal(resumed.image, whole.image)
    for name in ("step", "size", "content", "style", "total"):
        assert resumed.history[name] == whole.history[name]
    assert np.all(np.diff(resumed.history["seconds"]) > 0)
    assert resumed.complete


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


def test_a_schedule_goes_on_where_it_was():
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 9)
    run = dict(content_image="photo.jpg", style_image="painting.jpg", steps=9)
    run["optimizer"] = keras.optimizers.SGD(schedule, momentum=0.9)
    whole = nst.style_transfer(**run)
    with pytest.raises(Killed):
        watchers = [nst.checkpoint("run.npz", every=4), kill_at(4)]
        nst.style_transfer(**run, callbacks=watchers)
    resumed = nst.style_transfer(**run, resume="run.npz")
    np.testing.assert_array_equal(resumed.image, whole.image)


def test_a_resumed_run_must_have_the_same_pictures():
    nst.style_transfer("photo.jpg", "painting.jpg", callbacks=nst.checkpoint("r.npz"))
    Image.open("photo.jpg").rotate(180).save("photo.jpg")
    with pytest.raises(ValueError, match="other pictures"):
        nst.style_transfer("photo.jpg", "painting.jpg", resume="r.npz")


def test_a_run_that_ends_early_is_complete_and_closes_its_callbacks(capsys):
    """From the content, with no style: nothing is left to do after the first step."""
    seen = []
    run = dict(content_image="photo.jpg", style_image="painting.jpg", steps=50)
    run |= dict(style_weight=0.0, tv_weight=0.0)
    watchers = [nst.progress(), nst.checkpoint("r.npz"), lambda r: seen.append(r)]
    result = nst.style_transfer(**run, callbacks=watchers)
    assert result.complete and len(seen) == len(result.history["step"]) < 5
    assert capsys.readouterr().err.endswith("\n")
    resumed = nst.style_transfer(**run, resume="r.npz")
    assert resumed.history == result.history


def test_a_resumed_bar_starts_where_the_run_was(capsys):
    run = dict(content_image="photo.jpg", style_image="painting.jpg", steps=4)
    with pytest.raises(Killed):
        watchers = [nst.checkpoint("run.npz", every=3), kill_at(3)]
        nst.style_transfer(**run, callbacks=watchers)
    nst.style_transfer(**run, resume="run.npz", callbacks=nst.progress())
    bars = capsys.readouterr().err
    assert " 75%" in bars and "100%" in bars and " 25%" not in bars


def test_a_resumed_run_must_have_the_same_settings():
    nst.style_transfer("photo.jpg", "painting.jpg", callbacks=[nst.checkpoint("r.npz")])
    with pytest.raises(ValueError, match="made with tv_weight=0.5, and now"):
        nst.style_transfer("photo.jpg", "painting.jpg", tv_weight=1.0, resume="r.npz")


def test_a_checkpoint_is_written_at_the_last_step_too():
    nst.style_transfer(
        "photo.jpg", "painting.jpg", callbacks=[nst.checkpoint("r.npz", every=100)]
    )
    with np.load("r.npz", allow_pickle=False) as file:
        assert json.loads(str(file["notes"]))["complete"]


def test_a_damaged_checkpoint_is_refused(tmp_path):
    nst.style_transfer("photo.jpg", "painting.jpg", callbacks=[nst.checkpoint("r.npz")])
    path = tmp_path / "r.npz"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(ValueError, match="not a checkpoint"):
        nst.style_transfer("photo.jpg", "painting.jpg", resume="r.npz")


def test_a_checkpoint_needs_a_place_before_the_run():
    with pytest.raises(ValueError, match="there is no folder nowhere"):
        nst.checkpoint("nowhere/run.npz")
    with pytest.raises(ValueError, match="should end in one of .npz"):
        nst.checkpoint("run.zip")


def test_pictures_are_saved_on_the_way():
    seen = {}
    watchers = [
        nst.save_images("{step:03d}.png", every=2),
        lambda r: seen.update({r.history["step"][-1]: r.image}),
    ]
    nst.style_transfer("photo.jpg", "painting.jpg", steps=5, callbacks=watchers)
    for step in (2, 4):
        saved = nst.load_image(f"{step:03d}.png")[0]
        np.testing.assert_allclose(saved, seen[step], atol=0.002)


@pytest.mark.parametrize("path", ["step.png", "nowhere/{step}.png", "{step}.xyz"])
def test_pictures_need_a_place_before_the_run(path):
    with pytest.raises(ValueError):
        nst.save_images(path)


def test_progress_shows_the_losses_and_the_end(capsys):
    nst.style_transfer(
        "photo.jpg", "painting.jpg", **PLAN, callbacks=[nst.progress("photo")]
    )
    shown = capsys.readouterr()
    last = shown.err.split("\r")[-1]
    assert last.startswith("photo: 100%") and "size=48, step=4" in last
    assert "content=" in last and "style=" in last and "total=" in last
    assert shown.out == ""


@pytest.mark.parametrize("suffix", ["gif", "webp", "mp4"])
def test_a_film_shows_the_run_at_its_last_size_and_rests_at_the_end(suffix):
    watch = nst.film(f"run.{suffix}", every=2, frames_per_second=4)
    result = nst.style_transfer("photo.jpg", "painting.jpg", **PLAN, callbacks=watch)
    moving = len(result.history["step"][::2])
    if suffix == "mp4":
        about, *frames = imageio_ffmpeg.read_frames("run.mp4")
        frames = [np.frombuffer(frame, "uint8") for frame in frames]
        frames = np.reshape(frames, (-1, *about["size"][::-1], 3))
        seconds = len(frames) / 4
    else:
        with Image.open(f"run.{suffix}") as film:
            pictures = list(ImageSequence.all_frames(film))
            assert film.info["loop"] == 0
        frames = np.stack([np.asarray(p.convert("RGB")) for p in pictures])
        seconds = sum(p.info["duration"] for p in pictures) / 1000
    assert frames.shape[1:] == result.image.shape
    assert seconds == moving / 4 + 2
    assert np.mean(abs(frames[-1] / 255 - result.image)) < 0.05


def test_a_film_is_written_even_if_the_run_is_killed():
    with pytest.raises(Killed):
        watchers = [nst.film("run.gif"), kill_at(4)]
        nst.style_transfer("photo.jpg", "painting.jpg", **PLAN, callbacks=watchers)
    with Image.open("run.gif") as film:
        assert film.n_frames > 1


def test_a_film_needs_a_place_and_a_known_format_before_the_run():
    with pytest.raises(ValueError, match="should end in one of .gif, .webp, .mp4"):
        nst.film("run.avi")
    with pytest.raises(ValueError, match="there is no folder"):
        nst.film("nowhere/run.gif")
    for wrong in (0, 12.5, 100):
        with pytest.raises(ValueError, match="wanted a whole number, 1 to 50"):
            nst.film("run.gif", frames_per_second=wrong)


def test_a_film_without_its_codec_is_refused_before_the_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ImportError, match="pip install"):
        nst.film("run.mp4")

import numpy as np
import pytest
from conftest import SHALLOW, AsPath, Killed, kill_at, transfer
from PIL import Image

import nst_tf as nst
from nst_tf.results import load_checkpoint

PLAN = SHALLOW | {"size": [32, 48], "steps": [5, 4]}


# progress


def test_progress_shows_the_losses_and_the_end(capsys):
    transfer(**PLAN, callbacks=[nst.progress("photo")])
    shown = capsys.readouterr()
    last = shown.err.split("\r")[-1]
    assert last.startswith("photo: 100%") and "size=48, step=4" in last
    assert "content=" in last and "style=" in last and "total=" in last
    assert shown.out == ""


def test_a_resumed_bar_starts_where_the_run_was(capsys):
    with pytest.raises(Killed):
        watchers = [nst.checkpoint("run.npz", every=3), kill_at(3)]
        transfer(**SHALLOW, steps=4, callbacks=watchers)
    nst.style_transfer(resume="run.npz", callbacks=nst.progress())
    bars = capsys.readouterr().err
    assert " 75%" in bars and "100%" in bars and " 25%" not in bars


def test_a_run_that_ends_early_is_complete_and_closes_its_callbacks(capsys):
    """From the content, with no style: nothing is left to do after the first step."""
    seen = []
    watchers = [nst.progress(), nst.checkpoint("r.npz"), lambda r: seen.append(r)]
    result = transfer(steps=50, style_weight=0.0, tv_weight=0.0, callbacks=watchers)
    assert result.complete and len(seen) == len(result.history["step"]) < 5
    assert capsys.readouterr().err.endswith("\n")
    assert nst.style_transfer(resume="r.npz").history == result.history


# save_images


@pytest.mark.parametrize("kind", [str, AsPath])
def test_pictures_are_saved_on_the_way(kind):
    seen = {}
    watchers = [
        nst.save_images(kind("{step:03d}.png"), every=2),
        lambda r: seen.update({r.history["step"][-1]: r.image}),
    ]
    transfer(**SHALLOW, steps=5, callbacks=watchers)
    for step in (2, 4):
        saved = nst.load_image(f"{step:03d}.png")[0]
        np.testing.assert_allclose(saved, seen[step], atol=0.002)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("step.png", "step.png should have {step} in it"),
        ("{step}{size}.png", "has more than {step}"),
        ("nowhere/{step}.png", "there is no folder nowhere"),
        ("{step}.xyz", "should end in one of"),
    ],
)
def test_pictures_need_a_place_before_the_run(path, message):
    with pytest.raises(ValueError, match=message):
        nst.save_images(path)


# film


@pytest.mark.parametrize("kind", [str, AsPath])
def test_a_film_has_every_other_step_and_the_end(kind):
    result = transfer(**PLAN, callbacks=nst.animate(kind("run.gif"), every=2))
    with Image.open("run.gif") as film:
        assert film.n_frames == len(result.history["step"][::2]) + 1
        film.seek(film.n_frames - 1)
        last = np.asarray(film.convert("RGB")) / 255
    assert np.mean(abs(last - result.image)) < 0.05


def test_a_film_is_written_even_if_the_run_is_killed():
    with pytest.raises(Killed):
        transfer(**PLAN, callbacks=[nst.animate("run.gif"), kill_at(4)])
    with Image.open("run.gif") as film:
        assert film.n_frames == 3


def test_each_run_has_a_film_of_its_own():
    watch = nst.animate("run.gif", every=1)
    for steps in (4, 2):
        transfer(**SHALLOW, steps=steps, callbacks=watch)
    with Image.open("run.gif") as film:
        assert film.n_frames == 3


def test_a_film_needs_a_place_before_the_run():
    with pytest.raises(ValueError, match="should end in one of .gif, .webp, .mp4"):
        nst.animate("run.avi")


# checkpoint


@pytest.mark.parametrize("kind", [str, AsPath])
def test_a_checkpoint_is_written_every_so_many_steps_and_at_the_end(kind):
    path, written = kind("run.npz"), {}

    def look(result):
        step = result.history["step"][-1]
        if step > 1:
            written[step] = load_checkpoint("run.npz").history["step"][-1]

    watchers = [nst.checkpoint(path, every=2), look]
    transfer(**SHALLOW, steps=5, callbacks=watchers)
    assert written == {2: 2, 3: 2, 4: 4, 5: 4}
    assert load_checkpoint("run.npz").complete


def test_a_checkpoint_needs_a_place_before_the_run():
    with pytest.raises(ValueError, match="there is no folder nowhere"):
        nst.checkpoint("nowhere/run.npz")
    with pytest.raises(ValueError, match="should end in one of .npz"):
        nst.checkpoint("run.zip")


@pytest.mark.parametrize("watcher", [nst.checkpoint, nst.animate, nst.save_images])
def test_pauses_are_whole_numbers(watcher):
    path = {nst.checkpoint: "r.npz", nst.animate: "r.gif"}.get(watcher, "{step}.png")
    for every in (0, 2.5, "2"):
        with pytest.raises(ValueError, match=f"every: {every}; wanted a whole number"):
            watcher(path, every=every)

"""Films of a window that moves over the photograph: its flow is known."""

import concurrent.futures
import dataclasses
import itertools
import os
import signal
import time
import tracemalloc
from collections import namedtuple
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import Killed
from PIL import Image
from test_ffmpeg import run, seconds_of_sound

pytest.importorskip("cv2")

import nst_tf as nst
from nst_tf import ffmpeg, flow, video

SIZE, SHAPE, COUNT, RATE = 64, (48, 64), 30, Fraction(10)
SMALL = {"size": SIZE}


@pytest.fixture(autouse=True)
def short_parts(monkeypatch):
    monkeypatch.setattr(video, "ANCHOR", 4)
    monkeypatch.setattr(video, "PART", 8)


def window(k, name="photo.jpg"):
    """Frame k, `(48, 64, 3)` uint8: two pixels to the right of the one before."""
    picture = nst.images.to_pil(nst.load_image(name, 160))
    return np.asarray(picture.crop((2 * k, 20, 2 * k + 64, 68)))


def write(path="clip.mp4", frames=None):
    with ffmpeg.writing(Path(path), SHAPE, RATE) as add:
        for frame in map(window, range(COUNT)) if frames is None else frames:
            add(frame)
    return path


def read(path):
    clip = ffmpeg.look(path)
    return np.stack(list(ffmpeg.frames(clip, clip.shape, clip.rate)))


def film(style="udnie", clip="clip.mp4", path="out.mp4", **settings):
    return nst.film(clip, style, path, **(SMALL | settings))


def plan(style="udnie", clip="clip.mp4", **settings):
    names = {n: v for n, v in nst.film.__kwdefaults__.items() if n not in ("map",)}
    return video._plan(clip, style, Path("out.mp4"), names | SMALL | settings)


def painted(a_plan):
    """All frames of a plan, before they are compressed."""
    parts = (video.painted_frames(a_plan, *part) for part in a_plan.parts())
    return np.stack(list(itertools.chain(*parts)))


def leftovers():
    return [p for p in Path().iterdir() if "part" in p.name]


# What comes of it


def test_a_film_has_the_length_and_proportions_of_its_clip():
    write()
    made = film()
    assert made.complete and (made.frames, made.rate) == (COUNT, RATE)
    assert made.shape == SHAPE and made.seconds == 3
    assert read("out.mp4").shape == (COUNT, *SHAPE, 3) and not leftovers()
    assert ffmpeg.look("out.mp4").rate == RATE


def test_one_frame_is_painted_as_a_picture_is():
    write(frames=[window(0)])
    frame = next(ffmpeg.frames(ffmpeg.look("clip.mp4"), SHAPE, RATE))
    for options in ({}, {"strength": 0.5}, {"color": "photo"}):
        expected = nst.fast_style_transfer(frame, "udnie", size=None, **options)
        (found,) = painted(plan(**options))
        np.testing.assert_allclose(found / 255, expected.image, atol=0.004)


def test_the_style_changes_from_the_first_frame_to_the_last():
    write(frames=[window(0)] * 9)
    first, middle, last = painted(plan(["udnie", "the_wave"]))[[0, 4, 8]] / 255
    frame = next(ffmpeg.frames(ffmpeg.look("clip.mp4"), SHAPE, RATE))
    blend = {"udnie": 0.5, "the_wave": 0.5}
    for style, found in (("udnie", first), (blend, middle), ("the_wave", last)):
        expected = nst.fast_style_transfer(frame, style, size=None).image
        error = np.abs(found - expected).mean()
        assert error < (0.005 if style == "udnie" else 0.1)
    assert np.abs(first - last).mean() > 0.1


def test_where_no_mask_is_white_the_clip_stays():
    write()
    half = np.zeros(SHAPE, bool)
    half[:, :32] = True
    a_plan = plan(content_masks=half)
    frames = list(ffmpeg.frames(a_plan.clip, SHAPE, RATE))
    found = painted(a_plan)
    for frame, seen in zip(frames, found, strict=True):
        np.testing.assert_array_equal(seen[:, 32:], frame[:, 32:])
        assert np.abs(seen[:, :32] / 255 - frame[:, :32] / 255).mean() > 0.02
    both = painted(plan(["udnie", "the_wave"], content_masks=[half, ~half]))
    assert np.abs(both[0][:, 40:] / 255 - frames[0][:, 40:] / 255).mean() > 0.02


def test_colours_may_be_matched_to_the_first_frame():
    write()
    matched, plain = (
        painted(plan("painting.jpg", color=color, end=0.3))[0].mean((0, 1))
        for color in ("matched", "painting")
    )
    wanted = window(0).mean((0, 1))
    assert np.abs(matched - wanted).sum() < np.abs(plain - wanted).sum()


def test_a_part_of_the_clip_and_every_second_frame():
    write()
    assert film(start=1.0, end=2.0).frames == 10
    made = film(every=2)
    assert (made.frames, made.rate) == (COUNT / 2, RATE / 2)
    whole, part = plan(), plan(start=1.0, end=2.0)
    expected = list(ffmpeg.frames(whole.clip, SHAPE, RATE))[10:20]
    found = list(ffmpeg.frames(part.clip, SHAPE, part.rate, part.start, part.total))
    np.testing.assert_array_equal(found, expected)


def test_a_folder_and_a_gif_are_films_too():
    Path("frames").mkdir()
    for k in range(6):
        Image.fromarray(window(k)).save(f"frames/{k}.png")
    made = film(clip="frames", path="out.gif")
    assert (made.frames, made.rate) == (6, 12)
    assert read("out.gif").shape == (6, *SHAPE, 3)
    assert film(clip="out.gif").frames == 6
    assert film(clip="frames", frames_per_second=3).seconds == 2


def test_the_sound_is_that_of_the_clip():
    write()
    sine = ["-f", "lavfi", "-i", "sine=duration=3"]
    run("-i", "clip.mp4", *sine, "-c:v", "copy", "loud.mp4")
    film(clip="loud.mp4")
    assert seconds_of_sound("out.mp4") == pytest.approx(3, abs=0.1)
    film(clip="loud.mp4", start=1.0, end=2.2)
    assert seconds_of_sound("out.mp4") == pytest.approx(1.2, abs=0.1)


def test_a_notebook_shows_the_film(monkeypatch):
    write()
    made = film()
    shown = made._repr_html_()
    assert shown.startswith("<video controls") and "data:video/mp4;base64," in shown
    monkeypatch.setattr(video, "LARGEST", 10)
    assert made._repr_html_() == "<code>out.mp4</code>: 3 s"


# Steadiness


def warp_error(frames):
    """What a frame and the one before, moved to it, differ by."""
    there = np.broadcast_to(np.float32([2, 0]), (*SHAPE, 2))
    pairs = itertools.pairwise(frames.astype("float32") / 255)
    errors = [flow.moved(a, there)[:, :60] - b[:, :60] for a, b in pairs]
    return np.sqrt(np.mean(np.square(errors)))


def test_a_steady_film_flickers_less_and_is_as_sharp():
    write()
    alone, steady = painted(plan(steady=0)), painted(plan())
    assert warp_error(steady) < 0.6 * warp_error(alone)
    gradients = [
        np.abs(np.diff(f.astype(float), axis=2)).mean() for f in (alone, steady)
    ]
    assert 0.85 < gradients[1] / gradients[0] < 1.1


def test_what_does_not_move_does_not_flicker():
    write(frames=[window(0)] * 12)
    clip = ffmpeg.look("clip.mp4")
    frames = np.stack(list(ffmpeg.frames(clip, SHAPE, RATE))).astype(int)
    seen = painted(plan()).astype(int)
    change = np.abs(np.diff(seen, axis=0)).mean()
    assert change <= 4 * np.abs(np.diff(frames, axis=0)).mean() + 0.01


def test_a_frame_that_is_shown_again_is_painted_once(monkeypatch):
    frame, calls = window(0), []
    write(frames=[frame] * 6)
    a_plan = dataclasses.replace(plan(), total=6, scenes=(0,))
    monkeypatch.setattr(ffmpeg, "frames", lambda *_, **__: (f for f in [frame] * 6))
    paint = video._painted
    monkeypatch.setattr(
        video, "_painted", lambda *args: calls.append(args[2]) or paint(*args)
    )
    assert len(list(video.painted_frames(a_plan, 0, 6))) == 6
    assert calls == [0]


def test_a_cut_begins_anew():
    other = [255 - window(k) for k in range(10)]
    write(frames=[*map(window, range(10)), *other])
    a_plan = plan()
    assert a_plan.scenes == (0, 10)
    assert a_plan.parts() == [(0, 8), (8, 10), (10, 18), (18, 20)]
    cut = painted(a_plan)
    write("second.mp4", other)
    alone = painted(plan(clip="second.mp4"))
    np.testing.assert_allclose(cut[10] / 255.0, alone[0] / 255.0, atol=0.1)
    frames = np.stack(list(ffmpeg.frames(a_plan.clip, SHAPE, RATE)))
    fresh = dataclasses.replace(a_plan, steady=0.0)
    np.testing.assert_array_equal(cut[10], painted(fresh)[10])
    assert len(frames) == 20


def test_parts_meet_without_a_jump(monkeypatch):
    write()
    a_plan = plan()
    parts = painted(a_plan).astype(float)
    monkeypatch.setattr(video, "PART", 1000)
    whole = painted(a_plan).astype(float)
    usual = np.abs(np.diff(whole, axis=0)).mean()
    assert np.abs(parts - whole).mean() < 0.2 * usual
    np.testing.assert_array_equal(parts[:8], whole[:8])


# Long work


def test_a_part_of_a_slow_film_has_at_most_ten_seconds(monkeypatch):
    monkeypatch.setattr(video, "PART", 1000)
    write()
    slow = dataclasses.replace(plan(), rate=Fraction(2), total=50, scenes=(0,))
    assert slow.parts() == [(0, 20), (20, 40), (40, 50)]


def stop_at(n, error):
    def watch(done, total):
        assert total == COUNT
        if done == n:
            raise error

    return watch


def test_a_film_that_was_killed_goes_on_as_if_unbroken():
    write()
    film(path="unbroken.mp4")
    with pytest.raises(Killed):
        film(callback=stop_at(21, Killed))
    (folder,) = leftovers()
    kept = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert sorted(kept) == ["00000000.mp4", "00000008.mp4"]
    assert not Path("out.mp4").exists()
    done = []
    film(callback=lambda k, _: done.append(k))
    assert done == list(range(17, COUNT + 1))
    np.testing.assert_array_equal(read("out.mp4"), read("unbroken.mp4"))
    assert not leftovers()


def test_what_is_stopped_is_a_film_and_goes_on():
    write()
    film(path="unbroken.mp4")
    stopped = film(callback=stop_at(13, KeyboardInterrupt))
    assert not stopped.complete and stopped.frames == 13
    np.testing.assert_array_equal(len(read("out.mp4")), 13)
    assert film().complete
    np.testing.assert_array_equal(read("out.mp4"), read("unbroken.mp4"))
    assert not leftovers()


def test_stopped_before_the_first_frame_there_is_no_film(monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    write()
    monkeypatch.setattr(video, "_painted", stop)
    with pytest.raises(KeyboardInterrupt):
        film()
    assert not Path("out.mp4").exists()


def test_another_film_has_other_parts():
    write()
    for settings in ({}, {"steady": 0.5}, {"style": "the_wave"}, {"size": 48}):
        with pytest.raises(Killed):
            film(callback=stop_at(9, Killed), **settings)
    assert len(leftovers()) == 4


def test_a_full_disk_is_said_before_it_is_full(monkeypatch):
    write()
    usage = namedtuple("Usage", "free")
    monkeypatch.setattr(video.shutil, "disk_usage", lambda _: usage(10_000))
    with pytest.raises(ValueError, match="GB left, and the film will need about"):
        film()
    assert not Path("out.mp4").exists()


def test_memory_does_not_grow_with_the_film(monkeypatch):
    """Ten thousand frames; what stays is the file's."""
    write(frames=[window(0)] * 2)
    a_plan = dataclasses.replace(plan(steady=0), total=10_000, scenes=(0,))
    frame = window(0)
    frames = (frame + np.uint8(k % 200) for k in itertools.count())
    monkeypatch.setattr(ffmpeg, "frames", lambda *_, **__: frames)
    monkeypatch.setattr(video, "_painted", lambda _, photo, *__: [np.asarray(photo)])
    monkeypatch.setattr(video, "_moments", lambda *_: [np.zeros(3)])
    monkeypatch.setattr(video, "PART", 1_000_000)
    tracemalloc.start()
    found = video.painted_frames(a_plan, 0, 10_000)
    peaks = []
    for k, _ in enumerate(found, 1):
        if k % 2500 == 0:
            peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert k == 10_000 and peaks[-1] < 1.2 * peaks[0] < 3e6


# Many workers


def test_workers_share_the_parts():
    write()
    film(path="alone.mp4")
    told = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        film(map=pool.map, callback=lambda k, n: told.append((k, n)))
    assert told == [(8, 30), (16, 30), (24, 30), (30, 30)]
    np.testing.assert_array_equal(read("out.mp4"), read("alone.mp4"))


def test_a_worker_that_dies_is_replaced():
    """Dask, two processes; one is killed while it paints."""
    distributed = pytest.importorskip("distributed")
    write(frames=[window(k % 40) for k in range(120)])
    cluster = distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        pids = list(client.run(os.getpid).values())
        with concurrent.futures.ThreadPoolExecutor(1) as side:
            work = side.submit(
                film,
                clip=Path("clip.mp4").resolve(),
                path=Path("out.mp4").resolve(),
                map=client.get_executor().map,
            )
            deadline = time.monotonic() + 120
            while not list(Path().glob("out.mp4.*.parts/*.mp4")):
                assert time.monotonic() < deadline and not work.done()
                time.sleep(0.02)
            os.kill(pids[0], signal.SIGKILL)
            made = work.result(timeout=240)
    assert made.complete and len(read("out.mp4")) == 120


# Mistakes


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"steady": 1}, "steady: 1; wanted a number from 0 to 0.95"),
        ({"strength": -1}, "strength: -1; wanted a number from 0 to 1"),
        ({"start": -1}, "start: -1; wanted seconds"),
        ({"start": 9.0}, "clip.mp4 has no frame after 9.0 s"),
        ({"start": 2, "end": 1}, "end: 1; wanted more than start=2"),
        ({"every": 0}, "every: 0; wanted a whole number"),
        ({"every": 1.5}, "every: 1.5; wanted a whole number"),
        ({"size": 8}, "size: 8; wanted"),
        ({"size": "64"}, "size: 64; wanted"),
        ({"color": "blue"}, "color: 'blue' is none of"),
        ({"style": "udni"}, "Did you mean 'udnie'"),
        ({"path": "clip.mp4"}, "clip.mp4 is the clip; choose another name"),
        ({"end": float("inf")}, "end: inf; wanted seconds"),
        ({"map": lambda *_: []}, "map: it returned before the parts were there"),
        ({"path": "out.avi"}, "out.avi: the name should end in one of .mp4, .gif"),
        ({"path": "no/out.mp4"}, "there is no folder no"),
        ({"content_masks": np.ones((10, 64))}, "wanted the same proportions"),
        ({"content_masks": "alpha"}, "a film has no alpha"),
        (
            {"style": ["udnie", "mosaic", "udnie"], "content_masks": [None, None]},
            "style: 3 styles for 2 content_masks",
        ),
    ],
)
def test_a_mistake_is_one_sentence_before_the_first_frame(settings, words):
    write()
    with pytest.raises(ValueError, match=words) as error:
        film(**settings)
    assert "\n" not in str(error.value) and (not leftovers() or "map" in settings)


def test_a_clip_that_is_too_narrow_is_told():
    with ffmpeg.writing(Path("line.mp4"), (16, 320), RATE) as add:
        add(np.zeros((16, 320, 3), "uint8"))
    with pytest.raises(ValueError, match="the fast network needs at least 24 x 24"):
        film(clip="line.mp4", size=320)


def test_a_film_cut_short_is_painted_as_far_as_it_goes():
    # Its index at the beginning, as downloads have it; then half of the frames.
    write(
        "whole.mp4",
        [
            np.random.default_rng(k).integers(0, 256, (*SHAPE, 3), "uint8")
            for k in range(COUNT)
        ],
    )
    run("-i", "whole.mp4", "-c", "copy", "-movflags", "+faststart", "down.mp4")
    data = Path("down.mp4").read_bytes()
    Path("clip.mp4").write_bytes(data[: len(data) // 2])
    with pytest.warns(UserWarning, match="its last .* s cannot be read"):
        made = film()
    assert 5 < made.frames < COUNT and made.complete


def test_without_opencv_films_flicker_and_it_is_said(monkeypatch):
    import sys

    write()
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match="pip install opencv-python-headless"):
        film()
    assert film(steady=0, end=0.2).frames == 2

import io
import sys

import imageio_ffmpeg
import numpy as np
import pytest
from conftest import ffmpegs
from PIL import Image, ImageSequence

from nst_tf import films

HEIGHT, WIDTH = 22, 36


def pictures(count):
    """Of one colour each, of which no two are alike."""
    colors = np.random.default_rng(0).integers(0, 256, (count, 3))
    return [Image.new("RGB", (WIDTH, HEIGHT), tuple(map(int, c))) for c in colors]


def shown(path):
    """All frames of a film, `(n, H, W, 3)`, and for how many seconds it shows them."""
    if path.endswith(".mp4"):
        about, *frames = imageio_ffmpeg.read_frames(path)
        shape = (-1, *about["size"][::-1], 3)
        frames = np.reshape([np.frombuffer(frame, "uint8") for frame in frames], shape)
        return frames, len(frames) / about["fps"]
    with Image.open(path) as film:
        pictures = list(ImageSequence.all_frames(film))
    frames = np.stack([np.asarray(picture.convert("RGB")) for picture in pictures])
    return frames, sum(picture.info["duration"] for picture in pictures) / 1000


@pytest.fixture(params=["gif", "webp", "mp4"])
def path(request):
    return f"run.{request.param}"


def test_a_film_shows_each_picture_and_the_last_one_for_two_seconds(path):
    some = pictures(3)
    films.write_film(path, some, frames_per_second=4)
    frames, seconds = shown(path)
    assert seconds == 2 / 4 + 2
    for picture, frame in zip(some, frames, strict=False):
        np.testing.assert_allclose(frame, np.asarray(picture), atol=8)
    np.testing.assert_allclose(frames[-1], np.asarray(some[-1]), atol=8)


@pytest.mark.parametrize("path", ["run.gif", "run.webp"])
def test_a_film_is_shown_again_and_again(path):
    films.write_film(path, pictures(2))
    with Image.open(path) as film:
        assert film.info["loop"] == 0


def test_a_film_is_as_large_as_its_last_picture(path):
    small = Image.new("RGB", (WIDTH // 2, HEIGHT // 2), "white")
    films.write_film(path, [small, *pictures(2)])
    frames, _ = shown(path)
    assert frames.shape[1:] == (HEIGHT, WIDTH, 3)
    assert frames[0].min() > 240  # of all its pixels


def test_an_mp4_drops_an_odd_row_and_column():
    odd = [picture.resize((WIDTH + 1, HEIGHT + 1)) for picture in pictures(2)]
    films.write_film("run.mp4", odd)
    assert shown("run.mp4")[0].shape[1:] == (HEIGHT, WIDTH, 3)


def test_pictures_may_be_files(path):
    some = pictures(3)
    films.write_film(path, some)
    expected, _ = shown(path)
    files = [io.BytesIO() for _ in some]
    for picture, file in zip(some, files, strict=True):
        picture.save(file, "PNG")
    films.write_film(path, files)
    np.testing.assert_array_equal(shown(path)[0], expected)


def test_a_failure_between_pictures_leaves_the_old_film_and_nothing_else(
    path, small_world, tmp_path
):
    (tmp_path / path).write_bytes(b"old")
    before = set(tmp_path.iterdir())
    good, *_, last = pictures(3)
    with pytest.raises(FileNotFoundError):
        films.write_film(path, [good, "no.png", last])
    assert set(tmp_path.iterdir()) == before
    assert (tmp_path / path).read_bytes() == b"old"


def test_a_failure_between_pictures_closes_ffmpeg():
    good, *_, last = pictures(3)
    with pytest.raises(FileNotFoundError):
        films.write_film("run.mp4", [good, "no.png", last])
    assert not ffmpegs()


@pytest.mark.parametrize(
    ("path", "frames_per_second", "message"),
    [
        ("run.avi", 12, "should end in one of .gif, .webp, .mp4"),
        ("nowhere/run.gif", 12, "there is no folder nowhere"),
        ("run.gif", 0, "frames_per_second: 0; wanted a whole number, 1 to 50"),
        ("run.gif", 12.5, "frames_per_second: 12.5; wanted"),
        ("run.gif", 51, "frames_per_second: 51; wanted"),
    ],
)
def test_what_cannot_become_a_film_is_told(path, frames_per_second, message):
    with pytest.raises(ValueError, match=message):
        films.write_film(path, pictures(1), frames_per_second)


def test_an_mp4_without_its_codec_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ImportError, match="pip install imageio-ffmpeg"):
        films.write_film("run.mp4", pictures(1))
    films.write_film("run.webp", pictures(1))

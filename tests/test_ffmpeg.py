"""Films are made here by FFmpeg itself; each frame's grey value is its number."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import ffmpegs
from PIL import Image

from nst_tf import ffmpeg

SHAPE, RATE, COUNT = (36, 48), Fraction(25), 40
STEP = 5  # of the grey value, from one frame to the next


def grey_frames(count=COUNT, shape=SHAPE):
    for k in range(count):
        yield np.full((*shape, 3), 20 + STEP * k, "uint8")


def write(path, rate=RATE, count=COUNT):
    with ffmpeg.writing(Path(path), SHAPE, rate) as add:
        for frame in grey_frames(count):
            add(frame)
    return path


def run(*arguments):
    command = [ffmpeg.executable(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True)
    return arguments[-1]


def read(path, rate=None, **options):
    """The numbers of the frames that are read."""
    clip = ffmpeg.look(path)
    frames = ffmpeg.frames(clip, SHAPE, rate or clip.rate, **options)
    return [round((float(frame.mean()) - 20) / STEP) for frame in frames]


def with_sound(path, seconds=2, codec="aac"):
    write("silent.mp4")
    sine = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"]
    return run("-i", "silent.mp4", *sine, "-c:v", "copy", "-c:a", codec, path)


def seconds_of_sound(path):
    command = [ffmpeg.executable(), "-v", "error", "-i", path, "-map", "0:a"]
    raw = subprocess.run(
        [*command, "-f", "s16le", "-ac", "1", "-ar", "8000", "-"], capture_output=True
    )
    return len(raw.stdout) / 2 / 8000


# Looking, reading


def test_a_film_is_known_before_it_is_read():
    clip = ffmpeg.look(write("clip.mp4"))
    assert (clip.shape, clip.rate, clip.pictures) == (SHAPE, RATE, ())
    assert clip.seconds == pytest.approx(COUNT / RATE, abs=0.05)


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(24000, 1001), 12])
def test_rates_are_exact(rate):
    assert ffmpeg.look(write("clip.mp4", Fraction(rate))).rate == rate


def test_every_frame_is_read_once_in_its_order():
    assert read(write("clip.mp4")) == list(range(COUNT))


@pytest.mark.parametrize("rate", [RATE, Fraction(30000, 1001)])
def test_reading_begins_at_any_frame(rate):
    write("clip.mp4", rate)
    for first in (1, 2, 7, 12, 31, 39):
        found = read("clip.mp4", start=float(first / rate), count=3)
        assert found == list(range(first, min(first + 3, COUNT)))


@pytest.mark.parametrize("name", ["a.ts", "a.mpg", "a.mkv", "My Video: a.mp4"])
def test_it_begins_at_any_frame_of_any_kind_of_film(name, monkeypatch):
    monkeypatch.setattr(ffmpeg, "BEFORE", 0.5)  # so that it jumps
    write("clip.mp4")
    run("-i", "clip.mp4", "-g", 15, "-qscale:v", 2, f"file:{name}")
    assert ffmpeg.look(name).rate == RATE
    everything = read(name)
    for first in (1, 5, 20, 33, 38):
        found = read(name, start=float(first / RATE), count=3)
        assert found == everything[first : first + 3], first


def test_a_frame_that_stays_is_on_show_at_any_time(monkeypatch):
    monkeypatch.setattr(ffmpeg, "BEFORE", 0.5)
    write("clip.mp4", count=12)
    held = "setpts='if(lt(N,6),N,N+60)/25/TB'"
    run("-i", "clip.mp4", "-vf", held, "-fps_mode", "vfr", "vfr.mkv")
    everything = read("vfr.mkv", rate=RATE)
    assert everything[6:60] == [5] * 54
    for first in (3, 6, 30, 50, 66):
        found = read("vfr.mkv", rate=RATE, start=float(first / RATE), count=3)
        assert found == everything[first : first + 3]


def test_every_second_frame_alone_can_be_read():
    assert read(write("clip.mp4"), rate=RATE / 2)[:5] == [0, 2, 4, 6, 8]


def test_a_variable_rate_becomes_constant_and_the_length_stays():
    """Twenty frames at 25 a second, then ten that stay twice as long."""
    write("clip.mp4", count=30)
    twice = "setpts='if(lt(N,20),N,20+2*(N-20))/25/TB'"
    run("-i", "clip.mp4", "-vf", twice, "-fps_mode", "vfr", "vfr.mkv")
    found = read("vfr.mkv", rate=RATE)
    assert found[:20] == list(range(20))
    assert found[20:38:2] == list(range(20, 29))
    assert len(found) in (39, 40)


def test_a_film_that_lies_on_its_side_is_read_upright():
    write("clip.mp4")
    run("-display_rotation", 90, "-i", "clip.mp4", "-c", "copy", "turned.mp4")
    assert ffmpeg.look("turned.mp4").shape == SHAPE[::-1]


def test_pixels_that_are_not_square_become_so():
    write("clip.mp4")
    run("-i", "clip.mp4", "-vf", "setsar=2", "wide.mp4")
    assert ffmpeg.look("wide.mp4").shape == (36, 96)


def test_a_gif_is_a_film():
    frames = [Image.fromarray(frame) for frame in grey_frames(6)]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:], duration=100)
    clip = ffmpeg.look("a.gif")
    assert (clip.shape, clip.rate) == (SHAPE, 10)
    assert read("a.gif") == list(range(6))


def test_a_folder_of_numbered_pictures_is_a_film():
    Path("frames").mkdir()
    for k, frame in enumerate(grey_frames(12)):
        Image.fromarray(frame).save(f"frames/shot{k}.png")
    clip = ffmpeg.look("frames", 6)
    assert (clip.shape, clip.rate, clip.seconds) == (SHAPE, 6, 2)
    frames = [float(f.mean()) for f in ffmpeg.frames(clip, SHAPE, clip.rate)]
    assert frames == [20 + STEP * k for k in range(12)]  # 10 comes after 9
    turned = Image.fromarray(next(grey_frames()))
    exif = turned.getexif()
    exif[0x0112] = 6  # it lies on its side
    Path("phone").mkdir()
    turned.save("phone/0.jpg", exif=exif)
    assert ffmpeg.look("phone").shape == SHAPE[::-1]
    half = [f.mean() for f in ffmpeg.frames(clip, SHAPE, clip.rate / 2, 1, 2)]
    assert half == [20 + STEP * 6, 20 + STEP * 8]


def test_who_stops_reading_stops_ffmpeg():
    frames = ffmpeg.frames(ffmpeg.look(write("clip.mp4")), SHAPE, RATE)
    next(frames)
    assert ffmpegs()
    frames.close()
    assert not ffmpegs()


def broken(kind):
    if kind == "text":
        Path("text.mp4").write_text("I am a text.")
        return "text.mp4"
    if kind == "sound":
        return run("-f", "lavfi", "-i", "sine=duration=1", "sound.mp4")
    if kind == "empty":
        Path("empty").mkdir()
        return "empty"
    return "no.mp4"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("text", "film: text.mp4 cannot be read (.*Invalid data"),
        ("sound", "film: sound.mp4 has sound only"),
        ("empty", "film: there is no picture in the folder empty"),
        ("missing", "film: 'no.mp4' does not exist"),
    ],
)
def test_what_is_no_film_is_one_sentence(kind, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")) as error:
        ffmpeg.look(broken(kind))
    assert "\n" not in str(error.value)


def test_a_picture_that_cannot_be_read_is_named():
    Path("frames").mkdir()
    Image.new("RGB", (48, 36)).save("frames/0.png")
    Path("frames/1.png").write_text("I am a text.")
    with pytest.raises(ValueError, match="film: frames/1.png is not a picture"):
        list(ffmpeg.frames(ffmpeg.look("frames"), SHAPE, Fraction(12)))


def test_without_ffmpeg_it_is_said_what_to_install(monkeypatch):
    Path("clip.mp4").touch()
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ImportError, match="pip install imageio-ffmpeg"):
        ffmpeg.look("clip.mp4")


# Writing


def test_browsers_can_play_what_is_written():
    write("clip.mp4")
    _, _, said = ffmpeg._run(["-i", "clip.mp4"])
    assert "h264" in said and "yuv420p(tv, bt709" in said


def test_colours_stay():
    colors = np.random.default_rng(0).integers(0, 256, (6, 3))
    with ffmpeg.writing(Path("clip.mp4"), SHAPE, RATE) as add:
        for color in colors:
            add(np.broadcast_to(color.astype("uint8"), (*SHAPE, 3)))
    clip = ffmpeg.look("clip.mp4")
    for color, frame in zip(colors, ffmpeg.frames(clip, SHAPE, RATE), strict=True):
        np.testing.assert_allclose(frame.mean((0, 1)), color, atol=4)


def test_a_film_that_fails_is_not_there_and_the_old_one_is():
    Path("clip.mp4").write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        with ffmpeg.writing(Path("clip.mp4"), SHAPE, RATE) as add:
            add(next(grey_frames()))
            raise ZeroDivisionError
    assert [p.name for p in Path().glob("*clip*")] == ["clip.mp4"]
    assert Path("clip.mp4").read_bytes() == b"old"
    assert not list(Path().glob(".*part*")) and not ffmpegs()


def test_what_ffmpeg_refuses_is_one_sentence():
    odd = (35, 47)  # H.264 wants even sides
    with pytest.raises(OSError, match="film: clip.mp4 cannot be written") as error:
        with ffmpeg.writing(Path("clip.mp4"), odd, RATE) as add:
            for frame in grey_frames(200, odd):
                add(frame)
    assert "\n" not in str(error.value)


# Joining


def test_parts_are_joined_in_their_order_with_the_sound():
    """Even those whose names have quotes in them."""
    source = with_sound("source.mp4")
    parts = []
    for k, first in enumerate((0, 20)):
        parts.append(Path(f"it's {k}.mp4"))
        with ffmpeg.writing(parts[-1], SHAPE, RATE) as add:
            for frame in list(grey_frames())[first : first + 20]:
                add(frame)
    ffmpeg.join(parts, Path("out.mp4"), source, 0.0, 1.6)
    assert read("out.mp4") == list(range(40))
    assert seconds_of_sound("out.mp4") == pytest.approx(1.6, abs=0.1)


def test_the_sound_begins_where_the_film_does():
    source = with_sound("source.mp4")
    ffmpeg.join([Path(write("a.mp4", count=10))], Path("out.mp4"), source, 1.7, 0.4)
    assert seconds_of_sound("out.mp4") == pytest.approx(0.3, abs=0.1)


def test_sound_that_an_mp4_cannot_hold_is_converted():
    source = with_sound("source.mkv", codec="pcm_s16le")
    ffmpeg.join([Path(write("a.mp4"))], Path("out.mp4"), source, 0.0, 1.6)
    assert seconds_of_sound("out.mp4") == pytest.approx(1.6, abs=0.1)


def test_a_gif_has_no_sound():
    ffmpeg.join([Path(write("a.mp4", count=6))], Path("out.gif"), None)
    assert read("out.gif") == list(range(6))

import shutil
from fractions import Fraction
from unittest import mock

import numpy as np
import pytest
from PIL import Image

import nst_tf as nst
from nst_tf import ffmpeg
from nst_tf.__main__ import main


def run(*arguments):
    """What the shell would see of a command: its exit status."""
    try:
        return main([str(a) for a in arguments])
    except SystemExit as stop:
        return stop.code


def said(capsys):
    return capsys.readouterr().out.split()


def painted(photo, style, **options):
    return nst.fast_style_transfer(photo, style, size=48, **options).image


def assert_saved(path, image):
    np.testing.assert_allclose(nst.load_image(path)[0], image, atol=0.003)


def test_a_photograph_is_painted_in_a_named_style(capsys):
    assert run("fast", "photo.jpg", "the_wave", "--size", 48) == 0
    assert said(capsys) == ["photo-the_wave.png"]
    assert_saved("photo-the_wave.png", painted("photo.jpg", "the_wave"))


def test_strength_and_blend_reach_the_network():
    words = "--style udnie --style-blend 1 3 --strength 0.5 --size 48 -o out.png"
    assert run("fast", "photo.jpg", "the_wave", *words.split()) == 0
    blend = {"the_wave": 1, "udnie": 3}
    assert_saved("out.png", painted("photo.jpg", blend, strength=0.5))
    settings = nst.read_settings("out.png")
    assert settings["style"] == {"the_wave": 0.25, "udnie": 0.75}
    assert settings["strength"] == 0.5


def test_a_painting_is_predicted_and_the_size_can_be_the_photographs():
    Image.open("photo.jpg").resize((70, 50)).save("small.png")
    words = "--size full -o out.png"
    assert run("fast", "small.png", "painting.jpg", *words.split()) == 0
    assert nst.load_image("out.png").shape == (1, 50, 70, 3)


def test_a_style_that_was_learnt_is_a_file(capsys):
    words = "--steps 2 --quiet -o mine.npz"
    assert run("fit-style", "painting.jpg", *words.split()) == 0
    assert said(capsys) == ["mine.npz"]
    assert run("fast", "photo.jpg", "mine.npz", "--size", 48, "-o", "out.png") == 0
    assert_saved("out.png", painted("photo.jpg", "mine.npz"))


def test_learning_shows_its_progress(capsys):
    assert run("fit-style", "painting.jpg", "--steps", 2, "-o", "mine.npz") == 0
    assert "2/2" in capsys.readouterr().err


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("one", "two"):
        shutil.copy("photo.jpg", f"photos/{name}.jpg")
    (tmp_path / "photos" / "notes.txt").write_text("not a picture")


def test_a_folder_is_all_of_its_pictures(folder, capsys):
    assert run("fast", "photos", "the_kiss", "--size", 48, "-o", "out") == 0
    assert said(capsys) == ["out/one-the_kiss.png", "out/two-the_kiss.png"]


def test_of_several_a_damaged_one_is_said_and_the_others_are_painted(
    folder, tmp_path, capsys
):
    (tmp_path / "photos" / "one.jpg").write_text("damaged")
    assert run("fast", "photos", "the_kiss", "--size", 48, "-o", "out") == 1
    out, complaint = capsys.readouterr()
    assert out.split() == ["out/two-the_kiss.png"]
    assert "one.jpg" in complaint and complaint.count("\n") == 1


def test_styles_are_listed_with_painter_and_licence(capsys):
    assert run("styles") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(nst.fast_styles()) >= 12
    assert any("starry_night" in one and "van Gogh" in one for one in lines)
    assert all("public domain" in one or "MIT" in one for one in lines)


def test_the_sheet_is_a_picture(capsys):
    assert run("styles", "--sheet", "sheet.jpg", "--photo", "photo.jpg") == 0
    assert said(capsys) == ["sheet.jpg"]
    assert Image.open("sheet.jpg").width > 1000


def test_the_network_is_exported(tmp_path, capsys):
    assert run("export", "wave.keras", "--style", "the_wave") == 0
    assert said(capsys) == ["wave.keras"] and (tmp_path / "wave.keras").exists()


def test_the_predictor_is_exported_without_a_style(tmp_path, capsys):
    assert run("export", "predictor.keras", "--predictor") == 0
    assert (
        said(capsys) == ["predictor.keras"] and (tmp_path / "predictor.keras").exists()
    )
    words = "--predictor --style the_wave"
    assert run("export", "other.keras", *words.split()) == 2
    assert "--predictor: it takes no --style" in capsys.readouterr().err
    assert not (tmp_path / "other.keras").exists()


@pytest.fixture
def clip(tmp_path):
    """Six frames, of the photograph's upper left corner."""
    frame = np.asarray(Image.open("photo.jpg").convert("RGB").crop((0, 0, 64, 48)))
    with ffmpeg.writing(tmp_path / "clip.mp4", (48, 64), Fraction(12)) as add:
        for _ in range(6):
            add(frame)


def test_a_film_is_painted(clip, capsys):
    options = ["--size", 64, "--steady", 0.5, "--quiet"]
    assert run("film", "clip.mp4", "the_wave", *options) == 0
    assert capsys.readouterr() == ("clip-the_wave.mp4\n", "")
    assert ffmpeg.look("clip-the_wave.mp4").seconds == pytest.approx(0.5, abs=0.05)
    words = "udnie mosaic --size 64 --end 0.25 -o out.mp4"
    assert run("film", "clip.mp4", *words.split()) == 0
    assert "3/3" in capsys.readouterr().err


def test_a_film_that_is_stopped_says_how_to_go_on(clip, capsys, monkeypatch):
    made = nst.Film("out.mp4", 3, Fraction(12), (48, 64), complete=False)
    stopped = mock.create_autospec(nst.film, return_value=made)
    stopped.__kwdefaults__ = nst.film.__kwdefaults__
    monkeypatch.setattr("nst_tf.fast_commands.film", stopped)
    assert run("film", "clip.mp4", "the_wave", "--quiet") == 130
    out, said = capsys.readouterr()
    assert out == "out.mp4\n"
    assert said == "nst-tf: stopped after 0.2 s; the same command goes on\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("film words.mp4", "wanted a film and a style"),
        ("film missing.mp4 the_wave", "'missing.mp4' does not exist"),
        ("film words.mp4 the_wave", "words.mp4 cannot be read"),
        ("film words.mp4 the_wave --steady 2", "--steady: 2.0; wanted"),
        ("film words.mp4 the_wave -o out.avi", "should end in one of .mp4, .gif"),
        ("fast photo.jpg", "wanted a photograph and a style"),
        ("fast missing.jpg the_wave", "'missing.jpg' does not exist"),
        ("fast photo.jpg the_wav", "Did you mean 'the_wave'?"),
        ("fast photo.jpg the_wave --strength 2", "--strength: 2.0; wanted"),
        ("fast photo.jpg the_wave --size many", "invalid"),
        ("fast photo.jpg the_wave --size 8", "at least 24 x 24 are needed"),
        ("fast photo.jpg the_wave --size -3", "--size: -3 pixels; wanted"),
        ("fast photo.jpg the_wave --style the_wave", "named twice"),
        ("fast photo.jpg the_wave --style-blend 1 2", "--style-blend: 2 weights"),
        ("fast photo.jpg the_wave -o photo.jpg", "is one of the pictures"),
        ("fast empty the_wave", "empty: there is no picture in this folder"),
        ("fit-style painting.jpg -o mine.png", "should end in one of .npz"),
        ("fit-style painting.jpg -o mine.npz --minutes 0", "wanted more than 0"),
        ("fit-style words.jpg -o mine.npz --steps 1", "words.jpg"),
        ("styles --sheet sheet.txt", "should end in one of"),
        ("export fast.h5", "should end in one of"),
        ("export fast.keras --style nobody", "neither the name of a style"),
    ],
)
def test_a_mistake_is_one_line(words, complaint, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for name in ("words.jpg", "words.mp4"):
        (tmp_path / name).write_text("words")
    assert run(*words.split()) == 2
    _, found = capsys.readouterr()
    assert complaint in found and found.count("\n") == 1, found

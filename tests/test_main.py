import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import TINY_NETWORK, transfer
from PIL import Image

import nst_tf as nst
from nst_tf import estimates, features, images, targets
from nst_tf.__main__ import main

NETWORK = ["--network", "tiny", "--weights", TINY_NETWORK["weights"]]
OPTIONS = [*NETWORK, "--size", "48", "--steps", "3"]
PAIR = ["transfer", "photo.jpg", "painting.jpg", *OPTIONS]
UNPLANNED = ["transfer", "photo.jpg", "painting.jpg", *NETWORK]


def run(*arguments):
    """What the shell would see of a command: its exit status."""
    try:
        return main([str(a) for a in arguments])
    except SystemExit as stop:
        return stop.code


def test_transfer_paints_a_picture_and_says_where(tmp_path, capsys):
    assert run(*PAIR, "-o", "out.png") == 0
    assert capsys.readouterr().out == "out.png\n"
    expected = transfer().image
    np.testing.assert_allclose(nst.load_image("out.png")[0], expected, atol=0.002)


def test_the_default_name_comes_from_both_pictures(tmp_path):
    assert run(*PAIR, "--quiet") == 0
    assert (tmp_path / "photo-painting.png").exists()


def test_options_reach_the_run():
    options = "--size 32 48 --steps 2 1 --content-weight 0.5 --style-layers "
    options += "block1_conv1 block2_conv1 --no-normalize --init noise --seed 7"
    assert run(*PAIR, "-o", "out.png", *options.split()) == 0
    settings = nst.read_settings("out.png")
    expected = {
        "size": [32, 48],
        "steps": [2, 1],
        "content_weight": 0.5,
        "style_layers": {"block1_conv1": 0.5, "block2_conv1": 0.5},
        "normalize": False,
        "init": "noise",
        "seed": 7,
    }
    assert {name: settings[name] for name in expected} == expected


def test_several_photographs_go_into_a_folder(tmp_path):
    (tmp_path / "out").mkdir()
    Image.open("photo.jpg").rotate(90).save("turned.png")
    assert run("transfer", "turned.png", *PAIR[1:], "-o", "out") == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"photo-painting.png", "turned-painting.png"}


def test_several_paintings_are_blended():
    blend = ["--style", "photo.jpg", "--style-blend", "0.7", "0.3"]
    blend += ["--style-scale", "1", "0.5"]
    assert run(*PAIR, "-o", "out.png", *blend) == 0
    both = {"style_blend": [0.7, 0.3], "style_scale": [1, 0.5]}
    expected = transfer(style=["painting.jpg", "photo.jpg"], **both)
    image = nst.load_image("out.png")[0]
    np.testing.assert_allclose(image, expected.image, atol=0.002)


def test_progress_goes_to_stderr_and_quiet_shows_none(capfd):
    run(*PAIR, "-o", "out.png")
    assert "photo.jpg: 100%" in capfd.readouterr().err
    run(*PAIR, "-o", "out.png", "--quiet")
    assert capfd.readouterr() == ("out.png\n", "")


def interrupted_at(step):
    """In place of `progress`: presses Ctrl-C."""

    def stop(result):
        if result.history["step"][-1] == step:
            raise KeyboardInterrupt

    return lambda description: stop


def test_ctrl_c_saves_the_picture_so_far(monkeypatch, capsys):
    monkeypatch.setattr("nst_tf.__main__.progress", interrupted_at(2))
    assert run(*PAIR, "-o", "out.png") == 130
    assert capsys.readouterr().out == "Stopped after 2 steps: out.png\n"
    assert nst.read_settings("out.png")["last"]["step"] == 2


def test_a_stopped_run_is_resumed(monkeypatch):
    command = [*PAIR, "--steps", "5"]
    assert run(*command, "-o", "whole.png") == 0
    with monkeypatch.context() as patch:
        patch.setattr("nst_tf.__main__.progress", interrupted_at(2))
        assert run(*command, "--checkpoint", "run.npz", "-o", "part.png") == 130
    assert run(*command, "--resume", "run.npz", "-o", "resumed.png") == 0
    whole, part, resumed = (
        nst.load_image(f"{name}.png") for name in ("whole", "part", "resumed")
    )
    np.testing.assert_array_equal(whole, resumed)
    assert np.abs(whole - part).max() > 0.01


def test_a_checkpoint_alone_is_enough_to_go_on(monkeypatch):
    command = [*PAIR, "--steps", "5"]
    options = ["--content-weight", "0.5", "--style", "photo.jpg", "--size", "32", "48"]
    options += ["--style-blend", "0.7", "0.3"]
    assert run(*command, *options, "-o", "whole.png") == 0
    with monkeypatch.context() as patch:
        patch.setattr("nst_tf.__main__.progress", interrupted_at(2))
        files = ["--checkpoint", "run.npz", "-o", "part.png"]
        assert run(*command, *options, *files) == 130
    assert run("transfer", "--resume", "run.npz", "-o", "resumed.png") == 0
    whole, resumed = (nst.load_image(f"{name}.png") for name in ("whole", "resumed"))
    np.testing.assert_array_equal(whole, resumed)


def test_a_contradiction_is_told_in_the_words_of_the_command_line(capsys):
    command = [*PAIR, "--checkpoint", "run.npz"]
    assert run(*command, "-o", "out.png") == 0
    capsys.readouterr()
    assert run("transfer", "--resume", "run.npz", "--content-weight", "3") == 2
    assert capsys.readouterr().err == (
        "nst-tf: --resume: the run was made with --content-weight 0.02, but now "
        "--content-weight 3.0\n"
    )


def test_the_picture_is_kept_when_a_film_cannot_be_written(monkeypatch, capsys):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr("nst_tf.callbacks.write_film", full)
    command = [*PAIR, "--animate", "run.gif"]
    assert run(*command, "-o", "out.png") == 1
    assert "no space left. The last good picture: out.png" in capsys.readouterr().err
    assert nst.load_image("out.png").shape == (1, 32, 48, 3)


def test_ctrl_c_while_a_film_is_written_keeps_the_picture(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("nst_tf.callbacks.write_film", interrupted)
    command = [*PAIR, "--animate", "run.gif", "-o", "out.png"]
    assert run(*command) == 130
    assert "The last good picture: out.png" in capsys.readouterr().err
    assert nst.load_image("out.png").shape == (1, 32, 48, 3)


def test_debug_shows_what_ended_a_run(capsys):
    with pytest.raises(nst.NotFiniteError):
        run("--debug", *PAIR, "--style-weight", "1e38", "-o", "out.png")


def test_paintings_of_a_checkpoint_are_not_mixed_with_others(capsys):
    assert run(*PAIR, "--checkpoint", "run.npz", "-o", "out.png") == 0
    assert run("transfer", "--resume", "run.npz", "--style", "photo.jpg") == 2
    assert "name the photograph and the painting as well" in capsys.readouterr().err
    assert run("transfer", "--resume", "") == 2


def test_names_of_files_are_told_as_they_are(capsys):
    for name in ("no/seed=9.png", "seed=9.png", "content_image.png"):
        assert run("transfer", name, "painting.jpg", *OPTIONS) == 2
        assert f"'{name}' does not exist" in capsys.readouterr().err


def test_a_wide_photograph_has_its_cost_and_its_budget(capfd):
    Image.open("photo.jpg").resize((600, 40)).save("wide.png")
    command = ["transfer", "wide.png", "painting.jpg", *NETWORK, "-o", "out.png"]
    assert run(*command, "--size", "600", "--steps", "1") == 0
    assert "wide.png: size 600, steps 1: about" in capfd.readouterr().err
    assert run(*command, "--time-budget", "20s") == 0
    assert min(nst.load_image("out.png").shape[1:3]) >= 16


@pytest.mark.parametrize("quiet", [True, False])
def test_without_weights_nothing_is_painted(quiet, monkeypatch, capsys, tmp_path):
    def missing(*_):
        raise ConnectionError("the weights are not here")

    monkeypatch.setattr(targets, "_extractor", missing)
    assert run(*PAIR, "-o", "out.png", *["--quiet"] * quiet) == 2
    assert capsys.readouterr().err == "nst-tf: the weights are not here\n"
    assert not (tmp_path / "out.png").exists()


def test_the_network_is_loaded_once_for_all_photographs(monkeypatch):
    targets._extractor.cache_clear()
    calls = []
    original = targets.feature_extractor

    def counted(*arguments, **options):
        calls.append(arguments)
        return original(*arguments, **options)

    monkeypatch.setattr(targets, "feature_extractor", counted)
    Image.open("photo.jpg").rotate(90).save("turned.png")
    assert run("transfer", "turned.png", *PAIR[1:], "-o", ".") == 0
    assert len(calls) == 1


SIGNALLED = """
import sys, pytest
from nst_tf import features, images, targets
from nst_tf.__main__ import main
features.NETWORKS["tiny"] = {widths}
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_real_ctrl_c_saves_the_picture_and_exits_with_130(tmp_path):
    widths = features.NETWORKS["tiny"]
    options = ["--steps", "100000", "--optimizer", "adam", "-o", "out.png"]
    process = subprocess.Popen(
        [sys.executable, "-c", SIGNALLED.format(widths=widths), *PAIR, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    shown = ""
    while "step=" not in shown:  # the bar, as wide as it may be: a step was taken
        character = process.stderr.read(1)
        assert character, f"it ended before its first step: {shown}"
        shown += character
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out.startswith("Stopped after") and (tmp_path / "out.png").exists()


def test_describe_prints_what_a_picture_was_made_with(capsys):
    run(*PAIR, "-o", "out.png", "--tv-weight", "0.25")
    capsys.readouterr()
    assert run("describe", "out.png") == 0
    lines = dict(
        line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()
    )
    assert lines["tv_weight"] == "0.25" and lines["content_image"] == '"photo.jpg"'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["transfer", "no.jpg", "painting.jpg"], "'no.jpg' does not exist"),
        (["transfer", "photo.jpg", "no.jpg"], "'no.jpg' does not exist"),
        (["transfer", "photo.jpg", "text.jpg"], "'text.jpg' is not a picture"),
        (["transfer", "one.png", "painting.jpg"], "1 x 1 pixels"),
        (["transfer", "photo.jpg"], "wanted a photograph and a painting"),
        (["transfer", "wide.png", *PAIR[1:], "-o", "."], "48 x 1 at size 48"),
        ([*PAIR, "--size", "16"], "size: 16; wanted a whole number"),
        ([*PAIR, "--size", "big"], "invalid int value: 'big'"),
        ([*PAIR, "--network", "vgg"], "network: 'vgg' is none of"),
        ([*PAIR, "--optimizer", "sgd"], "optimizer: 'sgd' is none of"),
        ([*PAIR, "--style-layers", "conv4_1"], "Did you mean 'block4_conv1'"),
        ([*PAIR, "--normalize", "False"], "unrecognized arguments: False"),
        ([*PAIR, "-o", "nowhere/out.png"], "there is no folder nowhere"),
        ([*PAIR, "-o", "out.xyz"], "should end in one of"),
        ([*PAIR, "-o", "photo.jpg"], "photo.jpg is one of the pictures"),
        ([*PAIR, "-o", "painting.jpg"], "painting.jpg is one of the pictures"),
        (["transfer", "photo.jpg", *PAIR[1:], "-o", "out.png"], "is not a folder"),
        (["transfer", "photo.jpg", *PAIR[1:], "-o", "."], "have the same name"),
        ([*PAIR, "--checkpoint", "run.zip"], "should end in one of .npz"),
        ([*PAIR, "--animate", "run.avi"], "should end in one of .gif, .webp, .mp4"),
        (
            ["transfer", "one.png", *PAIR[1:], "-o", ".", "--animate", "run.gif"],
            "one photo",
        ),
        (
            ["transfer", "one.png", *PAIR[1:], "-o", ".", "--resume", "r.npz"],
            "one photo",
        ),
        (["describe", "photo.jpg"], "carries no settings"),
        (["describe", "no.png"], "does not exist"),
        (["describe", "text.jpg"], "not a picture"),
        (["paint"], "invalid choice: 'paint'"),
        ([], "required: COMMAND"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_2(arguments, message, tmp_path, capsys):
    (tmp_path / "text.jpg").write_text("I am no picture.")
    Image.new("RGB", (1, 1)).save("one.png")
    Image.new("RGB", (900, 20)).save("wide.png")
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("nst-tf: ") and error.count("\n") == 1


def test_debug_shows_the_traceback():
    for arguments in (["--debug", *PAIR], [*PAIR, "--debug"]):
        with pytest.raises(ValueError, match="size: 3"):
            main([*arguments, "--size", "3"])


def test_help_has_every_setting_with_its_default(capsys):
    assert run("transfer", "--help") == 0
    text = capsys.readouterr().out
    defaults = nst.style_transfer.__kwdefaults__
    for name in set(defaults) - {"callbacks"}:
        assert f"--{name.replace('_', '-')}" in text
    assert re.search(r"alpha\..*\[0\.02\]", " ".join(text.split()))
    assert "None" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_module_is_a_command():
    command = [sys.executable, "-m", "nst_tf", "describe", "photo.jpg"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "nst-tf: picture 'photo.jpg' carries no settings of nst_tf\n"


def test_what_a_run_will_cost_is_told_first(capfd):
    assert run(*PAIR, "-o", "out.png") == 0
    first = capfd.readouterr().err.splitlines()[0]
    cost = r"photo.jpg: size 48, steps 3: about \d+ s, \d+\.\d GB"
    assert re.fullmatch(rf"{cost}, on the CPU \(\d+ cores\)", first)


def test_one_small_run_tells_the_cost_of_all_photographs(capfd, monkeypatch):
    probes = []

    class Counted(estimates.Probe):
        def __init__(self, *args):
            probes.append(args)
            super().__init__(*args)

    monkeypatch.setattr("nst_tf.__main__.Probe", Counted)
    Image.open("photo.jpg").rotate(90).save("turned.png")
    assert run("transfer", "turned.png", *PAIR[1:], "-o", ".") == 0
    shown = capfd.readouterr().err
    assert len(probes) == 1
    assert len(re.findall("size 48, steps 3: about", shown)) == 2
    assert shown.count("on the CPU") == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--style-weight", "0", "--tv-weight", "0"],  # nothing to do
        ["--steps", "1"],
        ["--style-weight", "1e20"],
    ],
)
def test_the_cost_of_an_odd_run_is_told_too(options, capfd):
    assert run(*PAIR, "-o", "out.png", *options) == 0
    assert "about" in capfd.readouterr().err.splitlines()[0]


def test_a_loss_that_is_no_number_is_told_in_one_line(capfd):
    command = [*PAIR, "-o", "out.png"]
    assert run(*command, "--style-weight", "1e38") == 1
    cost, told = capfd.readouterr().err.splitlines()
    assert "about" in cost and told.startswith("nst-tf: the loss is")


def test_a_small_run_that_fails_does_not_stop_the_large_one(capfd, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("nst_tf.__main__.Probe", broken)
    assert run(*PAIR, "-o", "out.png") == 0
    assert "about" not in capfd.readouterr().err


def test_each_file_is_decoded_once(monkeypatch):
    """With two sizes, an estimate, and the painting as first image."""
    decoded = []
    original = images._decode

    def counted(picture, *args):
        if picture.format:  # it comes from a file
            decoded.append(picture.size)
        return original(picture, *args)

    monkeypatch.setattr(images, "_decode", counted)
    both = sorted(Image.open(name).size for name in ("photo.jpg", "painting.jpg"))
    options = ["--size", "32", "48", "--init", "style"]
    assert run(*PAIR, "-o", "out.png", *options) == 0
    assert sorted(decoded) == both
    decoded.clear()
    transfer(size=[32, 48], init="style")
    assert sorted(decoded) == both


def test_a_time_budget_chooses_size_and_steps(tmp_path, capfd):
    options = ["--time-budget", "8s", "--optimizer", "adam"]
    assert run(*UNPLANNED, "-o", "out.png", *options) == 0
    settings = nst.read_settings("out.png")
    told = capfd.readouterr().err.splitlines()[0]
    assert f"size {' '.join(map(str, settings['size']))}," in told
    assert settings["size"] != [48]


@pytest.mark.parametrize("option", [("--size", "64"), ("--steps", "7")])
def test_a_time_budget_leaves_no_choice_of_size_and_steps(option, capsys):
    assert run(*UNPLANNED, "--time-budget", "9s", *option) == 2
    assert "leave out --size" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        ("soon", "wanted a time"),
        ("1.2.3", "wanted a time"),
        ("-5", "wanted a time"),
        ("3d", "wanted a time"),
        ("0s", "a time above zero"),
        ("0.001s", "the smallest picture, 128 pixels, takes about"),
    ],
)
def test_a_budget_that_cannot_be_is_told(budget, words, capsys):
    assert run(*UNPLANNED, f"--time-budget={budget}") == 2
    assert words in capsys.readouterr().err

import argparse

import pytest

from nst_tf.fast import fast_style_transfer
from nst_tf.options import Parser, add_options, in_options, outputs
from nst_tf.transfer import style_transfer


def parsed(function, *arguments, **types):
    parser = argparse.ArgumentParser()
    add_options(parser, function, **types)
    return parser.parse_args(arguments)


def test_options_have_the_defaults_of_the_function():
    expected = dict(style_transfer.__kwdefaults__)
    del expected["callbacks"]
    assert vars(parsed(style_transfer)) == expected


def test_values_are_read_as_they_are_annotated():
    words = "--size 32 64 --content-weight 1 --no-normalize --network vgg16"
    found = vars(parsed(style_transfer, *words.split()))
    assert found["size"] == [32, 64] and isinstance(found["content_weight"], float)
    assert found["normalize"] is False and found["network"] == "vgg16"


def test_a_value_may_be_read_in_another_way():
    found = parsed(fast_style_transfer, "--size", "full", size=lambda text: text * 2)
    assert found.size == "fullfull"


def test_help_is_what_the_docstring_says_of_the_command_line():
    parser = argparse.ArgumentParser()
    add_options(parser, style_transfer)
    helps = {action.dest: action.help for action in parser._actions}
    assert helps["seed"] == "of the noise; the same seed gives the same picture. [0]"
    assert "Python" not in helps["optimizer"]


def test_a_file_named_like_an_argument_keeps_its_name():
    assert in_options("size: 3; see 'size=1.png'") == "--size: 3; see 'size=1.png'"
    assert in_options("strength: 2") == "--strength: 2"
    assert in_options("content_image: none") == "the photograph: none"


@pytest.mark.parametrize(
    ("contents", "output", "expected"),
    [
        (["a/one.jpg"], None, ["one-wave.png"]),
        (["one.jpg"], "out.jpg", ["out.jpg"]),
        (["one.jpg", "two.jpg"], ".", ["one-wave.png", "two-wave.png"]),
    ],
)
def test_pictures_are_named_after_photograph_and_style(contents, output, expected):
    assert list(map(str, outputs(contents, ["wave.jpg"], output))) == expected


@pytest.mark.parametrize(
    ("contents", "output", "words"),
    [
        (["one.jpg", "two.jpg"], "out.png", "is not a folder; 2 pictures need one"),
        (["a/one.jpg", "b/one.jpg"], None, "have the same name"),
        (["photo.jpg"], "photo.jpg", "is one of the pictures"),
        (["photo.jpg"], "nowhere/out.png", "there is no folder"),
    ],
)
def test_a_place_that_cannot_be_is_said_beforehand(contents, output, words):
    with pytest.raises(ValueError, match=words):
        outputs(contents, ["painting.jpg"], output)


def test_a_mistake_is_one_line(capsys):
    with pytest.raises(SystemExit):
        Parser(prog="nst-tf").parse_args(["--no-such"])
    _, line = capsys.readouterr()
    assert line.count("\n") == 1 and line.startswith("nst-tf: unrecognized")

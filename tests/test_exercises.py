"""Checks by their names, and grades."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import nst_tf as nst
from nst_tf import exercises
from nst_tf.exercises import checks, draws, later_checks

SQUARE, SUM = tf.square, tf.reduce_sum


def gram(F):
    rows = tf.reshape(F, (-1, F.shape[-1]))
    return tf.matmul(rows, rows, transpose_a=True)[None]


def test_every_check_goes_by_its_name():
    every = vars(checks) | vars(later_checks)
    known = {name for name in every if name.startswith("check_")} - {"check_of"}
    for name, check in exercises.CHECKS.items():
        assert check is every[f"check_{name}"]
        assert check is getattr(exercises, f"check_{name}")
    assert known == {f"check_{name}" for name in exercises.CHECKS}


# Loaded when asked for


def test_importing_the_library_does_not_load_the_exercises():
    code = (
        "import sys, nst_tf\n"
        "rooms = {'nst_tf.exercises', 'nst_tf.exercises.checks'}\n"
        "print(rooms & set(sys.modules))\n"
        "print(nst_tf.exercises.check_gram_matrix(3))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("set()\ngram_matrix: wanted a function")


@pytest.mark.parametrize(
    "code",
    [
        "import nst_tf; found = nst_tf.exercises",
        "import nst_tf.exercises as found",
        "from nst_tf import exercises as found",
        "from nst_tf import *; found = exercises",
    ],
)
def test_the_exercises_are_loaded_by_every_spelling(code, monkeypatch):
    monkeypatch.delitem(sys.modules, "nst_tf.exercises")
    monkeypatch.delattr(nst, "exercises")
    names = {}
    exec(code, names)
    assert names["found"] is sys.modules["nst_tf.exercises"]
    assert names["found"].check_gram_matrix is checks.check_gram_matrix


def test_the_exercises_are_listed_and_what_is_not_there_is_not_found():
    assert {"exercises", "transfer"} <= set(dir(nst))
    with pytest.raises(AttributeError, match="nst_tf.* has no attribute 'homework'"):
        nst.homework  # noqa: B018


# Grades


def test_grades_are_points_and_reasons():
    found = exercises.grade(
        {"gram_matrix": nst.gram_matrix, "content_loss": lambda F, P: SUM(F - P)},
        points={"gram_matrix": 2, "content_loss": 3},
    )
    assert (found["points"], found["of"]) == (2.0, 5.0)
    right, wrong = found["checks"]
    assert right["reason"] == "" and "square is missing" in wrong["reason"]
    assert wrong["points"] == 0.0 and wrong["passed"] == ["type", "shape", "identity"]


def test_written_down_answers_fail_with_another_seed():
    F = draws.random_features(np.random.default_rng(0), "bhwc")
    answer = nst.gram_matrix(F)
    assert not exercises.grade({"gram_matrix": lambda _: answer}, seed=1)["points"]


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("gram", gram), {}, "name: 'gram' is none of"),
        (("gram_matrix", gram), {"layout": "nchw"}, "layout: 'nchw' is none of"),
        (("gram_matrix", gram), {"normalize": "sum"}, "normalize: 'sum' is none of"),
        (("gram_matrix", gram), {"course": "cs229"}, "course: 'cs229' is none of"),
        (("gram_matrix", gram), {"sed": 3}, "no option 'sed'; did you mean 'seed'"),
        (("total_loss", gram), {"layout": "hwc"}, "total_loss: no option 'layout'"),
        (("train_step", gram), {"returns": "all"}, "returns: 'all' is none of"),
        (("layer_style_loss", gram), {"target": "A"}, "target: 'A' is neither"),
        (("total_variation", gram), {"power": 3}, "power: 3 is neither"),
    ],
)
def test_a_teacher_s_mistake_is_told(arguments, options, words):
    with pytest.raises(ValueError, match=words):
        exercises.check(*arguments, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lay_out": "hwc"}, "no option 'lay_out'; did you mean 'layout'"),
        ({"points": {"content_loss": 2}}, "points: none for 'gram_matrix'"),
        ({"course": "coursera"}, "course: 'coursera' is none of"),
        ({"layout": "nchw"}, "layout: 'nchw' is none of"),
    ],
)
def test_a_teacher_s_mistake_is_told_before_a_grade(options, words):
    with pytest.raises(ValueError, match=words):
        exercises.grade({"gram_matrix": gram}, **options)


def test_an_option_is_for_the_checks_that_have_it():
    functions = {
        "gram_matrix": lambda F: gram(F)[0],
        "total_loss": lambda content, style, a, b: a * content + b * style,
    }
    found = exercises.grade(functions, layout="hwc", own=True, tensorflow=True)
    assert found["points"] == 2.0


def leave(*_):
    sys.exit()


def forever(*arguments):
    return forever(*arguments)


class Odd:
    def __array__(self, *_, **__):
        raise RuntimeError


ODD = [
    leave,
    forever,
    Odd,
    lambda *_: Odd(),
    lambda *_: [[1.0]],
    lambda *_: tf.ragged.constant([[1.0], [2.0, 3.0]]),
    lambda *arguments: print("x" * 10**6),
    lambda *arguments: [x.clear() for x in arguments],
    lambda: 0.0,
    5,
    None,
]


@pytest.mark.parametrize("f", ODD)
def test_no_student_stops_a_grade(f):
    found = exercises.grade(dict.fromkeys(exercises.CHECKS, f))
    assert found["points"] == 0.0 and found["of"] == len(exercises.CHECKS)
    assert all(row["reason"] for row in found["checks"])
    for course, names in exercises.COURSES.items():
        assert not exercises.grade(dict.fromkeys(names, f), course=course)["points"]


def test_notes_are_in_a_grade():
    found = exercises.grade({"content_loss": nst.content_loss})
    assert "nst_tf's own content_loss" in found["checks"][0]["notes"][0]
    own = exercises.grade({"content_loss": nst.content_loss}, own=True)
    assert own["points"] == 0.0

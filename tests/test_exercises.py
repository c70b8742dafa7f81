"""Checks by their names, grades, and the functions of known courses."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import nst_tf as nst
from nst_tf import checks, exercises

SQUARE, SUM = tf.square, tf.reduce_sum


def gram(F):
    rows = tf.reshape(F, (-1, F.shape[-1]))
    return tf.matmul(rows, rows, transpose_a=True)[None]


def test_every_check_goes_by_its_name():
    known = {name for name in vars(checks) if name.startswith("check_")} - {"check_of"}
    for name, check in exercises.CHECKS.items():
        assert check is getattr(checks, f"check_{name}")
        assert check is getattr(exercises, f"check_{name}")
    assert known == {f"check_{name}" for name in exercises.CHECKS}


# Loaded when asked for


def test_importing_the_library_does_not_load_the_exercises():
    code = (
        "import sys, nst_tf\n"
        "rooms = {'nst_tf.exercises', 'nst_tf.checks', 'nst_tf.questions'}\n"
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
    assert {"exercises", "checks", "questions", "transfer"} <= set(dir(nst))
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
    F = checks._features(np.random.default_rng(0), "bhwc")
    answer = nst.gram_matrix(F)
    assert not exercises.grade({"gram_matrix": lambda _: answer}, seed=1)["points"]


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("gram", gram), {}, "name: 'gram' is none of"),
        (("gram_matrix", gram), {"layout": "nchw"}, "layout: 'nchw' is none of"),
        (("gram_matrix", gram), {"normalize": "sum"}, "normalize: 'sum' is none of"),
        (("gram_matrix", gram), {"course": "cs229"}, "course: 'cs229' is none of"),
    ],
)
def test_a_teacher_s_mistake_is_told(arguments, options, words):
    with pytest.raises(ValueError, match=words):
        exercises.check(*arguments, **options)


# Interfaces of known courses


def cs231n_content(content_weight, content_current, content_original):
    return content_weight * SUM(SQUARE(content_current - content_original))


def cs231n_gram(features, normalize=True):
    G = gram(features)[0]
    return G / np.prod(features.shape) if normalize else G


def cs231n_style(feats, style_layers, style_targets, style_weights):
    loss = tf.constant(0.0)
    for i, layer in enumerate(style_layers):
        G = cs231n_gram(feats[layer])
        loss += style_weights[i] * SUM(SQUARE(G - style_targets[i]))
    return loss


def cs231n_tv(img, tv_weight):
    down = SUM(SQUARE(img[:, 1:] - img[:, :-1]))
    across = SUM(SQUARE(img[:, :, 1:] - img[:, :, :-1]))
    return tv_weight * (down + across)


def content_cost(content_output, generated_output):
    a_C, a_G = content_output[-1], generated_output[-1]
    return SUM(SQUARE(a_C - a_G)) / (4 * np.prod(a_C.shape))


def rows_gram(A):
    return tf.matmul(A, A, transpose_b=True)


def layer_cost(a_S, a_G):
    N = a_G.shape[-1]
    M = np.prod(a_G.shape) // N
    GS, GG = (
        rows_gram(tf.transpose(tf.reshape(a, (-1, a.shape[-1])))) for a in (a_S, a_G)
    )
    return SUM(SQUARE(GS - GG)) / (4 * N**2 * M**2)


def style_cost(style_image_output, generated_image_output, STYLE_LAYERS):
    pairs = zip(style_image_output[:-1], generated_image_output[:-1], strict=True)
    return sum(
        w * layer_cost(S, G) for (S, G), (_, w) in zip(pairs, STYLE_LAYERS, strict=True)
    )


def total_cost(J_content, J_style, alpha=10, beta=40):
    return alpha * J_content + beta * J_style


THEIRS = [
    ("cs231n", "content_loss", cs231n_content),
    ("cs231n", "gram_matrix", cs231n_gram),
    ("cs231n", "style_loss", cs231n_style),
    ("cs231n", "tv_loss", cs231n_tv),
    ("deeplearning.ai", "compute_content_cost", content_cost),
    ("deeplearning.ai", "gram_matrix", rows_gram),
    ("deeplearning.ai", "compute_layer_style_cost", layer_cost),
    ("deeplearning.ai", "compute_style_cost", style_cost),
    ("deeplearning.ai", "total_cost", total_cost),
]


@pytest.mark.parametrize(("course", "name", "f"), THEIRS)
def test_functions_of_known_courses_pass_under_their_own_names(course, name, f):
    report = exercises.check(name, f, course=course)
    assert report, report


@pytest.mark.parametrize(("course", "name", "f"), THEIRS)
def test_their_mistakes_are_found_too(course, name, f):
    report = exercises.check(name, lambda *args: 11 * f(*args), course=course)
    assert "11 times what was wanted" in report.problem, report.problem


def test_all_functions_of_the_courses_are_tested():
    assert {(c, n) for c, n, _ in THEIRS} == {
        (course, name) for course, names in exercises.COURSES.items() for name in names
    }

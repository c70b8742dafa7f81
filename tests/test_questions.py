"""A report, and the questions that lead to it."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

import nst_tf as nst
from nst_tf.exercises import checks
from nst_tf.exercises.questions import (
    Asking,
    Draw,
    Report,
    Theirs,
    array_of,
    nearest,
    number,
)
from nst_tf.exercises.students import Problem


def test_a_report_is_true_or_says_why():
    good = checks.check_gram_matrix(nst.gram_matrix)
    bad = checks.check_gram_matrix(lambda F: nst.gram_matrix(F) / 4)
    assert good and str(good).startswith("gram_matrix: all right: type, shape")
    assert not bad and "(right: type, shape, symmetry)" in str(bad)
    with pytest.raises(AssertionError, match="divided by 4"):
        assert bad, bad


def test_notes_are_told_with_a_report():
    report = Report("gram_matrix", ("type",), "", ("it printed 3 characters",))
    assert report and str(report).endswith("(note: it printed 3 characters)")
    assert "Note: it printed" in report._repr_html_()


def test_help_shows_the_arguments_that_a_teacher_gives():
    names = list(inspect.signature(checks.check_gram_matrix).parameters)
    common = ["tensorflow", "own"]
    assert names == ["f", "layout", "normalize", "batch", "seed", *common]
    assert "own" not in inspect.signature(checks.check_preprocess).parameters


def test_a_report_is_a_card_in_a_notebook():
    def f(F, P):
        raise ValueError("<script>")

    card = checks.check_content_loss(f)._repr_html_()
    assert "<div" in card and "content_loss" in card
    assert "&lt;script&gt;" in card and "<script>" not in card


# Questions


def draws(theirs=None):
    """f(x) = 2 sum x^2."""
    rng = np.random.default_rng(0)
    made = []
    for n in (3, 3, 4, 6):
        x = tf.constant(rng.uniform(1, 2, n), tf.float32)
        S = float(np.sum(np.square(x)))
        how = {"theirs": theirs} if theirs else {}
        made.append(Draw((x,), 2 * S, 2.0, {"N": n}, f"size {n}", **how))
    return made


def variants(draw):
    x = np.asarray(draw.ours[0], "float64")
    return [("", lambda: np.sum(x * x)), ("no square", lambda: np.sum(x))]


def asked(f, theirs=None):
    asking = Asking(f)
    asking.put(draws(theirs), number, variants)
    return asking


def problem_of(f, theirs=None):
    with pytest.raises(Problem) as told:
        asking = asked(f, theirs)
        asking.ask_value()
        asking.ask_gradient(right)
    return str(told.value)


def right(x):
    return 2 * tf.reduce_sum(tf.square(x))


def test_a_right_function_is_asked_for_everything():
    asking = asked(right)
    asking.ask_value()
    asking.ask_gradient(right)
    assert asking.passed == ["type", "shape", "value", "gradient"]


def kept(x, first=[]):  # noqa: B006
    first[:] = first or [right(x)]
    return first[0]


def fixed(x, size=3):
    return right(x) * size / x.shape[0]


def every_second():
    calls = []

    def f(x):
        calls.append(1)
        return right(x) * (len(calls) % 2)

    return f


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: 2 * tf.reduce_sum(x), ": no square"),
        (lambda x: right(x) * 4, "a division by 4 is missing"),
        (fixed, "N is written in as a number, for one size only"),
        (kept, "it gives the first answer again"),
        (every_second(), "two calls with the same input give different results"),
        (lambda x: right(x) + tf.random.normal(()), "random numbers"),
        (lambda x: 0 * right(x), "it is always 0"),
        (lambda x: tf.cast(right(x), tf.float64), "float64; wanted float32"),
        (lambda x: right(x) + tf.ones(3)[x.shape[0] - 1], "for size 4: it raised"),
        (lambda x: right(x) + 0.3, "it is 0.3 more than it should be, always"),
        (lambda x: tf.floor(right(x)), "whole numbers or halves: is there rounding"),
        (lambda x: tf.exp(x[0]), "neither a constant nor sizes"),
        (lambda x: right(tf.stop_gradient(x)), "no gradient reaches its input"),
        (lambda x: right(x) * tf.stop_gradient(right(x)) / right(x), "gradient"),
        (lambda x: 2 * tf.reduce_sum(x * tf.stop_gradient(x)), "it is 0.5 times"),
    ],
)
def test_a_wrong_answer_has_its_sentence(f, words):
    assert words in problem_of(f)


def test_other_arguments_that_are_right_are_the_cause():
    theirs = Theirs(
        lambda x: ([x + 1, x],), instead={"it takes the first": lambda x: ([x],)}
    )
    assert "it takes the first" in problem_of(lambda xs: right(xs[0]), theirs)


def test_a_weight_of_theirs_is_named():
    made = [
        Draw(d.ours, w * d.right, 2.0 * w, d.sizes | {"w": w}, d.name, Theirs(how))
        for d, w in zip(draws(), (1.5, 1.5, 3.7, 6.1), strict=True)
        for how in [lambda x, w=w: (x, w)]
    ]
    asking = Asking(lambda x, w: right(x))
    asking.put(made, number, variants)
    with pytest.raises(Problem, match="w is not used"):
        asking.ask_value()


def test_what_is_right_is_noted_once_whether_asked_for_or_not():
    asking = Asking(right)
    asking.tick("type")
    asking.ask("value", True, "no")
    asking.tick("value")
    assert asking.passed == ["type", "value"]


def test_numpy_is_noted_or_refused():
    asking = asked(lambda x: 2 * np.sum(np.square(x)))
    asking.ask_gradient(right)
    assert asking.notes == ["its value is no tensor, so that no gradient flows"]
    asking.tensorflow = True
    with pytest.raises(Problem, match="Wanted TensorFlow all the way"):
        asking.ask_gradient(right)


def test_an_array_is_read_in_the_shape_of_its_draw():
    read = array_of(lambda draw: (1, draw), lambda draw: {(2,): "; flat"})
    assert read(np.ones((1, 3)), 3).shape == (1, 3)
    with pytest.raises(Problem, match="; flat"):
        read(np.ones(2), 2)


# Options


def test_an_unknown_option_is_told_with_the_one_that_was_meant():
    with pytest.raises(ValueError, match="'laoyut'; did you mean 'layout'"):
        checks.check_gram_matrix(nst.gram_matrix, laoyut="hwc")
    assert nearest("colour", ["seed"]) == "it has ['seed']"


def test_our_own_function_is_noted_or_refused():
    noted = checks.check_content_loss(nst.content_loss)
    assert noted and "nst_tf's own content_loss" in noted.notes[0]
    refused = checks.check_content_loss(lambda F, P: nst.content_loss(F, P), own=True)
    assert "wanted your own" in refused.problem
    mine = checks.check_content_loss(lambda F, P: tf.nn.l2_loss(F - P), own=True)
    assert mine and not mine.notes

"""A report, and how a student's function is called."""

import inspect

import numpy as np
import pytest
import tensorflow as tf

import nst_tf as nst
from nst_tf import checks
from nst_tf.questions import Asking, Problem, Student, a_number, ask_value, mistake


def test_a_report_is_true_or_says_why():
    good = checks.check_gram_matrix(nst.gram_matrix)
    bad = checks.check_gram_matrix(lambda F: nst.gram_matrix(F) / 20)
    assert good and str(good).startswith("gram_matrix: all right: type, shape")
    assert not bad and "(right: type, shape, symmetry)" in str(bad)
    with pytest.raises(AssertionError, match="divided by M"):
        assert bad, bad


def test_help_shows_the_arguments_that_a_teacher_gives():
    names = list(inspect.signature(checks.check_gram_matrix).parameters)
    assert names == ["f", "layout", "normalize", "batch", "seed"]


def test_a_report_is_a_card_in_a_notebook():
    def f(F, P):
        raise ValueError("<script>")

    card = checks.check_content_loss(f)._repr_html_()
    assert "<div" in card and "content_loss" in card
    assert "&lt;script&gt;" in card and "<script>" not in card


def test_a_function_of_arrays_is_called_with_arrays():
    kinds = []

    def f(x):
        kinds.append(type(x))
        return x.sum()

    student = Student(f, tf.ones((2, 3)))
    assert student.numpy and student(tf.ones((2, 3))) == 6
    assert kinds[-1] is np.ndarray


def test_a_function_of_tensors_is_called_with_tensors():
    student = Student(tf.reduce_sum, tf.ones((2, 3)))
    assert not student.numpy
    np.testing.assert_allclose(student.gradient(tf.ones((2, 3))), np.ones((2, 3)))


def test_a_student_s_error_is_told_in_one_line():
    def f(x):
        raise KeyError("first\nsecond")

    with pytest.raises(Problem, match="it raised KeyError"):
        Student(f, tf.ones(3))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "return"),
        ((1.0, 2.0), "tuple"),
        ("0.5", "wanted floats"),
        (3, "whole numbers"),
        (np.ones(3), "wanted one number"),
        (tf.constant(1.0, tf.float64), "float64"),
        (float("nan"), "nan"),
    ],
)
def test_what_is_no_number_is_told(value, words):
    with pytest.raises(Problem, match=words):
        a_number(value)


def test_a_mistake_is_found_by_its_value_or_by_its_factor():
    assert mistake(6.0, 3.0, {"twice": 6.0}) == "it returned 6, wanted 3: twice"
    assert "2 times what was wanted" in mistake(6.0, 3.0, {"no": 5.0})


def test_what_is_right_is_noted_once_whether_asked_for_or_not():
    asking = Asking()
    asking.tick("type")
    asking.ask("value", True, "no")
    asking.tick("value")
    assert asking.passed == ["type", "value"]


def test_a_wrong_value_is_told_with_its_mistake():
    asking = Asking()
    ask_value(asking, 3.0, 3.0, {"twice": 6.0})
    assert asking.passed == ["value"]
    with pytest.raises(Problem, match="it returned 6, wanted 3: twice"):
        ask_value(asking, 6.0, 3.0, {"twice": 6.0})

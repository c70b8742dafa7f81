"""A student's function: whatever it does, there is a value or a sentence."""

import asyncio
import os
import signal
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from nst_tf.exercises.students import (
    Problem,
    Student,
    a_number,
    an_array,
    defaults,
    safely,
)


def problem_of(f, *arguments):
    """What is said of a function that fails."""
    with pytest.raises(Problem) as told:
        Student(f)(*(arguments or (tf.ones((2, 3)),)))
    return str(told.value)


# Calling it


def test_a_function_of_arrays_is_called_with_arrays():
    kinds = []

    def f(x):
        kinds.append(type(x))
        return x.sum()

    student = Student(f)
    assert student(tf.ones((2, 3))) == 6
    assert student.numpy and kinds[-1] is np.ndarray


def test_a_function_of_tensors_is_called_with_tensors():
    student = Student(tf.reduce_sum)
    student(tf.ones((2, 3)))
    (gradient,) = student.gradients(lambda x: (x,), tf.ones((2, 3)))
    assert not student.numpy
    np.testing.assert_allclose(gradient, np.ones((2, 3)))


def test_a_number_that_has_left_tensorflow_has_no_gradient():
    student = Student(lambda x: float(tf.reduce_sum(x)))
    assert student(tf.ones(3)) == 3 and student.numpy
    assert student.gradients(lambda x: (x,), tf.ones(3)) == [None]


def test_a_function_that_calls_numpy_itself_is_given_tensors():
    student = Student(lambda x: np.sum(x.numpy()))
    assert student(tf.ones(3)) == 3 and student(tf.ones(4)) == 4


def test_a_sparse_gradient_becomes_an_array():
    student = Student(lambda x: tf.reduce_sum(tf.gather(x, [0, 0])))
    student(tf.ones(3))
    (gradient,) = student.gradients(lambda x: (x,), tf.ones(3))
    np.testing.assert_allclose(gradient, [2, 0, 0])


def test_what_it_prints_is_caught_and_cut(capsys):
    student = Student(lambda x: print("x" * 10**6) or tf.reduce_sum(x))
    student(tf.ones(3))
    assert capsys.readouterr() == ("", "")
    (note,) = student.notes()
    assert note.startswith("it printed 1,000,001 characters: xxx") and len(note) < 200


def test_a_warning_is_no_output():
    student = Student(lambda x: np.log(np.asarray(x) - 1.0).sum())
    student(tf.ones(3))
    assert student.notes() == []


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.pop("a"),
        lambda x: x.update(b=2),
        lambda x: x["a"].__setitem__(0, 5.0),
    ],
)
def test_an_input_that_is_changed_is_told(f):
    def numpy_function(x):
        f(x)
        return np.float32(np.sum(list(x.values())[:1]))

    said = problem_of(numpy_function, {"a": tf.ones(3), "c": tf.ones(2)})
    assert "changes its input in place" in said


def leave(x):
    sys.exit(3)


def press(x):
    raise KeyboardInterrupt


def forever(x):
    return forever(x)


@tf.function
def forever_compiled(x):
    return forever_compiled(x)


def not_yet(x):
    raise NotImplementedError


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError


def unprintable(x):
    raise Unprintable


class Base(BaseException):
    pass


def base(x):
    raise Base("mine")


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (leave, "it raised SystemExit: it leaves Python"),
        (press, "it raised KeyboardInterrupt: it stops Python"),
        (forever, "it raised RecursionError: it calls itself without end"),
        (forever_compiled, "it raised RecursionError: it calls itself without end"),
        (not_yet, "it raised NotImplementedError: it is not written yet"),
        (unprintable, "it raised Unprintable (line "),
        (base, "it raised Base: mine (line "),
    ],
)
def test_whatever_is_raised_is_told(f, words):
    assert problem_of(f).startswith(words)


def test_control_c_still_stops():
    def interrupted(x):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(10**7):
            pass

    with pytest.raises(KeyboardInterrupt):
        Student(interrupted)(tf.ones(3))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_may_be_called_in_another_thread():
    found = []
    run = threading.Thread(target=lambda: found.append(safely(lambda: 3)))
    run.start()
    run.join()
    assert found == [3]


# What it raised


@tf.function
def misspelt(x):
    x = 2 * x
    return tf.reduce_sum(z)  # noqa: F821


@tf.function
def does_not_fit(x):
    return tf.reshape(x, (tf.size(x), 5))


@tf.function
def no_key(x):
    return {"a": x}["b"]


class Layer(keras.layers.Layer):
    def call(self, x):
        return tf.reshape(x, (4, 4))


@pytest.mark.parametrize(
    ("f", "words", "line"),
    [
        (misspelt, "NameError: name 'z' is not defined", "return tf.reduce_sum(z)"),
        (does_not_fit, "ValueError: Cannot reshape a tensor", "tf.reshape(x, (tf.si"),
        (no_key, "KeyError: 'b'", 'return {"a": x}["b"]'),
        (Layer(), "InvalidArgumentError: Input to reshape", "tf.reshape(x, (4, 4))"),
        (lambda x: x - tf.ones(7), "Incompatible shapes: [2,3] vs. [7]", "tf.ones(7)"),
    ],
)
def test_an_error_is_told_by_the_sentence_that_helps_and_its_line(f, words, line):
    said = problem_of(f)
    assert words in said and line in said and "(line " in said
    for noise in ("{{", "[Op:", "in user code", "Arguments received", "\x1b", "\n"):
        assert noise not in said


def test_the_error_that_a_student_sees_is_told():
    """Not that of a second try with arrays."""
    said = problem_of(lambda x: x.no_such_thing)
    assert "EagerTensor" in said


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda: 1.0, "it takes (); it is called with 1 argument"),
        (lambda x, y: 1.0, "it takes (x, y); it is called with 1 argument"),
        (Layer, "Layer is a class; wanted an object of it: Layer()"),
        (3, "wanted a function, not int"),
        (None, "wanted a function, not NoneType"),
    ],
)
def test_what_cannot_be_called_so_is_told(f, words):
    assert words in problem_of(f)


# What it returned


async def later():
    return 1.0


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "return"),
        ((1.0, 2.0), "tuple"),
        ({"loss": 1.0}, "dict"),
        ("0.5", "a str; wanted one number"),
        (tf.constant("a"), "string; wanted floats"),
        (tf.complex(1.0, 0.0), "complex64"),
        (3, "whole numbers"),
        (True, "whole numbers"),
        (np.ones(3), "wanted one number"),
        (tf.zeros((0, 3)), "shape (0, 3)"),
        (tf.ragged.constant([[1.0], [2.0, 3.0]]), "RaggedTensor"),
        (tf.sparse.from_dense([1.0]), "SparseTensor"),
        (tf.reduce_sum, "returned a function"),
        ((x for x in [1.0]), "generator"),
        (keras.Input((1,)), "KerasTensor"),
        (object(), "object"),
        (float("nan"), "nan"),
    ],
)
def test_what_is_no_number_is_told(value, words):
    with pytest.raises(Problem, match=r"(?s).*".join(map(_escaped, [words]))):
        a_number(value)


def _escaped(words):
    return words.replace("(", r"\(").replace(")", r"\)")


def test_a_coroutine_is_told_and_closed():
    coroutine = later()
    with pytest.raises(Problem, match="coroutine"):
        a_number(coroutine)
    assert not asyncio.iscoroutine(None) and coroutine.cr_frame is None


@pytest.mark.parametrize(
    "value", [2.5, np.float32(2.5), np.array([[2.5]]), tf.constant([2.5])]
)
def test_one_number_may_have_axes_of_one(value):
    assert a_number(value) == 2.5


def test_an_array_has_its_shape_or_a_hint():
    np.testing.assert_array_equal(an_array(tf.ones((2, 3)), (2, 3)), np.ones((2, 3)))
    with pytest.raises(Problem, match=r"shape \(3, 2\); wanted \(2, 3\): turned"):
        an_array(np.ones((3, 2)), (2, 3), {(3, 2): ": turned"})
    with pytest.raises(Problem, match="not finite"):
        an_array(np.full((2, 3), np.inf), (2, 3))


# What it is


def own(x):
    return tf.reduce_sum(x)


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (own, "own"),
        (lambda x: own(x), "own"),
        (tf.function(lambda x: 2 * own(x)), "own"),
        (tf.reduce_sum, ""),
    ],
)
def test_a_function_that_is_ours_or_calls_it_is_recognised(f, name):
    student = Student(f)
    student(tf.ones(3))
    assert student.own([own]) == name
    assert student.own([own]) == name  # also when it is no longer traced
    assert sys.getprofile() is None and not tf.config.functions_run_eagerly()


def test_defaults_are_read_in_order():
    assert defaults(lambda c, s, alpha=10, beta=40: 0) == (10, 40)
    assert defaults(min) == ()

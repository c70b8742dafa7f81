"""What the exercises are made of: a report, a student's function, questions to it."""

import functools
import html
import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

CLOSE = 1e-3  # relative: rounding is allowed, a mistake is not


# What a check says


@dataclass(frozen=True)
class Report:
    """What a check found; true if there was nothing wrong.

    Attributes:
        name: of the function that was checked.
        passed: what was right, in the order of the questions.
        problem: the first thing wrong, in a sentence or two; or "".
    """

    name: str
    passed: tuple
    problem: str = ""

    def __bool__(self):
        return not self.problem

    def __str__(self):
        right = f"right: {', '.join(self.passed)}" if self.passed else ""
        if self:
            return f"{self.name}: all {right}"
        return f"{self.name}: {self.problem}" + (f"\n({right})" if right else "")

    __repr__ = __str__

    def _repr_html_(self):
        color, sign = ("#2e7d32", "&#10003;") if self else ("#c62828", "&#10007;")
        right = "".join(f"<span>&#10003; {name}</span> " for name in self.passed)
        problem = html.escape(self.problem) or "All right."
        return (
            f'<div style="border-left: 4px solid {color}; padding: 0.4em 0.8em; '
            f'max-width: 44em"><b style="color: {color}">{sign} '
            f"{html.escape(self.name)}</b><br>{problem}<br>"
            f'<small style="opacity: 0.7">{right}</small></div>'
        )


class Problem(Exception):
    """The first thing that is wrong; its words are the report's."""


class Asking:
    """Collects what was right until something is not."""

    def __init__(self):
        self.passed = []

    def ask(self, aspect, right, problem):
        """`problem` is a sentence, or a function that finds one."""
        if not right:
            raise Problem(problem() if callable(problem) else problem)
        self.tick(aspect)

    def tick(self, aspect):
        """Notes what is right; once is enough."""
        if aspect not in self.passed:
            self.passed.append(aspect)


def check_of(function: Callable[..., None]) -> Callable[..., Report]:
    """Makes a check, which returns a `Report`, from a function that asks questions.

    The function's second argument, an `Asking`, is not one of the check's.
    """
    name = function.__name__.removeprefix("check_")
    f, _, *options = inspect.signature(function).parameters.values()

    @functools.wraps(function)
    def check(f, *args, **options):
        asking = Asking()
        try:
            function(f, asking, *args, **options)
        except Problem as problem:
            return Report(name, tuple(asking.passed), str(problem))
        return Report(name, tuple(asking.passed))

    check.__signature__ = inspect.Signature([f, *options], return_annotation=Report)
    return check


# The student's function


def plain(value):
    """A nest with copies of its tensors and arrays, all of them arrays."""

    def copy(x):
        return np.array(x) if tf.is_tensor(x) or isinstance(x, np.ndarray) else x

    return tf.nest.map_structure(copy, value)


def words_of(error):
    line = str(error).strip().splitlines() or [""]
    return f"it raised {type(error).__name__}: {line[0][:200]}"


class Student:
    """A student's function: called with tensors, or with arrays if it wants those."""

    def __init__(self, f, *arguments):
        if not callable(f):
            raise Problem(
                f"wanted a function, not {type(f).__name__}: give the function "
                "itself, without calling it"
            )
        self.f = f
        try:
            self.numpy = isinstance(f(*arguments), np.ndarray | np.generic)
        except Exception as error:
            self.numpy = True
            try:
                f(*plain(arguments))
            except Exception as second:
                foreign = "EagerTensor" in str(error)
                raise Problem(words_of(second if foreign else error)) from error

    def __call__(self, *arguments):
        given = plain(arguments) if self.numpy else arguments
        before = plain(given)
        try:
            value = self.f(*given)
        except Exception as error:
            raise Problem(words_of(error)) from error
        for old, new in zip(
            tf.nest.flatten(before), tf.nest.flatten(plain(given)), strict=True
        ):
            if not np.array_equal(old, new):
                raise Problem(
                    "it changes its input in place (x -= ..., x[...] = ...): the "
                    "caller's picture is changed, too; work on a copy"
                )
        return value

    def gradient(self, x, *others):
        """The gradient of the value with respect to x; None if there is none."""
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = self.f(x, *others)
        return tape.gradient(value, x)


def a_number(value):
    """One finite float, or a problem."""
    if value is None:
        raise Problem("it returned None: is a `return` missing?")
    if isinstance(value, tuple | list | dict):
        raise Problem(f"it returned a {type(value).__name__}; wanted one number")
    try:
        dtype, shape = np.asarray(value).dtype, np.shape(value)
    except Exception as error:
        raise Problem(
            f"it returned a {type(value).__name__}: {words_of(error)}"
        ) from None
    if shape != ():
        raise Problem(
            f"it returned shape {tuple(shape)}; wanted one number: usually a sum "
            "(tf.reduce_sum) is missing, or goes over one axis only"
        )
    a_float(dtype, tf.is_tensor(value))
    if not np.isfinite(value):
        raise Problem(f"it returned {float(value)}: divided by zero, or a logarithm?")
    return float(value)


def a_float(dtype, tensor):
    if dtype.kind not in "iubf":
        raise Problem(f"it returned {dtype}; wanted floats")
    if dtype.kind in "iub":
        raise Problem(
            f"it returned {dtype}, whole numbers; wanted floats: is there an integer "
            "division or a cast?"
        )
    if tensor and dtype == np.float64:
        raise Problem(
            "it returned float64; wanted float32, as the input is: usually a NumPy "
            "number or a cast in between, which makes all that follows twice as slow"
        )


def an_array(value, shape, hints):
    """An array of a shape, or a problem; `hints` explain other shapes."""
    if value is None:
        raise Problem("it returned None: is a `return` missing?")
    try:
        array = np.asarray(value)
    except Exception as error:
        raise Problem(
            f"it returned a {type(value).__name__}: {words_of(error)}"
        ) from None
    if array.shape != shape:
        hint = hints.get(array.shape, "")
        raise Problem(f"it returned shape {array.shape}; wanted {shape}{hint}")
    a_float(array.dtype, tf.is_tensor(value))
    if not np.isfinite(array).all():
        raise Problem("it returned numbers that are not finite")
    return array


def same(found, expected):
    scale = np.abs(expected).max()
    return np.allclose(found, expected, rtol=CLOSE, atol=CLOSE * 0.01 * scale)


def mistake(found, expected, mistakes):
    """A sentence about a wrong value: which of the wrong formulas gives it?

    `mistakes` is `{words for a mistake: the value that it gives}`.
    """
    one, other = np.ravel(found)[0], np.ravel(expected)[0]
    what = "it returned" if np.ndim(found) == 0 else "its first entry is"
    came = f"{what} {one:.6g}, wanted {other:.6g}"
    for words, value in mistakes.items():
        if np.shape(value) == np.shape(found) and same(found, value):
            return f"{came}: {words}"
    ratio = np.ravel(found)[-1] / np.ravel(expected)[-1]
    if same(found, ratio * expected):
        return f"{came}: it is {ratio:.4g} times what was wanted; look at the factor"
    return came


# Questions that several checks ask


def ask_value(asking, found, expected, mistakes):
    """The value is right; else the problem names which of the `mistakes` gives it."""
    asking.ask(
        "value", same(found, expected), lambda: mistake(found, expected, mistakes)
    )


def ask_gradient(asking, student, right, x, *others):
    """The gradient is that of the right formula, and finite where the loss is zero."""
    if student.numpy:
        return  # NumPy has none
    found = student.gradient(x, *others)
    asking.ask(
        "gradient",
        found is not None,
        "no gradient reaches its input: usually .numpy(), a NumPy function or "
        "tf.stop_gradient on the generated picture is in between",
    )
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = right(x, *others)
    expected = tape.gradient(value, x).numpy()
    asking.ask(
        "gradient",
        same(found.numpy(), expected),
        lambda: (
            "its value is right but its gradient is not: is there tf.stop_gradient "
            "on a part of it, or rounding?"
        ),
    )


def ask_identity(asking, student, x, *others):
    at_zero = a_number(student(x, *others))
    asking.ask(
        "identity",
        abs(at_zero) < 1e-6,
        f"it is {at_zero:.6g} when both are the same; wanted 0: usually a difference "
        "is missing, or one of the two is changed beforehand",
    )
    if not student.numpy:
        gradient = student.gradient(x, *others)
        finite = gradient is None or bool(tf.reduce_all(tf.math.is_finite(gradient)))
        asking.ask(
            "identity",
            finite,
            "its gradient is not a number when both are the same: usually a square "
            "root, whose slope at 0 is infinite; square it, or leave it out",
        )

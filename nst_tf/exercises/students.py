"""A student's function: called safely, and what it returned or raised.

Whatever the function does, the caller gets a value or a `Problem`, which says in words
what went wrong. What it prints is caught, and it may leave Python (`sys.exit`) or call
itself for ever. A loop without end cannot be stopped from here.
"""

import contextlib
import functools
import inspect
import io
import linecache
import re
import signal
import sys
import sysconfig
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

LONGEST = 240  # characters of a foreign message or of printed text


class Problem(Exception):
    """The first thing that is wrong; its words are the report's."""


# What it raised


ANSI = r"\x1b\[[\d;]*m"
PREFIXES = (  # what TensorFlow and Keras write around the sentence that helps
    ANSI,
    r"\{\{function_node [^}]*\}\}+ ?",
    r" for '\{\{node .*?\]\([^)]*\)'",
    r" ?\[\[\{\{node .*?\]\]",
    r" ?\[Op:\w*\]( name: ?\S*)?",
)
IN_USER_CODE = r'File "([^"]+)", line (\d+), in (\S+)(?:  \*)?\n +(.*)'
WORDS = {  # of errors whose own words help nobody
    RecursionError: "it calls itself without end",
    SystemExit: "it leaves Python; use `return` instead of exit or quit",
    KeyboardInterrupt: "it stops Python",
}
INSTALLED = [str(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
INSTALLED += [str(Path(str(module.__file__)).parents[1]) for module in (tf, np)]
INSTALLED.append(str(Path(__file__).parents[1]))
LIBRARIES = tuple(str(Path(folder).resolve()) for folder in INSTALLED)


def _is_theirs(file):
    """Whether a file, or a cell, is the student's own."""
    made = "__autograph_generated" in file or file.startswith("<frozen")
    return not made and not str(Path(file).resolve()).startswith(LIBRARIES)


def _meaning(text):
    """The sentence of a message that helps: TensorFlow writes much around it."""
    for prefix in PREFIXES:
        text = re.sub(prefix, "", text)
    text = re.split(r"\n(?:Call a|A)rguments received by ", text)[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    long = "in user code:", "Graph execution error", "Exception encountered when"
    if not lines:
        return ""
    return lines[-1] if any(words in text for words in long) else lines[0]


def _text(error):
    """What an error says, if it can say it."""
    try:
        return str(error)
    except Exception:
        return ""


def _place(error):
    """`(line, source)` of the student's last line on the way to an error, or None."""
    told = re.findall(IN_USER_CODE, _text(error))  # of what was in a tf.function
    frames = [(file, line, source) for file, line, _, source in told]
    if not frames:
        stack = traceback.extract_tb(error.__traceback__)
        frames = [(f.filename, f.lineno, f.line) for f in stack]
    for file, line, source in reversed(frames):
        if _is_theirs(file):
            return line, (source or linecache.getline(file, int(line))).strip()
    return None


def words_of(error: BaseException) -> str:
    """What a student's error means: its type, its own words, and the line."""
    whole, name = _text(error), type(error).__name__
    text = _meaning(whole)
    if "maximum recursion depth" in whole:
        error, text, name = RecursionError(), "", "RecursionError"
    elif " in user code:" in f" {whole}" and (told := re.match(r"(\w+): (.*)", text)):
        name, text = told.groups()
    known = [words for kind, words in WORDS.items() if isinstance(error, kind)]
    if isinstance(error, NotImplementedError) and not text:
        known = ["it is not written yet"]
    words = f"it raised {name}: {(known or [text])[0][:LONGEST]}".removesuffix(": ")
    place = _place(error)
    if place is None:
        return words
    line, source = place
    return (
        f"{words} (line {line}: {source[:80]})" if source else f"{words} (line {line})"
    )


# Calling it


class Printed(io.TextIOBase):
    """Keeps the beginning of what is printed, and counts the rest."""

    def __init__(self):
        self.beginning, self.length = "", 0

    def write(self, text):
        self.beginning += text[: LONGEST - len(self.beginning)]
        self.length += len(text)
        return len(text)

    def close(self):
        """Printing goes on, whoever closes it."""


@contextlib.contextmanager
def _control_c():
    """A list that is no longer empty once somebody has pressed Ctrl-C."""
    pressed = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(
        before
    ):
        yield pressed
        return

    def note(number, frame):
        pressed.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def safely(f: Callable, *arguments, printed: Printed | None = None):
    """The value of f, or a `Problem` whatever it raises; Ctrl-C still stops it."""
    out = printed or Printed()
    with (
        _control_c() as pressed,
        warnings.catch_warnings(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
    ):
        warnings.simplefilter("ignore")
        try:
            return f(*arguments)
        except Problem:
            raise
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) and pressed:
                raise
            words = words_of(error)
    raise Problem(words)


def plain(value, array=np.array):
    """A copy of lists, tuples and dicts; tensors and arrays in it become arrays."""
    if isinstance(value, Mapping):
        return {name: plain(x, array) for name, x in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(plain(x, array) for x in value)
    if tf.is_tensor(value) or isinstance(value, np.ndarray):
        return array(value)
    return value


def copied(value):
    """A copy of lists, tuples and dicts, with the same tensors in it."""
    return plain(value, array=lambda x: x)


def _alike(one, other):
    """Whether two such nests are equal, and in the same order."""
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(_alike(one[n], other[n]) for n in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    return one is other or np.array_equal(one, other)


@contextlib.contextmanager
def _eagerly():
    """Every `tf.function` runs its Python."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def _arguments_problem(f, arguments):
    """Why f cannot take so many arguments, or ""."""
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return ""  # not everything has one
    try:
        signature.bind(*arguments)
    except TypeError:
        count = f"{len(arguments)} argument{'s' * (len(arguments) > 1)}"
        return f"it takes {signature}; it is called with {count}"
    return ""


class Student:
    """A student's function, called with tensors, or with arrays if it wants those.

    Attributes:
        numpy: whether its value is NumPy's, which has no gradient.
        printed: what it printed.
    """

    def __init__(self, f: Callable):
        if not callable(f):
            raise Problem(
                f"wanted a function, not {type(f).__name__}: give the function "
                "itself, without calling it"
            )
        self.f, self.printed = f, Printed()
        self.numpy = self.arrays = False
        self.first = None  # arguments of the first call

    def run(self, arguments):
        given = plain(arguments) if self.arrays else copied(arguments)
        before = plain(given) if self.arrays else copied(given)
        value = safely(self.f, *given, printed=self.printed)
        if inspect.isclass(self.f) and isinstance(value, self.f):
            raise Problem("it made an object of its class, and no value")
        if not safely(_alike, before, given):
            raise Problem(
                "it changes its input in place (x -= ..., x[...] = ..., pop): the "
                "caller's is changed, too; work on a copy"
            )
        return value

    def _begin(self, arguments):
        """The first value; finds out what the function wants to be called with."""
        self.first = arguments
        problem = None
        try:
            value = self.run(arguments)
            if tf.is_tensor(value) or not _is_number_of_numpy(value):
                return value
        except Problem as first:
            problem = first
        try:  # what a student sees of a function of tensors is the first error
            self.arrays = self.numpy = True
            return self.run(arguments)
        except Problem as second:
            self.arrays = False
            if "in place" in str(second):
                raise
        if problem is None:
            return value
        if inspect.isclass(self.f):
            name = self.f.__name__
            raise Problem(
                f"{name} is a class; wanted an object of it: {name}(), with brackets"
            )
        raise Problem(_arguments_problem(self.f, arguments) or str(problem))

    def __call__(self, *arguments):
        """Its value, of anything that may be an array."""
        return self.run(arguments) if self.first else self._begin(arguments)

    def gradients(self, arrange, *arguments, towards=None):
        """Gradients of the value with respect to the first argument's tensors.

        `arrange` makes of our arguments those of the function; of an array, `towards`
        are the weights of its entries in a sum. An entry is None where there is no
        gradient.
        """
        watched = tf.nest.flatten(arguments[0])
        with tf.GradientTape() as tape:
            tape.watch(watched)
            value = self.run(arrange(*arguments))
        if not tf.is_tensor(value):
            return [None] * len(watched)
        found = safely(tape.gradient, value, watched, towards)
        return [
            None if x is None else np.asarray(tf.convert_to_tensor(x)) for x in found
        ]

    def own(self, functions):
        """Which of nst_tf's own functions it is or calls, by name; or ""."""
        codes = {inspect.unwrap(f).__code__: f.__name__ for f in functions}
        found = []

        def watch(frame, event, _):
            if event == "call" and frame.f_code in codes:
                found.append(codes[frame.f_code])

        before = sys.getprofile()
        sys.setprofile(watch)
        try:
            with _eagerly(), contextlib.suppress(Problem):
                self.run(self.first)
        finally:
            sys.setprofile(before)
        return found[0] if found else ""

    def notes(self):
        """What is worth knowing besides."""
        if not self.printed.length:
            return []
        beginning = " ".join(self.printed.beginning.split())
        return [f"it printed {self.printed.length:,} characters: {beginning[:80]} ..."]


# What it returned


def _is_number_of_numpy(value):
    return isinstance(value, np.ndarray | np.generic | float)


def _array(value, wanted):
    """An array of what came, or a problem; `wanted` is in words."""
    if value is None:
        raise Problem("it returned None: is a `return` missing?")
    kind = type(value).__name__
    if inspect.iscoroutine(value):
        value.close()
    if isinstance(value, tuple | list | Mapping | str | bytes):
        raise Problem(f"it returned a {kind}; wanted {wanted}")
    if callable(value) and not tf.is_tensor(value):
        raise Problem(f"it returned a function, {kind}; wanted {wanted}: call it")
    if isinstance(value, tf.RaggedTensor | tf.SparseTensor | tf.IndexedSlices):
        raise Problem(f"it returned a {kind}; wanted {wanted}: an ordinary tensor")
    if tf.is_tensor(value) and not hasattr(value, "numpy"):
        raise Problem(f"it returned a symbol of a graph, {kind}; wanted {wanted}")
    try:
        array = safely(np.asarray, value)
    except Problem:
        raise Problem(f"it returned a {kind}; wanted {wanted}") from None
    dtype = getattr(value, "dtype", array.dtype)
    dtype = getattr(dtype, "name", dtype)
    if array.dtype == object and not tf.is_tensor(value):
        raise Problem(f"it returned a {kind}; wanted floats, {wanted}")
    if array.dtype.kind in "iub":
        raise Problem(
            f"it returned {dtype}, whole numbers; wanted floats: is there an integer "
            "division or a cast?"
        )
    if array.dtype.kind != "f" and dtype != "bfloat16":
        raise Problem(f"it returned {dtype}; wanted floats, {wanted}")
    return array


def is_double(value):
    """Whether it is a tensor of float64, where everything else is float32."""
    return tf.is_tensor(value) and value.dtype == tf.float64


def a_number(value) -> float:
    """One finite float, also as an array with one entry; or a problem.

    >>> a_number(tf.constant([2.5]))
    2.5
    """
    array = _array(value, "one number")
    if array.size != 1:
        raise Problem(
            f"it returned shape {array.shape}; wanted one number: usually a sum "
            "(tf.reduce_sum) is missing, or goes over one axis only"
        )
    number = float(array.ravel()[0])
    if not np.isfinite(number):
        raise Problem(f"it returned {number}: divided by zero, or a logarithm?")
    return number


def an_array(value, shape: tuple, hints: Mapping | None = None) -> np.ndarray:
    """An array of a shape, or a problem; `hints` explain other shapes."""
    array = _array(value, f"an array of shape {shape}")
    if array.shape != shape:
        hint = (hints or {}).get(array.shape, "")
        raise Problem(f"it returned shape {array.shape}; wanted {shape}{hint}")
    array = np.asarray(array, "float64")
    if not np.isfinite(array).all():
        raise Problem("it returned numbers that are not finite")
    return array


# What it is written as


@functools.lru_cache
def defaults(f: Callable) -> tuple:
    """The defaults of its arguments, in their order; empty where there are none."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple(p.default for p in parameters if p.default is not p.empty)

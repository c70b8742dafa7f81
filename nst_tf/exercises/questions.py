"""What the checks are made of: a report, draws of random numbers, questions."""

import contextlib
import difflib
import functools
import html
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from nst_tf.exercises.mistakes import named, same
from nst_tf.exercises.students import Problem, Student, a_number, an_array, is_double

# What a check says


@dataclass(frozen=True)
class Report:
    """What a check found; true if there was nothing wrong.

    Attributes:
        name: of the function that was checked.
        passed: what was right, in the order of the questions.
        problem: the first thing wrong, in a sentence or two; or "".
        notes: what is worth knowing besides, such as that it printed something.
    """

    name: str
    passed: tuple
    problem: str = ""
    notes: tuple = ()

    def __bool__(self):
        return not self.problem

    def __str__(self):
        right = f"right: {', '.join(self.passed)}" if self.passed else ""
        lines = [f"(note: {note})" for note in self.notes]
        if self:
            return "\n".join([f"{self.name}: all {right}", *lines])
        said = [f"{self.name}: {self.problem}", *([f"({right})"] if right else [])]
        return "\n".join(said + lines)

    __repr__ = __str__

    def _repr_html_(self):
        color, sign = ("#2e7d32", "&#10003;") if self else ("#c62828", "&#10007;")
        right = "".join(f"<span>&#10003; {name}</span> " for name in self.passed)
        problem = html.escape(self.problem) or "All right."
        notes = "".join(f"<br>Note: {html.escape(note)}" for note in self.notes)
        return (
            f'<div style="border-left: 4px solid {color}; padding: 0.4em 0.8em; '
            f'max-width: 44em"><b style="color: {color}">{sign} '
            f"{html.escape(self.name)}</b><br>{problem}<br>"
            f'<small style="opacity: 0.7">{right}{notes}</small></div>'
        )


# What a function is given


@dataclass(frozen=True)
class Theirs:
    """How a function is called that has an interface of its own.

    Attributes:
        given: our arguments -> the function's.
        letters: `{name: value}` of weights among them, which multiply the result.
        instead: `{words: other arguments}`, each made of ours as by `given`. If the
            function is right with these, the words are what is wrong with it.
    """

    given: Callable = lambda *ours: ours
    letters: Mapping[str, float] = field(default_factory=dict)
    instead: Mapping[str, Callable] = field(default_factory=dict)


@dataclass(frozen=True)
class Draw:
    """One question: random arguments, and the right answer.

    Attributes:
        ours: the arguments, as this library has them.
        right: the right value.
        scale: its factor, `right` without which is the formula alone.
        sizes: `{letter: size}`, N, H, W and weights.
        name: what is special about it.
        theirs: how the function is called.
    """

    ours: tuple
    right: Any
    scale: float
    sizes: Mapping[str, float]
    name: str
    theirs: Theirs = field(default_factory=Theirs)


# Questions


class Asking:
    """Puts questions to one function, and stops at the first wrong answer.

    Attributes:
        student: the function.
        passed: what was right so far.
        notes: what is worth knowing besides.
        theirs: random generator -> `Theirs`.
        tensorflow: whether a gradient has to flow.
    """

    def __init__(self, f, theirs=None, tensorflow=False):
        self.passed, self.notes = [], []
        self.theirs = theirs or (lambda rng: Theirs())
        self.tensorflow = tensorflow
        self.student = Student(f)
        self.draws, self.found = [], []
        self.instead = {}  # {words: our arguments -> others that would be right}
        self.without = {}  # {words: draw -> arguments that have to make a difference}

    def tick(self, aspect):
        """Notes what is right; once is enough."""
        if aspect not in self.passed:
            self.passed.append(aspect)

    def ask(self, aspect, right, observation, otherwise=""):
        """If it is not right, the observation is told, and what causes it.

        `otherwise` is added if no cause is known.
        """
        if not right:
            cause = self.cause()
            raise Problem(observation + (f": {cause}" if cause else otherwise))
        self.tick(aspect)

    def value(self, draw, *ours):
        """The function's value, of other arguments if there are any."""
        return self.read(self.student(*draw.theirs.given(*(ours or draw.ours))), draw)

    def put(self, draws, read, variants):
        """Asks for the values of all draws, and whether they are the same again.

        Args:
            draws: the first two of one shape, the others of other shapes.
            read: (value, draw) -> number or array.
            variants: draw -> `[(words, value)]`, wrong formulas; see `mistakes.named`.
        """
        self.draws, self.variants = draws, variants
        self.doubles = []

        def reading(value, draw):
            self.doubles.append(is_double(value))
            return read(value, draw)

        self.read = reading
        self.found = [self._first(draws[0])]
        self._ask_again("at once")
        for draw in draws[1:]:
            self.found.append(self._next(draw))
        self._ask_again("after others")
        self.ask(
            "type",
            not any(self.doubles),
            "it returned float64; wanted float32, as the input is",
            ": usually a NumPy number or a cast in between, which makes all that "
            "follows twice as slow",
        )
        if tf.is_tensor(draws[0].ours[0]):
            self.tick("shape")
        return self.found

    def _first(self, draw):
        try:
            return self.value(draw)
        except Problem as problem:
            instead = self._instead([draw])
            raise Problem(f"{problem}{': ' * bool(instead)}{instead}") from None

    def _next(self, draw):
        try:
            return self.value(draw)
        except Problem as problem:
            self.tick("type")
            cause = self._kept() or self._instead([draw]) or self._unused()
            if not cause and len(self.found) > 1:
                so_far = self.draws[: len(self.found)]
                cause = named(self.found, so_far, self.variants, exact=True)
            if cause and not self._right(len(self.found) - 1):
                raise Problem(self._came(len(self.found) - 1) + f": {cause}") from None
            cause = cause or "is a size or a number of the first written in, or kept?"
            raise Problem(
                f"no error for {self.draws[0].name}, but for {draw.name}: {problem}: "
                f"{cause}"
            ) from None

    def _ask_again(self, when):
        again = self.value(self.draws[0])
        if not same(again, self.found[0]):
            one, other = (np.ravel(x)[0] for x in (self.found[0], again))
            raise Problem(
                f"two calls with the same input give different results, {one:.6g} and "
                f"{other:.6g}: it has random numbers in it, or keeps something from "
                "call to call"
            )

    # Causes

    def _right(self, i):
        return same(self.found[i], self.draws[i].right)

    def _kept(self):
        """What it says if the second call of one shape goes wrong."""
        if len(self.found) < 2:
            return ""
        one, other = self.draws[:2]
        alike = same(self.found[0], self.found[1]) and np.any(self.found[0])
        if alike and not same(one.right, other.right):
            if self._right(0):
                return (
                    "it gives the first answer again, for other numbers: it is kept "
                    "from the first call, or written in"
                )
            return (
                "it gives the same for other numbers: is it kept from an earlier "
                "call, or its input not used?"
            )
        if self._right(0) and not self._right(1):
            return (
                "it was right at the first call: something is kept from that (a global "
                "variable, a default, a cache), or a number is written in"
            )
        return ""

    def _instead(self, draws):
        """Words for arguments with which the function would be right."""
        ways = {
            words: lambda draw, other=other: draw.theirs.given(*other(*draw.ours))
            for words, other in self.instead.items()
        } | {
            words: lambda draw, words=words: draw.theirs.instead[words](*draw.ours)
            for words in draws[0].theirs.instead
        }
        for words, way in ways.items():
            with contextlib.suppress(Problem):
                values = [self.read(self.student(*way(draw)), draw) for draw in draws]
                if all(same(v, d.right) for v, d in zip(values, draws, strict=True)):
                    return words
        return ""

    def _unused(self):
        """Words for arguments without which the value is the same."""
        draw = self.draws[0]
        if not np.any(self.found[0]):
            return ""
        for words, other in self.without.items():
            with contextlib.suppress(Problem):
                value = self.value(draw, *other(draw))
                if np.allclose(value, self.found[0], rtol=1e-6, atol=0):
                    return words
        return ""

    def _shifted(self):
        """What it says of whole numbers, and of a constant that is added."""
        pairs = [(f, d.right) for f, d in zip(self.found, self.draws, strict=True)]
        if all(np.array_equal(2 * f, np.round(2 * f)) and np.any(f) for f, _ in pairs):
            return (
                "all its values are whole numbers or halves: is there rounding, // or "
                "a cast to integers?"
            )
        more = pairs[0][0] - pairs[0][1]
        constant = np.ravel(more)[0]
        if all(np.allclose(f - r, constant, rtol=1e-2, atol=1e-4) for f, r in pairs):
            return f"it is {constant:.4g} more than it should be, always: a constant"
        return ""

    def _right_once(self):
        """What it says if only the first draw is right."""
        size = ": is a size written in?" if self.draws[0].sizes else ""
        return f"it is right for {self.draws[0].name}{size}" if self._right(0) else ""

    def cause(self):
        """What explains the values that were found; or ""."""
        if len(self.found) < len(self.draws) or not self.draws:
            return ""
        if all(map(self._right, range(len(self.draws)))):
            return ""
        if not any(np.any(x) for x in self.found):
            return (
                "it is always 0: is a factor 0, as 1 // 2 is, or is something "
                "subtracted from itself, such as a target that is computed from the "
                "generated picture?"
            )
        wrong = [draw for i, draw in enumerate(self.draws) if not self._right(i)]
        return (
            named(self.found, self.draws, self.variants)
            or self._instead(wrong)
            or self._shifted()
            or self._kept()
            or self._unused()
            or self._right_once()
        )

    # Questions that several checks ask

    def _came(self, i):
        found, right = self.found[i], self.draws[i].right
        where = f"for {self.draws[i].name} " if i and self._right(0) else ""
        if not np.ndim(found):
            return f"{where}it returned {found:.6g}, wanted {right:.6g}"
        entry = np.unravel_index(np.argmax(np.abs(found - right)), found.shape)
        at = ", ".join(map(str, entry))
        return (
            f"{where}its entry [{at}] is {found[entry]:.6g}, wanted {right[entry]:.6g}"
        )

    def ask_value(self):
        """The values of all draws are right."""
        wrong = [i for i in range(len(self.draws)) if not self._right(i)]
        self.ask(
            "value",
            not wrong,
            self._came(wrong[0]) if wrong else "",
            "; it is no known mistake, and neither a constant nor sizes such as N and "
            "M explain the difference",
        )

    def ask_zero(self, draw, *ours, when):
        """It is 0, with a slope that is a number, where there is nothing to change."""
        found = self.value(draw, *ours)
        self.ask("identity", abs(found) < 1e-6, f"it is {found:.6g} {when}; wanted 0")
        if self.student.numpy:
            return
        for gradient in self.student.gradients(draw.theirs.given, *ours):
            self.ask(
                "identity",
                gradient is None or np.isfinite(gradient).all(),
                f"its gradient is not a number {when}",
                ": usually a square root, whose slope at 0 is infinite; square it, or "
                "leave it out",
            )

    def ask_gradient(self, right, of="its input", towards=None):
        """The gradient of the second draw is that of the right formula.

        Args:
            right: our arguments -> the right value, as a tensor.
            of: what the gradient is taken of.
            towards: of an array, weights of its entries in a sum; None: all one.
        """
        if self.student.numpy:
            if self.tensorflow:
                raise Problem(
                    "its value is right, but is no tensor: no gradient can flow. "
                    "Wanted TensorFlow all the way, without NumPy, .numpy() or float()"
                )
            self.notes.append("its value is no tensor, so that no gradient flows")
            return
        draw = self.draws[1]
        given = draw.theirs.given
        found = self.student.gradients(given, *draw.ours, towards=towards)
        if all(x is None for x in found):
            raise Problem(
                f"no gradient reaches {of}: usually .numpy(), a NumPy function or "
                "tf.stop_gradient on the generated picture is in between"
            )
        wanted = _gradients(right, draw.ours, towards)
        pairs = zip(found, wanted, strict=True)
        found = _flat(np.zeros_like(w) if x is None else x for x, w in pairs)
        wanted = _flat(wanted)
        if not same(found, wanted):
            raise Problem(_gradient_problem(found, wanted))
        self.tick("gradient")


def _flat(arrays):
    return np.concatenate([np.ravel(x) for x in arrays])


def _gradients(right, ours, towards):
    """Those of the right formula, for each tensor of the first argument."""
    watched = tf.nest.flatten(ours[0])
    with tf.GradientTape() as tape:
        tape.watch(watched)
        value = right(*ours)
    zero = tf.UnconnectedGradients.ZERO
    found = tape.gradient(value, watched, towards, unconnected_gradients=zero)
    return [x.numpy() for x in found]


def _gradient_problem(found, expected):
    """What is wrong with a gradient whose value is right."""
    told = "its value is right, but its gradient is not"
    if not np.isfinite(found).all():
        return f"{told} finite"
    ratio = np.sum(found * expected) / np.sum(expected * expected)
    if not np.any(found):
        return f"{told}, it is 0: is there rounding, or tf.stop_gradient?"
    if same(found, ratio * expected):
        half = ": is tf.stop_gradient on one of two equal factors?"
        return (
            f"{told}, it is {ratio:.4g} times what was wanted"
            f"{half if np.isclose(ratio, 0.5, rtol=1e-2) else ''}"
        )
    return f"{told}: is there tf.stop_gradient on a part of it, or rounding?"


def number(value, draw=None) -> float:
    """Reads one number."""
    return a_number(value)


def array_of(shape_of: Callable, hints_of: Callable) -> Callable:
    """Reads arrays whose shape depends on the draw."""

    def read(value, draw):
        shape = shape_of(draw)
        return an_array(value, shape, hints_of(draw))

    return read


# A check


def nearest(option: str, known: Sequence[str]) -> str:
    """What was meant by an option that nobody knows."""
    close = difflib.get_close_matches(option, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"it has {list(known)}"


def check_of(*ours: Callable, gradient: bool = True) -> Callable:
    """Makes a check, which returns a `Report`, from a function that asks questions.

    The function's first argument is an `Asking`; the check's is the student's function.

    Args:
        ours: nst_tf's own functions that would answer the exercise.
        gradient: whether the check has the option `tensorflow`.
    """

    def decorate(function):
        name = function.__name__.removeprefix("check_")
        options = {"tensorflow": gradient, "own": bool(ours)}
        common = [option for option, offered in options.items() if offered]
        signature = _signature(function, common)

        @functools.wraps(function)
        def check(f, *args, theirs=None, **options):
            unknown = [o for o in options if o not in signature.parameters]
            if unknown:
                known = [o for o in signature.parameters if o != "f"]
                raise ValueError(
                    f"{name}: no option {unknown[0]!r}; {nearest(unknown[0], known)}"
                )
            own = options.pop("own", False)
            tensorflow = options.pop("tensorflow", False)
            asking = None
            try:
                asking = Asking(f, theirs, tensorflow)
                function(asking, *args, **options)
                _ask_own(asking, ours, own)
            except Problem as problem:
                return _report(name, asking, str(problem))
            return _report(name, asking)

        check.__signature__ = signature
        return check

    return decorate


def _signature(function, common):
    """That of the function, with the student's in front and the common options."""
    kinds = inspect.Parameter
    f = kinds("f", kinds.POSITIONAL_OR_KEYWORD, annotation=Callable)
    _, *options = inspect.signature(function).parameters.values()
    last = {"kind": kinds.KEYWORD_ONLY, "default": False, "annotation": bool}
    more = [kinds(name, **last) for name in common]
    return inspect.Signature([f, *options, *more], return_annotation=Report)


def _ask_own(asking, ours, refused):
    """Whether it is nst_tf's own function, which is noted, or refused."""
    name = asking.student.own(ours)
    if name and refused:
        raise Problem(f"this is nst_tf's own {name}, or calls it; wanted your own")
    if name:
        asking.notes.append(f"this is nst_tf's own {name}, or calls it")


def _report(name, asking, problem=""):
    if asking is None:  # not even a function
        return Report(name, (), problem)
    notes = (*asking.notes, *asking.student.notes())
    return Report(name, tuple(asking.passed), problem, notes)

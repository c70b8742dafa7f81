"""The checks by name, also by those of known courses, and grades.

    nst.exercises.check_gram_matrix(my_gram_matrix)
    nst.exercises.check("gram_matrix", cs231n_gram_matrix, course="cs231n")

The checks themselves are in `checks.py` and `later_checks.py`. `grade` turns what they
find into points.
"""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from nst_tf.exercises.checks import (
    check_content_loss,
    check_gram_matrix,
    check_layer_style_loss,
    check_preprocess,
    check_style_loss,
    check_total_loss,
    check_total_variation,
    check_train_step,
)
from nst_tf.exercises.courses import COURSES
from nst_tf.exercises.later_checks import (
    check_adain,
    check_color_match,
    check_guided_gram,
    check_instance_norm,
    check_mmd,
    check_moments,
)
from nst_tf.exercises.questions import Report, nearest

CHECKS = {
    "content_loss": check_content_loss,
    "gram_matrix": check_gram_matrix,
    "layer_style_loss": check_layer_style_loss,
    "style_loss": check_style_loss,
    "total_variation": check_total_variation,
    "total_loss": check_total_loss,
    "preprocess": check_preprocess,
    "train_step": check_train_step,
    "mmd": check_mmd,
    "moments": check_moments,
    "color_match": check_color_match,
    "guided_gram": check_guided_gram,
    "instance_norm": check_instance_norm,
    "adain": check_adain,
}


def _check_name(name, course):
    if course is not None and course not in COURSES:
        raise ValueError(f"course: {course!r} is none of {list(COURSES)}")
    known: dict[str, Any] = COURSES[course] if course else CHECKS
    if name not in known:
        raise ValueError(f"name: {name!r} is none of {list(known)}")


def check(name: str, f: Callable, course: str | None = None, **options) -> Report:
    """Checks a function by its name, or by its name in a known course.

    Args:
        name: such as `"gram_matrix"`.
        f: the student's function.
        course: None for the names and arguments of this library; `"cs231n"` for
            Stanford's assignment, `"deeplearning.ai"` for Coursera's.
        **options: of the check, such as `seed` or `layout`.

    Returns:
        A `Report`.

    Raises:
        ValueError: an unknown name or course, or a wrong value of an option.

    Example:

    >>> check("total_cost", lambda C, S, alpha=10, beta=40: alpha * C + beta * S,
    ...       course="deeplearning.ai").passed
    ('type', 'value', 'gradient')
    """
    _check_name(name, course)
    if course is None:
        return CHECKS[name](f, **options)
    for question in COURSES[course][name]:
        settings = question.options | options
        report = question.check(f, theirs=question.theirs, **settings)
        if not report:
            break
    problem = f"{question.words}{report.problem}" if not report else ""
    return dataclasses.replace(report, name=name, problem=problem)


def _options_of(name, course):
    """Options that the check of this name has."""
    checks = [q.check for q in COURSES[course][name]] if course else [CHECKS[name]]
    return {o for c in checks for o in inspect.signature(c).parameters} - {"f"}


def _check_options(options, functions, course):
    """Each option belongs to one of the checks at least."""
    known = {o for name in functions for o in _options_of(name, course)}
    for option in options:
        if functions and option not in known:
            raise ValueError(f"no option {option!r}; {nearest(option, sorted(known))}")


def grade(
    functions: dict[str, Callable],
    points: dict[str, float] | None = None,
    course: str | None = None,
    seed: int = 1,
    **options,
) -> dict[str, Any]:
    """Points and reasons for several functions, as data.

    Args:
        functions: `{name: the student's function}`.
        points: `{name: points}`. Default: one each.
        course: as in `check`.
        seed: of the numbers; not the students' own, so that answers cannot be
            hard-coded.
        **options: of all checks that have them, such as `layout`. With `own=True` no
            function of nst_tf counts, with `tensorflow=True` none that has no gradient.

    Returns:
        `{"points": 3.0, "of": 4.0, "checks": [{"name", "points", "of", "passed",
        "reason", "notes"}, ...]}`.

    Raises:
        ValueError: an unknown name, course or option, or no points for a name; never
            for anything that a student's function does.

    Example:

    >>> from nst_tf import losses
    >>> found = grade({"gram_matrix": losses.gram_matrix, "content_loss": min})
    >>> found["points"], found["of"]
    (1.0, 2.0)
    >>> grade({"gram_matrix": losses.gram_matrix}, own=True)["checks"][0]["reason"]
    "this is nst_tf's own gram_matrix, or calls it; wanted your own"
    """
    points = dict.fromkeys(functions, 1) if points is None else points
    missing = [name for name in functions if name not in points]
    if missing:
        raise ValueError(f"points: none for {missing[0]!r}, only for {list(points)}")
    for name in functions:
        _check_name(name, course)
    _check_options(options, functions, course)
    rows = []
    for name, f in functions.items():
        its = _options_of(name, course)
        own = {option: x for option, x in options.items() if option in its}
        report = check(name, f, course, seed=seed, **own)
        of = float(points[name])
        rows.append(
            {
                "name": name,
                "points": of if report else 0.0,
                "of": of,
                "passed": list(report.passed),
                "reason": report.problem,
                "notes": list(report.notes),
            }
        )
    return {
        "points": sum(row["points"] for row in rows),
        "of": sum(row["of"] for row in rows),
        "checks": rows,
    }

"""The checks by name, also by those of known courses, and grades.

    nst.exercises.check_gram_matrix(my_gram_matrix)
    nst.exercises.check("gram_matrix", cs231n_gram_matrix, course="cs231n")

The checks themselves are in `checks.py`. `grade` turns what they find into points.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from nst_tf.checks import (
    GRAM,
    check_content_loss,
    check_gram_matrix,
    check_layer_style_loss,
    check_preprocess,
    check_style_loss,
    check_total_loss,
    check_total_variation,
    check_train_step,
)
from nst_tf.questions import Report

# Functions of known courses, called with this library's arguments


def _cs231n_style_loss(f):
    """Theirs has lists, and layers by their index."""

    def style_loss(features, targets, layer_weights):
        names = list(features)
        layers = [names.index(name) for name in layer_weights]
        wanted = [targets[name][0] for name in layer_weights]
        weights = list(layer_weights.values())
        return f(list(features.values()), layers, wanted, weights)

    return style_loss


def _deeplearning_ai_style_cost(f):
    """Theirs has lists of outputs, the last of which is the content's."""

    def style_loss(features, targets, layer_weights):
        G, S = ([*(x[n] for n in layer_weights), None] for x in (features, targets))
        return f(S, G, list(layer_weights.items()))

    return style_loss


def _a(value):
    return lambda N, M: value


CHECKS = {
    "content_loss": check_content_loss,
    "gram_matrix": check_gram_matrix,
    "layer_style_loss": check_layer_style_loss,
    "style_loss": check_style_loss,
    "total_variation": check_total_variation,
    "total_loss": check_total_loss,
    "preprocess": check_preprocess,
    "train_step": check_train_step,
}
# {course: {its name: (check, what turns theirs into ours, options)}}
COURSES: dict[str, dict[str, Any]] = {
    "cs231n": {
        "content_loss": (
            check_content_loss,
            lambda f: lambda F, P: f(0.5, F, P),
            {"normalize": _a(0.5)},
        ),
        "gram_matrix": (
            check_gram_matrix,
            lambda f: lambda F: f(F)[None],
            {"normalize": "mean", "batch": False},
        ),
        "style_loss": (
            check_style_loss,
            _cs231n_style_loss,
            {"normalize": (GRAM["mean"], _a(1.0))},
        ),
        "tv_loss": (
            check_total_variation,
            lambda f: lambda image: f(image, 1.0),
            {"normalize": "none"},
        ),
    },
    "deeplearning.ai": {
        "compute_content_cost": (
            check_content_loss,
            lambda f: lambda F, P: f([None, P], [None, F]),
            {"normalize": lambda N, M: 1 / (4 * N * M)},
        ),
        "gram_matrix": (
            check_gram_matrix,
            lambda f: lambda F: f(tf.transpose(tf.reshape(F, (-1, F.shape[-1])))),
            {"layout": "hwc"},
        ),
        "compute_layer_style_cost": (
            check_layer_style_loss,
            lambda f: lambda F, S: f(S, F),
            {"normalize": "paper", "target": "features"},
        ),
        "compute_style_cost": (
            check_style_loss,
            _deeplearning_ai_style_cost,
            {"normalize": "paper", "target": "features"},
        ),
        "total_cost": (check_total_loss, lambda f: f, {}),
    },
}


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
    if course is not None and course not in COURSES:
        raise ValueError(f"course: {course!r} is none of {list(COURSES)}")
    known: dict[str, Any] = COURSES[course] if course else CHECKS
    if name not in known:
        raise ValueError(f"name: {name!r} is none of {list(known)}")
    if course is None:
        return known[name](f, **options)
    ask, ours, settings = known[name]
    return ask(ours(f) if callable(f) else f, **(settings | options))


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
        **options: of all checks, such as `layout`.

    Returns:
        `{"points": 3.0, "of": 4.0, "checks": [{"name", "points", "of", "passed",
        "reason"}, ...]}`.

    Example:

    >>> from nst_tf import losses
    >>> found = grade({"gram_matrix": losses.gram_matrix, "content_loss": min})
    >>> found["points"], found["of"]
    (1.0, 2.0)
    """
    points = points or dict.fromkeys(functions, 1)
    rows = []
    for name, f in functions.items():
        report = check(name, f, course, seed=seed, **options)
        of = float(points[name])
        rows.append(
            {
                "name": name,
                "points": of if report else 0.0,
                "of": of,
                "passed": list(report.passed),
                "reason": report.problem,
            }
        )
    return {
        "points": sum(row["points"] for row in rows),
        "of": sum(row["of"] for row in rows),
        "checks": rows,
    }

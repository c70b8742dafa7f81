"""The solutions of the course's exercises: as committed, run again, and their parts."""

import ast
import json
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_notebooks import (
    NOTEBOOKS,
    ROOT,
    cells,
    claims,
    is_check,
    outputs,
    parameters,
    printed,
    text,
    unfounded,
)

import nst_tf as nst

SOLUTIONS = [path.parent / "solutions" / path.name for path in NOTEBOOKS]
SMALL = {"size": 64, "steps": 4, "seconds": 0.5}
NO_ANSWER = r"^(?:>|##) .*$"  # the question, and its number

each = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


def words_of(path):
    return "\n\n".join(text(cell) for cell in cells(path, "markdown"))


def defined(chapter, *names):
    """Functions of a notebook, without running the rest of it."""
    (path,) = [path for path in SOLUTIONS if path.stem == chapter]
    found = {"np": np, "tf": tf, "nst": nst}
    for cell in cells(path, "code"):
        source = re.sub(r"^\s*[%!].*", "", text(cell), flags=re.MULTILINE)
        if any(f"\ndef {name}(" in f"\n{source}" for name in names):
            tree = ast.parse(source)
            tree.body = [part for part in tree.body if type(part) is ast.FunctionDef]
            exec(compile(tree, path.name, "exec"), found)
    return [found[name] for name in names]


@each
def test_every_exercise_is_quoted_in_full(path):
    chapter = path.parents[1] / path.name
    _, exercises = text(cells(chapter, "markdown")[-1]).split("## Exercises")
    asked = re.findall(r"^\d\. \*\*(\w+)\.\*\* (.*)$", exercises, re.MULTILINE)
    answered = re.findall(r"^## \d\. (\w+)\n\n> (.*)$", words_of(path), re.MULTILINE)
    assert answered == asked
    assert [kind for kind, _ in asked] == ["Predict", "Change", "Build"]


@each
def test_solutions_run_from_top_to_bottom(path, tmp_path, monkeypatch):
    papermill = pytest.importorskip("papermill")
    monkeypatch.delenv("NST_TF_WEIGHTS", raising=False)
    (tmp_path / "images").symlink_to(ROOT / "images")
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    known = re.findall(r"^(\w+) = ", text(parameters(path)), re.MULTILINE)
    papermill.execute_notebook(
        path,
        tmp_path / path.name,
        {name: SMALL[name] for name in known if name in SMALL},
        cwd=tmp_path / "notebooks" / "solutions",
        progress_bar=False,
    )
    assert "stderr" not in [
        output.get("name") for output in outputs(tmp_path / path.name)
    ]


@each
def test_committed_solutions_were_run_in_order_and_are_small(path):
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1))
    assert not {"error"} & {output["output_type"] for output in outputs(path)}
    assert not {"stderr"} & {output.get("name") for output in outputs(path)}
    assert path.stat().st_size < 500e3


@each
def test_what_solutions_say_is_true(path, tmp_path):
    for cell in filter(is_check, cells(path, "code")):
        assert [claim for claim in claims(cell) if claim not in words_of(path)] == []
        assert printed(cell).count("True") == len(claims(cell)), printed(cell)
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = re.sub(NO_ANSWER, "", text(cell), flags=re.MULTILINE)
    answers = tmp_path / path.name
    answers.write_text(json.dumps(notebook))
    assert list(unfounded(answers)) == []


@each
def test_every_picture_of_solutions_is_said_in_words(path):
    for cell in cells(path, "code"):
        shown = [kind for output in cell["outputs"] for kind in output.get("data", {})]
        pictures = [kind for kind in shown if kind.startswith("image/")]
        assert len(pictures) <= 1
        assert bool(pictures) == (len(cell["metadata"].get("alt", "")) > 20), text(cell)


@each
def test_solutions_lead_back_to_their_chapter(path):
    links = re.findall(r"\]\((.*?)\)", words_of(path))
    assert f"../{path.name}" in links
    for link in links:
        assert link.startswith("https://") or (path.parent / link).exists(), link


# What was built, beside something independent


@pytest.mark.parametrize("known", [0.0021, 0.05, 0.7])
def test_bisection_finds_the_threshold_of_any_friend(known):
    (threshold,) = defined("00_quickstart", "threshold")
    low, high = threshold(lambda weight: weight >= known, 1e-3, 1.0, questions=12)
    assert low < known <= high < 1.01 * low


def test_the_forgiving_loss_is_the_smallest_over_nine_shifts():
    (*_, forgiving_loss) = defined(
        "01_content", "insides", "nine_losses", "forgiving_loss"
    )
    rng = np.random.default_rng(1)
    F, P = rng.normal(size=(2, 1, 6, 5, 2)).astype("float32")
    losses = []
    for y in (0, 1, 2):
        for x in (0, 1, 2):
            pairs = [
                (F[0, i + 1, j + 1], P[0, i + y, j + x]) for i, j in np.ndindex(4, 3)
            ]
            losses.append(sum(np.sum((f - p) ** 2) / 2 for f, p in pairs))
    assert float(forgiving_loss(F, P)) == pytest.approx(min(losses), rel=1e-5)


def test_a_shift_by_one_position_is_forgiven_in_all_eight_directions():
    (*_, forgiving_loss) = defined(
        "01_content", "insides", "nine_losses", "forgiving_loss"
    )
    P = np.random.default_rng(1).normal(size=(1, 6, 5, 2)).astype("float32")
    for shift in np.ndindex(3, 3):
        F = np.roll(P, np.array(shift) - 1, axis=(1, 2))
        assert float(forgiving_loss(F, P)) == 0
    assert float(forgiving_loss(np.roll(P, 2, axis=1), P)) > 1


def test_mean_and_deviation_are_those_of_numpy():
    (mean_and_deviation,) = defined("02_style", "mean_and_deviation")
    F = np.random.default_rng(1).normal(3, 2, (2, 6, 5, 4)).astype("float32")
    mean, deviation = mean_and_deviation(F)
    np.testing.assert_allclose(mean, F.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(deviation, F.std(axis=(1, 2)), rtol=1e-5)


def test_a_filter_that_never_answers_has_a_finite_gradient():
    (mean_and_deviation,) = defined("02_style", "mean_and_deviation")
    F = tf.zeros((1, 6, 5, 4))
    with tf.GradientTape() as tape:
        tape.watch(F)
        total = tf.reduce_sum(mean_and_deviation(F))
    assert np.isfinite(tape.gradient(total, F)).all()


def test_momentum_by_hand_is_that_of_keras():
    (momentum,) = defined("03_transfer", "momentum")
    rng = np.random.default_rng(1)
    start, goal = rng.uniform(size=(2, 1, 4, 5, 3)).astype("float32")

    def loss(image):
        return {"total": tf.reduce_mean(tf.square(image - goal) * goal)}

    def loss_and_gradient(image):
        losses, gradient = nst.optimizers.loss_and_gradient(loss, image)
        return losses["total"], gradient

    sgd = keras.optimizers.SGD(0.3, momentum=0.8)
    wanted = [losses["total"] for losses, _ in nst.descend(loss, start, 9, sgd)]
    found, _ = momentum(loss_and_gradient, tf.constant(start), 9, rate=0.3, keep=0.8)
    assert found == pytest.approx(wanted, rel=1e-5)
    assert found[-1] < found[0] / 2

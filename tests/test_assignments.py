"""The assignments are handed out, handed in and graded by nbgrader itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader")
import nbformat
from nbgrader.api import Gradebook

COURSE = Path(__file__).parent.parent / "notebooks" / "exercises"
TIMEOUT = 20  # seconds, of a cell


def nbgrader(course, *arguments):
    command = [sys.executable, "-m", "nbgrader", *arguments]
    tools = Path(sys.executable).parent  # it calls alembic by name
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=course, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


def read(path):
    return nbformat.read(path, as_version=4)


def identity(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def solutions(assignment):
    """`{grade_id: source}` of the instructor's cells that students fill in."""
    notebook = read(COURSE / "source" / assignment / f"{assignment}.ipynb")
    return {
        identity(cell): cell.source
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def hand_in(course, assignment, student, answers):
    """The students' version with some cells filled in."""
    folder = course / "submitted" / student / assignment
    shutil.copytree(course / "release" / assignment, folder)
    path = folder / f"{assignment}.ipynb"
    notebook = read(path)
    for cell in notebook.cells:
        cell.source = answers.get(identity(cell), cell.source)
    nbformat.write(notebook, path)


def scores(course, assignment):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        return {
            submission.student.id: submission.score
            for submission in gradebook.assignment_submissions(assignment)
        }


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    course = tmp_path_factory.mktemp("course")
    shutil.copytree(COURSE, course, dirs_exist_ok=True)
    for folder in sorted((course / "source").iterdir()):
        nbgrader(course, "generate_assignment", folder.name)
    return course


def grade(course, assignment, submissions):
    right = solutions(assignment)
    for student, answers in submissions.items():
        hand_in(course, assignment, student, right | answers)
    nbgrader(
        course, "autograde", assignment, f"--ExecutePreprocessor.timeout={TIMEOUT}"
    )
    return scores(course, assignment)


@pytest.mark.parametrize("folder", sorted((COURSE / "source").iterdir()))
def test_the_students_version_has_no_solution(folder, course):
    (notebook,) = (course / "release" / folder.name).glob("*.ipynb")
    text = notebook.read_text()
    assert "SOLUTION" not in text and "HIDDEN" not in text and "2718" not in text
    for cell in read(notebook).cells:
        if cell.cell_type == "code":
            assert not cell.outputs
    for name, source in solutions(folder.name).items():
        for line in source.splitlines():
            if line.startswith("    ") and "#" not in line and len(line) > 30:
                assert line not in text or '"""' in line, (name, line)


CONTENT = """
def content_loss(F, P):
    {}
    return tf.reduce_sum(tf.square(F - P)) / 2
"""
GRAM = """
def gram_matrix(F):
    rows = tf.reshape(F, (F.shape[0], F.shape[-1], -1))
    return tf.matmul(rows, rows, transpose_b=True)
"""
TOTAL = "def total_loss(content, style, alpha, beta):\n    {}"
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
LOSSES = {  # what was handed in instead of the right cells, and the points for it
    "right": ({}, 13),
    "half": ({"content_loss": CONTENT.replace(" / 2", "").format("")}, 11),
    "mixed": ({"gram_matrix": GRAM}, 5),  # the two that use it are wrong as well
    "forever": ({"content_loss": CONTENT.format("while True: pass")}, 11),
    "loud": ({"content_loss": CONTENT.format("print('x\\n' * 10**6)")}, 13),
    "raises": ({"total_loss": TOTAL.format("raise RuntimeError('no')")}, 12),
    "copied": ({"total_loss": TOTAL.format("return 5.5 * content + 8.5 * style")}, 12),
    "syntax": ({"total_loss": "def total_loss(:"}, 12),
    "empty": (dict.fromkeys(solutions("01_losses"), STUB), 0),
}


def test_the_losses_get_the_marks_that_they_deserve(course):
    submissions = {student: answers for student, (answers, _) in LOSSES.items()}
    expected = {student: points for student, (_, points) in LOSSES.items()}
    assert grade(course, "01_losses", submissions) == expected
    loud = course / "autograded" / "loud" / "01_losses" / "01_losses.ipynb"
    assert loud.stat().st_size < 200_000


def test_the_first_picture_gets_the_marks_that_it_deserves(course):
    step = solutions("02_first_picture")["train_step"]
    submissions = {
        "right": {},
        "eager": {"train_step": step.replace("@tf.function\n", "")},
        "unclipped": {
            "train_step": step.replace(
                "image.assign(tf.clip_by_value(image, 0.0, 1.0))", "pass"
            )
        },
    }
    found = grade(course, "02_first_picture", submissions)
    assert found == {"right": 10, "eager": 6, "unclipped": 3}


def test_the_experiment_gets_the_marks_that_can_be_given_by_a_machine(course):
    sweep = solutions("03_experiment")["sweep"]
    submissions = {
        "right": {},
        "two": {"sweep": sweep.replace("[1e-3, 1e-2, 1e-1]", "[1e-3, 1e-1]")},
    }
    assert grade(course, "03_experiment", submissions) == {"right": 6, "two": 0}

"""The assignments are handed out, handed in and graded by nbgrader itself.

A class of twelve hands in what stands here, instead of the right cells. The marks
beside it were given by hand: all points that a machine can give, less those of each
mistake.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader")
import nbformat
from nbgrader.api import Gradebook

import nst_tf as nst

COURSE = Path(__file__).parent.parent / "notebooks" / "exercises"


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
    """The students' version with some cells filled in; returns its folder."""
    folder = course / "submitted" / student / assignment
    shutil.copytree(course / "release" / assignment, folder)
    path = folder / f"{assignment}.ipynb"
    notebook = read(path)
    for cell in notebook.cells:
        cell.source = answers.get(identity(cell), cell.source)
    nbformat.write(notebook, path)
    return folder


def said(course, assignment, student, test):
    """All that the output of a test says to a student."""
    graded = course / "autograded" / student / assignment / f"{assignment}.ipynb"
    (cell,) = [cell for cell in read(graded).cells if identity(cell) == test]
    return "\n".join(str(output) for output in cell.outputs)


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


def grade(course, assignment, submissions, *options):
    """The marks of those who handed in these cells instead of the right ones."""
    right = solutions(assignment)
    for student, answers in submissions.items():
        hand_in(course, assignment, student, right | answers)
    nbgrader(course, "autograde", assignment, *options)
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


# 1. The losses

STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
RESHAPED = """
def {name}(F):
    rows = tf.reshape(F, (F.shape[0], F.shape[-1], -1))
    return tf.matmul(rows, rows, transpose_b=True)
"""
LAYER = """
def layer_style_loss(F, A):
    _, H, W, N = F.shape
    return tf.reduce_sum(tf.square({gram} - A)) / ({four} * N**2 * (H * W) ** 2)
"""
WITHOUT_4 = LAYER.format(gram="gram_matrix(F)", four=1)
CALLED_BEFORE = "layer_style_loss(tf.ones((1, 4, 5, 7)), tf.ones((1, 7, 7)))"
COPIED = """
def style_loss(features, targets, weights):
    total = 0
    for layer, w in weights.items():
        F, A = features[layer], targets[layer]
        _, H, W, N = F.shape
        total += w * tf.reduce_sum((gram_matrix(F) - A) ** 2) / (N**2 * (H * W) ** 2)
    return total
"""
MEAN_GRAM = """
def gram_matrix(F):
    return tf.einsum("bhwi,bhwj->bij", F, F) / (F.shape[1] * F.shape[2])
"""
MAKES_UP_FOR_IT = """
def layer_style_loss(F, A):
    _, H, W, N = F.shape
    return tf.reduce_sum(tf.square(gram_matrix(F) - A / (H * W))) / (4 * N**2)
"""
IN_NUMPY = """
import numpy as np


def gram_matrix(F):
    rows = np.reshape(F, (F.shape[0], F.shape[-1], -1))
    return rows @ rows.transpose(0, 2, 1)
"""
LOUD = """
def content_loss(F, P):
    print("x\\n" * 10**6)
    return tf.reduce_sum(tf.square(F - P))
"""
OTHERWISE = {
    "content_loss": "def content_loss(F, P): return tf.nn.l2_loss(F - P)",
    "gram_matrix": """
def gram_matrix(F, order="bij"):
    return tf.einsum("bhwi,bhwj->" + order, F, F)
""",
    "layer_style_loss": """
@tf.function
def layer_style_loss(F, A):
    N, M = F.shape[3], F.shape[1] * F.shape[2]
    return tf.reduce_mean((gram_matrix(F, order="bji") - A) ** 2) / (4 * M**2)
""",
}
LOSSES = {  # {student: (instead of the right cells, marks)}
    "ada": ({}, 13),
    "ben": (OTHERWISE, 13),
    "cem": (
        {
            "gram_matrix": RESHAPED.format(name="gram_matrix"),
            "layer_style_loss": "@tf.function"
            + LAYER.format(gram="gram_matrix(F)", four=4)
            + CALLED_BEFORE,
        },
        13 - 3,
    ),
    "dora": (  # the slip is in a function that two others share
        {
            "gram_matrix": RESHAPED.format(name="rows")
            + "def gram_matrix(F): return rows(F)",
            "layer_style_loss": LAYER.format(gram="rows(F)", four=4),
        },
        13 - 3,
    ),
    "eli": ({"gram_matrix": MEAN_GRAM, "layer_style_loss": MAKES_UP_FOR_IT}, 13 - 3),
    "fay": (  # two slips of her own
        {
            "gram_matrix": RESHAPED.format(name="gram_matrix"),
            "layer_style_loss": WITHOUT_4,
        },
        13 - 3 - 3,
    ),
    "gus": ({"gram_matrix": "def gram_matrix(F):\n    while True: pass"}, 13 - 3),
    "hana": ({"layer_style_loss": WITHOUT_4, "style_loss": COPIED}, 13 - 3),
    "ivan": (  # his own is wrong, but he does not call it
        {
            "gram_matrix": IN_NUMPY,
            "layer_style_loss": LAYER.format(gram="nst.gram_matrix(F)", four=4),
        },
        13 - 3,
    ),
    "jun": (
        {
            "content_loss": LOUD,
            "total_loss": "def total_loss(content, style, alpha, beta):\n"
            "    return 5.5 * content + 8.5 * style",
        },
        13 - 2 - 1,
    ),
    "kai": (
        {
            "total_variation": "def total_variation(image):\n"
            "    raise RuntimeError('no')",
            "total_loss": "def total_loss(:",
        },
        13 - 2 - 1,
    ),
    "lea": (dict.fromkeys(solutions("01_losses"), STUB), 0),
}


@pytest.fixture(scope="module")
def losses(course):
    """The course with the first assignment graded, and the marks."""
    submissions = {student: answers for student, (answers, _) in LOSSES.items()}
    loops = {"gus": submissions.pop("gus")}
    grade(course, "01_losses", loops, "--ExecutePreprocessor.timeout=20")
    return course, grade(course, "01_losses", submissions)


def test_the_losses_get_the_marks_that_they_deserve(losses):
    _, marks = losses
    assert marks == {student: points for student, (_, points) in LOSSES.items()}


def test_students_are_told_that_a_right_function_stood_in_for_theirs(losses):
    course, _ = losses
    for student in ("cem", "dora", "fay", "gus"):
        words = said(course, "01_losses", student, "test_layer_style_loss")
        assert "gram_matrix has not passed its test: a right one stood in" in words
    for student in ("ada", "hana", "jun"):
        words = said(course, "01_losses", student, "test_layer_style_loss")
        assert "stood in" not in words


def test_the_message_is_about_the_function_that_is_tested(losses):
    course, _ = losses
    for student in ("fay", "hana"):
        words = said(course, "01_losses", student, "test_layer_style_loss")
        assert "a division by 4 is missing" in words


def test_a_loud_function_leaves_a_small_notebook(losses):
    course, _ = losses
    loud = course / "autograded" / "jun" / "01_losses" / "01_losses.ipynb"
    assert loud.stat().st_size < 200_000


# 2. The first picture


def test_the_first_picture_gets_the_marks_that_it_deserves(course):
    right = solutions("02_first_picture")
    step, paint = right["train_step"], right["paint"]
    unclipped = step.replace("image.assign(tf.clip_by_value(image, 0.0, 1.0))", "pass")
    submissions = {
        "ada": {},
        "ben": {"train_step": unclipped},
        "cem": {
            "preprocess": "def preprocess(image): return 255 * image",
            "train_step": step.replace("@tf.function\n", ""),
        },
        "dora": {  # paint has the slip, too, as it uses what her train_step uses
            "train_step": unclipped.replace("train_step", "move")
            + "\ndef train_step(*given): return move(*given)",
            "paint": paint.replace("train_step(", "move("),
        },
        "eli": {  # the targets are those of the picture that moves
            "paint": paint.replace("F[CONTENT], P", "F[CONTENT], F[CONTENT]").replace(
                "return ALPHA",
                "A = {layer: nst.mean_gram(F[layer]) for layer in STYLE}\n"
                "        return ALPHA",
            )
        },
    }
    marks = {"ada": 10, "ben": 10 - 4, "cem": 10 - 3 - 4, "dora": 10 - 4, "eli": 10 - 3}
    assert grade(course, "02_first_picture", submissions) == marks


# 3. The experiment: pictures are handed in


def painter(course, folder):
    """`paint` of the assignment, in a folder; its pictures are small."""
    path = course / "release" / "03_experiment" / "03_experiment.ipynb"
    (cell,) = [cell for cell in read(path).cells if identity(cell) == "imports"]
    names = {}
    exec(cell.source, names)
    names["FOLDER"] = folder / "pictures"
    names["PRESET"] |= {"size": 48, "steps": 1}

    def paint(factors, **fixed):
        names["paint"](folder / "coffee.jpg", folder / "mosaic.jpg", factors, **fixed)

    return paint


def experiment(factors, found, columns):
    """The cells of a student whose own photograph was not handed in."""
    return {
        "sweep": f"PHOTO, PAINTING, FACTORS = 'mine.jpg', 'mosaic.jpg', {factors}\n"
        "paint(PHOTO, PAINTING, FACTORS)",
        "figure": f"figure = nst.figures.image_grid({found}, columns={columns})",
    }


SMOOTH, SHORT = {"tv_weight": [0.0, 0.5, 5.0]}, {"tv_weight": [0.0, 0.5]}
RACE = {"optimizer": ["adam", "lbfgs"], "steps": [1, 2]}
ROW = "[picture(tv_weight=w, size=48) for w in FACTORS['tv_weight']]"
GRID = "[[picture(optimizer=o, steps=s) for s in (1, 2)] for o in ('adam', 'lbfgs')]"
EXPERIMENTS = {  # {student: (cells, what was painted in turn, marks)}
    "ada": (experiment(SMOOTH, ROW, SMOOTH["tv_weight"]), [(SMOOTH, {})], 6),
    "ben": (
        experiment(RACE, GRID, "['1 step', '2 steps'], rows=['Adam', 'L-BFGS']"),
        [(RACE, {})],
        6,
    ),
    "cem": (experiment(SHORT, ROW, SHORT["tv_weight"]), [(SHORT, {})], 6 - 2),
    "dora": (  # a picture of an earlier try is in the folder
        experiment(SMOOTH, ROW, SMOOTH["tv_weight"]),
        [({"tv_weight": [0.5]}, {"size": 56}), (SMOOTH, {})],
        6 - 2,
    ),
    "eli": (experiment(SMOOTH, ROW, None), [(SMOOTH, {})], 6 - 2),
    "fay": (experiment(SMOOTH, ROW, SMOOTH["tv_weight"]), [], 0),
}


def test_the_experiment_gets_the_marks_that_can_be_given_by_a_machine(course):
    for student, (cells, painted, _) in EXPERIMENTS.items():
        folder = hand_in(course, "03_experiment", student, cells)
        for factors, fixed in painted:
            painter(course, folder)(factors, **fixed)
    marks = {student: points for student, (*_, points) in EXPERIMENTS.items()}
    assert grade(course, "03_experiment", {}) == marks
    assert not list((course / "autograded" / "fay" / "03_experiment").glob("*/*.png"))


def test_the_experiment_is_painted_by_the_network_that_comes_with_the_package(
    course, tmp_path
):
    shutil.copytree(course / "release" / "03_experiment", tmp_path, dirs_exist_ok=True)
    painter(course, tmp_path)({"seed": [0]})
    (path,) = (tmp_path / "pictures").iterdir()
    assert nst.read_settings(path)["network"] == "vgg19_slim"


def test_the_numbers_of_the_model_answer_stand_in_its_output():
    path = COURSE / "source" / "03_experiment" / "03_experiment.ipynb"
    cells = {identity(cell): cell for cell in read(path).cells}
    output = cells["look"].outputs[0].text
    for number in re.findall(r"\d+\.\d+", cells["answer"].source):
        assert number in output, number


# 4. Clouds, colours, places; 5. The guess

NO_CROSS = """
def mmd(F, S):
    return tf.reduce_sum((nst.mean_gram(F) - nst.mean_gram(S)) ** 2) / 2
"""
REINHARD = """
def color_match(image, other):
    (m, v), (n, w) = (tf.nn.moments(p, [0, 1, 2]) for p in (image, other))
    return (image - m) * tf.sqrt(w / v) + n
"""
LIBRARY = "color_match = nst.color.match_colors"
UNNORMALISED = "def guided_gram(F, T): return nst.mean_gram(T * F)"
BY_GRAM = NO_CROSS.replace(" / 2", "")
BATCH_NORM = """
def instance_norm(x, scale, shift):
    mean, variance = tf.nn.moments(x, [0, 1, 2], keepdims=True)
    return scale * (x - mean) / tf.sqrt(variance + 1e-5) + shift
"""
ONE_LATE = """
def worth(search, guess):
    return next((k for k, loss in enumerate(search) if loss < guess), len(search))
"""
CLOUDS = {  # {student: (instead of the right cells, marks)}
    "ada": ({}, 11),
    "ben": ({"mmd": BY_GRAM}, 11),
    "cem": ({"mmd": NO_CROSS, "color_match": REINHARD}, 11 - 3 - 3),
    "dora": ({"color_match": LIBRARY, "guided_gram": UNNORMALISED}, 11 - 3 - 3),
    "eli": (dict.fromkeys(solutions("04_clouds_and_control"), STUB), 0),
}
GUESSES = {
    "ada": ({}, 8),
    "ben": ({"instance_norm": BATCH_NORM}, 8 - 3),
    "cem": ({"worth": ONE_LATE, "adain": "def adain(c, s): return c"}, 8 - 2 - 3),
}


@pytest.mark.parametrize(
    ("assignment", "handed_in"),
    [("04_clouds_and_control", CLOUDS), ("05_the_guess", GUESSES)],
)
def test_what_came_after_gets_the_marks_that_it_deserves(course, assignment, handed_in):
    submissions = {student: answers for student, (answers, _) in handed_in.items()}
    marks = {student: points for student, (_, points) in handed_in.items()}
    assert grade(course, assignment, submissions) == marks


# The page for teachers


def test_the_sections_that_teachers_are_sent_to_are_in_the_notebooks():
    notebooks = COURSE.parent
    titles = [
        line.lstrip("# ")
        for path in notebooks.glob("0*.ipynb")
        for cell in read(path).cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("## ")
    ]
    rows = re.findall(
        r"^\| [\d]+ to \d+ \|([^|]+)\|", (notebooks / "TEACHING.md").read_text(), re.M
    )
    sections = [section for row in rows for section in re.findall(r"\*(.+?)\*", row)]
    assert len(sections) > 20
    for section in sections:
        assert any(title.startswith(section) for title in titles), section

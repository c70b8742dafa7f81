"""The course: as committed, and run again with smaller numbers.

What the text says, the cells show. A code cell tagged `check`, folded away, is a dict
from words of the text to whether they are true:

    {"within a third": totals[99] < 4 / 3 * totals[-1]}

A quantity in the text is within such words, or stands in the code or the output beside
it. And a code cell that shows a picture says in its metadata, as `alt`, what is seen:
pages made by `jupyter nbconvert --to html --template classic` give it to the picture.
"""

import ast
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("0*.ipynb"))
SMALL = {"size": 64, "steps": 3, "many_steps": 4}


def cells(path, kind=None):
    notebook = json.loads(path.read_text())
    return [c for c in notebook["cells"] if kind in (None, c["cell_type"])]


def text(cell):
    return "".join(cell["source"])


def outputs(path):
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def parameters(path):
    (cell,) = [
        c for c in cells(path, "code") if "parameters" in c["metadata"].get("tags", [])
    ]
    return cell


NAMED = r"\b(?:equation|eq\.|eqs\.|figure|section|chapter|block|seed)s?"
NO_RESULT = [  # numbers of the text that are none
    r"## Exercises.*",
    r"\*\*Before you look:\*\*.*?(?:\n\n|$)",  # a question
    r"On two cores[^.]* takes about .*?\.",  # the notebook's own time
    r"`.*?`|\$\$.*?\$\$|\$.*?\$",  # code, equations
    r"!\[.*?\]|\]\(.*?\)",  # words of pictures that no cell makes; addresses
    rf"{NAMED}(?: \d[\d.]*(?: to|,| and)?)+",
    r"\b(?:19|20)\d\d\b|\b\d+x\d+\b|\bfrom 0 to 1\b",  # a year, a shape, a range
    r"\bat \d+ pixels\b|\bhalf the size\b",  # a setting
]
NUMBER = r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)?(?!\w)"
WORDS = r"half|twice|percent|\w+ times|\w+fold|a (?:dozen|hundred|thousand)"
PARTS = r"(?:a|one|two|three) (?:third|quarter|fifth|sixth|tenth|hundredth)s?"
QUANTITY = re.compile(rf"{NUMBER}|\b(?:{WORDS}|{PARTS})\b", re.IGNORECASE)


def is_code(cell):
    return cell["cell_type"] == "code"


def is_check(cell):
    return "check" in cell["metadata"].get("tags", [])


def claims(cell):
    """The words of the text that a check vouches for."""
    table = ast.parse(text(cell)).body[-1].value
    return [ast.literal_eval(words) for words in table.keys]


def printed(cell):
    shown = [
        o.get("text", o.get("data", {}).get("text/plain")) for o in cell["outputs"]
    ]
    return "\n".join("".join(words or "") for words in shown)


def numbers(cell):
    """Those in the code of a cell, and those that it prints."""
    code = re.sub(r"^(\s*)[!%].*", r"\1pass", text(cell), flags=re.MULTILINE)
    parts = [getattr(part, "value", None) for part in ast.walk(ast.parse(code))]
    in_code = {float(part) for part in parts if type(part) in (int, float)}
    return in_code | {float(number) for number in re.findall(NUMBER, printed(cell))}


def is_rounded(number, known):
    places = len(number.partition(".")[2])
    return any(abs(value - float(number)) < 0.500001 / 10**places for value in known)


def texts_and_numbers(path):
    """Each cell of text, and the numbers of the code around it and the parameters."""
    every = cells(path)
    for k, cell in enumerate(every):
        if cell["cell_type"] == "markdown":
            before = itertools.takewhile(is_code, reversed(every[:k]))
            after = itertools.takewhile(is_code, every[k + 1 :])
            near = [c for c in (*before, *after, parameters(path)) if not is_check(c)]
            yield text(cell), set().union(*map(numbers, near))


def unfounded(path):
    """The quantities of a notebook's text that nothing vouches for."""
    checks = filter(is_check, cells(path, "code"))
    checked = [re.escape(words) for cell in checks for words in claims(cell)]
    for words, known in texts_and_numbers(path):
        for pattern in checked + NO_RESULT:
            words = re.sub(pattern, " ", words, flags=re.DOTALL | re.IGNORECASE)
        for quantity in QUANTITY.findall(words):
            if not (quantity[0].isdigit() and is_rounded(quantity, known)):
                yield quantity


def test_the_chapters_are_there():
    chapters = "quickstart content style transfer choices performance".split()
    chapters += "why_gram control fast film_and_judgement".split()
    names = [f"{i:02}_{chapter}" for i, chapter in enumerate(chapters)]
    assert [path.stem for path in NOTEBOOKS] == names


def each_cell_twice(path):
    """A notebook, as a reader runs it who does not trust the first time."""
    notebook, first = json.loads(path.read_text()), parameters(path)
    notebook["cells"] = [
        cell | {"id": f"{k}-{time}"}
        for k, cell in enumerate(notebook["cells"])
        for time in range(2 if is_code(cell) and cell != first else 1)
    ]
    return notebook


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom_each_cell_twice(
    path, tmp_path, monkeypatch
):
    papermill = pytest.importorskip("papermill")
    monkeypatch.delenv("NST_TF_WEIGHTS", raising=False)
    (tmp_path / "images").symlink_to(ROOT / "images")
    (tmp_path / "notebooks").mkdir()
    known = re.findall(r"^(\w+) = ", text(parameters(path)), re.MULTILINE)
    (tmp_path / "twice.ipynb").write_text(json.dumps(each_cell_twice(path)))
    papermill.execute_notebook(
        tmp_path / "twice.ipynb",
        tmp_path / path.name,
        {name: SMALL[name] for name in known if name in SMALL},
        cwd=tmp_path / "notebooks",
        progress_bar=False,
    )
    assert "stderr" not in [
        output.get("name") for output in outputs(tmp_path / path.name)
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_committed_notebook_was_run_in_order_and_is_small(path):
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1))
    kinds = [output["output_type"] for output in outputs(path)]
    assert "error" not in kinds
    assert "stderr" not in [output.get("name") for output in outputs(path)]
    assert path.stat().st_size < 1e6
    for cell in cells(path, "code"):
        shown = [json.dumps(o["data"]) for o in cell["outputs"] if "data" in o]
        assert len(set(shown)) == len(shown)  # no figure twice
    assert any("image/jpeg" in output.get("data", {}) for output in outputs(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_begins_with_its_numbers_and_its_time_and_ends_with_exercises(path):
    words = [text(cell) for cell in cells(path, "markdown")]
    assert cells(path, "code")[0] == parameters(path)
    assert re.search(r"On two cores.* takes about", "".join(words[:2]))
    assert "## In short" in words[-1]
    for exercise in ("1. **Predict.**", "2. **Change.**", "3. **Build.**"):
        assert exercise in words[-1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_notebook_shows_and_links_to_is_there(path):
    project = (ROOT / "pyproject.toml").read_text()
    repository = re.search(r'Repository = "https://github.com/(.*?)"', project)[1]
    words = "".join(text(cell) for cell in cells(path, "markdown"))
    for link in re.findall(r"\]\((.*?)\)", words):
        if "colab.research.google.com/github" in link:
            assert link.endswith(f"{repository}/blob/main/notebooks/{path.name}")
        elif "mybinder.org/v2" in link:
            assert f"/gh/{repository}/main?labpath=notebooks%2F{path.name}" in link
        elif not link.startswith("https://"):
            assert (path.parent / link).exists(), link
    assert "mybinder.org/v2" in words and "colab.research.google.com/github" in words


def notebook_of(path, words, *codes):
    """A notebook of a text and code cells, each `(source, output, tag)`."""
    written = {"cell_type": "markdown", "source": words}
    code = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": {"tags": [tag]},
            "outputs": [{"output_type": "stream", "text": output}],
        }
        for source, output, tag in codes
    ]
    path.write_text(json.dumps({"cells": [written, *code]}))
    return path


@pytest.mark.parametrize(
    "words, found",
    [
        ("The loss falls to 3.1, as block 3 and figure 2 of 2016 say (eq. 7).", []),
        ("The loss falls to 3.2 in 100 steps.", ["3.2"]),
        ("The loss falls to a third.", []),
        ("The loss falls to a quarter, twice as fast.", ["a quarter", "twice"]),
        ("**Before you look:** is it half, or 99?\n\nIt is 98.", ["98"]),
    ],
)
def test_a_quantity_that_nothing_vouches_for_is_found(words, found, tmp_path):
    steps = ("steps = 100", "", "parameters")
    loss = ("print(loss)", "3.14", "")
    check = ('{"to a third": loss < 4}', "{'to a third': True}", "check")
    path = notebook_of(tmp_path / "some.ipynb", words, steps, loss, check)
    assert list(unfounded(path)) == found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_in_colab_the_repository_is_fetched_once(path, tmp_path):
    pytest.importorskip("IPython")
    setup, *_ = [text(c) for c in cells(path, "code") if "google.colab" in text(c)]
    fetch = setup.split("import nst_tf")[0].replace("/content", str(tmp_path))
    fetch = fetch.replace("%pip install -q", "!ls").replace("git clone -q", "mkdir -p")
    fetch = fetch.replace("https://github.com/nst-tf/nst_tf", "nst_tf/notebooks")
    colab = "import sys\nsys.modules['google.colab'] = sys\n"
    where = "import os\nprint(os.getcwd())\n"
    (tmp_path / "twice.ipy").write_text(colab + 2 * fetch + where)
    command = [sys.executable, "-m", "IPython", "--no-banner", "twice.ipy"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.stdout.split()[-1] == str(tmp_path / "nst_tf" / "notebooks"), run
    assert list((tmp_path / "nst_tf").rglob("*")) == [tmp_path / "nst_tf" / "notebooks"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_quantity_in_the_text_is_computed_or_checked(path):
    assert list(unfounded(path)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_checked_stands_in_the_text_and_is_true(path):
    words = " ".join(text(cell) for cell in cells(path, "markdown"))
    for cell in filter(is_check, cells(path, "code")):
        assert [claim for claim in claims(cell) if claim not in words] == []
        assert printed(cell).count("True") == len(claims(cell)), printed(cell)
        assert cell["metadata"]["jupyter"] == {"source_hidden": True}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_picture_shows_is_said_in_words(path):
    for cell in cells(path, "code"):
        shown = [kind for o in cell["outputs"] for kind in o.get("data", {})]
        pictures = [kind for kind in shown if kind.startswith("image/")]
        said = cell["metadata"].get("alt", "")
        assert len(pictures) <= 1, "one alt text is for one picture"
        assert bool(pictures) == (len(said) > 20), text(cell)
    words = "".join(text(cell) for cell in cells(path, "markdown"))
    assert "![](" not in words

"""The course: as committed, and run again with smaller numbers."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("0*.ipynb"))
SMALL = {"size": 64, "steps": 3, "many_steps": 4}


def cells(path, kind):
    notebook = json.loads(path.read_text())
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def text(cell):
    return "".join(cell["source"])


def outputs(path):
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def parameters(path):
    (cell,) = [
        c for c in cells(path, "code") if "parameters" in c["metadata"].get("tags", [])
    ]
    return cell


def test_the_chapters_are_there():
    chapters = "quickstart content style transfer choices performance".split()
    names = [f"{i:02}_{chapter}" for i, chapter in enumerate(chapters)]
    assert [path.stem for path in NOTEBOOKS] == names


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    papermill = pytest.importorskip("papermill")
    monkeypatch.delenv("NST_TF_WEIGHTS", raising=False)
    (tmp_path / "images").symlink_to(ROOT / "images")
    (tmp_path / "notebooks").mkdir()
    known = re.findall(r"^(\w+) = ", text(parameters(path)), re.MULTILINE)
    papermill.execute_notebook(
        path,
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
        shown = [json.dumps(output.get("data")) for output in cell["outputs"]]
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

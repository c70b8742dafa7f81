"""How the house is built, and that what the README says is true."""

import ast
import doctest
import hashlib
import importlib
import inspect
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import nst_tf as nst
from nst_tf.__main__ import main
from nst_tf.targets import STYLE_LAYERS

ROOT = Path(__file__).parent.parent
ROWS = [
    {"sources", "crops", "losses", "first_guess", "memory", "feedforward"},
    {"images", "optimizers", "color", "ffmpeg", "flow"},
    {"features", "films", "realism"},
    {"guides"},
    {"figures", "results", "settings", "tiling"},
    {"callbacks"},
    {"targets", "resume"},
    {"fast", "regions", "brush"},
    {"starts", "exports", "video"},
    {"transfer"},
    {"sweeps", "estimates", "options"},
    {"fast_commands"},
    {"__main__", "playground"},
]
EXERCISES = [  # the rooms of nst_tf/exercises, which the others do not import
    {"formulas", "students", "mistakes"},
    {"questions", "picture_formulas", "later_formulas"},
    {"draws", "steps"},
    {"checks", "later_checks"},
    {"courses"},
    {"__init__"},
]
FOLDERS = [("nst_tf", ROWS), ("nst_tf/exercises", EXERCISES)]
README = (ROOT / "README.md").read_text()


def imports(path):
    """What a file imports of a package, by its whole names, in whichever words."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_that(path, package):
    """The rooms of a package, `nst_tf` or `nst_tf.exercises`, that a file imports."""
    own = (name for name in imports(path) if name.startswith(f"{package}."))
    return {name.removeprefix(f"{package}.").split(".")[0] for name in own}


@pytest.mark.parametrize(
    ("folder", "rows", "row"),
    [(folder, rows, k) for folder, rows in FOLDERS for k in range(len(rows))],
)
def test_imports_go_strictly_downwards(folder, rows, row):
    below = set().union(*rows[:row])
    for name in rows[row]:
        path = ROOT / folder / f"{name}.py"
        rooms = rooms_that(path, folder.replace("/", ".")) - {"__version__"}
        assert rooms <= below, f"{name} imports {rooms - below}"


@pytest.mark.parametrize(("folder", "rows"), FOLDERS)
def test_every_room_has_its_row_its_tests_and_its_line_in_the_readme(folder, rows):
    rooms = {p.stem for p in (ROOT / folder).glob("*.py")}
    assert rooms | {"__init__"} == set().union(*rows) | {"__init__"}
    for room in rooms - {"__init__"}:
        assert (ROOT / "tests" / f"test_{room.strip('_')}.py").exists()
        assert f"`{room}.py`" in README


def test_matplotlib_lives_in_figures_only():
    for path in (ROOT / "nst_tf").rglob("*.py"):
        imported = re.search(r"^ *(from|import) matplotlib", path.read_text(), re.M)
        assert bool(imported) == (path.stem == "figures"), path


def test_importing_prints_nothing():
    command = [sys.executable, "-c", "import nst_tf"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_requirements_are_those_of_the_package():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    lines = [line.split("#") for line in lines if line and not line.startswith("#")]
    assert all(
        len(line) == 2 and line[1].strip() for line in lines
    )  # each has a reason
    required = [line[0].strip() for line in lines]
    project = (ROOT / "pyproject.toml").read_text()
    (listed,) = re.findall(
        r"^dependencies = .*?^\[project.scripts\]", project, re.S | re.M
    )
    listed = re.findall(r'^ +"(.*)",|^[\w-]+ = \["(.*)"\]', listed, re.M)
    listed = [one or other for one, other in listed]
    # "nst_tf[video]" and "tensorflow[and-cuda]" are extras of what has a line already.
    assert sorted(required) == sorted(name for name in listed if "[" not in name)


def test_a_commit_is_checked_by_the_ruff_that_the_tests_have():
    (required,) = re.findall(r'"ruff==(.*)"', (ROOT / "pyproject.toml").read_text())
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"ruff-pre-commit\n +rev: v(\S+)", hooks) == [required]


def test_public_names_have_docstrings():
    for name in nst.__all__:
        assert getattr(nst, name).__doc__, name


PUBLIC = [
    *(getattr(nst, name) for name in nst.__all__),
    *(
        f
        for f in vars(nst.figures).values()
        if getattr(f, "__module__", 0) == "nst_tf.figures"
    ),
    *(f for name, f in vars(nst.exercises).items() if name.startswith("check")),
]


def test_public_functions_are_annotated():
    functions = [f for f in PUBLIC if inspect.isfunction(f) and f.__name__[0] != "_"]
    assert len(functions) > 40
    for function in functions:
        signature = inspect.signature(function)
        assert signature.return_annotation is not signature.empty, function
        for parameter in signature.parameters.values():
            annotated = parameter.annotation is not parameter.empty
            assert annotated or parameter.kind is parameter.VAR_KEYWORD, function


WITHOUT = {
    "brush",
    "callbacks",
    "flow",
    "video",
    "figures",
    "films",
    "first_guess",
    "playground",
}
WITHOUT |= {"results", "resume", "settings", "starts", "fast_commands", "__main__"}
EXAMPLES = sorted(set().union(*ROWS) - WITHOUT)
EXAMPLES += ["exercises"]
EXAMPLES += [
    f"exercises.{room}" for room in sorted(set().union(*EXERCISES[:-1]) - {"questions"})
]


@pytest.mark.parametrize("room", EXAMPLES)
def test_examples_in_docstrings_run(room, slim_world):
    ran = doctest.testmod(importlib.import_module(f"nst_tf.{room}"))
    assert ran.failed == 0 and ran.attempted > 0


# The README


def test_python_in_the_readme_runs(slim_world):
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert blocks
    names = {}
    for block in blocks:
        quick = block.replace("minutes=3", "steps=2").replace("size=640", "size=64")
        exec(quick, names)


def test_commands_in_the_readme_run(tmp_path, slim_world):
    (tmp_path / "folder").mkdir()
    for name in ("one", "two", "wave", "night"):
        (tmp_path / f"{name}.jpg").write_bytes((tmp_path / "photo.jpg").read_bytes())
    for name in ("mask", "other"):
        (tmp_path / f"{name}.png").write_bytes((tmp_path / "photo.jpg").read_bytes())
    lines = re.findall(r"^ *nst-tf (.*)$", README, re.M)
    assert len(lines) > 10
    for line in lines:
        size = "48 " if line.startswith(("fast", "film")) else "32 48 "
        line = re.sub(r"--size [\d ]+", f"--size {size}", line)
        line = re.sub(r"--minutes \d+", "--minutes 0.01", line)
        line = line.split("#")[0]
        line = re.sub(r"--steps [\d ]+", "--steps 2 1 ", line)
        line = re.sub(r"--time-budget \w+", "--time-budget 30s", line)
        assert main(shlex.split(line)) == 0, line


def test_files_that_the_readme_shows_are_there():
    """By their addresses, as PyPI knows no others; `blob` would show no picture."""
    project = (ROOT / "pyproject.toml").read_text()
    (address,) = re.findall(r'^Repository = "https://github.com/(.*)"', project, re.M)
    pages = f"https://github.com/{address}/blob/main/"
    pictures = f"https://raw.githubusercontent.com/{address}/main/"
    links = re.findall(r'(?:\]\(|src="|^\[.+\]: )([^)"\s]+)', README, re.M)
    assert all(link.startswith("https://") for link in links)
    ours = [link for link in links if f"/{address}/" in link]
    assert ours
    for link in ours:
        path = link.removeprefix(pages).removeprefix(pictures).split("#")[0]
        assert (ROOT / path).is_file(), link
        shown = Path(path).suffix in (".jpg", ".png", ".svg")
        assert link.startswith(pictures if shown else pages), link


def test_names_of_links_in_the_readme_are_known():
    used = set(re.findall(r"\]\[(.+?)\]", README))
    assert used == set(re.findall(r"^\[(.+)\]: ", README, re.M))


def test_table_of_settings_has_the_defaults_of_the_signature():
    """Rows `| setting | default |`."""
    rows = re.findall(r"^\| `(\w+)` \| `(.*?)` \|", README, re.M)
    defaults = dict(nst.style_transfer.__kwdefaults__)
    assert defaults.pop("style_layers") == STYLE_LAYERS
    shown = {name: repr(default) for name, default in defaults.items()}
    assert dict(rows) == shown | {"style_layers": "STYLE_LAYERS"}


def test_weights_are_those_of_their_readme():
    folder = ROOT / "nst_tf" / "weights"
    made = re.findall(
        r"## (\S+)\n.*?sha256 \| `(\w+)`", (folder / "README.md").read_text(), re.S
    )
    assert len(made) == 3
    for name, digest in made:
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, name
        assert len(content) < 8e6, name


def test_pictures_have_their_credits():
    credits = (ROOT / "images" / "CREDITS.md").read_text()
    kinds = (".jpg", ".png", ".svg")
    pictures = [p for p in (ROOT / "images").rglob("*") if p.suffix in kinds]
    assert len(pictures) >= 6
    for path in pictures:
        assert path.name in credits, path.name

"""The book: what `make book` builds, its links, its names, its pictures, its looks."""

import functools
import http.server
import inspect
import json
import re
import shlex
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("myst_nb")
pytest.importorskip("furo")
pytest.importorskip("sphinx_copybutton")
pytest.importorskip("ziamath")
pytest.importorskip("ipywidgets")

from test_house import PUBLIC
from test_notebooks import NOTEBOOKS, cells

import nst_tf as nst
from nst_tf.__main__ import main

sys.path.insert(0, str(Path(__file__).parent.parent / "docs"))

import book as maker
import docstrings
import equations
import pictures

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAINT = "paint/index.html"  # another program makes this page
RESULTS = sorted((ROOT / "images" / "results").glob("*.jpg"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the book was built; any warning is an error."""
    folder = tmp_path_factory.mktemp("book")
    command = [sys.executable, DOCS / "book.py", folder, "--no-paint"]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "WARNING" not in said, said
    return folder / "html"


class Page(HTMLParser):
    """What a page links to, and its own anchors, pictures and words."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors, self.loads, self.alts = [], {""}, [], {}
        self.words, self.inside = [], []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors |= {given.get("id", ""), given.get("name", "")}
        link = given.get("href") or given.get("src")
        loaded = tag in ("img", "script", "iframe", "source", "link")
        if link and not link.startswith("data:"):
            (self.loads if loaded else self.links).append(link)
        if tag == "img":
            self.alts[Path(link).name] = given.get("alt")
        if tag in ("pre", "code", "script", "style"):
            self.inside.append(tag)

    def handle_endtag(self, tag):
        if self.inside and tag == self.inside[-1]:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside:
            self.words.append(data)


@pytest.fixture(scope="module")
def pages(folder):
    return {path.relative_to(folder): Page(path) for path in folder.rglob("*.html")}


# Links


def test_links_within_the_book_lead_somewhere(folder, pages):
    dead = []
    for place, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path = (folder / place.parent / unquote(parts.path)).resolve()
            path = folder / place if not parts.path else path
            target = path.relative_to(folder.resolve())
            anchors = getattr(pages.get(target), "anchors", {"", parts.fragment})
            known = target.as_posix() == PAINT or path.is_file()
            if not known or unquote(parts.fragment) not in anchors:
                dead.append(f"{place}: {link}")
    assert not dead


def test_nothing_is_loaded_from_elsewhere(folder, pages):
    for place, page in pages.items():
        assert not [link for link in page.loads if urlsplit(link).netloc], place
    for sheet in folder.rglob("*.css"):
        for link in re.findall(r"url\(['\"]?([^)'\"]+)", sheet.read_text()):
            there = (sheet.parent / urlsplit(link).path).exists()
            assert link.startswith(("data:", "#")) or there, (sheet, link)


def test_links_lead_into_the_book_where_it_has_the_page(pages):
    ours = [link for page in pages.values() for link in page.links]
    ours = [link for link in ours if link.startswith(maker.REPOSITORY)]
    assert ours
    for link in ours:
        path = Path(urlsplit(link.removeprefix(maker.REPOSITORY)).path)
        assert (ROOT / path).exists(), link
        assert path not in maker.paths(maker.PAGES), link


@pytest.mark.parametrize(
    ("link", "path", "expected"),
    [
        ("slim.md#time", "benchmarks/fast.md", "/benchmarks/slim.md#time"),
        ("../images/CREDITS.md", "notebooks/a.ipynb", "/images/CREDITS.md"),
        (maker.REPOSITORY + "CHANGELOG.md", "README.md", "/CHANGELOG.md"),
        (maker.REPOSITORY + "LICENSE", "README.md", maker.REPOSITORY + "LICENSE"),
        ("../nst_tf/fast.py", "notebooks/a.ipynb", maker.REPOSITORY + "nst_tf/fast.py"),
        ("https://arxiv.org/abs/1508.06576", "README.md", None),
        ("#here", "README.md", None),
    ],
)
def test_a_link_leads_to_the_book_or_to_the_repository(link, path, expected):
    assert maker.address(link, Path(path)) == (expected or link)


# Words


def test_no_markup_is_left_over(pages):
    for place, page in pages.items():
        if place.parts[0] != "_modules":
            words = "".join(page.words)
            raw = (
                r":py:\w+:|:math:|\{include\}|```|\*\*\w+\*\*|\$\\|THE (CHAPTERS|NAMES)"
            )
            assert not re.search(raw, words), (place, re.search(raw, words))


def test_the_readme_is_in_the_book_section_by_section(folder):
    written = [p for p in DOCS.rglob("*.md") if "_build" not in p.parts]
    included = "".join(path.read_text() for path in written)
    apart = {"more_pictures"}  # are in the gallery
    sections = maker.headings((ROOT / "README.md").read_text())
    for heading, _ in sections:
        name = maker.file_name(heading)
        assert name in apart or f"/readme/{name}.md" in included, heading


def test_headings_in_code_are_no_headings():
    text = "# Title\nA\n## One\n```bash\n## no\n```\n### Two\nB\n"
    expected = [("introduction", "A"), ("One", "```bash\n## no\n```"), ("Two", "B")]
    assert maker.headings(text) == expected


def test_citations_have_what_the_cff_has(pages):
    code = (ROOT / "CITATION.cff").read_text()
    for name in ("title", "version", "doi", "year"):
        (value,) = re.findall(rf"^ *{name}: \"?([^\"\n]*)", code, re.M)[-1:]
        assert value in maker.bibtex(), name


# Names


def test_each_public_name_has_its_entry(pages):
    anchors = set().union(*(page.anchors for page in pages.values()))
    names = [f"nst_tf.{n}" for n in nst.__all__ if n not in ("figures", "exercises")]
    names += [f"nst_tf.figures.{name}" for name in docstrings.drawn()]
    names += [f"nst_tf.exercises.{name}" for name in docstrings.asked()]
    assert not [name for name in names if name not in anchors]
    known = {name.split(".")[-1] for name in names}
    things = [one for one in PUBLIC if inspect.isroutine(one) or inspect.isclass(one)]
    public = {one.__name__ for one in things}
    assert {name for name in public if name[0] != "_"} <= known


def test_names_in_docstrings_are_links():
    lines = ["As `gram_matrix`, or `figures.live`;", "not `N M`, nor `show`."]
    found = docstrings.to_rest(lines, "nst_tf.losses", {})
    assert found == [
        "As :py:obj:`gram_matrix <nst_tf.gram_matrix>`, "
        "or :py:obj:`figures.live <nst_tf.figures.live>`;",
        "not ``N M``, nor ``show``.",
    ]
    (found,) = docstrings.to_rest(["`show`"], "nst_tf.figures", {})
    assert found == ":py:obj:`show <nst_tf.figures.show>`"


def test_arguments_have_the_types_of_the_source():
    kinds = docstrings.types_of(nst.style_transfer)
    assert kinds["style_image"] == "Paintings | None"
    lines = ["Args:", "    style_image: the painting;", "        or several."]
    _, found, *_ = docstrings.to_rest(lines, "nst_tf.transfer", kinds)
    assert found == "    style_image (Paintings | None): the painting;"


def test_formulas_of_docstrings_are_those_that_have_tex(folder):
    """A formula that was changed in a docstring would be shown as text."""
    texts = [thing.__doc__ or "" for thing in PUBLIC]
    lines = {line.strip() for text in texts for line in text.splitlines()}
    assert set(equations.FORMULAS) <= lines
    page = (folder / "api" / "the_losses.html").read_text()
    assert page.count('<div class="equation"><math') >= 6


# The course


def test_each_chapter_is_in_the_table_of_contents(folder):
    index = (folder / "index.html").read_text()
    for path in NOTEBOOKS:
        assert f'href="notebooks/{path.stem}.html"' in index, path.stem


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_pictures_of_a_chapter_have_their_words(path, folder, pages):
    page = pages[Path("notebooks") / f"{path.stem}.html"]
    assert all(page.alts.values())
    shown = [c for c in cells(path, "code") if '"image/' in json.dumps(c["outputs"])]
    assert {c["metadata"]["alt"] for c in shown} <= set(page.alts.values())
    text = (folder / "notebooks" / f"{path.stem}.html").read_text()
    checks = [c for c in cells(path) if "check" in c["metadata"].get("tags", [])]
    assert text.count('<details class="admonition hide') == len(checks)
    assert "&lt;Figure" not in text and "Image object&gt;" not in text


def test_a_notebook_keeps_what_it_has():
    (path,) = [path for path in NOTEBOOKS if path.stem == "01_content"]
    text = path.read_text()
    made = json.loads(maker.notebook(text, path.relative_to(ROOT)))
    before, after = json.loads(text)["cells"], made["cells"]
    assert [c.get("outputs") for c in before] == [c.get("outputs") for c in after]
    assert text == path.read_text()


# The gallery


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_picture_is_in_the_gallery_with_lines_and_credit(path, folder, pages):
    gallery = (folder / "gallery.html").read_text()
    _, _, below = gallery.partition(f"_images/{path.name}")
    assert below, "not in docs/gallery.md"
    assert "as above" not in pictures.credit(path.name)
    until_lines = re.split(r'<div class="highlight', below, maxsplit=1)[0]
    next_one = re.findall(r"_images/(\w+\.jpg)", until_lines.partition("</figure>")[2])
    assert len(next_one) < 2, "no lines below it"


def test_a_picture_without_words_or_credit_is_an_error():
    for find in (pictures.seen, pictures.credit):
        with pytest.raises(ValueError, match="nobody.jpg"):
            find("nobody.jpg")


# How-tos


@pytest.mark.parametrize("name", ["exports", "gpu", "styles", "clusters"])
def test_lines_of_a_how_to_run(name, slim_world):
    text = (DOCS / "howto" / f"{name}.md").read_text()
    if name == "exports":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("tf2onnx")
    blocks = re.findall(r"```(bash|python)\n(.*?)```", text, re.S)
    assert blocks
    for language, block in blocks:
        quick = re.sub(r"minutes([ =])\d+", r"minutes\g<1>0.01", block)
        if language == "python":
            exec(quick, {})
        for line in (
            re.findall(r"^nst-tf (.*)$", quick, re.M) if language == "bash" else ()
        ):
            size = " --size 48" if line.startswith(("fast", "film")) else ""
            assert main(shlex.split(line, comments=True) + size.split()) == 0, line


# The looks


@pytest.fixture(scope="module")
def site(folder):
    """The address of the book, as a server would show it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("width", [390, 1300])
def test_no_page_is_wider_than_its_screen(width, browser, site, pages):
    page = browser.new_page(viewport={"width": width, "height": 844})
    elsewhere = []
    page.on("request", lambda asked: elsewhere.append(asked.url))
    for place in pages:
        if place.parts[0] != "_modules" and (width < 1000 or len(place.parts) == 1):
            page.goto(f"{site}/{place.as_posix()}")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, place
    page.close()
    assert not [url for url in elsewhere if not url.startswith((site, "data:"))]


def test_the_search_finds_a_function(browser, site):
    page = browser.new_page()
    page.goto(f"{site}/index.html")
    page.get_by_role("searchbox").or_(page.get_by_placeholder("Search")).first.fill(
        "gram_matrix"
    )
    page.keyboard.press("Enter")
    page.get_by_role("link", name="nst_tf.gram_matrix").first.click()
    assert page.url.endswith("api/the_losses.html#nst_tf.gram_matrix")
    page.close()


def test_dark_pages_are_dark_and_their_pictures_are_not(browser, site):
    grounds = {}
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(f"{site}/index.html")
        style = "getComputedStyle(document.body).backgroundColor"
        grounds[scheme] = sum(map(int, re.findall(r"\d+", page.evaluate(style))[:3]))
        picture = page.locator("article img").first
        assert picture.evaluate("one => getComputedStyle(one).filter") == "none"
        page.close()
    assert grounds["dark"] < 150 < 600 < grounds["light"]

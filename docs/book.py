"""Builds the book: gathers what is there into one folder, and gives it to Sphinx.

    python docs/book.py [FOLDER]                 FOLDER/html; default: docs/_build
    python docs/book.py --builder linkcheck      asks for the addresses of others, too

In the folder `source` the files have the places that they have in the repository, so
that links between them hold. What is written there:

    notebooks/, ... copies, whose links lead to where the book has the file
    readme/*.md     the README, one file for each of its headings
    api/*.md        one page for each comment in `nst_tf.__all__`
    parts/*.md      the paper's equations, and CITATION.cff for LaTeX

The pages of docs include the parts of the README, and are in the same folder.
"""

import argparse
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from docstrings import GUESTS, TYPES, asked, drawn, meaning
from equations import PAPER
from sphinx.cmd.build import main

HERE = Path(__file__).parent
ROOT = HERE.parent
PAINT = HERE / "paint" / "build.py"
REPOSITORY = "https://github.com/nst-tf/nst_tf/blob/main/"
PICTURES = "https://raw.githubusercontent.com/nst-tf/nst_tf/main/"
PAGES = """
    CHANGELOG.md  CONTRIBUTING.md  images/CREDITS.md  nst_tf/weights/README.md
    benchmarks/*.md  notebooks/TEACHING.md  notebooks/exercises/README.md
    notebooks/0*.ipynb  notebooks/solutions/*.ipynb
    notebooks/exercises/source/*/*.ipynb
""".split()  # what the book has of the repository
FILES = """
    benchmarks/*.png  images/*/*.jpg  images/*/*.svg  notebooks/*/*/*/*.jpg
    images/results/*.py  images/style/*.py
""".split()  # what its pages show


def paths(patterns):
    """Files of the repository, by their names in it."""
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    return [path.relative_to(ROOT) for path in found]


# Links and notebooks


def address(link, path):
    """Where the book, or else the repository, has what a link of a file leads to."""
    link = link.replace(PICTURES, REPOSITORY)
    name, hash, anchor = link.partition("#")
    if name.startswith(REPOSITORY):
        target = Path(name.removeprefix(REPOSITORY))
    elif not name or re.match(r"\w+:", name):
        return link
    else:
        target = Path(os.path.normpath(path.parent / name))
    if target in paths([*PAGES, *FILES]):
        return f"/{target.as_posix()}{hash}{anchor}"
    return f"{REPOSITORY}{target.as_posix()}{hash}{anchor}"


def without_guesses(text):
    """Blocks that name no language are text; Sphinx would take them for Python."""
    lines, inside = text.splitlines(), False
    for k, line in enumerate(lines):
        if line.strip().startswith("```"):
            lines[k] += "text" if line.strip() == "```" and not inside else ""
            inside = not inside
    return "\n".join(lines)


def with_addresses(text, path):
    """A file's Markdown, with links for the book, and badges without pictures."""
    text = without_guesses(text)
    text = re.sub(r"\[!\[([^\]]*)\]\([^)]*\)\]\(([^)]*)\)", r"[\1](\2){.badge}", text)
    links = r'(\]\(|src="|^\[[^\]]+\]: )([^)"\s]+)'
    return re.sub(links, lambda m: m[1] + address(m[2], path), text, flags=re.MULTILINE)


def notebook(text, path):
    """A notebook for the book: pictures with their words, checks folded away."""
    whole = json.loads(text)
    whole["metadata"]["language_info"] |= {"pygments_lexer": "ipython3"}
    for cell in whole["cells"]:
        notes = cell["metadata"]
        if cell["cell_type"] == "markdown":
            cell["source"] = with_addresses("".join(cell["source"]), path)
        if "alt" in notes:
            notes["mystnb"] = {"image": {"alt": notes["alt"]}}
        if "check" in notes.get("tags", []):
            notes["tags"] = [*notes["tags"], "hide-cell"]
            words = "what the text says, checked"
            notes["mystnb"] = {"code_prompt_show": words, "code_prompt_hide": words}
    return json.dumps(whole)


# The README


def headings(text):
    """`(heading, text below it)`, also of the headings below headings."""
    sections, fence = [["introduction", []]], False
    for line in text.splitlines():
        fence ^= line.startswith("```")
        if re.match("##+ ", line) and not fence:
            sections.append([line.strip("# "), []])
        elif not re.match("# ", line) or fence:
            sections[-1][1].append(line)
    return [(heading, "\n".join(lines)) for heading, lines in sections]


def file_name(words):
    return "_".join(re.findall(r"\w+", words.lower()))


def readme():
    """`{file: a section of the README}`, and a paragraph, by its first four words."""
    text = (ROOT / "README.md").read_text()
    ends = dict(re.findall(r"^\[([^\]]+)\]: (.*)$", text, re.MULTILINE))
    text = re.sub(r"^\[[^\]]+\]: .*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\[([^\]]+)\]\[(\w+)\]", lambda m: f"[{m[1]}]({ends[m[2]]})", text)
    parts = dict(headings(text))
    paragraphs = [p for part in parts.values() for p in part.split("\n\n")]
    parts |= {" ".join(re.findall(r"\w+", p)[:4]): p for p in paragraphs if p.strip()}
    return {
        f"readme/{file_name(words)}.md": with_addresses(part, Path("README.md"))
        for words, part in reversed(parts.items())  # a section, not what begins alike
    }


# The API


def groups():
    """`{comment: names below it}` of `nst_tf.__all__`."""
    lines = (ROOT / "nst_tf" / "__init__.py").read_text().partition("__all__ = [")[2]
    found, words = {}, ""
    for line in lines.partition("]")[0].splitlines():
        comment, name = re.match(r' *(?:# (.*)|"(\w+)",)?', line).groups()
        words = comment or words
        if name:
            found.setdefault(words, []).append(name)
    return found


def entry(thing, whole):
    """The directive that documents a function, a class or an exception."""
    if not isinstance(thing, type):
        return f".. autofunction:: {whole}\n"
    if issubclass(thing, BaseException):
        return f".. autoexception:: {whole}\n"
    return f".. autoclass:: {whole}\n   :members:\n"


def found(whole):
    """What has a whole name, such as `nst_tf.exercises.questions.Report`."""
    module, _, name = whole.rpartition(".")
    return getattr(importlib.import_module(module), name)


def api():
    """`{file: page}`: one for each group of names, with what their files say."""
    names = {name: [f"nst_tf.{name}"] for group in groups().values() for name in group}
    for module, inside in (("figures", drawn()), ("exercises", asked())):
        names[module] = [f"nst_tf.{module}.{name}" for name in inside]
    pages, told = {}, set()
    for words, group in groups().items():
        lines = []
        for whole in [w for name in group for w in names[name]] + GUESTS.get(words, []):
            thing = found(whole)
            if thing.__module__ not in told:
                lines.append(f".. automodule:: {thing.__module__}\n   :no-index:\n")
            told.add(thing.__module__)
            lines.append(entry(thing, whole))
        title, body = f"{words[0].upper()}{words[1:]}", "\n".join(lines)
        page = f"# {title}\n\n```{{eval-rst}}\n{body}```\n"
        pages[f"api/{file_name(words)}.md"] = page
    return pages | {"api/types_in_signatures.md": types()}


def types():
    """What the names of types in the signatures stand for."""
    lines = []
    for name, room in TYPES.items():
        lines.append(f".. py:data:: nst_tf.{room}.{name}\n\n   ``{meaning(name)}``\n")
    body = "\n".join(lines)
    words = (
        "An argument's type may be one of these names, which stand for several types."
    )
    return f"# Types in signatures\n\n{words}\n\n```{{eval-rst}}\n{body}```\n"


# Pages made of data


def chapters():
    """Lines of a table of contents: the chapters, by number and first words."""
    for path in paths(["notebooks/0*.ipynb"]):
        first = json.loads((ROOT / path).read_text())["cells"][0]["source"]
        title = re.match(r"# ([^:?\n]*\??)", "".join(first))[1]
        yield f"{path.stem[:2]} {title} <{path.with_suffix('').as_posix()}>"


def equations():
    """The paper's equations, each beside the function that computes it."""
    rows = [
        f"| {number} | ${tex}$ | {{py:func}}`{name} <nst_tf.{name}>` "
        f"| [{chapter[:2]}](/notebooks/{chapter}.ipynb) |"
        for number, tex, name, chapter in PAPER
    ]
    head = "| eq. | | computed by | chapter |\n|---|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def bibtex():
    """CITATION.cff for LaTeX: this software, and the paper."""
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    (paper,) = cff["references"]
    people = [
        f"{one['family-names']}, {one['given-names']}" for one in paper["authors"]
    ]
    software = {
        "author": " and ".join(f"{{{one['name']}}}" for one in cff["authors"]),
        "title": f"{{{cff['title']}}}",
        "version": cff["version"],
        "url": cff["repository-code"],
    }
    article = {
        "author": " and ".join(people),
        "title": paper["title"],
        "booktitle": paper["conference"]["name"],
        "year": paper["year"],
        "pages": f"{paper['start']}--{paper['end']}",
        "doi": paper["doi"],
    }
    both = {"software{nst_tf": software, "inproceedings{gatys2016": article}
    made = []
    for kind, fields in both.items():
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
        made += [f"@{kind},", *lines, "}", ""]
    return "```bibtex\n" + "\n".join(made).strip() + "\n```\n"


# The book


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def gather(source):
    """Everything that Sphinx reads, in one folder."""
    shutil.rmtree(source, ignore_errors=True)
    pages = api()
    lists = {"THE CHAPTERS": chapters(), "THE NAMES": (Path(p).stem for p in pages)}
    lists = {words: "\n".join(lines) for words, lines in lists.items()}
    for page in sorted(HERE.rglob("*.md")):
        if "_build" not in page.parts and "paint" not in page.parts:
            text = page.read_text()
            for words, lines in lists.items():
                text = text.replace(words, lines)
            write(source / page.relative_to(HERE), text)
    for path in paths(PAGES):
        change = notebook if path.suffix == ".ipynb" else with_addresses
        write(source / path, change((ROOT / path).read_text(), path))
    for path in paths(FILES):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, source / path)
    made = {"parts/equations.md": equations(), "parts/bibtex.md": bibtex()}
    for name, text in (readme() | pages | made).items():
        write(source / name, text)


def can_paint():
    """Whether the page that paints can be put together, see docs/paint/build.py."""
    return PAINT.exists() and shutil.which("npm") is not None


def build(folder, builder="html"):
    """Sphinx's exit status; warnings are errors."""
    gather(folder / "source")
    options = ["-W", "--keep-going", "-n", "-q", "-j", "2", "-c", HERE, "-b", builder]
    if can_paint():
        options += ["-t", "paint"]
    places = [folder / "source", folder / builder, "-d", folder / "doctrees"]
    return main([str(option) for option in [*options, *places]])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=HERE / "_build")
    parser.add_argument("--builder", default="html", help="of Sphinx [html]")
    parser.add_argument("--no-paint", action="store_true", help="its link alone")
    args = parser.parse_args()
    failed = build(args.folder, args.builder)
    if failed or args.builder != "html" or args.no_paint:
        sys.exit(failed)
    if can_paint():
        place = args.folder / "html" / "paint"
        subprocess.run([sys.executable, PAINT, place], check=True)
    else:
        print("without the page that paints, which needs npm")
    print(f"The book is {args.folder / 'html' / 'index.html'}")

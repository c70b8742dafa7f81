"""The directive of the gallery: a picture, with its words and with who made what.

    ```{picture} control.jpg
    ```

What is seen stands where the picture is shown, in the README or in a chapter; who made
the photographs and the paintings, in images/CREDITS.md.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parent.parent
CREDITS = (ROOT / "images" / "CREDITS.md").read_text()


def rows():
    """The tables of the credits, a list of cells for each row."""
    for line in CREDITS.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip(" |").split(" | ")]


def phrases(cell):
    """The pictures of a cell, one by one; not the program that made it."""
    parts = re.split(r"; |, and (?=[A-Z])", cell)
    return [part for part in parts if not part.startswith("by `")]


def own():
    """`{file: what it is, by whom, licence}` of the pictures in this repository."""
    tables = (cells for cells in rows() if len(cells) == 6)
    return {file: f"{what}, {by}, {free}" for file, what, by, _, free, _ in tables}


def in_full(phrase):
    """Who made what, of a phrase that may be short for one further above."""
    if phrase in own():
        return own()[phrase]
    short = phrase.removesuffix(", as above")
    made = (cells for cells in rows() if "`results/" in cells[0])
    said = [p for cells in made for cell in cells[1:] for p in phrases(cell)]
    known = (one for one in said if short in one and "as above" not in one)
    return max(known, key=len, default=short)


def credit(name):
    """Who made the photographs and the paintings that a result is made of."""
    for file, *cells in rows():
        if f"`results/{name}`" in file:
            found = [in_full(one) for cell in cells for one in phrases(cell)]
            return "; ".join(dict.fromkeys(found)).removeprefix("none; ")
    raise ValueError(f"{name}: no line in images/CREDITS.md")


def seen(name):
    """What is seen in a picture, as said where it is shown."""
    shown = [ROOT / "README.md", *sorted((ROOT / "notebooks").glob("0*.ipynb"))]
    for document in shown:
        text, file = document.read_text(), rf"[^)\"]*results/{re.escape(name)}"
        found = re.search(rf'src="{file}"[^>]* alt="(.*?)"', text)
        found = found or re.search(rf"!\[([^\]]*)\]\({file}", text)
        if found:
            return found[1]
    raise ValueError(f"{name}: no document shows it; wanted words for it")


class Picture(SphinxDirective):
    required_arguments = 1

    def run(self):
        name = self.arguments[0]
        try:
            words, makers = seen(name), credit(name)
        except ValueError as error:
            raise self.error(str(error)) from error
        image = nodes.image(uri=f"/images/results/{name}", alt=words)
        caption = nodes.caption("", f"{words[0].upper()}{words[1:]}.")
        legend = nodes.legend("", nodes.paragraph("", makers))
        return [nodes.figure("", image, caption, legend, classes=["picture"])]


def setup(app):
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": True}

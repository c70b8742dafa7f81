"""How Sphinx makes the book; `python docs/book.py` runs it."""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from docstrings import to_rest, types_of
from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from fontTools.subset import main as subset
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

import nst_tf as nst

project = "nst_tf"
author = "The nst_tf authors"
copyright = "the nst_tf authors"
version = release = nst.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "pictures",
]
exclude_patterns = ["readme", "parts"]

# Pages and notebooks: the notebooks are shown as they were committed.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["attrs_inline", "dollarmath", "html_image"]
myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp, .go"  # not the prompts of examples

# The API: signatures have names and defaults, the arguments' lines their types.
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 72
viewcode_follow_imported_members = True
nitpick_ignore_regex = [("py:.*", r"(?!nst_tf).*")]  # others' names have no pages here

# The looks. Nothing is loaded from elsewhere.
html_theme = "furo"
html_title = f"nst_tf {version}"
html_static_path = ["static"]
html_css_files = ["book.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#1c4f82",
        "color-brand-content": "#1c4f82",
        "color-brand-visited": "#5b3a86",
    },
    "dark_css_variables": {
        "color-brand-primary": "#8fc1ee",
        "color-brand-content": "#8fc1ee",
        "color-brand-visited": "#c3a6e8",
    },
    "source_repository": "https://github.com/nst-tf/nst_tf/",
}

linkcheck_anchors_ignore_for_url = [r"https://github\.com/.*"]  # made by scripts
linkcheck_ignore = [
    r"https://colab\.research\.google\.com/.*",
    r"https://mybinder\.org/.*",
]
linkcheck_timeout = 30
linkcheck_retries = 3


# Equations as MathML, which every browser draws without a script, in their own font.

SPELLINGS = [
    (r"\\[bB]igg?[lrm]?(?![a-zA-Z])", ""),
    (r"\\[td]frac(?![a-zA-Z])", r"\\frac"),
    (r"\\dots(?![a-zA-Z])", r"\\ldots"),
    (r"\\frac(\d)(\d)", r"\\frac{\1}{\2}"),
]


def mathml(tex, as_block):
    for pattern, known in SPELLINGS:
        tex = re.sub(pattern, known, tex)
    return tex2mathml(tex, as_block=as_block)


def equation(self, node):
    """An equation in a line, or by itself."""
    block = isinstance(node, nodes.math_block)
    try:
        drawn = mathml(node.astext(), block)
    except MathError as error:
        words = f"{node.astext()}: {error}"
        logging.getLogger(__name__).warning(words, location=node)
        drawn = self.encode(node.astext())
    self.body.append(f'<div class="equation">{drawn}</div>' if block else drawn)
    raise nodes.SkipNode


FONT = Path(*find_spec("ziamath").submodule_search_locations) / "fonts"
FONT /= "STIXTwoMath-Regular.ttf"
SIGNS = (
    "0020-007E,00A0-00FF,0370-03FF,2000-206F,2100-22FF,2308-230B,239B-23B9,23DE-23DF"
)


def font(app, error):
    """What equations need of STIX Two Math (SIL Open Font License 1.1)."""
    if app.builder.format == "html" and not error:
        signs = f"--unicodes={SIGNS},27E6-27EF,1D400-1D7FF"
        to = f"--output-file={app.outdir}/_static/stix_two_math.woff"
        subset([str(FONT), signs, "--flavor=woff", "--name-IDs=*", to])


# Docstrings


def docstring(app, what, name, thing, options, lines):
    """Before napoleon, which makes lists of arguments from their sections."""
    module = (
        thing.__name__ if what == "module" else getattr(thing, "__module__", "") or ""
    )
    kinds = types_of(thing) if what in ("function", "method") else {}
    lines[:] = to_rest(lines, module, kinds)


def signature(app, what, name, thing, options, words, returned):
    """Defaults that are functions, by their names."""
    by_name = re.sub(
        r"<(?:function|class) '?([\w.]+)'?(?: at \w+)?>", r"\1", words or ""
    )
    return by_name or None, returned


def source(app, module):
    """What viewcode shows of a file.

    It takes all names of a file for names of one module. `Estimate` is in its own, not
    in `nst_tf`, as others of its file; so that its link back would lead nowhere.
    """
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.find_tags()
    tags = {name: tag for name, tag in analyzer.tags.items() if name != "Estimate"}
    return analyzer.code, tags


def setup(app):
    app.connect("viewcode-find-source", source)
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-process-docstring", docstring, priority=100)
    app.connect("build-finished", font)
    app.add_html_math_renderer("mathml", (equation, None), (equation, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


html_math_renderer = "mathml"

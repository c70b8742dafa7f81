"""From a docstring, as it reads in a terminal, to reStructuredText for the book.

What is different: a word in backticks is code, and a link if it is a public name; an
indented block is a formula or code; and each argument gets its type from the signature.
"""

import ast
import importlib
import inspect
import re
import textwrap

from equations import FORMULAS

import nst_tf as nst

GUESTS = {  # what public names give back, and who else is worth an entry, by group
    "what it will cost": ["nst_tf.estimates.Estimate"],
    "where, and how much": ["nst_tf.brush.Brush"],
    "teaching": [
        "nst_tf.exercises.questions.Report",
        "nst_tf.playground.Playground",
        "nst_tf.playground.pictures",
    ],
}
TYPES = {  # names of types in signatures, and the files where they are written down
    "Picture": "images",
    "Paintings": "targets",
    "AnyStyle": "fast",
    "Masks": "guides",
    "Array": "losses",
    "Start": "optimizers",
    "Loss": "optimizers",
    "Step": "optimizers",
    "Callback": "callbacks",
}
SECTIONS = ("Args:", "Returns:", "Raises:", "Yields:", "Attributes:")


def drawn():
    """The names of `nst.figures`."""
    own = vars(nst.figures).items()
    here = [n for n, f in own if getattr(f, "__module__", 0) == "nst_tf.figures"]
    return [name for name in here if name[0] != "_"]


def asked():
    """The names of `nst.exercises`."""
    functions = [n for n, f in vars(nst.exercises).items() if inspect.isfunction(f)]
    checks = [name for name in functions if name.startswith("check_")]
    return ["check", "grade", *checks]


def public():
    """`{short name: whole name}` of all that has an entry in the book."""
    modules = ("figures", "exercises")
    names = {name: f"nst_tf.{name}" for name in nst.__all__ if name not in modules}
    names |= {f"figures.{name}": f"nst_tf.figures.{name}" for name in drawn()}
    names |= {name: f"nst_tf.exercises.{name}" for name in asked()}
    names |= {
        name.split(".")[-1]: name for guests in GUESTS.values() for name in guests
    }
    return names | {name: f"nst_tf.{room}.{name}" for name, room in TYPES.items()}


PUBLIC = public()


def types_of(thing):
    """`{argument: its type}` as in the source: `Picture`, not what that stands for."""
    if not inspect.isfunction(thing):
        return {}
    (made,) = ast.parse(textwrap.dedent(inspect.getsource(thing))).body
    every = [*made.args.posonlyargs, *made.args.args, *made.args.kwonlyargs]
    known = {one.arg: one.annotation for one in every if one.annotation}
    return {name: ast.unparse(kind).strip("'") for name, kind in known.items()}


def meaning(name):
    """What the name of a type stands for, as it is written down."""
    module = importlib.import_module(f"nst_tf.{TYPES[name]}")
    for made in ast.parse(inspect.getsource(module)).body:
        target = getattr(made, "target", None) or getattr(made, "targets", [None])[0]
        if getattr(target, "id", None) == name:
            return ast.unparse(made.value)
    raise ValueError(f"{name}: not in {module.__name__}")


# Text


def whole_name(words, module):
    """Of a public thing, which the docstrings of its module call by a short one."""
    name = re.sub(r"^(nst_tf|nst)\.", "", words)
    room = module.removeprefix("nst_tf.")
    for short in (f"{room}.{name}", name, name.removeprefix("exercises.")):
        if short in PUBLIC:
            return PUBLIC[short]
    return None


def with_links(text, module):
    """Words in backticks become code, or links; other signs mean nothing."""

    def replace(match):
        words = " ".join(match[1].split())
        whole = whole_name(words, module)
        return f":py:obj:`{words} <{whole}>`" if whole else f"``{words}``"

    outside_and_inside = re.split(r"(`[^`]+`)", text)
    for k, part in enumerate(outside_and_inside):
        plain = part.replace("|", r"\|")
        outside_and_inside[k] = re.sub("`([^`]+)`", replace, part) if k % 2 else plain
    return "".join(outside_and_inside)


def is_python(text):
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def block(lines):
    """An indented block: a formula that is known, or code."""
    text = textwrap.dedent("\n".join(lines)).strip()
    if text in FORMULAS:
        return [".. math::", "", f"   {FORMULAS[text]}", ""]
    language = "python" if is_python(text) else "text"
    return [
        f".. code-block:: {language}",
        "",
        *textwrap.indent(text, "   ").splitlines(),
        "",
    ]


def typed(line, kinds):
    """`    name: words` with the type of the argument."""
    match = re.match(r"^    ([\w*, ]+): ", line)
    if not match:
        return line
    names = [name.strip(" *") for name in match[1].split(",")]
    found = {kinds.get(name) for name in names} - {None}
    if len(found) != 1:
        return line
    return f"    {match[1]} ({found.pop()}): {line[match.end() :]}"


def parts(lines):
    """Runs of lines, each with its kind: text, block, example or section."""
    kind, run = "text", []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        begins = kind
        blank = not run or not run[-1].strip()
        if line in SECTIONS and after.startswith("    "):
            begins = "section"
        elif line.startswith(">>>") or kind == "example" and line.strip():
            begins = "example"
        elif line and not line.startswith(" ") or kind == "example":
            begins = "text"
        elif line.startswith("    ") and blank and kind == "text":
            begins = "block"
        if begins != kind or begins == "section" and line in SECTIONS:
            if run:
                yield kind, run
            kind, run = begins, []
        run.append(line)
    yield kind, run


def section(run, module, kinds):
    """`Args:` and others: for napoleon, or as the field that it would make."""
    head, *lines = run
    lines = with_links("\n".join(lines), module).splitlines()
    if head == "Args:":
        lines = [typed(line, kinds) for line in lines]
    if head in ("Returns:", "Yields:"):  # napoleon would take words for a type
        return [f":{head[:-1].lower()}:", *lines, ""]
    return [head, *lines, ""]


def to_rest(lines, module, kinds):
    """A docstring's lines as those of reStructuredText, with sections for napoleon.

    Args:
        lines: of the docstring.
        module: in whose words it speaks, such as `nst_tf.losses`.
        kinds: `{argument: type}`, as `types_of` gives them.
    """
    made = []
    for kind, run in parts(lines):
        if kind == "block":
            made += block(run)
        elif kind == "section":
            made += section(run, module, kinds)
        elif kind == "example":
            made += [*run, ""]
        else:
            text = with_links("\n".join(run), module)
            made += [re.sub("^Example:$", ".. rubric:: Example", text, flags=re.M), ""]
    return "\n".join(made).splitlines()

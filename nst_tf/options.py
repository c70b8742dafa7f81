"""What the commands share: options made from a signature, names, and messages."""

import argparse
import inspect
import os
import re
import sys
import typing
from collections.abc import Sequence
from pathlib import Path

from nst_tf.fast import fast_style_transfer, fit_style
from nst_tf.images import check_path
from nst_tf.transfer import style_transfer
from nst_tf.video import film

# Options from a signature


def _descriptions(function):
    """`{argument: what its docstring says}`, without what holds in Python only."""
    words = inspect.getdoc(function)
    if words is None:  # Python was started with -OO
        return {}
    section = words.split("\nArgs:\n")[1].split("\n\n")[0]
    texts = {}
    for entry in re.split(r"^ {4}(?=\w+:)", section, flags=re.MULTILINE)[1:]:
        name, text = " ".join(entry.replace("`", "").split()).split(": ", 1)
        texts[name] = re.sub(r"; (or )?from Python.*$", ".", text)
    return texts


IN_PYTHON = ("callback", "callbacks", "map")
METAVARS = {int: "N", float: "X", str: "NAME"}


def _option(annotation):
    """How argparse should read a value: `int | list[int]` is one or more integers."""
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    kinds = typing.get_args(annotation) or [annotation]
    for kind in kinds:
        if typing.get_origin(kind) is list:
            (kind,) = typing.get_args(kind)
            return {"type": kind, "nargs": "+", "metavar": METAVARS[kind]}
        if typing.get_origin(kind) is Sequence:  # of pictures
            return {"type": str, "nargs": "+", "metavar": "FILE"}
    return {"type": kinds[0], "metavar": METAVARS[kinds[0]]}


def add_options(parser, function, **types):
    """One option for each keyword, with its own words and default.

    Args:
        parser: or a group of it.
        function: whose keywords they are.
        **types: how an option's value is read, if its annotation does not say it.
    """
    texts = _descriptions(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not parameter.KEYWORD_ONLY or name in IN_PYTHON:
            continue
        default = parameter.default
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
        how = _option(parameter.annotation)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            default=default,
            help=texts.get(name, "") + ("" if default is None else f" [{shown}]"),
            **how | ({"type": types[name]} if name in types else {}),
        )


# What goes wrong, in the words of the command line


PICTURES = {"content_image": "the photograph", "style_image": "the painting"}
FUNCTIONS = style_transfer, fast_style_transfer, fit_style, film
ARGUMENTS = {name for f in FUNCTIONS for name in f.__kwdefaults__ or ()}
ARGUMENTS |= {"time_budget"}


def in_options(message):
    """A message of the library, with options where it has arguments.

    Names of files, which stand in quotes or behind a slash, stay as they are.

    >>> in_options("content_weight: -1; or network='vgg19_slim', not 'seed=1.png'")
    "--content-weight: -1; or --network vgg19_slim, not 'seed=1.png'"
    """
    own = r"(?<![\w/'\\])"
    for name, words in PICTURES.items():
        message = re.sub(rf"{own}{name}\b(?!\.)", words, message)

    def option(found):
        name, sign, value = found.groups()
        name = f"--{name.replace('_', '-')}"
        return f"{name} {value.strip(chr(39))}" if sign == "=" else f"{name}:"

    pattern = rf"{own}({'|'.join(ARGUMENTS)})(=|:)('[^']*'|(?<==)[\w./-]+|)"
    return re.sub(pattern, option, message)


def complain(message):
    """Prints a message on one line, whatever names are in it."""
    print("nst-tf:", *message.splitlines(), file=sys.stderr)


# Where pictures go, and what is said of them


def say(words):
    """Prints to stdout, even letters that its encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    print(str(words).encode(encoding, "backslashreplace").decode(encoding))


def outputs(contents, styles, output):
    """Where each picture goes, checked before anything is computed."""
    named = [Path(f"{Path(c).stem}-{Path(styles[0]).stem}.png") for c in contents]
    if output is None:
        paths = named
    elif os.path.isdir(output):
        paths = [Path(output) / name for name in named]
    elif len(contents) > 1:
        raise ValueError(f"{output} is not a folder; {len(contents)} pictures need one")
    else:
        paths = [Path(output)]
    for path in paths:
        check_path(path)
        if os.path.realpath(path) in map(os.path.realpath, [*contents, *styles]):
            raise ValueError(f"{path} is one of the pictures; choose another name")
    if len(set(paths)) < len(paths):
        raise ValueError("two photographs have the same name; paint them one by one")
    return paths


# The parser


class Parser(argparse.ArgumentParser):
    def error(self, message):
        complain(f"{message} (see {self.prog} --help)")
        self.exit(2)


def add_debug(parser, default):
    """Allowed before the command and after it; the second must not undo the first."""
    parser.add_argument(
        "--debug", action="store_true", default=default, help="show tracebacks"
    )

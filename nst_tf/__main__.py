"""The command line: `nst-tf transfer photo.jpg painting.jpg -o out.png`."""

import argparse
import inspect
import json
import re
import sys
import typing
from pathlib import Path

from nst_tf import __version__
from nst_tf.callbacks import checkpoint, film, progress
from nst_tf.estimates import estimate, plan
from nst_tf.features import smallest_side
from nst_tf.images import check_path, load_image, read_settings
from nst_tf.results import NotFiniteError
from nst_tf.settings import SMALLEST_SIZE, as_list
from nst_tf.targets import Style
from nst_tf.transfer import style_transfer

TRANSFER = """\
Paint photographs in the style of a painting (Gatys et al. 2016).

  nst-tf transfer photo.jpg painting.jpg -o out.png
  nst-tf transfer photo.jpg painting.jpg --size 256 512 --content-weight 0.01
  nst-tf transfer one.jpg two.jpg three.jpg painting.jpg -o folder
  nst-tf transfer photo.jpg wave.jpg --style night.jpg --style-blend 0.7 0.3
"""


# Options out of a signature


def _descriptions(function):
    """`{argument: what its docstring says}`, but for what holds in Python only."""
    section = inspect.getdoc(function).split("\nArgs:\n")[1].split("\n\n")[0]
    texts = {}
    for entry in re.split(r"^ {4}(?=\w+:)", section, flags=re.MULTILINE)[1:]:
        name, text = " ".join(entry.replace("`", "").split()).split(": ", 1)
        texts[name] = re.sub(r"; (or )?from Python.*$", ".", text)
    return texts


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
    return {"type": kinds[0], "metavar": METAVARS[kinds[0]]}


def _add_options(parser, function):
    """One option for each annotated argument, with its own words and default."""
    texts = _descriptions(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.annotation is parameter.empty:
            continue
        default = parameter.default
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            default=default,
            help=texts[name] + ("" if default is None else f" [{shown}]"),
            **_option(parameter.annotation),
        )


# The commands


def _outputs(contents, styles, output):
    """Where each picture goes, checked before anything is computed."""
    named = [Path(f"{Path(c).stem}-{Path(styles[0]).stem}.png") for c in contents]
    if output is None:
        paths = named
    elif Path(output).is_dir():
        paths = [Path(output) / name for name in named]
    elif len(contents) > 1:
        raise ValueError(f"{output} is no folder; {len(contents)} pictures need one")
    else:
        paths = [Path(output)]
    for path in paths:
        check_path(path)
        if path.resolve() in [Path(p).resolve() for p in [*contents, *styles]]:
            raise ValueError(f"{path} is one of the pictures; choose another name")
    if len(set(paths)) < len(paths):
        raise ValueError("two photographs have the same name; paint them one by one")
    return paths


def _seconds(text):
    """`90`, `90s`, `1.5m` or `1h` -> seconds."""
    found = re.fullmatch(r"(\d+\.?\d*) ?([smh]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}; wanted a time, such as 90s or 2m")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def _told(photograph, style, settings, budget, quiet):
    """Says what a run will cost; chooses its size and steps, if there is a budget."""
    if budget:
        others = {n: v for n, v in settings.items() if n not in ("size", "steps")}
        found = plan(budget, photograph, style, **others)
    elif quiet or settings["resume"]:
        return {}
    else:
        found = estimate(photograph, style, **settings)
    if not quiet:
        sizes, steps = (" ".join(map(str, n)) for n in (found.size, found.steps))
        words = f"{Path(photograph).name}: size {sizes}, steps {steps}: {found}"
        print(words, file=sys.stderr)
    return {"size": found.size, "steps": found.steps}


def _transfer(args):
    if len(args.pictures) < 2:
        raise ValueError("one picture only; wanted a photograph and a painting")
    contents, styles = args.pictures[:-1], [args.pictures[-1], *args.style]
    names = [p for p in inspect.signature(style_transfer).parameters if p in args]
    settings = {name: getattr(args, name) for name in names}
    paths = _outputs(contents, styles, args.output)
    one_run = args.checkpoint or args.resume or args.animate
    if len(contents) > 1 and one_run:
        raise ValueError(
            "--checkpoint, --resume and --animate are for one photograph at a time"
        )
    least = smallest_side([*as_list(args.content_layers), *as_list(args.style_layers)])
    coarsest = max(as_list(args.size)[0], SMALLEST_SIZE)
    for photograph in contents:  # to hear now, not in an hour
        load_image(photograph, coarsest, min_side=least)
    # One `Style` for all, so that its Gram matrices are computed once.
    style = Style(styles, settings.pop("style_blend"))

    defaults = style_transfer.__kwdefaults__
    if args.time_budget and any(settings[n] != defaults[n] for n in ("size", "steps")):
        raise ValueError("--time-budget chooses size and steps; leave those two out")
    budget = args.time_budget and args.time_budget / len(contents)
    for photograph, path in zip(contents, paths, strict=True):
        callbacks = [] if args.quiet else [progress(Path(photograph).name)]
        if args.checkpoint:
            callbacks.append(checkpoint(args.checkpoint))
        if args.animate:
            callbacks.append(film(args.animate))
        settings |= _told(photograph, style, settings, budget, args.quiet)
        try:
            result = style_transfer(photograph, style, callbacks=callbacks, **settings)
        except NotFiniteError as error:
            error.result.save(path)
            print(f"nst-tf: {error}. The last good picture: {path}", file=sys.stderr)
            return 1
        result.save(path)
        if not result.complete:
            steps = len(result.history["step"])
            print(f"Stopped after {steps} steps: {path}")
            return 130
        print(path)
    return 0


def _describe(args):
    for name, value in read_settings(args.picture).items():
        print(f"{name:16} {json.dumps(value)}")
    return 0


# The parser


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"nst-tf: {message} (see {self.prog} --help)\n")


def _add_debug(parser, default):
    """Before the command or after it; the latter must not undo the former."""
    parser.add_argument(
        "--debug", action="store_true", default=default, help="show tracebacks"
    )


def _add_transfer(commands):
    parser = commands.add_parser(
        "transfer",
        help="paint photographs in the style of a painting",
        description=TRANSFER,
        usage="nst-tf transfer PHOTO [PHOTO ...] PAINTING [-o OUT] [options]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_transfer)
    parser.add_argument(
        "pictures",
        metavar="PHOTO ... PAINTING",
        nargs="+",
        help="paths or URLs, before all options: photographs, then the painting",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="a file, or a folder [PHOTO-PAINTING.png here]",
    )
    parser.add_argument(
        "--style",
        nargs="+",
        default=[],
        metavar="PAINTING",
        help="paintings to blend in",
    )
    _add_options(parser.add_argument_group("settings"), style_transfer)
    run = parser.add_argument_group("the run")
    run.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="an .npz written every 50 steps, for --resume",
    )
    run.add_argument(
        "--animate",
        metavar="FILE",
        help="the run as a film: .gif, .webp, or .mp4 (needs imageio-ffmpeg)",
    )
    run.add_argument(
        "--time-budget",
        metavar="TIME",
        type=_seconds,
        help="such as 90s or 2m: chooses size and steps to fit",
    )
    run.add_argument("--quiet", action="store_true", help="no progress bar")
    _add_debug(run, default=argparse.SUPPRESS)


def _add_describe(commands):
    parser = commands.add_parser(
        "describe", help="print the settings that a PNG of ours was made with"
    )
    parser.set_defaults(run=_describe)
    parser.add_argument("picture", metavar="PICTURE", help="a PNG file")
    _add_debug(parser, default=argparse.SUPPRESS)


def _parser():
    parser = _Parser(prog="nst-tf", description="Neural style transfer.")
    parser.add_argument("--version", action="version", version=f"nst-tf {__version__}")
    _add_debug(parser, default=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_transfer(commands)
    _add_describe(commands)
    return parser


def main(arguments=None):
    """Runs one command; returns 0, 1 for a run that failed, 2 for a user's mistake."""
    args = _parser().parse_args(arguments)
    try:
        return args.run(args)
    except KeyboardInterrupt:
        return 130
    except (ValueError, OSError, ImportError) as error:
        if args.debug:
            raise
        print(f"nst-tf: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

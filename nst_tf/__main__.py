"""The command line: `nst-tf transfer photo.jpg painting.jpg -o out.png`."""

import argparse
import json
import re
import sys
from pathlib import Path

import keras

from nst_tf import __version__, fast_commands
from nst_tf.callbacks import animate, checkpoint, progress
from nst_tf.estimates import Probe, device
from nst_tf.features import smallest_side
from nst_tf.images import image_shape, load_image, open_image, read_settings
from nst_tf.options import (
    Parser,
    add_debug,
    add_options,
    complain,
    in_options,
    outputs,
    say,
)
from nst_tf.resume import load_saved
from nst_tf.settings import check_settings
from nst_tf.targets import Style
from nst_tf.transfer import style_transfer

TRANSFER = """\
Paint photographs in the style of a painting (Gatys et al. 2016).

  nst-tf transfer photo.jpg painting.jpg -o out.png
  nst-tf transfer photo.jpg painting.jpg --size 256 512 --content-weight 0.01
  nst-tf transfer one.jpg two.jpg three.jpg painting.jpg -o folder
  nst-tf transfer photo.jpg wave.jpg --style night.jpg --style-blend 0.7 0.3
  nst-tf transfer --resume run.npz -o out.png
"""


# The commands


def _seconds(text):
    """`90`, `90s`, `1.5m` or `1h` -> seconds."""
    found = re.fullmatch(r"(\d+\.?\d*) ?([smh]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r}; wanted a time, such as 90s or 2m")
    seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]
    if not seconds:
        raise argparse.ArgumentTypeError(f"{text!r}; wanted a time above zero")
    return seconds


def _pictures(args):
    """Paths of the photographs and of the paintings."""
    if args.resume is not None and not args.pictures:
        if args.style:
            raise ValueError("--style: name the photograph and the painting as well")
        made_with = load_saved(args.resume).settings
        return [made_with["content_image"]], made_with["style_image"]
    if len(args.pictures) < 2:
        raise ValueError("one picture only; wanted a photograph and a painting")
    return args.pictures[:-1], [args.pictures[-1], *args.style]


def _check_options(args, contents):
    """Checks what only the command line has."""
    one_run = (args.checkpoint, args.resume, args.animate)
    if len(contents) > 1 and any(option is not None for option in one_run):
        raise ValueError(
            "--checkpoint, --resume and --animate are for one photograph at a time"
        )
    defaults = style_transfer.__kwdefaults__
    if args.time_budget and any(
        getattr(args, name) != defaults[name] for name in ("size", "steps", "resume")
    ):
        raise ValueError(
            "--time-budget chooses size and steps of a new run; leave out --size, "
            "--steps and --resume"
        )


def _photographs(paths, open_one):
    """Opens the photographs, one at a time.

    If there are several, all are opened once beforehand, so that a damaged one is
    reported now, and not in an hour.
    """
    first, *others = paths
    opened = open_one(first)
    for path in others:
        open_one(path)
    yield opened
    yield from map(open_one, others)


def _opened(contents, styles, settings, budget):
    """The photographs and the `Style`; each file is decoded once."""
    checked = check_settings(callbacks=(), **settings)
    least = smallest_side(checked.layers)

    def open_one(path):
        opened = open_image(path, None if budget else checked.size[-1])
        size = None if budget else checked.size[0]
        load_image(opened, size, min_side=least)  # is it large enough?
        return opened

    opened = list(map(open_image, styles))
    style = Style(opened, checked.style_blend, checked.style_scale)
    return _photographs(contents, open_one), style


def _probe(photograph, style, settings, budget):
    """A `Probe`; None if it fails, which says nothing about the run."""
    try:
        return Probe(photograph, style, settings)
    except ConnectionError:  # missing weights: the run would fail too
        raise
    except Exception:
        if budget:
            raise
        return None


def _watchers(args, name):
    callbacks = [] if args.quiet else [progress(name)]
    if args.checkpoint:
        callbacks.append(checkpoint(args.checkpoint))
    if args.animate:
        callbacks.append(animate(args.animate))
    return callbacks


def _paint(photograph, style, path, callbacks, settings, debug=False):
    """One picture, saved; returns the exit status."""
    try:
        result = style_transfer(photograph, style, callbacks=callbacks, **settings)
    except (Exception, KeyboardInterrupt) as error:
        result = getattr(error, "result", None)
        if result is None:
            raise
        result.save(path)
        what = str(error) or type(error).__name__
        complain(in_options(f"{what}. The last good picture: {path}"))
        if debug:
            raise
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    result.save(path)
    if not result.complete:
        say(f"Stopped after {len(result.history['step'])} steps: {path}")
        return 130
    say(path)
    return 0


def _go_on(args, contents, styles, path, settings):
    """Resumes a run from its checkpoint, which has all that the command leaves out."""
    pictures = (contents[0], styles) if args.pictures else (None, None)
    callbacks = _watchers(args, Path(contents[0]).name)
    return _paint(*pictures, path, callbacks, settings, args.debug)


def _tell(args, words):
    if not args.quiet:
        print(words, file=sys.stderr)


def _cost(probe, shape, budget):
    if budget:
        return probe.plan(budget, shape)
    return probe.estimate(shape, probe.settings.size, probe.settings.steps)


def _paint_all(args, photographs, style, paths, settings, budget):
    """Photographs one by one; a small run before the first tells the cost of each."""
    probe, where = None, device()
    for k, (photograph, path) in enumerate(zip(photographs, paths, strict=True)):
        name = Path(photograph.filename).name
        callbacks = _watchers(args, name)
        if k == 0 and (budget or not args.quiet):
            probe = _probe(photograph, style, settings, budget)
        if probe:
            found = _cost(probe, image_shape(photograph), budget)
            settings |= {"size": found.size, "steps": found.steps}
            sizes, steps = (" ".join(map(str, n)) for n in (found.size, found.steps))
            cost = f"{name}: size {sizes}, steps {steps}: {found}"
            _tell(args, cost if k else f"{cost}, {where}")
        elif k == 0:
            _tell(args, f"{name}: {where}")
        status = _paint(photograph, style, path, callbacks, settings, args.debug)
        if status:
            return status
    return 0


def _transfer(args):
    contents, styles = _pictures(args)
    _check_options(args, contents)
    paths = outputs(contents, styles, args.output)
    names = [name for name in style_transfer.__kwdefaults__ if name in args]
    settings = {name: getattr(args, name) for name in names}
    if args.quiet:
        keras.utils.disable_interactive_logging()  # which reports downloads
    if args.resume is not None:
        return _go_on(args, contents, styles, paths[0], settings)
    budget = args.time_budget and args.time_budget / len(contents)
    photographs, style = _opened(contents, styles, settings, budget)
    del settings["style_blend"], settings["style_scale"]  # the style has them
    return _paint_all(args, photographs, style, paths, settings, budget)


def _describe(args):
    for name, value in read_settings(args.picture).items():
        say(f"{name:16} {json.dumps(value)}")
    return 0


# The parser


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
        nargs="*",
        help="paths or URLs, before all options: photographs, then the painting; none "
        "with --resume alone",
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
    add_options(parser.add_argument_group("settings"), style_transfer)
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
    add_debug(run, default=argparse.SUPPRESS)


def _add_describe(commands):
    parser = commands.add_parser(
        "describe", help="print the settings that a PNG was made with"
    )
    parser.set_defaults(run=_describe)
    parser.add_argument("picture", metavar="PICTURE", help="a PNG file")
    add_debug(parser, default=argparse.SUPPRESS)


def _parser():
    parser = Parser(prog="nst-tf", description="Neural style transfer.")
    parser.add_argument("--version", action="version", version=f"nst-tf {__version__}")
    add_debug(parser, default=False)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_transfer(commands)
    fast_commands.add(commands)
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
        complain(in_options(str(error)))
        return 2


if __name__ == "__main__":
    sys.exit(main())

"""The commands of the fast network: `fast`, `film`, `styles`, `fit-style`, `export`."""

import argparse
import contextlib
import os
import time
import warnings
from pathlib import Path

from tqdm.auto import tqdm

from nst_tf.exports import export_fast, export_predictor
from nst_tf.fast import (
    FastStyle,
    fast_style_transfer,
    fast_styles,
    fit_style,
    style_vector,
)
from nst_tf.features import WEIGHTS
from nst_tf.figures import image_grid
from nst_tf.images import FORMATS, check_path
from nst_tf.options import add_debug, add_options, complain, in_options, outputs, say
from nst_tf.settings import check_blend
from nst_tf.video import film

FAST = """\
Paint photographs in a second, by one pass of a network (Johnson et al. 2016).

  nst-tf fast photo.jpg the_wave -o out.png
  nst-tf fast photo.jpg painting.jpg --size 2048
  nst-tf fast photos udnie --strength 0.7 -o folder
  nst-tf fast photo.jpg the_wave --style udnie --style-blend 0.6 0.4
  nst-tf fast photo.jpg the_wave --style udnie --content-masks sky.png ground.png

A style is a name, see `nst-tf styles`; a painting; or what `nst-tf fit-style` wrote.
"""
FILM = """\
Paint a film, frame by frame, steady, with its sound.

  nst-tf film clip.mp4 starry_night -o out.mp4
  nst-tf film clip.mp4 the_wave udnie -o out.mp4
  nst-tf film clip.mp4 painting.jpg --start 3 --end 10 --size 960 -o out.mp4

Several styles come one after another. Ctrl-C ends it early, with a film of what is
painted so far; the same command goes on from there.
"""
STYLES = """\
List the styles that have a name, with their painters, and why they are free.

  nst-tf styles
  nst-tf styles --sheet sheet.jpg --photo photo.jpg
"""
FIT_STYLE = """\
Learn a painting's style, better than it is predicted: `nst-tf fast` takes the file.

  nst-tf fit-style painting.jpg -o mine.npz --minutes 3
"""
EXPORT = """\
Write the network for other places: browsers, phones, other languages.

  nst-tf export fast.onnx
  nst-tf export wave.tflite --style the_wave
  nst-tf export predictor.onnx --predictor
"""
COLUMNS = 5  # of the sheet
SHEET_SIZE = 320  # pixels of each of its pictures


def _style(style, others, blend, masks=None):
    """One style, a blend, or one for each mask, as `fast_style_transfer` takes it."""
    styles = [style, *others]
    if len(styles) == 1 and blend is None:
        return style
    if masks and blend is None:
        return styles
    weights = check_blend(blend, styles)
    if len(set(styles)) < len(styles):
        raise ValueError("--style: one of them is named twice")
    return dict(zip(styles, weights, strict=True))


def _photographs(paths):
    """The paths; those of a folder's pictures instead of the folder."""
    found = []
    for path in paths:
        if not os.path.isdir(path):
            found.append(path)
            continue
        inside = sorted(p for p in Path(path).iterdir() if p.suffix.lower() in FORMATS)
        if not inside:
            raise ValueError(f"{path}: there is no picture in this folder")
        found += map(str, inside)
    return found


# The commands


def _fast(args):
    if len(args.pictures) < 2:
        raise ValueError("one name only; wanted a photograph and a style")
    *paths, style = args.pictures
    contents = _photographs(paths)
    files = outputs(contents, [style, *args.style], args.output)
    style, status = _style(style, args.style, args.style_blend, args.content_masks), 0
    if isinstance(style, str) and args.color != "matched":
        style = FastStyle(style_vector(style), style)  # once for all photographs
    names = fast_style_transfer.__kwdefaults__
    settings = {name: getattr(args, name) for name in names}
    for content, path in zip(contents, files, strict=True):
        try:
            result = fast_style_transfer(content, style, **settings)
        except ValueError as error:
            if len(contents) == 1 or args.debug:
                raise
            complain(in_options(str(error)))  # and on to the next one
            status = 1
            continue
        result.save(path)
        say(path)
    return status


@contextlib.contextmanager
def _bar(unit, quiet):
    """A function of how much is done, and of how much: from its first call, a bar."""
    bar = None

    def watch(done, total):
        nonlocal bar
        if bar is None:
            bar = tqdm(total=total, initial=done - 1, unit=unit, disable=quiet)
        bar.update(done - bar.n)

    try:
        yield watch
    finally:
        if bar is not None:
            bar.close()


def _film(args):
    source, *styles = args.pictures
    if not styles:
        raise ValueError("one name only; wanted a film and a style")
    name = f"{Path(source).stem}-{Path(styles[0]).stem}.mp4"
    names = [n for n in film.__kwdefaults__ if n in args]
    settings = {name: getattr(args, name) for name in names}
    style = styles[0] if len(styles) == 1 else styles
    with _bar("frame", args.quiet) as watch, warnings.catch_warnings():
        warnings.showwarning = lambda message, *_: complain(str(message))
        made = film(source, style, args.output or name, callback=watch, **settings)
    say(made.path)
    if not made.complete:
        complain(f"stopped after {made.seconds:.1f} s; the same command goes on")
        return 130
    return 0


def _styles(args):
    if args.sheet:
        path = check_path(args.sheet, (".jpg", ".png", ".pdf", ".svg"))
        _sheet(args.photo).savefig(path, dpi=110)
        say(path)
        return 0
    for name, about in fast_styles().items():
        say(f"{name:17} {about}")
    return 0


def _sheet(photo):
    """A Figure: one photograph in all named styles."""
    names = list(fast_styles())
    pictures = [
        fast_style_transfer(photo, name, size=SHEET_SIZE).image for name in names
    ]
    rows = range(0, len(names), COLUMNS)
    return image_grid(
        [pictures[k : k + COLUMNS] for k in rows],
        labels=[names[k : k + COLUMNS] for k in rows],
    )


def _watch(args):
    """A callback of `fit_style` that shows its progress, in steps or in seconds."""
    began, bar = time.monotonic(), None

    def watch(step, loss):
        nonlocal bar
        total = args.steps or round(60 * args.minutes)
        made = step if args.steps else round(time.monotonic() - began)
        if bar is None:
            bar = tqdm(total=total, unit="step" if args.steps else "s")
        bar.set_postfix(loss=f"{loss:.4g}", refresh=False)
        bar.update(min(made, total) - bar.n)

    return None if args.quiet else watch


def _fit_style(args):
    path = check_path(args.output, (".npz",))
    names = fit_style.__kwdefaults__
    settings = {name: getattr(args, name) for name in names if name in args}
    style = fit_style(args.painting, callback=_watch(args), **settings)
    style.save(path)
    say(path)
    return 0


def _export(args):
    if args.predictor:
        if args.style:
            raise ValueError("--predictor: it takes no --style; it gives one")
        export_predictor(args.path)
        say(args.path)
        return 0
    one = None
    if args.style:
        one = _style(args.style[0], args.style[1:], args.style_blend)
    export_fast(args.path, one)
    say(args.path)
    return 0


# Their options


def _size(text):
    """`--size 2048`, or `--size full` for the photograph's own."""
    return None if text == "full" else int(text)


def _command(commands, name, run, words, usage):
    what, _ = words.split("\n", 1)
    parser = commands.add_parser(
        name,
        help=what[0].lower() + what[1:].rstrip("."),
        description=words,
        usage=f"nst-tf {name} {usage}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    add_debug(parser, default=argparse.SUPPRESS)
    return parser


def _add_style_options(parser, words):
    parser.add_argument("--style", nargs="+", default=[], metavar="STYLE", help=words)
    parser.add_argument(
        "--style-blend",
        nargs="+",
        type=float,
        metavar="X",
        help="weights of the styles, such as 0.7 0.3 [equal]",
    )


def _add_fast(commands):
    usage = "PHOTO [PHOTO ...] STYLE [-o OUT] [options]"
    parser = _command(commands, "fast", _fast, FAST, usage)
    parser.add_argument(
        "pictures",
        metavar="PHOTO ... STYLE",
        nargs="+",
        help="before all options: paths or URLs of photographs, or folders of them; "
        "then the style",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="a file, or a folder [PHOTO-STYLE.png here]",
    )
    _add_style_options(parser, "styles to blend in")
    add_options(parser, fast_style_transfer, size=_size)


def _add_film(commands):
    usage = "CLIP STYLE [STYLE ...] [-o OUT] [options]"
    parser = _command(commands, "film", _film, FILM, usage)
    parser.add_argument(
        "pictures",
        metavar="CLIP STYLE",
        nargs="+",
        help="before all options: a film, or a folder of numbered pictures; then the "
        "style, or several, from its beginning to its end",
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", help="an .mp4 or .gif [CLIP-STYLE.mp4 here]"
    )
    add_options(parser, film, size=_size)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_styles(commands):
    usage = "[--sheet FILE] [--photo PHOTO]"
    parser = _command(commands, "styles", _styles, STYLES, usage)
    parser.add_argument(
        "--sheet", metavar="FILE", help="a photograph in all of them, as a .jpg or .png"
    )
    parser.add_argument(
        "--photo",
        default=str(WEIGHTS / "photos" / "cat.jpg"),
        help="the photograph of the sheet [a cat]",
    )


def _add_fit_style(commands):
    usage = "PAINTING -o FILE [options]"
    parser = _command(commands, "fit-style", _fit_style, FIT_STYLE, usage)
    parser.add_argument("painting", metavar="PAINTING", help="a path or URL")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="an .npz")
    add_options(parser, fit_style)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_export(commands):
    usage = "FILE [--style STYLE ... | --predictor] [options]"
    parser = _command(commands, "export", _export, EXPORT, usage)
    parser.add_argument(
        "path", metavar="FILE", help="ends in .onnx, .tflite or .keras; or a folder"
    )
    _add_style_options(
        parser, "the only style that it paints in [any, a vector as its second input]"
    )
    parser.add_argument(
        "--predictor",
        action="store_true",
        help="write the other network: a painting -> the vector of its style",
    )


def add(commands):
    """Adds the commands to those of `nst-tf`."""
    for add_one in (_add_fast, _add_film, _add_styles, _add_fit_style, _add_export):
        add_one(commands)

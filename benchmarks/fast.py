"""How good and how fast the picture in one pass is.

    python benchmarks/fast.py named PHOTO ... --paintings FOLDER ... --styles NAME ...
    python benchmarks/fast.py any PHOTO ... --paintings FOLDER --every 20
    python benchmarks/fast.py fitted PHOTO ... --paintings FOLDER --every 20
    python benchmarks/fast.py race PHOTO:PAINTING:LOSS[:LOSS] ...
    python benchmarks/fast.py time

The first three compare eq. 7, the loss of `style_transfer` with its defaults, of the
fast picture and of the photograph, and say how many evaluations L-BFGS needs from the
photograph for as much. `named` has the network's own styles, `any` predicts them,
`fitted` learns them for three minutes. `race` counts the evaluations from the fast
picture to a loss. `time` measures a pass, and PyTorch's of the same network, in turns.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from bench import PHOTO, in_turns, until

import nst_tf as nst

NAMED = Path(nst.__file__).parent / "weights" / "fast_styles.json"


def geometric(values):
    return np.exp(np.mean(np.log(values)))


def evaluations(loss, image, goal, most):
    """How many L-BFGS needs from an image to a loss; `most` if they do not suffice."""
    losses, *_ = until(nst.lbfgs(loss, image, most), goal)
    return len(losses)


def quality(styles, photos, size, network, most):
    """A row for each style: `{name: (painting, what fast_style_transfer takes)}`.

    Evaluations are counted for one photograph of each style, in turn.
    """
    print("| style | fast / photograph | evaluations of L-BFGS |\n|---|---|---|")
    all_ratios, counts = [], []
    for k, (name, (painting, style)) in enumerate(styles.items()):
        ratios = []
        for i, path in enumerate(photos):
            photo = nst.load_image(path, size)
            loss = nst.total_loss(photo, painting, network)
            fast = nst.fast_style_transfer(photo, style, size=None).image[None]
            before, after = (float(loss(x)["total"]) for x in (photo, fast))
            ratios.append(after / before)
            if i == k % len(photos) and most:
                counts.append(evaluations(loss, photo, after, most))
        all_ratios.append(ratios)
        words = " ".join(f"{r:.3f}" for r in ratios)
        count = counts[-1] if most else "-"
        print(f"| {name} | {geometric(ratios):.3f} ({words}) | {count} |", flush=True)
    told = f"{geometric(all_ratios):.3f}, geometric mean"
    print(f"\n{told}; {np.median(counts) if most else '-'} evaluations, median")


def named(folders, names):
    """The network's own styles, beside the files of their paintings."""
    files = {name: file for name, (file, _) in json.loads(NAMED.read_text()).items()}
    found = {}
    for name in names or nst.fast_styles():
        paths = (folder / files[name] for folder in folders)
        found[name] = next(path for path in paths if path.exists()), name
    return found


def paintings(folders, every):
    return [p for folder in folders for p in sorted(folder.glob("*.jpg"))[::every]]


def race(pairs, size, most):
    """From the fast picture to losses that Adam reached after so many steps."""
    print("| pair | evaluations to each loss | seconds an evaluation |\n|---|---|---|")
    for pair in pairs:
        photo, painting, *goals = pair.split(":")
        content = nst.load_image(photo, size)
        loss = nst.total_loss(content, painting)
        vector = nst.predict_style(painting)
        fast = nst.fast_style_transfer(content, vector, size=None).image[None]
        losses, second, _ = until(nst.lbfgs(loss, fast, most), min(map(float, goals)))
        told = [
            f"{goal}: {np.argmax(losses <= float(goal)) + 1}"
            if losses.min() <= float(goal)
            else f"{goal}: not within {most} ({losses.min():.4f})"
            for goal in goals
        ]
        names = f"{Path(photo).stem} + {Path(painting).stem}"
        print(f"| {names} | {', '.join(told)} | {second:.2f} |", flush=True)


# Time


def start_to_file():
    """Seconds of the whole command, of a first and of a second run."""
    command = [sys.executable, "-m", "nst_tf", "fast", str(PHOTO), "the_wave"]
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([*command, "-o", "/tmp/fast.png"], check=True)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def spent(turns, sizes):
    print(
        "| size | candidate | seconds a picture | times the limit |\n|---|---|---|---|"
    )
    for size in sizes:
        found = in_turns(["fast", "fast PyTorch", "matmul"], size, turns)
        per_second = 4096**3 / found.pop("matmul")[0]
        height, width = nst.load_image(PHOTO, size).shape[1:3]
        for name, (seconds, _) in found.items():
            limit = multiplications(height * width) / per_second
            cells = (
                f"{width} x {height}",
                name,
                f"{seconds:.3f}",
                f"{seconds / limit:.1f}",
            )
            print(f"| {' | '.join(cells)} |")
    print(f"\nfrom command to file: {start_to_file():.1f} s")


def multiplications(pixels):
    """Of the painter's convolutions."""
    from nst_tf.feedforward import BLOCKS, FILTERS

    full, half, quarter = FILTERS
    at_full = 2 * 81 * 3 * full + 9 * half * full
    at_half = 9 * full * half + 9 * quarter * half
    at_quarter = 9 * half * quarter + 2 * BLOCKS * 9 * quarter**2
    return pixels * (at_full + at_half / 4 + at_quarter / 16)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="what", required=True)
    for what in ("named", "any", "fitted"):
        command = commands.add_parser(what)
        command.add_argument("photos", nargs="+")
        command.add_argument("--paintings", type=Path, nargs="+", required=True)
        command.add_argument("--size", type=int, default=512)
        command.add_argument("--network", default="vgg19", help="of the loss")
        command.add_argument("--most", type=int, default=40, help="evaluations")
        if what == "named":
            command.add_argument("--styles", nargs="+", help="names [all]")
        else:
            command.add_argument("--every", type=int, default=1, help="painting")
    racing = commands.add_parser("race")
    racing.add_argument("pairs", nargs="+", metavar="PHOTO:PAINTING:LOSS")
    racing.add_argument("--size", type=int, default=256)
    racing.add_argument("--most", type=int, default=200)
    timing = commands.add_parser("time")
    timing.add_argument("--turns", type=int, default=9)
    timing.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    args = parser.parse_args()
    if args.what == "race":
        return race(args.pairs, args.size, args.most)
    if args.what == "time":
        return spent(args.turns, args.sizes)
    if args.what == "named":
        styles = named(args.paintings, args.styles)
    else:
        learn = nst.predict_style if args.what == "any" else nst.fit_style
        paths = paintings(args.paintings, args.every)
        styles = {path.stem: (path, learn(path)) for path in paths}
    return quality(styles, args.photos, args.size, args.network, args.most)


if __name__ == "__main__":
    main()

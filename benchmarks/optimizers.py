"""Which optimizer has the lower loss after the same time? L-BFGS beside Adam.

    python benchmarks/optimizers.py PHOTO:PAINTING [PHOTO:PAINTING ...] --size 512

Both start from the photograph and take turns, a step each: a busy machine slows both
down. The table has the total loss of each at a quarter, a half and all of the time
that both had, and the seconds that a step of each takes.
"""

import argparse
import time

import numpy as np

import nst_tf as nst

METHODS = {"lbfgs": nst.lbfgs, "adam": nst.descend}


def race(loss, image, steps):
    """`{method: (seconds, totals)}`, both `(steps,)`; the first step compiles."""
    runs = {name: method(loss, image, steps) for name, method in METHODS.items()}
    seconds, totals = ({name: [] for name in METHODS} for _ in range(2))
    for _ in range(steps):
        for name, run in runs.items():
            start = time.perf_counter()
            losses, _ = next(run)
            seconds[name].append(time.perf_counter() - start)
            totals[name].append(losses["total"])
    for name in METHODS:
        seconds[name][0] = np.median(seconds[name])
    return {n: (np.cumsum(seconds[n]), np.array(totals[n])) for n in METHODS}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="+", metavar="PHOTO:PAINTING")
    parser.add_argument("--size", type=int, default=512, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=60, help="default: %(default)s")
    args = parser.parse_args()

    print("| pair | start | L-BFGS | Adam | seconds a step: L-BFGS, Adam |")
    print("|---|---|---|---|---|")
    ratios = []
    for pair in args.pairs:
        photo, painting = pair.split(":")
        image = nst.load_image(photo, args.size)
        loss = nst.total_loss(image, painting, tv_weight=0.0)
        raced = race(loss, image, args.steps)
        end = min(clock[-1] for clock, _ in raced.values())
        at = {
            name: np.interp([end / 4, end / 2, end], clock, totals)
            for name, (clock, totals) in raced.items()
        }
        ratios.append(at["lbfgs"] / at["adam"])
        cells = [" ".join(f"{x:.4f}" for x in at[name]) for name in METHODS]
        steps = ", ".join(f"{c[-1] / args.steps:.2f}" for c, _ in raced.values())
        name = " + ".join(p.split("/")[-1].split(".")[0] for p in pair.split(":"))
        start = raced["adam"][1][0]
        print(f"| {name} | {start:.3f} | {' | '.join(cells)} | {steps} |", flush=True)
    means = np.exp(np.mean(np.log(ratios), axis=0))
    print("\nL-BFGS' loss over Adam's, geometric mean:", *(f"{m:.2f}" for m in means))


if __name__ == "__main__":
    main()

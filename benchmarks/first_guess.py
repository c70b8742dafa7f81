"""What L-BFGS' first guess of the inverse Hessian is worth, part by part.

    python benchmarks/first_guess.py PHOTO:PAINTING [PHOTO:PAINTING ...]

Prints the total loss of the slim network at 256 pixels, 150 steps after 100 at half the
size, from the photograph; then, for the first pair, 120 steps from noise at 192 pixels.
"""

import argparse
from pathlib import Path

from bench import until
from optimizers import total_loss

import nst_tf as nst
from nst_tf.first_guess import GAIN, large, of_pictures
from nst_tf.images import resize

SLIM = "vgg19_slim"
PARTS = {  # what to put in the place of what, in nst_tf.optimizers
    "a number": {"_first_guess": lambda step, mobility: step},
    "large strokes": {"_mobility": lambda move, change: np.float32(1)},
    "mobility": {"GAIN": 1},
    "both": {"GAIN": optimizers.GAIN},
}
NOISE = {
    "content, block1_conv1": (0, "block1_conv1", "content"),
    "content, block4_conv2": (0, "block4_conv2", "content"),
    "style, all five layers": (1, [f"block{b}_conv1" for b in range(1, 6)], "style"),
}


def in_turn(run):
    """Calls `run` with every part on its own: a row of what it returns."""
    cells = []
    for changes in PARTS.values():
        with mock.patch.multiple(optimizers, **changes):
            cells.append(f"{run():.5f}")
    return " | ".join(cells)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="+", metavar="PHOTO:PAINTING")
    pairs = [pair.split(":") for pair in parser.parse_args().pairs]
    print(f"| | {' | '.join(PARTS)} |\n|---|---|---|---|---|")
    for pair in pairs:
        half, small = total_loss(*pair, 128, SLIM, 0.5)
        loss, photo = total_loss(*pair, 256, SLIM, 0.5)

        def both_sizes(half=half, small=small, loss=loss, photo=photo):
            _, _, image = until(nst.lbfgs(half, small, 100))
            start = resize(image, photo.shape[1:3])
            losses, _, _ = until(nst.lbfgs(loss, start, 150))
            return losses[-1]

        names = " + ".join(Path(path).stem for path in pair)
        print(f"| {names} | {in_turn(both_sizes)} |", flush=True)
    for name, (which, layers, match) in NOISE.items():

        def from_noise(which=which, layers=layers, match=match):
            settings = {"network": SLIM, "size": 192, "steps": 120}
            result = nst.reconstruct(pairs[0][which], layers, match, **settings)
            return result.history["total"][-1]

        print(f"| {name}, from noise | {in_turn(from_noise)} |", flush=True)


if __name__ == "__main__":
    main()

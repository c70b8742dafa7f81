"""What L-BFGS' first guess of the inverse Hessian is worth, part by part.

    python benchmarks/first_guess.py PHOTO:PAINTING [PHOTO:PAINTING ...]

Prints the total loss of the slim network at 256 pixels, 150 steps after 100 at half the
size, from the photograph; then, for the first pair, 120 steps from noise at 192 pixels.
"""

import argparse
import functools
from pathlib import Path

import numpy as np
from bench import until

import nst_tf as nst
from nst_tf.first_guess import GAIN, large, of_pictures
from nst_tf.images import resize

SLIM = "vgg19_slim"
GUESSES = {
    "a number": None,
    "large strokes": lambda move, change: lambda step: step + (GAIN - 1) * large(step),
    "mobility": functools.partial(of_pictures, gain=1),
    "both": of_pictures,
}
# What is found from noise: the picture of a pair, and what its loss asks for.
CONTENT, STYLE = {"style_weight": 0.0}, {"content_weight": 0.0}
NOISE = {
    "content, block1_conv1": (0, CONTENT | {"content_layers": "block1_conv1"}),
    "content, block4_conv2": (0, CONTENT | {"content_layers": "block4_conv2"}),
    "style, all five layers": (1, STYLE),
}


def in_turn(run):
    """Calls `run` with every first guess: a row of what it returns."""
    return " | ".join(f"{run(guess):.5f}" for guess in GUESSES.values())


def both_sizes(photo, painting, guess):
    """The total loss after 100 steps at 128 pixels and 150 at 256."""
    small = nst.load_image(photo, 128)
    half = nst.total_loss(small, painting, SLIM)
    _, _, image = until(nst.lbfgs(half, small, 100, first_guess=guess))
    photo = nst.load_image(photo, 256)
    loss = nst.total_loss(photo, painting, SLIM)
    start = resize(image, photo.shape[1:3])
    return until(nst.lbfgs(loss, start, 150, first_guess=guess))[0][-1]


def from_noise(picture, wanted, guess):
    """The loss after 120 steps from noise, at 192 pixels."""
    picture = nst.load_image(picture, 192)
    wanted = {"content_weight": 1.0, "style_weight": 1.0, "tv_weight": 0.0} | wanted
    loss = nst.total_loss(picture, picture, SLIM, **wanted)
    noise = np.random.default_rng(0).uniform(size=picture.shape)
    return until(nst.lbfgs(loss, noise, 120, first_guess=guess))[0][-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="+", metavar="PHOTO:PAINTING")
    pairs = [pair.split(":") for pair in parser.parse_args().pairs]
    print(f"| | {' | '.join(GUESSES)} |\n|---|---|---|---|---|")
    for pair in pairs:
        names = " + ".join(Path(path).stem for path in pair)
        row = in_turn(functools.partial(both_sizes, *pair))
        print(f"| {names} | {row} |", flush=True)
    for name, (which, wanted) in NOISE.items():
        row = in_turn(functools.partial(from_noise, pairs[0][which], wanted))
        print(f"| {name}, from noise | {row} |", flush=True)


if __name__ == "__main__":
    main()

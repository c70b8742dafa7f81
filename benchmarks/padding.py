"""What padding does: to the layout of textures, to borders, to time and memory.

    python benchmarks/padding.py layout PAINTING ...
    python benchmarks/padding.py borders PHOTO:PAINTING ... --out FOLDER
    python benchmarks/padding.py slim PHOTO:PAINTING ...
    python benchmarks/padding.py cost PHOTO:PAINTING

`layout` paints textures of each painting, and of the same turned upside down. `borders`
paints pairs, and compares the frame of each picture with its inside; what FOLDER has is
used again. `slim` compares the losses that VGG19 and the slim network give. `cost`
takes turns, one step with each padding.

Beside the paddings of `feature_extractor` there is "first": reflected before the first
layer, zeros before all others.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from bench import resident

import nst_tf as nst
from nst_tf import features
from nst_tf.optimizers import loss_and_gradient

PADDINGS = ["zeros", "first", "reflect"]
STYLE_LAYERS = [f"block{b}_conv1" for b in range(1, 6)]
CONTENT = "block4_conv2"
FRAMES = (8, 16)  # pixels
INSIDE = 32  # pixels from the border, and further


def stem(path):
    return Path(path).stem


def geometric_mean(values):
    return float(np.exp(np.mean(np.log(values))))


class FirstReflected(features.Reflected):
    """Reflects pictures, and puts zeros around all that has not three channels."""

    def call(self, x):
        if x.shape[-1] == 3:
            return super().call(x)
        return keras.ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])


def extractor_of(network, padding, layers=(*STYLE_LAYERS, CONTENT)):
    if padding != "first":
        return nst.feature_extractor(list(layers), network, padding=padding)
    with mock.patch.object(features, "Reflected", FirstReflected):
        extractor = nst.feature_extractor(list(layers), network, padding="reflect")
    extractor.variant = (*extractor.variant[:-1], padding)
    return extractor


# Layout


def correlation(one, other, cells=8):
    """Of the mean colours in cells x cells fields, less those of the whole picture."""
    pictures = [np.reshape(p, (1, *np.shape(p)[-3:])) for p in (one, other)]
    fields = [tf.image.resize(p, (cells, cells), "area").numpy() for p in pictures]
    fields = [field - field.mean(axis=(0, 1, 2)) for field in fields]
    return np.corrcoef(*map(np.ravel, fields))[0, 1]


def layout(paintings, args):
    """Each texture beside what it was made of, and beside that upside down."""
    print("| painting | blocks | padding | as it was made of | upside down |")
    print("|---|---|---|---|---|")
    layers = STYLE_LAYERS[: args.blocks]
    for path in paintings:
        upright = nst.load_image(path, args.size)
        for padding in args.paddings:
            eye = extractor_of(args.network, padding, layers)
            found = []
            for style in (upright, upright[:, ::-1]):
                for seed in range(args.seeds):
                    texture = nst.reconstruct(
                        style,
                        layers,
                        "style",
                        network=eye,
                        size=args.size,
                        steps=args.steps,
                        seed=seed,
                    ).image
                    both = style, style[:, ::-1]
                    found.append([correlation(texture, picture) for picture in both])
            own, other = (
                " ".join(f"{c:+.2f}" for c in row) for row in np.transpose(found)
            )
            row = stem(path), args.blocks, padding, own, other
            print("|", *(f"{cell} |" for cell in row), flush=True)


# Borders


def depth(shape):
    """Pixels from each pixel to the border; 0 at the border."""
    rows, columns = (np.minimum(np.arange(n), n - 1 - np.arange(n)) for n in shape)
    return np.minimum(rows[:, None], columns)


def edges(image):
    """Edge energy: squared differences to the next pixels, `(H, W)`."""
    padded = np.pad(image, [(0, 1), (0, 1), (0, 0)], "edge")
    down, right = np.diff(padded, axis=0)[:, :-1], np.diff(padded, axis=1)[:-1]
    return (down**2 + right**2).sum(-1)


def busyness(image, frame):
    """Edge energy in a frame, over that of the inside; 1 if nothing is odd."""
    d, energy = depth(image.shape[:2]), edges(image)
    return energy[d < frame].mean() / energy[d >= INSIDE].mean()


def colour_step(image, frame, field=32):
    """Difference in colour between fields of the frame and those next to them.

    The root of its mean square, over the same between fields further inside.
    """

    def step(outer):
        differences = []
        for turn in range(4):
            side = np.rot90(image, turn)
            length = side.shape[1] // field * field
            rows = [side[a : a + frame, :length] for a in (outer, outer + frame)]
            means = [
                row.reshape(frame, -1, field, 3)[:, 1:-1].mean((0, 2)) for row in rows
            ]
            differences.append(np.ravel(means[0] - means[1]))
        return np.sqrt(np.mean(np.concatenate(differences) ** 2))

    return step(0) / step(INSIDE)


def painted(photo, painting, padding, args):
    """The picture of a pair, from the photograph, at one size."""
    pair = f"{stem(photo)}_{stem(painting)}_{args.size}_{args.alpha:g}_{args.blocks}"
    name = f"{pair}_{args.network}_{padding}.png"
    if not (args.out / name).exists():
        nst.style_transfer(
            photo,
            painting,
            size=args.size,
            steps=args.steps,
            style_layers=STYLE_LAYERS[: args.blocks],
            content_weight=args.alpha,
            tv_weight=args.tv,
            network=extractor_of(args.network, padding),
        ).save(args.out / name)
    return nst.load_image(args.out / name)[0].numpy()


def borders(pairs, args):
    args.out.mkdir(parents=True, exist_ok=True)
    measures = [(f, frame) for f in (busyness, colour_step) for frame in FRAMES]
    titles = [f"{f.__name__}, {frame} px" for f, frame in measures]
    print("| pair | padding |", " | ".join(titles), "|")
    print("|" + "---|" * (2 + len(titles)))
    found = {padding: [] for padding in ["photograph", *args.paddings]}
    for photo, painting in (pair.split(":") for pair in pairs):
        for padding in found:
            if padding == "photograph":
                image = nst.load_image(photo, args.size)[0].numpy()
            else:
                image = painted(photo, painting, padding, args)
            found[padding].append([f(image, frame) for f, frame in measures])
            values = " | ".join(f"{value:.2f}" for value in found[padding][-1])
            pair = f"{stem(photo)} + {stem(painting)}"
            print(f"| {pair} | {padding} | {values} |", flush=True)
    for padding, rows in found.items():
        means = map(geometric_mean, zip(*rows, strict=True))
        values = " | ".join(f"{value:.2f}" for value in means)
        print(f"| geometric mean | {padding} | {values} |")


# The slim network, whose weights were taught with zeros


def slim(pairs, args):
    """Ratio of both networks' losses: of a painting's style, of a noisy photograph."""
    print(
        "| padding |", " | ".join([*STYLE_LAYERS, f"{CONTENT}, eq. 1 as a mean"]), "|"
    )
    print("|" + "---|" * (2 + len(STYLE_LAYERS)))
    for padding in args.paddings:
        networks = [extractor_of(name, padding) for name in ("vgg19", "vgg19_slim")]
        ratios = []
        for photo, painting in (pair.split(":") for pair in pairs):
            image, style = (nst.load_image(p, args.size) for p in (photo, painting))
            noise = np.random.default_rng(0).normal(0, 0.05, image.shape)
            noisy = image + noise.astype("float32")
            losses = []
            for network in networks:
                P, S, X = map(network, (image, style, noisy))
                losses.append(
                    [
                        nst.layer_style_loss(P[n], nst.mean_gram(S[n]))
                        for n in STYLE_LAYERS
                    ]
                    + [np.mean(np.square(X[CONTENT] - P[CONTENT]))]
                )
            ratios.append(np.divide(losses[1], losses[0]))
        cells = [
            f"{geometric_mean(r):.2f} ({min(r):.2f} to {max(r):.2f})"
            for r in zip(*ratios, strict=True)
        ]
        print(f"| {padding} |", " | ".join(cells), "|", flush=True)


# Cost


def step_of(pair, size, network, padding):
    """A function without arguments: one loss and its gradient."""
    photo, painting = pair.split(":")
    image = nst.load_image(photo, size)
    loss = nst.total_loss(image, painting, extractor_of(network, padding))
    return tf.function(lambda: loss_and_gradient(loss, image)[1])


def peak(pair, size, network, padding):
    """Prints the peak, in MiB, of a network, its targets and a gradient."""
    before = resident("VmRSS")
    step_of(pair, size, network, padding)().numpy()
    print(resident("VmHWM") - before)


def cost(pair, args):
    steps = [step_of(pair, args.size, args.network, p) for p in args.paddings]
    seconds = []
    for turn in range(args.turns + 1):  # the first one compiles
        seconds.append([])
        for step in steps:
            start = time.perf_counter()
            step().numpy()
            seconds[turn].append(time.perf_counter() - start)
    seconds = np.array(seconds[1:])
    print("| padding | seconds a step | ratio | MiB |")
    print("|---|---|---|---|")
    for k, padding in enumerate(args.paddings):
        command = [sys.executable, __file__, "peak", pair, f"--size={args.size}"]
        command += [f"--network={args.network}", f"--paddings={padding}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        ratio = np.median(seconds[:, k] / seconds[:, 0])
        print(
            f"| {padding} | {np.median(seconds[:, k]):.3f} | {ratio:.3f} "
            f"| {float(done.stdout):.0f} |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["layout", "borders", "slim", "cost", "peak"])
    parser.add_argument("pictures", nargs="+", metavar="PAINTING or PHOTO:PAINTING")
    parser.add_argument("--network", default="vgg19", help="default: %(default)s")
    parser.add_argument("--size", type=int, default=256, help="default: %(default)s")
    parser.add_argument("--steps", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--alpha", type=float, default=0.02, help="of borders")
    parser.add_argument("--tv", type=float, default=0.5, help="tv_weight, of borders")
    parser.add_argument("--seeds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--blocks", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--turns", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--paddings", nargs="+", default=PADDINGS)
    parser.add_argument("--out", type=Path, default=Path("padding"), help="a folder")
    args = parser.parse_args()
    if args.what == "cost":
        cost(args.pictures[0], args)
    elif args.what == "peak":
        peak(args.pictures[0], args.size, args.network, args.paddings[0])
    else:
        {"layout": layout, "borders": borders, "slim": slim}[args.what](
            args.pictures, args
        )


if __name__ == "__main__":
    main()

"""How good, how fast and how small the slim VGG19 is, beside VGG19.

    python benchmarks/slim.py picture PHOTO:PAINTING [PHOTO:PAINTING ...] --out FOLDER
    python benchmarks/slim.py loss PICTURES PICTURES ... --paintings PAINTINGS
    python benchmarks/slim.py cost PHOTO:PAINTING

`picture` makes each pair's picture with both networks and measures both with VGG19's
loss; what FOLDER has of VGG19 is used again. `loss` compares the style losses that both
give to pictures of several folders. `cost` compares time and memory.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from bench import resident

import nst_tf as nst

NETWORKS = ("vgg19", "vgg19_slim")
STYLE_LAYERS = nst.style_transfer.__kwdefaults__["style_layers"]


def stem(path):
    return Path(path).stem


def painted(photo, painting, size, network, folder):
    """The picture that a network makes of a pair, from the photograph, one size."""
    path = folder / f"{stem(photo)}_{stem(painting)}_{size}_{network}.png"
    if not path.exists() or network != "vgg19":
        result = nst.style_transfer(photo, painting, size=size, network=network)
        result.save(path)
    return nst.load_image(path)


def picture(pairs, size, out):
    out.mkdir(parents=True, exist_ok=True)
    print("| pair | start | VGG19 | slim | ratio | block5_conv1: VGG19, slim |")
    print("|---|---|---|---|---|---|")
    ratios = []
    for photo, painting in (pair.split(":") for pair in pairs):
        start = nst.load_image(photo, size)
        loss = nst.total_loss(start, painting)
        images = [painted(photo, painting, size, name, out) for name in NETWORKS]
        totals = [float(loss(image)["total"]) for image in (start, *images)]
        deep = [
            nst.layer_style_loss(
                loss.extractor(image)["block5_conv1"],
                loss.style_targets["block5_conv1"],
            )
            for image in images
        ]
        ratios.append(totals[2] / totals[1])
        print(
            f"| {stem(photo)} + {stem(painting)} |",
            " | ".join(f"{total:.4f}" for total in totals),
            f"| {ratios[-1]:.2f} | {deep[0]:.3f}, {deep[1]:.3f} |",
            flush=True,
        )
    print(f"\nratio, geometric mean: {np.exp(np.mean(np.log(ratios))):.2f}")


def loss(folders, paintings, size, count):
    """Each picture against one painting, layer by layer, on both networks."""
    rng = np.random.default_rng(0)
    paintings = sorted(paintings.glob("*.jpg"))
    paths = [
        path
        for folder in folders
        for path in rng.permutation(sorted(folder.glob("*.[jp][pn]g")))[:count]
    ]
    extractors = [nst.feature_extractor(STYLE_LAYERS, network) for network in NETWORKS]
    found = {layer: [] for layer in STYLE_LAYERS}
    for k, path in enumerate(paths):
        image = nst.load_image(path, size)
        if k % 4 == 3:  # one in four with noise
            share = rng.uniform()
            noise = rng.random(image.shape, dtype="float32")
            image = (1 - share) * image + share * noise
        others = [p for p in paintings if p.name != path.name]
        painting = nst.load_image(rng.choice(others), size)
        both = [(network(image), network(painting)) for network in extractors]
        for layer in STYLE_LAYERS:
            found[layer].append(
                [
                    nst.layer_style_loss(F[layer], nst.mean_gram(A[layer]))
                    for F, A in both
                ]
            )
    print(f"{len(paths)} pictures, {size} pixels\n")
    print("| layer | correlation | slim / VGG19: median | 5 % | 95 % | within 15 % |")
    print("|---|---|---|---|---|---|")
    for layer, losses in found.items():
        full, slim = np.array(losses).T
        ratio = slim / full
        print(
            f"| {layer} | {np.corrcoef(full, slim)[0, 1]:.4f} |",
            " | ".join(f"{r:.3f}" for r in np.percentile(ratio, [50, 5, 95])),
            f"| {np.mean(abs(ratio - 1) < 0.15):.0%} |",
        )


def gradient_of(pair, size, network):
    """A function without arguments: one total loss and its gradient."""
    photo, painting = pair.split(":")
    image = nst.load_image(photo, size)
    objective = nst.total_loss(image, painting, network)

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(image)
            total = objective(image)["total"]
        return tape.gradient(total, image)

    return gradient


def peak(pair, size, network):
    """Prints the peak, in MiB, of a network, its targets and a gradient."""
    before = resident("VmRSS")
    gradient_of(pair, size, network)()
    print(resident("VmHWM") - before)


def cost(pair, size, turns):
    gradients = [gradient_of(pair, size, network) for network in NETWORKS]
    seconds = []
    for turn in range(turns + 1):  # the first one compiles
        seconds.append([])
        for gradient in gradients:
            start = time.perf_counter()
            gradient().numpy()
            seconds[turn].append(time.perf_counter() - start)
    full, slim = np.median(seconds[1:], axis=0)
    print(f"seconds: VGG19 {full:.3f}, slim {slim:.3f}; {full / slim:.2f} times")
    memory = []
    for network in NETWORKS:
        command = [sys.executable, __file__, "peak", pair, f"--size={size}"]
        done = subprocess.run(
            [*command, f"--network={network}"], capture_output=True, text=True
        )
        memory.append(float(done.stdout))
    print(
        "MiB: VGG19 {:.0f}, slim {:.0f}; {:.2f} times".format(
            *memory, memory[1] / memory[0]
        )
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["picture", "loss", "cost", "peak"])
    parser.add_argument("pairs", nargs="+")
    parser.add_argument("--size", type=int, default=512, help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("slim"))
    parser.add_argument("--paintings", type=Path)
    parser.add_argument("--count", type=int, default=25, help="pictures of each folder")
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--network", choices=NETWORKS)
    args = parser.parse_args()
    if args.what == "picture":
        picture(args.pairs, args.size, args.out)
    elif args.what == "loss":
        loss([Path(p) for p in args.pairs], args.paintings, args.size, args.count)
    elif args.what == "cost":
        cost(args.pairs[0], args.size, args.turns)
    else:
        peak(args.pairs[0], args.size, args.network)


if __name__ == "__main__":
    main()

"""What control gives, and what it costs.

    python benchmarks/control.py where PHOTO PAINTING
    python benchmarks/control.py edges PHOTO:OTHER ...
    python benchmarks/control.py cost

`where` paints half of a photograph, and compares the style loss of both halves. `edges`
says how much of each photograph's edges is left in a picture that `realistic` made, and
in a plain one: SSIM of the gradients of luminance, as they are and in units of their
mean. `cost` times a step of the slim
network with no region to three, in turns, and measures its memory.
"""

import argparse

import numpy as np
import tensorflow as tf
from bench import REGIONS, bands, in_turns

import nst_tf as nst


def where(photo, painting, size, settings):
    """The style loss where it was painted, and where not; of the photograph, too."""
    photo = nst.load_image(photo, size)
    left, right = bands(photo, 2)
    result = nst.style_transfer(
        photo, painting, size=size, content_masks=left, **settings
    )
    print("| style loss | where it is painted | elsewhere |\n|---|---|---|")
    for name, image in (("photograph", photo), ("picture", result.image[None])):
        # Each half is cut out, so that nothing of the other one is seen.
        halves = [np.asarray(image)[:, :, m[0]] for m in (left, right)]
        losses = [
            nst.total_loss(half, painting, settings["network"], style_size=size)(half)
            for half in halves
        ]
        print(f"| {name} | " + " | ".join(f"{x['style']:.4g}" for x in losses) + " |")
    same = np.array_equal(result.image[:, right[0]], photo[0].numpy()[:, right[0]])
    print(f"\nElsewhere, the picture {'is' if same else 'IS NOT'} the photograph.")


def edges_kept(photo, picture):
    """SSIM of the gradients' sizes of two luminances, both `(1, H, W, 3)`.

    As they are; and each in units of its mean, as what is darker has weaker edges.
    """

    def edges(image):
        gray = tf.image.rgb_to_grayscale(image)
        return tf.norm(tf.image.sobel_edges(gray), axis=-1)

    one, other = edges(photo), edges(picture)
    scaled = [x / (4 * tf.reduce_mean(x)) for x in (one, other)]
    pairs = (one, other, 4.0), (*scaled, 1.0)
    return [float(tf.image.ssim(*pair)[0]) for pair in pairs]


def edges(pairs, size, settings):
    """A row for each pair: plain and realistic, with regions and without."""
    print("| photograph | plain | realistic | realistic, two regions |")
    print("|---|---|---|---|")
    for pair in pairs:
        photo, other = pair.split(":")
        masks, of_other = nst.regions(photo, other, 2)
        real = {"color": "matched", "realistic": True}
        ways = ({}, real, real | {"content_masks": masks, "style_masks": of_other})
        original = nst.load_image(photo, size)
        kept = []
        for way in ways:
            picture = nst.style_transfer(photo, other, size=size, **way, **settings)
            kept.append(edges_kept(original, picture.image[None]))
        name = photo.rsplit("/", 1)[-1]
        print(
            f"| {name} | " + " | ".join(f"{a:.2f}, {b:.2f}" for a, b in kept) + " |",
            flush=True,
        )


def cost(size, turns=15):
    """A row for each number of regions: seconds of a step, and memory."""
    found = in_turns(REGIONS, size, turns)
    print("| regions | a step | memory |\n|---|---|---|")
    for name, (seconds, memory) in found.items():
        print(f"| {name} | {seconds:.2f} s | {memory:.0f} MiB |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["where", "edges", "cost"])
    parser.add_argument("pictures", nargs="*")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--network", default="vgg19_slim")
    args = parser.parse_args()
    settings = {"network": args.network, "steps": args.steps}
    if args.what == "where":
        where(*args.pictures, args.size, settings)
    elif args.what == "edges":
        edges(args.pictures, args.size, settings)
    else:
        cost(args.size)


if __name__ == "__main__":
    main()

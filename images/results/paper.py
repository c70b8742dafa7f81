"""The paper's figures, each one sweep and one grid.

Numbers of figures are those of Gatys et al. 2016, CVPR. One is from their earlier "A
Neural Algorithm of Artistic Style", arXiv 1508.06576.

    python images/results/paper.py alpha_beta --photo PHOTO --painting PAINTING
    python images/results/paper.py distances --paintings FOLDER

A run that was interrupted goes on from the pictures in the folder --runs.
"""

import argparse
import time
from pathlib import Path

import matplotlib
import numpy as np

import nst_tf as nst

ALPHAS = [1e-4, 1e-3, 1e-2, 1e-1]
STYLE_LAYERS = [f"block{b}_conv1" for b in range(1, 6)]
FIRST_LAYERS = [STYLE_LAYERS[:b] for b in range(1, 6)]
FIRST_BLOCKS = ["block 1", *(f"blocks 1 to {b}" for b in range(2, 6))]
CONTENT_LAYERS = [*(f"block{b}_conv2" for b in range(1, 5)), "block5_conv1"]


def paint(args, grid, photo=None, painting=None, **fixed):
    """The sweep behind a figure; each picture is painted at half its size first."""
    fixed |= {
        "size": [args.size // 2, args.size],
        "steps": [args.steps, args.steps // 2],
    }
    if "network" not in grid:
        fixed["network"] = args.network
    photo, painting = photo or args.photo, painting or args.painting
    return nst.sweep(photo, painting, grid, args.runs, **fixed)


def alpha_beta(args):
    """Figure 3 of arXiv 1508.06576; its last row is figure 4 of CVPR 2016."""
    paths = paint(args, {"style_layers": FIRST_LAYERS, "content_weight": ALPHAS})
    columns = [f"alpha/beta = {alpha:g}" for alpha in ALPHAS]
    return nst.figures.image_grid(paths, FIRST_BLOCKS, columns)


def content_layer(args):
    """Figure 5."""
    layers = ["block2_conv2", "block4_conv2"]
    paths = paint(args, {"content_layers": layers}, content_weight=0.01)
    return nst.figures.side_by_side(paths, layers, detail=(0.55, 0.05, 0.85, 0.35))


def starts(args):
    """Figure 6."""
    seeds = [0, 1, 2, 3]
    paths = paint(args, {"init": ["content", "style"]}, content_weight=0.01)
    noises = paint(args, {"seed": seeds}, content_weight=0.01, init="noise")
    grid = [[paths[0], *noises[:2]], [paths[1], *noises[2:]]]
    labels = [["photograph", "noise 0", "noise 1"], ["painting", "noise 2", "noise 3"]]
    return nst.figures.image_grid(grid, labels=labels)


def reconstructions(args):
    """Figure 1: what each layer keeps of the photograph, and of the painting.

    The paper's deepest content layer is conv5_2; the slim network ends at conv5_1.
    """
    noise = {"init": "noise", "tv_weight": 0.0}
    kept = noise | {"content_weight": 1.0, "style_weight": 0.0}
    grid = {"content_layers": CONTENT_LAYERS}
    content = paint(args, grid, painting=args.photo, **kept)
    kept = noise | {"content_weight": 0.0, "style_weight": 1.0}
    grid = {"style_layers": FIRST_LAYERS}
    style = paint(args, grid, photo=args.painting, **kept)
    labels = [CONTENT_LAYERS, FIRST_BLOCKS]
    return nst.figures.image_grid([content, style], ["content", "style"], labels=labels)


def pooling(args):
    """Average and max pooling, normalised and raw filters, all with one alpha."""
    grid = {"normalize": [True, False], "pooling": ["avg", "max"]}
    paths = paint(args, grid, content_weight=0.01)
    return nst.figures.image_grid(paths, ["normalised", "raw"], ["average", "max"])


def networks(args):
    """The same settings with the network and with the slim one."""
    names = [args.network, "vgg19_slim"]
    paths = paint(args, {"network": names})
    return nst.figures.side_by_side(paths, names, detail=(0.55, 0.05, 0.85, 0.35))


def night(args):
    """Figure 7: the painting is a photograph; little style, exact content."""
    paths = paint(args, {"content_weight": [0.02, 0.5]}, content_layers="block3_conv2")
    return nst.figures.image_grid(paths, columns=["alpha/beta = 0.02", "0.5"], width=4)


def big(args):
    """Four times the size: at once, and from coarse to fine in about the same time."""
    size = 4 * args.size
    runs = {
        f"{args.size} pixels": {"size": [args.size // 2, args.size]},
        f"{size} pixels at once": {"size": size, "steps": args.steps // 2},
        f"{size} from coarse to fine": nst.coarse_to_fine(size),
    }
    args.runs.mkdir(parents=True, exist_ok=True)
    results = []
    for name, settings in runs.items():
        settings = {"network": args.network, **settings}
        results.append(nst.style_transfer(args.photo, args.painting, **settings))
        results[-1].save(args.runs / f"{name}.png")
        print(f"{name}: {results[-1].history['seconds'][-1]:.0f} seconds", flush=True)
    return nst.figures.side_by_side(results, list(runs), detail=(0.55, 0.35, 0.8, 0.6))


def distances(args):
    """Style losses (eq. 5) between paintings."""
    paintings = sorted(args.paintings.glob("*.jpg"))
    layers = dict.fromkeys(STYLE_LAYERS, 1 / len(STYLE_LAYERS))
    extractor = nst.feature_extractor(STYLE_LAYERS, args.network)
    seen = [extractor(nst.load_image(path, args.size)) for path in paintings]
    grams = [{name: nst.mean_gram(F[name]) for name in F} for F in seen]
    table = [[nst.style_loss(F, G, layers) for G in grams] for F in seen]
    labels = [path.stem.replace("_", " ") for path in paintings]
    return nst.figures.style_distances(np.array(table), labels)


FIGURES = [alpha_beta, content_layer, starts, reconstructions, pooling, networks]
FIGURES = {figure.__name__: figure for figure in [*FIGURES, night, big, distances]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", nargs="+", choices=FIGURES)
    parser.add_argument("--photo")
    parser.add_argument("--painting")
    parser.add_argument("--paintings", type=Path, help="a folder")
    parser.add_argument("--network", default="vgg19")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=100, help="half of it at the end")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="a folder")
    args = parser.parse_args()
    if "distances" in args.figures and not args.paintings:
        parser.error("distances: wanted --paintings FOLDER")
    if set(args.figures) != {"distances"} and not (args.photo and args.painting):
        parser.error("wanted --photo PHOTO and --painting PAINTING")
    matplotlib.use("Agg")
    for name in args.figures:
        start = time.perf_counter()
        path = Path(__file__).with_name(f"{name}_{args.network}.jpg")
        FIGURES[name](args).savefig(path, dpi=150, pil_kwargs={"quality": 88})
        print(f"{path}: {(time.perf_counter() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()

"""What a step, a start and a picture cost: beside others, and beside the arithmetic.

    python benchmarks/bench.py steps        # nst_tf, TensorFlow, PyTorch, and the limit
    python benchmarks/bench.py optimizers   # their own time, without a network
    python benchmarks/bench.py start        # imports, and the first step
    python benchmarks/bench.py cost         # 128 to 4096 pixels; draws cost.png
    python benchmarks/bench.py estimates    # what was told beforehand, and what it took
    python benchmarks/bench.py race PHOTO:PAINTING ... --sizes 256 512     # takes hours

Each but the race writes its section of RESULTS.md; `make bench` runs these.
Candidates that are compared live in processes of their own and take turns, so that a
busy machine slows all of them down.
"""

import argparse
import contextlib
import datetime
import itertools
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
IMAGES = HERE.parent / "images"
PHOTO, PAINTING = IMAGES / "content/coffee.jpg", IMAGES / "style/mosaic.jpg"
CONTENT = "block4_conv2"
STYLE = [f"block{b}_conv1" for b in range(1, 6)]


# Candidates: each prepares its targets and returns a function that takes one step,
# the loss and its gradient, of the photograph


def bands(photo, regions):
    """Masks of equal bands, from left to right; None for no region."""
    height, width = photo.shape[1:3]
    place = np.arange(width) * regions // width
    return [np.tile(place == r, (height, 1)) for r in range(regions)] or None


def ours(network, regions=0):
    def prepare(size):
        import tensorflow as tf

        import nst_tf as nst
        from nst_tf.optimizers import loss_and_gradient

        image = nst.load_image(PHOTO, size)
        masks = bands(image, regions)
        loss = nst.total_loss(image, PAINTING, network, content_masks=masks)
        step = tf.function(lambda: loss_and_gradient(loss, image))
        return lambda: step()[1].numpy()

    return prepare


def tensorflow_tutorial(size):
    """As TensorFlow's tutorial has it, but for the content layer, which is ours.

    Max pooling and raw weights; Gram matrices by einsum, mean squares, total variation
    as a sum of absolute differences; one step of Adam on a variable in a `tf.function`.
    """
    import keras
    import tensorflow as tf

    import nst_tf as nst

    extractor = nst.feature_extractor([CONTENT, *STYLE], "vgg19", "max", False)
    image = tf.Variable(nst.load_image(PHOTO, size))

    def gram(F):
        positions = tf.cast(tf.shape(F)[1] * tf.shape(F)[2], tf.float32)
        return tf.einsum("bijc,bijd->bcd", F, F) / positions

    def grams(features):
        return [gram(features[layer]) for layer in STYLE]

    P = extractor(image)[CONTENT]
    A = grams(extractor(nst.load_image(PAINTING, size)))
    adam = keras.optimizers.Adam(0.02, beta_1=0.99, epsilon=0.1)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            features = extractor(image)
            pairs = zip(grams(features), A, strict=True)
            loss = 1e-2 / 5 * tf.add_n([tf.reduce_mean((g - a) ** 2) for g, a in pairs])
            loss += 1e4 * tf.reduce_mean((features[CONTENT] - P) ** 2)
            loss += 30 * tf.reduce_sum(tf.image.total_variation(image))
        adam.apply_gradients([(tape.gradient(loss, image), image)])
        image.assign(tf.clip_by_value(image, 0.0, 1.0))

    return lambda: (step(), image.numpy())


def pytorch(channels_last):
    """Max pooling and raw weights, mean squares; what L-BFGS calls in every step."""

    def prepare(size):
        import torch
        from torch.nn import functional

        import nst_tf as nst

        extractor = nst.feature_extractor([CONTENT, *STYLE], "vgg19", "max", False)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        convolutions = {}
        for layer in extractor.layers:
            if hasattr(layer, "filters"):
                kernel, bias = layer.get_weights()
                kernel = torch.tensor(kernel.transpose(3, 2, 0, 1))
                kernel = kernel.contiguous(memory_format=layout)
                convolutions[layer.name] = kernel, torch.tensor(bias)
        mean = torch.tensor([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)

        def look(x):
            x, features = x.flip(1) * 255 - mean, {}
            for name, (kernel, bias) in convolutions.items():
                if name.endswith("conv1") and features:
                    x = functional.max_pool2d(x, 2)
                x = functional.conv2d(x, kernel, bias, padding=1).relu_()
                features[name] = x
            return features

        def gram(F):
            F = F.reshape(F.shape[1], -1)
            return F @ F.T / F.shape[1]

        def load(path):
            x = torch.tensor(nst.load_image(path, size).numpy().transpose(0, 3, 1, 2))
            return x.contiguous(memory_format=layout)

        image = load(PHOTO).requires_grad_()
        with torch.no_grad():
            P = look(image)[CONTENT]
            A = {n: gram(F) for n, F in look(load(PAINTING)).items() if n in STYLE}

        def step():
            image.grad = None
            F = look(image)
            loss = functional.mse_loss(F[CONTENT], P)
            loss += sum(functional.mse_loss(gram(F[name]), A[name]) for name in STYLE)
            loss += (image[:, :, 1:] - image[:, :, :-1]).pow(2).mean()
            loss += (image[:, :, :, 1:] - image[:, :, :, :-1]).pow(2).mean()
            loss.backward()
            return image.grad.numpy()

        return step

    return prepare


def fast(size):
    """The fast network's picture."""
    import tensorflow as tf

    import nst_tf as nst
    from nst_tf.fast import fast_network

    photo = nst.load_image(PHOTO, size)
    style = tf.constant(nst.style_vector("the_wave")[None])
    return lambda: fast_network().paint(photo, style).numpy()


def fast_pytorch(size):
    """The same network's picture by PyTorch, with channels last."""
    import torch
    from torch.nn import functional

    import nst_tf as nst
    from nst_tf.fast import fast_network
    from nst_tf.feedforward import BLOCKS, EPSILON, ReflectedConv

    layout = torch.channels_last
    convolutions = {
        layer.name: torch.tensor(layer.get_weights()[0].transpose(3, 2, 0, 1))
        for layer in fast_network().painter.layers
        if isinstance(layer, ReflectedConv)
    }
    convolutions = {
        name: kernel.contiguous(memory_format=layout)
        for name, kernel in convolutions.items()
    }
    vector = torch.tensor(nst.style_vector("the_wave"))
    photo = torch.tensor(nst.load_image(PHOTO, size).numpy().transpose(0, 3, 1, 2))
    photo = photo.contiguous(memory_format=layout)

    @torch.inference_mode()
    def picture():
        used = 0

        def conv(x, name, strides=1, norm=True):
            nonlocal used
            kernel = convolutions[name]
            p = kernel.shape[2] // 2
            x = functional.pad(x, (p, p, p, p), mode="reflect")
            x = functional.conv2d(x, kernel, stride=strides)
            if norm:
                n = kernel.shape[0]
                scale, shift = vector[used : used + n], vector[used + n : used + 2 * n]
                used += 2 * n
                x = functional.instance_norm(
                    x, weight=1 + scale, bias=shift, eps=EPSILON
                )
            return x

        def up(x):
            return functional.interpolate(x, scale_factor=2, mode="nearest")

        x = conv(photo, "down1").relu_()
        x = conv(x, "down2", 2).relu_()
        x = conv(x, "down3", 2).relu_()
        for b in range(1, BLOCKS + 1):
            r = conv(x, f"block{b}_conv1").relu_()
            x = x + conv(r, f"block{b}_conv2")
        x = conv(up(x), "up2").relu_()
        x = conv(up(x), "up1").relu_()
        x = conv(x, "brush", norm=False)[:, :, : photo.shape[2], : photo.shape[3]]
        x = 0.5 + x + vector[-3:].reshape(1, 3, 1, 1)
        return x.clip(0, 1).permute(0, 2, 3, 1).numpy()

    return picture


def matmul(_):
    """A product of two matrices of 4096 rows: the machine's rate."""
    import tensorflow as tf

    a = tf.random.normal((4096, 4096))
    return lambda: tf.matmul(a, a).numpy()


CANDIDATES = {
    "VGG19": ours("vgg19"),
    "slim": ours("vgg19_slim"),
    "TensorFlow tutorial": tensorflow_tutorial,
    "PyTorch": pytorch(False),
    "PyTorch channels-last": pytorch(True),
    "matmul": matmul,
}
FAST = {"fast": fast, "fast PyTorch": fast_pytorch}  # what fast.py compares
REGIONS = {f"{n}": ours("vgg19_slim", n) for n in range(4)}  # and control.py


# Turns


def resident(what):
    """`VmRSS` of this process now or `VmHWM`, its peak, in MiB (Linux)."""
    return int(Path("/proc/self/status").read_text().split(what)[1].split()[1]) / 1024


def worker(name, size):
    """Takes a step for every line that it reads, and prints its seconds; first its MiB.

    These are the whole of what it holds at its peak, beyond the libraries.
    """
    import nst_tf  # noqa: F401

    with contextlib.suppress(ImportError):
        import torch  # noqa: F401
    libraries = resident("VmRSS")
    step = (CANDIDATES | FAST | REGIONS)[name](size)
    step()
    print(resident("VmHWM") - libraries, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step()
        print(time.perf_counter() - start, flush=True)


def in_turns(names, size, turns):
    """`{name: (median seconds, MiB)}`."""
    command = [sys.executable, __file__, "worker", str(size)]
    workers, memory = {}, {}
    for name in names:
        workers[name] = subprocess.Popen(
            [*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        memory[name] = float(workers[name].stdout.readline())
    seconds = {name: [] for name in names}
    for _ in range(turns):
        for name, process in workers.items():
            process.stdin.write("go\n")
            process.stdin.flush()
            seconds[name].append(float(process.stdout.readline()))
    for process in workers.values():
        process.communicate()
    return {name: (np.median(seconds[name]), memory[name]) for name in names}


def multiplications(network, pixels):
    """Of the convolutions of one loss and its gradient: there, and back."""
    from nst_tf.features import NETWORKS, SLIM

    total, below = 0, 3
    for b, widths in enumerate(NETWORKS[network]):
        for c, filters in enumerate(widths):
            if b == 4 and c > 0:
                break  # below block5_conv1
            per_position = 9 * below * filters
            if network == SLIM and f"block{b + 1}_conv{c + 1}" in [CONTENT, *STYLE]:
                per_position += filters**2  # its readout
            total += per_position * pixels / 4**b
            below = filters
    return 2 * total


def steps(turns):
    from nst_tf.images import load_image

    lines = ["| size | candidate | seconds a step | times the limit | MiB |"]
    lines.append("|---|---|---|---|---|")
    for size, n in ((256, turns), (512, turns), (1024, max(3, turns // 3))):
        height, width = load_image(PHOTO, size).shape[1:3]
        found = in_turns(CANDIDATES, size, n)
        per_second = 4096**3 / found.pop("matmul")[0]
        for name, (seconds, memory) in found.items():
            network = "vgg19_slim" if name == "slim" else "vgg19"
            limit = multiplications(network, height * width) / per_second
            lines.append(
                f"| {width} x {height} | {name} | {seconds:.3f} | "
                f"{seconds / limit:.2f} | {memory:.0f} |"
            )
        flops = f"{2 * per_second / 1e9:.0f} GFLOP/s"
        lines.append(f"| | *limit: {flops} in a product of matrices* | | | |")
    return "\n".join(lines)


# The optimizer's own time


def optimizers(turns):
    """L-BFGS with its memory full, on a loss that costs next to nothing."""
    import tensorflow as tf

    import nst_tf as nst

    rng = np.random.default_rng(0)
    lines = ["| size | L-BFGS, ms | of a step of VGG19 | of a slim step |"]
    lines.append("|---|---|---|---|")
    for size in (256, 512, 1024):
        start = nst.load_image(PHOTO, size)
        wanted = rng.uniform(-0.1, 1.1, start.shape).astype("float32")
        scale = (10 ** rng.uniform(-3, 0, start.shape)).astype("float32")

        def loss(image, scale=scale, wanted=wanted):
            return {"total": tf.reduce_mean(scale * (image - wanted) ** 2)}

        marks = []
        for _ in nst.lbfgs(loss, start, steps=45):
            marks.append(time.perf_counter())
        own = np.median(np.diff(marks)[-20:])
        found = in_turns(["VGG19", "slim"], size, turns)
        shares = [own / found[name][0] for name in ("VGG19", "slim")]
        height, width = start.shape[1:3]
        lines.append(
            f"| {width} x {height} | {1000 * own:.1f} | {shares[0]:.1%} | "
            f"{shares[1]:.1%} |"
        )
    return "\n".join(lines)


# The start


FIRST_STEP = f"""
import time, nst_tf as nst
start = time.perf_counter()
nst.style_transfer({str(PHOTO)!r}, {str(PAINTING)!r}, network="vgg19_slim", steps=1,
                   size=512)
print(time.perf_counter() - start)
"""
IMPORT = "import time; start = time.perf_counter(); import {}; "
IMPORT += "print(time.perf_counter() - start)"
PROGRESS = f"""
import time, nst_tf as nst
result = nst.style_transfer({str(PHOTO)!r}, {str(PAINTING)!r}, network="vgg19_slim",
                            steps=20, size=64)
show = nst.progress()
start = time.perf_counter()
for _ in range(200):
    show(result)
print((time.perf_counter() - start) / 200)
"""


def start(turns):
    programs = {
        "`import tensorflow`": IMPORT.format("tensorflow"),
        "`import nst_tf`, TensorFlow included": IMPORT.format("nst_tf"),
        "first step, slim, 512 pixels, from the call on": FIRST_STEP,
        "progress bar, a step": PROGRESS,
    }
    seconds = {name: [] for name in programs}
    for _ in range(turns):
        for name, program in programs.items():
            done = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True
            )
            seconds[name].append(float(done.stdout.split()[-1]))
    lines = ["| what | ms |", "|---|---|"]
    lines += [f"| {name} | {1000 * np.median(s):.2f} |" for name, s in seconds.items()]
    return "\n".join(lines)


# Cost against pixels


def big(network, size, tile):
    """Prints the seconds of a step and the peak of the whole process in MiB."""
    import nst_tf as nst

    result = nst.style_transfer(
        PHOTO,
        PAINTING,
        network=network,
        size=size,
        style_size=512,
        steps=2 if size > 1024 else 6,
        tile=tile,
    )
    print(np.min(np.diff(result.history["seconds"])), resident("VmHWM"))


SIZES = {None: [128, 256, 512, 1024, 2048], 1024: [2048, 4096]}  # {tile: sizes}


def measured(network, size, tile):
    """Megapixels, seconds a step, and GiB of the whole process, of a run of its own."""
    from nst_tf.images import load_image

    command = [sys.executable, __file__, "big", str(size), network]
    command += [str(tile)] * bool(tile)
    done = subprocess.run(command, capture_output=True, text=True)
    seconds, memory = map(float, done.stdout.split())
    pixels = np.prod(load_image(PHOTO, size).shape[1:3])
    found = pixels / 1e6, seconds, memory / 1024
    print(network, size, tile, *found, file=sys.stderr, flush=True)
    return found


def draw(curves, path):
    """Seconds and memory against pixels, `{(network, tile): rows}`."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for (network, tile), rows in curves.items():
        megapixels, *values = np.array(rows).T
        style = {"color": "C0" if network == "vgg19" else "C1"}
        style |= {"marker": "s", "linestyle": "--"} if tile else {"marker": "o"}
        label = f"{network}, tiles of {tile}" if tile else network
        for ax, value in zip(axes, values, strict=True):
            ax.loglog(megapixels, value, label=label, **style)
    axes[0].set(title="One step", xlabel="megapixels", ylabel="seconds")
    axes[1].set(title="Memory of the process", xlabel="megapixels", ylabel="GiB")
    axes[0].legend(frameon=False)
    axes[1].set_yscale("log", base=2)
    for ax in axes:
        ax.grid(alpha=0.3)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_major_formatter("{x:g}")
    figure.savefig(path, dpi=110)


def cost(_):
    curves = {
        (network, tile): [measured(network, size, tile) for size in sizes]
        for network in ("vgg19", "vgg19_slim")
        for tile, sizes in SIZES.items()
    }
    draw(curves, HERE / "cost.png")
    lines = ["| network | tile | megapixels | seconds a step | us a pixel | GiB |"]
    lines.append("|---|---|---|---|---|---|")
    for (network, tile), rows in curves.items():
        for pixels, seconds, memory in rows:
            lines.append(
                f"| {network} | {tile or 'none'} | {pixels:.3f} | {seconds:.3f} | "
                f"{seconds / pixels:.2f} | {memory:.2f} |"
            )
    return "\n".join([*lines, "", "![Cost against pixels](cost.png)"])


# What is told beforehand

RUNS = [
    {"network": "vgg19_slim", "size": (256, 512), "steps": 50},
    {"network": "vgg19_slim", "size": 1024, "steps": 20},
    {"network": "vgg19_slim", "size": 2048, "steps": 4, "tile": 1024},
    {"network": "vgg19", "size": 256, "steps": 40},
    {"network": "vgg19", "size": 512, "steps": 20},
    {"network": "vgg19", "size": 1024, "steps": 6, "optimizer": "adam"},
]


def estimated(run):
    """Prints an estimate's seconds and MiB, then the run's own."""
    import nst_tf as nst

    found = nst.estimate(PHOTO, PAINTING, **RUNS[run])
    result = nst.style_transfer(PHOTO, PAINTING, **RUNS[run])
    seconds = result.history["seconds"][-1]
    print(found.seconds, seconds, found.memory / 2**20, resident("VmHWM"))


def estimates(_):
    lines = ["| run | seconds: told, taken | ratio | MiB: told, taken | ratio |"]
    lines.append("|---|---|---|---|---|")
    for run, settings in enumerate(RUNS):
        command = [sys.executable, __file__, "estimated", str(run)]
        done = subprocess.run(command, capture_output=True, text=True)
        told, taken, said, held = map(float, done.stdout.split())
        words = ", ".join(f"{name} {value}" for name, value in settings.items())
        lines.append(
            f"| {words} | {told:.1f}, {taken:.1f} | {told / taken:.2f} | "
            f"{said:.0f}, {held:.0f} | {said / held:.2f} |"
        )
    return "\n".join(lines)


# To one and the same loss


HEADS = {  # sizes, networks and steps of what comes before the stage that is measured
    "L-BFGS": [],
    "coarse to fine": [(1 / 4, "vgg19", 100), (1 / 2, "vgg19", 100)],
    "coarse by the slim one": [(1 / 4, "vgg19_slim", 100), (1 / 2, "vgg19_slim", 100)],
}
GOALS = (0.3, 1.0)  # the loss after these shares of the tutorials' steps


def until(steps, goal=-np.inf):
    """Takes steps until the loss reaches a goal: losses, seconds a step, the image."""
    losses, marks = [], [time.perf_counter()]
    for found, state in steps:
        losses.append(found["total"])
        marks.append(time.perf_counter())
        image = state["image"]
        if losses[-1] <= goal:
            break
    return np.array(losses), np.median(np.diff(marks)), image


def head(paths, size, stages, image):
    """Takes the first stages: their seconds, and the image at full size."""
    import nst_tf as nst
    from nst_tf.starts import enlarge

    spent, full, small = 0.0, image, image
    for share, network, n in stages:
        photo = nst.load_image(paths[0], int(share * size))
        loss = nst.total_loss(photo, paths[1], network)
        image, small = enlarge(image, small, photo), photo
        losses, second, image = until(nst.lbfgs(loss, image, n))
        spent += second * len(losses)
    return spent, enlarge(image, small, full)


def race(pairs, sizes, most):
    """VGG19's loss as tutorials lower it, and how much sooner others get there.

    They take Adam(0.02, beta_1=0.99) at one size, from the photograph. Epsilon is
    Keras' own: TensorFlow's tutorial has 0.1, for a loss that is a million times as
    large. The others give up after 60 % of their steps.
    """
    import keras

    import nst_tf as nst

    adam = keras.optimizers.Adam(0.02, beta_1=0.99)
    print("| pair | size | Adam |", " | ".join(HEADS), "|\n|---|---|---|---|---|---|")
    for pair, size in itertools.product(pairs, sizes):
        paths = pair.split(":")
        start = nst.load_image(paths[0], size)
        loss = nst.total_loss(start, paths[1])
        losses, second, _ = until(nst.descend(loss, start, most, adam))
        goals = {n * second: losses[n - 1] for n in (int(s * most) for s in GOALS)}
        cells = [", ".join(f"{g:.4f} after {t:.0f} s" for t, g in goals.items())]
        for stages in HEADS.values():
            spent, image = head(paths, size, stages, start)
            run = nst.lbfgs(loss, image, int(0.6 * most))
            losses, second, _ = until(run, min(goals.values()))
            told = []
            for seconds, goal in goals.items():
                took = spent + second * (np.argmax(losses <= goal) + 1)
                hit = losses[-1] <= goal
                told.append(f"{seconds / took:.1f} ({took:.0f} s)" if hit else "-")
            told = ", ".join(told)
            cells.append(f"{told}; {len(losses)} steps to {losses[-1]:.4f}")
        names = " + ".join(Path(path).stem for path in paths)
        print(f"| {names} | {size} | {' | '.join(cells)} |", flush=True)


# The sections of RESULTS.md

PARTS = {
    "steps": steps,
    "optimizers": optimizers,
    "start": start,
    "cost": cost,
    "estimates": estimates,
}


def write(part, table):
    """Puts a table, with the date and the machine, in its place."""
    import tensorflow as tf

    path = HERE / "RESULTS.md"
    title, *sections = re.split(r"^(?=## )", path.read_text(), flags=re.M)
    sections = {section.split("\n")[0][3:]: section for section in sections}
    cpu = re.search("model name.*: (.*)", Path("/proc/cpuinfo").read_text())[1]
    note = f"{datetime.date.today()}, {os.cpu_count()} cores of {cpu}, "
    note += f"TensorFlow {tf.__version__}"
    sections[part] = f"## {part}\n\n{note}\n\n{table}\n\n"
    text = title + "".join(sections[part] for part in sorted(sections))
    path.write_text(text.rstrip() + "\n")


def parser():
    """A command for each part, and those that the parts give to other processes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="what", required=True)
    for part in PARTS:
        commands.add_parser(part).add_argument("--turns", type=int, default=9)
    racing = commands.add_parser("race")
    racing.add_argument("pairs", nargs="+", metavar="PHOTO:PAINTING")
    racing.add_argument("--sizes", type=int, nargs="+", default=[256])
    racing.add_argument("--steps", type=int, default=1000)
    working = commands.add_parser("worker")
    working.add_argument("size", type=int)
    working.add_argument("candidate")
    painting = commands.add_parser("big")
    painting.add_argument("size", type=int)
    painting.add_argument("network")
    painting.add_argument("tile", type=int, nargs="?")
    commands.add_parser("estimated").add_argument("run", type=int)
    return parser


def main():
    args = parser().parse_args()
    if args.what == "worker":
        worker(args.candidate, args.size)
    elif args.what == "big":
        big(args.network, args.size, args.tile)
    elif args.what == "estimated":
        estimated(args.run)
    elif args.what == "race":
        race(args.pairs, args.sizes, args.steps)
    else:
        table = PARTS[args.what](args.turns)
        print(table)
        write(args.what, table)


if __name__ == "__main__":
    main()

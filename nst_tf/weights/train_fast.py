"""Teaches the fast network to paint; writes fast.npz.

    python nst_tf/weights/train_fast.py PHOTOS --paintings FOLDER --named FOLDER ...
        --run FOLDER

fast_styles.json says which paintings of the folders --named have a name; a new one goes
to its end, so that a run can go on.

The network learns to make eq. 7 small, the loss that `style_transfer` minimises, in one
pass: of crops of photographs, in the styles of paintings. The named paintings are drawn
as often as all the others together, and each has numbers of its own; for the others
they are predicted. Half of the others are two paintings side by side, so that there
are always new ones to predict. The loss is the mean logarithm of eq. 7, so that a loud
painting counts as much as a quiet one.

An interrupted run goes on from what FOLDER holds. Only Keras is needed: with
KERAS_BACKEND=jax or torch it also runs where there is a GPU and no TensorFlow.

With --steady, the network also learns not to flicker (after Wang et al. 2020, ReReVST):
a quarter of the batches begins with two windows of one photograph, a few pixels apart,
and where they overlap, their pictures should be alike. For one machine.

Past one machine: start the same command on each, with TensorFlow's TF_CONFIG, which
names them all; each step's batch is divided among them. FOLDER is each one's own, or
shared: the first one reports and writes fast.npz.
"""

import argparse
import contextlib
import json
import math
import os
import sys
import types
from pathlib import Path

import keras
import numpy as np
from keras import ops
from PIL import Image

if keras.backend.backend() != "tensorflow":  # nst_tf refuses; its rooms do not
    package = types.ModuleType("nst_tf")
    package.__path__ = [str(Path(__file__).parents[1])]
    sys.modules["nst_tf"] = package

from nst_tf import features, feedforward
from nst_tf.crops import random_crop, read_pictures
from nst_tf.features import SLIM

STYLE_LAYERS = [f"block{b}_conv1" for b in range(1, 6)]
CONTENT_LAYER = "block4_conv2"
ALPHA = 0.08  # four times that of `style_transfer`: houses and eyes stand
TV_WEIGHT = 0.5
BEYOND = 1.0  # weight of squares beyond black and white, where loud styles get lost
APART = 16  # pixels between two windows of one photograph, at most
SLIGHT = 1e-3  # a squared difference from the photograph that is as good as none
FLAT = 0.02  # the least deviation of a crop
STYLES = Path(__file__).with_name("fast_styles.json")
ROWS = 64  # of the table: at most so many named styles, and the photograph itself
PHOTOGRAPH = ROWS - 1  # the row of the style that changes nothing
UNSEEN = 20  # of that many pictures, one is kept out of training
STYLE_SIZE = 512  # pixels of a painting's long edge
# TensorFlow's XLA is slower on a CPU than its oneDNN.
JIT = False if keras.backend.backend() == "tensorflow" else "auto"


# The loss: eq. 7 of each picture of a batch, as losses.py has it


def gram(F):
    """`(B, N, N)`: eq. 3 as a mean over positions."""
    B, H, W, N = ops.shape(F)
    F = ops.reshape(F, (B, H * W, N))
    return ops.matmul(ops.transpose(F, (0, 2, 1)), F) / (H * W)


def content_loss(F, P):
    return ops.mean(ops.square(F - P), axis=(1, 2, 3)) / 2


def style_loss(seen, grams):
    losses = [
        ops.mean(ops.square(gram(seen[layer]) - grams[layer]), axis=(1, 2)) / 4
        for layer in STYLE_LAYERS
    ]
    return sum(losses) / len(losses)


def total_variation(image):
    across = ops.square(image[:, :, 1:] - image[:, :, :-1])
    down = ops.square(image[:, 1:] - image[:, :-1])
    pixels = image.shape[1] * image.shape[2]
    return (ops.sum(across, axis=(1, 2, 3)) + ops.sum(down, axis=(1, 2, 3))) / pixels


def total_loss(see, image, P, grams, alpha=ALPHA):
    """`(B,)`: eq. 7 of each image, seen by the network `see`."""
    seen = see(image)
    content = content_loss(seen[CONTENT_LAYER], P)
    tv = total_variation(image)
    return alpha * content + style_loss(seen, grams) + TV_WEIGHT * tv


def flicker(pictures, apart):
    """What the pictures of two windows differ by, where they overlap; a mean.

    Args:
        pictures: `(B, H, W, 3)`; those of the windows are the first two.
        apart: `(2,)` rows and columns from one to the other; -1: they are no pair.
    """
    height, width = (n - APART for n in pictures.shape[1:3])
    place = ops.pad(ops.maximum(apart, 0), (1, 1))
    first = ops.slice(pictures, place, (1, height, width, 3))
    difference = ops.mean(ops.abs(first - pictures[1:2, :height, :width]))
    return ops.where(apart[0] < 0, 0.0, difference)


# What is learnt from


def eye(network):
    """The network of the losses: image -> {layer: features}.

    It finds a mirror of the picture beyond the border. With zeros, every second
    position that block5_conv1 has in a crop is unlike those of a painting.
    """
    model = features._network(network, "avg", "reflect")
    features._load_weights(model, network, "imagenet")
    if network != SLIM:
        features._normalize(model, features.filter_means(model, "avg"))
    layers = [*STYLE_LAYERS, CONTENT_LAYER]
    model = keras.Model(model.input, {name: model.output[name] for name in layers})
    model.trainable = False
    return model


def read_named(folders, file):
    """A named painting from the first folder that has it, `(H, W, 3)` uint8."""
    path = next(folder / file for folder in folders if (folder / file).exists())
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def style_of(see, slim, picture):
    """What is known of a painting: its Gram matrices, and the predictor's input."""
    seen = see(picture[None])
    looked = seen if slim is see else slim(picture[None])
    told = feedforward.statistics({name: looked[name] for name in STYLE_LAYERS})
    grams = {name: gram(seen[name])[0] for name in STYLE_LAYERS}
    style = {
        name: ops.convert_to_numpy(G).astype("float16") for name, G in grams.items()
    }
    return style | {"statistics": ops.convert_to_numpy(told)[0]}


def shrink(picture, size):
    """`(H, W, 3)` float32 in [0, 1], its long edge `size` pixels."""
    scale = size / max(picture.shape[:2])
    height, width = (round(n * scale) for n in picture.shape[:2])
    picture = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(picture, "float32") / 255


def variant(rng, picture):
    """A painting at another scale, cut, mirrored, in other colours."""
    height, width = picture.shape[:2]
    share = rng.uniform(0.6, 1)
    top, left = (int(rng.uniform(0, n * (1 - share))) for n in (height, width))
    picture = picture[top : top + int(height * share), left : left + int(width * share)]
    picture = shrink(picture, int(rng.uniform(320, 600)))
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    if rng.random() < 0.5:  # stronger or weaker colours, and another light
        grey = picture.mean(axis=2, keepdims=True)
        picture = grey + rng.uniform(0.4, 1.5) * (picture - grey)
        picture = picture * rng.uniform(0.8, 1.2, 3) + rng.uniform(-0.1, 0.1)
    return np.clip(picture, 0, 1).astype("float32")


def flat_part(rng, crop):
    """A part of the crop becomes one colour, or fades into another: a sky, a wall."""
    height, width = crop.shape[:2]
    top, left = (int(rng.uniform(-0.5, 0.7) * n) for n in (height, width))
    if max(top, left) <= 0:  # not all of it
        top = height // 2
    part = np.s_[max(top, 0) : top + height, max(left, 0) : left + width]
    first, last = rng.uniform(0, 1, (2, 3))
    last = first if rng.random() < 0.5 else last
    share = np.linspace(0, 1, height)[:, None, None]
    crop = crop.copy()
    crop[part] = np.broadcast_to((1 - share) * first + share * last, crop.shape)[part]
    return crop


def side_by_side(rng, first, second):
    """What is known of two paintings hung as one, a random share of it each one's.

    Gram matrices and means are means over positions, so they mix; so do mean squares.
    """
    share = rng.random()
    style = {n: share * first[n] + (1 - share) * second[n] for n in STYLE_LAYERS}
    (mean1, deviation1), (mean2, deviation2) = (
        np.split(style["statistics"], 2) for style in (first, second)
    )
    mean = share * mean1 + (1 - share) * mean2
    square = share * (mean1**2 + deviation1**2)
    square += (1 - share) * (mean2**2 + deviation2**2)
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    return style | {"statistics": np.concatenate([mean, deviation])}


def measured(path, look, pictures):
    """`look` at each picture, a list of dicts; kept in the file `path`."""
    if not path.exists():
        styles = [look(picture) for picture in pictures]
        columns = {name: np.stack([s[name] for s in styles]) for name in styles[0]}
        np.savez(path, **columns)
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files}
    count = len(columns["statistics"])
    return [{name: x[i] for name, x in columns.items()} for i in range(count)]


class Lessons(keras.utils.PyDataset):
    """Batches of crops, each with a style; the same for the same seed and epoch.

    Half of the styles are named ones, and have a row of the table; -1 is no row. Half
    of the others are two paintings `side_by_side`. One in twelve is the photograph
    itself: what comes in should come out. In a share of the batches, `pairs`, the first
    two crops are windows of one, in one style: `apart` is how far they are apart, and
    -1 in other batches.
    """

    def __init__(self, photos, named, others, batches, seed, batch, size, pairs=0.0):
        super().__init__()
        self.photos, self.named, self.others = photos, named, others
        self.batches, self.seed, self.batch, self.size = batches, seed, batch, size
        self.epoch, self.pairs = 0, pairs

    def __len__(self):
        return self.batches

    def lesson(self, rng, more=0):
        """A crop, `more` pixels larger than others, and its style."""
        crop = random_crop(
            rng,
            self.photos[rng.integers(len(self.photos))],
            self.size + more,
            scale=(0.6, 2.7),
            color=0.2,
            noise=0.03,
        )
        if rng.random() < 0.15:
            crop = flat_part(rng, crop)
        # Of a flat crop, rounding errors would be all that there is to normalise.
        if crop.std((0, 1)).max() < FLAT:
            crop = np.clip(crop + rng.normal(0, FLAT, crop.shape), 0, 1)
        is_named = rng.random() < 1 / 2
        styles = self.named if is_named else self.others
        row = int(rng.integers(len(styles)))
        known, style = (row, styles[row]) if is_named else (-1, styles[row])
        if not is_named and rng.random() < 1 / 2:
            style = side_by_side(rng, style, styles[rng.integers(len(styles))])
        return {
            "photo": crop.astype("float32"),
            "row": np.int32(PHOTOGRAPH if rng.random() < 1 / 12 else known),
            "apart": np.full(2, -1, "int32"),
            **{name: x.astype("float32") for name, x in style.items()},
        }

    def pair(self, rng):
        """Two lessons: windows of one crop, the second further down and right."""
        lesson = self.lesson(rng, APART)
        apart = rng.integers(0, APART + 1, 2)
        lesson["apart"], n = apart.astype("int32"), self.size
        crop = lesson["photo"]
        windows = [crop[y : y + n, x : x + n] for y, x in ((0, 0), apart)]
        return [lesson | {"photo": window} for window in windows]

    def __getitem__(self, i):
        rng = np.random.default_rng((self.seed, self.epoch, i))
        pair = self.pair(rng) if rng.random() < self.pairs else []
        lessons = pair + [self.lesson(rng) for _ in range(self.batch - len(pair))]
        return ({name: np.stack([x[name] for x in lessons]) for name in lessons[0]},)


# What learns


class Training(keras.Model):
    """The painter, the predictor, and a table with the named styles' own numbers."""

    def __init__(self, see, statistics, alpha, steady=0.0):
        super().__init__()
        self.steady = steady
        self.painter = feedforward.painter()
        self.predictor = feedforward.predictor(statistics)
        self.table = self.add_weight(
            shape=(ROWS, feedforward.style_length()), initializer="zeros", name="table"
        )
        self.see = lambda image: see(image)  # so that it is no part of the model
        self.alpha = alpha
        self.built = True

    def style(self, statistics, row):
        own = ops.take(self.table, ops.maximum(row, 0), axis=0)
        return ops.where(row[:, None] < 0, self.predictor(statistics), own)

    def call(self, lesson):
        return self.painter(
            [lesson["photo"], self.style(lesson["statistics"], lesson["row"])]
        )

    def compute_loss(self, x=None, y=None, y_pred=None, *_, **__):
        P = ops.stop_gradient(self.see(x["photo"])[CONTENT_LAYER])
        # The loss is that of the picture as it is saved; beyond black and white, too,
        # the gradient says where to go, and a term of its own leads back.
        beyond = ops.clip(y_pred, 0, 1) - y_pred
        clipped = y_pred + ops.stop_gradient(beyond)
        painting = total_loss(self.see, clipped, P, x, self.alpha)
        same = ops.mean(ops.square(clipped - x["photo"]), axis=(1, 2, 3)) + SLIGHT
        losses = ops.where(x["row"] == PHOTOGRAPH, same, painting)
        loss = ops.mean(ops.log(losses)) + BEYOND * ops.mean(ops.square(beyond))
        if self.steady:
            loss += self.steady * flicker(clipped, x["apart"][0])
        return loss


def export(model, styles, path):
    """Writes the painter, the predictor and the named styles, as `fast.py` reads them.

    Args:
        styles: `{name: (file, about)}`.
    """
    arrays = {
        f"{part.name}/{weight.path}": ops.convert_to_numpy(weight).astype("float16")
        for part in (model.painter, model.predictor)
        for weight in part.weights
    }
    table = ops.convert_to_numpy(model.table)
    about = json.dumps({name: words for name, (_, words) in styles.items()})
    np.savez_compressed(
        path,
        styles=table[: len(styles)].astype("float16"),
        photograph=table[PHOTOGRAPH].astype("float16"),
        about=np.array(about),
        **arrays,
    )


def begin_with(model, path):
    """Takes over what `export` wrote; a name that is new begins with zeros."""
    with np.load(path) as file:
        for part in (model.painter, model.predictor):
            for weight in part.weights:
                weight.assign(file[f"{part.name}/{weight.path}"])
        model.predictor.get_layer("standard").finalize_state()
        styles = file["styles"].astype("float32")
        photograph = file["photograph"]
    table = ops.convert_to_numpy(model.table).copy()
    table[: len(styles)], table[PHOTOGRAPH] = styles, photograph
    model.table.assign(table)


# On several machines


class OnSeveral(Training):
    """What learns on several machines, around two faults of Keras 3.15 there."""

    def _maybe_symbolic_build(self, *_, **__):
        """Does nothing, as it is built. Keras' own fails on dicts, as lessons are."""

    def train_step(self, data):
        """Its logs have an axis, over which Keras takes the mean of all machines."""
        logs = super().train_step(data)
        return {name: ops.reshape(value, (1,)) for name, value in logs.items()}


def workers():
    """A scope for what learns, its class, and the number of this machine.

    TF_CONFIG names the machines. To be called before anything is computed.
    """
    if keras.backend.backend() != "tensorflow" or "TF_CONFIG" not in os.environ:
        return contextlib.nullcontext(), Training, 0
    import tensorflow as tf

    number = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    return tf.distribute.MultiWorkerMirroredStrategy().scope(), OnSeveral, number


class Finite(keras.callbacks.Callback):
    """Ends a run whose loss is no number, before that is kept."""

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            raise FloatingPointError(f"the loss is {logs['loss']} at batch {batch}")


class Report(keras.callbacks.Callback):
    """After each epoch: eq. 7 of unseen photographs, and what is learnt, in a file."""

    def __init__(self, see, photos, known, unseen, styles, run, every):
        super().__init__()
        self.see, self.known, self.unseen = see, known, unseen
        self.styles, self.run = styles, run
        self.photos = [ops.convert_to_tensor(shrink(p, 256)[None]) for p in photos]
        self.every = every

    def ratio(self, photo, style, picture):
        """Eq. 7, with the library's alpha, of the picture / of the photograph."""
        grams = {name: style[name].astype("float32")[None] for name in STYLE_LAYERS}
        P = self.see(photo)[CONTENT_LAYER]
        losses = [
            total_loss(self.see, image, P, grams, alpha=0.02)
            for image in (picture, photo)
        ]
        return float(losses[0][0] / losses[1][0])

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every:
            return
        found, sheet = {}, []
        names = [*self.styles] + [""] * len(self.unseen)
        both = [*self.known, *self.unseen]
        for row, (name, style) in enumerate(zip(names, both, strict=True)):
            vector = self.model.style(
                style["statistics"][None], np.array([row if name else -1], "int32")
            )
            pictures = [
                ops.convert_to_numpy(
                    ops.clip(self.model.painter([photo, vector]), 0, 1)
                )
                for photo in self.photos
            ]
            ratios = [
                self.ratio(photo, style, picture)
                for photo, picture in zip(self.photos, pictures, strict=True)
            ]
            found.setdefault(name or "unseen", []).append(np.mean(np.log(ratios)))
            sheet.append(np.concatenate([p[0] for p in pictures], axis=1))
        words = [f"{name} {math.exp(np.mean(x)):.3f}" for name, x in found.items()]
        told = np.stack([style["statistics"] for style in both])
        vectors = ops.convert_to_numpy(self.model.predictor(told))
        words.append(f"deviation of predicted vectors {vectors.std(axis=0).mean():.3f}")
        mean = math.exp(
            np.mean([x for n, xs in found.items() if n != "unseen" for x in xs])
        )
        print(f"{epoch + 1}: named {mean:.3f}  ", "  ".join(words), flush=True)
        sheet = (np.concatenate(sheet) * 255).astype("uint8")
        Image.fromarray(sheet).save(self.run / "sheet.jpg", quality=90)
        export(self.model, self.styles, self.run / "fast.npz")


def adam(args):
    """The optimizer: one rate, which falls in the last epochs."""
    falling = args.cooldown * args.batches
    first = (args.epochs - args.cooldown) * args.batches
    steps = [first + k * falling // 8 for k in range(8)]
    rates = [args.rate * (1 - k / 8) for k in range(8)] + [args.rate / 32]
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(steps, rates)
    return keras.optimizers.Adam(
        rate, global_clipnorm=1.0, use_ema=True, ema_momentum=0.998
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of .jpg, .png")
    parser.add_argument("--paintings", type=Path, required=True, help="folder")
    parser.add_argument("--named", type=Path, nargs="+", required=True, help="folders")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--begin", type=Path, help="a fast.npz to go on from")
    parser.add_argument("--network", default=SLIM, help="of the loss")
    parser.add_argument("--alpha", type=float, default=ALPHA)
    parser.add_argument("--steady", type=float, default=0.0, help="try 4, at the end")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=256, help="of a crop, in pixels")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--variants", type=int, default=4, help="of each painting")
    parser.add_argument("--batches", type=int, default=100, help="of an epoch")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--cooldown", type=int, default=40, help="the last epochs")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--every", type=int, default=5, help="epochs between reports")
    args = parser.parse_args()

    scope, kind, worker = workers()
    keras.utils.set_random_seed(args.seed)
    args.run.mkdir(parents=True, exist_ok=True)
    photos = read_pictures(args.photos, least=UNSEEN + 1)
    paintings = read_pictures(args.paintings, least=UNSEEN + 1)
    styles = json.loads(STYLES.read_text())
    named = [read_named(args.named, file) for file, _ in styles.values()]
    seen = [p for i, p in enumerate(paintings) if i % UNSEEN]

    see = eye(args.network)
    slim = see if args.network == SLIM else eye(SLIM)
    rng = np.random.default_rng(args.seed)
    known = [style_of(see, slim, shrink(p, STYLE_SIZE)) for p in named]
    unseen = [style_of(see, slim, shrink(p, STYLE_SIZE)) for p in paintings[::UNSEEN]]
    others = measured(
        args.run / f"paintings_{args.network}_{args.seed}_{args.variants}.npz",
        lambda painting: style_of(see, slim, variant(rng, painting)),
        [*seen, *named] * args.variants,
    )
    print(f"{len(known)} named styles, {len(others)} others", flush=True)

    with scope:
        model = kind(see, len(known[0]["statistics"]), args.alpha, args.steady)
        model.predictor.get_layer("standard").adapt(
            np.stack([style["statistics"] for style in others])
        )
        if args.begin:
            begin_with(model, args.begin)
        model.compile(adam(args), jit_compile=JIT)
        model.optimizer.build(model.trainable_variables)
    lessons = Lessons(
        [p for i, p in enumerate(photos) if i % UNSEEN],
        known,
        others,
        args.batches,
        args.seed,
        args.batch,
        args.size,
        pairs=0.25 if args.steady else 0.0,
    )
    callbacks = [
        Finite(),
        keras.callbacks.BackupAndRestore(
            args.run / f"backup{worker or ''}", delete_checkpoint=False
        ),
        keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, _: setattr(lessons, "epoch", epoch)
        ),
    ]
    if not worker:
        some = photos[:: 3 * UNSEEN]
        callbacks += [
            # What is reported and kept: the mean of the last 500 steps' weights.
            keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
            Report(see, some, known, unseen, styles, args.run, args.every),
            keras.callbacks.CSVLogger(args.run / "log.csv", append=True),
        ]
    model.fit(lessons, epochs=args.epochs, verbose=0, callbacks=callbacks)


if __name__ == "__main__":
    main()

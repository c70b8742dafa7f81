"""Teaches the slim VGG19 to see what VGG19 sees; writes vgg19_slim.weights.h5.

    python nst_tf/weights/distill.py PICTURES ... --run FOLDER

Every PICTURES is a folder; each gives an equal share of the crops. In two terms:

1. layer by layer (`first_term`): on many positions of many crops, a layer is fitted
   to all of VGG19's filters of that layer, from what the slim layers below it give;
2. all layers together (`second_term`), on fresh crops, by the relative error of the
   features and of their Gram matrices.

An interrupted run goes on from what FOLDER holds. Only Keras is needed: with
KERAS_BACKEND=jax or torch it also runs where there is a GPU and no TensorFlow. On an
Intel CPU with AMX, TF_SET_ONEDNN_FPMATH_MODE=BF16 makes it about one and a half times
as fast.
"""

import argparse
import itertools
import sys
import types
from pathlib import Path

import h5py
import keras
import numpy as np
import scipy.linalg
from keras import ops

if keras.backend.backend() != "tensorflow":  # nst_tf refuses; its features would not
    package = types.ModuleType("nst_tf")
    package.__path__ = [str(Path(__file__).parents[1])]
    sys.modules["nst_tf"] = package

from nst_tf import features
from nst_tf.crops import random_crops, read_pictures
from nst_tf.features import SLIM, layer_names

LAYERS = layer_names(SLIM)
# Where losses look by default: there the Gram matrices are taught as well.
STYLE = [f"block{b}_conv1" for b in range(1, 6)]
TAPS = [*STYLE, "block4_conv2"]
STRIDE = {1: 4, 2: 2}  # blocks 1 and 2 are compared on every fourth, second position
GRAM_WEIGHT = 2.0
HINT_WEIGHT = 0.3  # of the other layers
DEEPEST_WEIGHT = 3.0  # of the last layer: what pictures miss most is there
UNSEEN = 6  # pictures of each folder kept out of training
BATCH = 2048  # positions
POSITIONS = 200  # of each crop, in the first term
# TensorFlow's XLA is slower on a CPU than its oneDNN.
JIT = False if keras.backend.backend() == "tensorflow" else "auto"
DAMPING = 1e-3  # what whitening adds to each variance, as a share of their mean


def block(layer):
    return int(layer[5])


class Crops(keras.utils.PyDataset):
    """Batches of random crops, the same ones for the same seed and epoch."""

    def __init__(self, folders, batches, seed, batch=4, size=224):
        super().__init__()
        self.folders, self.batches, self.seed = folders, batches, seed
        self.batch, self.size = batch, size
        self.epoch = 0

    def __len__(self):
        return self.batches

    def __getitem__(self, i):
        turn = i % len(self.folders)
        folders = self.folders[turn:] + self.folders[:turn]
        crops = random_crops(folders, self.size, (self.seed, self.epoch, i))
        return np.stack(list(itertools.islice(crops, self.batch)))


class White(keras.layers.Layer):
    """A linear layer in coordinates where its input is white: weights = P U.

    P = C^(-1/2), C being the second moments of the input, stays; U is learned. What
    ReLU and pooling let through is far from white (all positive, neighbours alike), and
    Adam on the plain weights creeps. The last row of a convolution is its bias.
    """

    def __init__(self, filters, size=None, **options):
        super().__init__(**options)
        self.filters, self.size = filters, size

    def build(self, shape):
        self.inputs = shape[-1]
        rows = self.size**2 * self.inputs + 1 if self.size else self.inputs
        self.U = self.add_weight(shape=(rows, self.filters), name="U")
        self.P = self.add_weight(
            shape=(rows, rows), initializer="zeros", trainable=False, name="P"
        )

    def weights_and_bias(self):
        W = ops.matmul(self.P, self.U)
        if not self.size:
            return W, 0.0
        shape = (self.size, self.size, self.inputs, self.filters)
        return ops.reshape(W[:-1], shape), W[-1]

    def call(self, x):
        kernel, bias = self.weights_and_bias()
        if not self.size:
            return ops.matmul(x, kernel)
        return ops.relu(ops.conv(x, kernel, padding="same") + bias)


def teacher_network():
    """VGG19 with average pooling and normalised filters, up to the last slim layer."""
    model = features._network("vgg19", "avg")
    features._load_weights(model, "vgg19", "imagenet")
    features._normalize(model, features.filter_means(model, "avg"))
    model = keras.Model(model.input, {name: model.output[name] for name in LAYERS})
    model.trainable = False
    return model


def white_network():
    """The slim network, its convolutions in white coordinates, without readouts."""
    plain = features._network(SLIM, "avg")
    x, outputs = plain.get_layer(LAYERS[0]).input, []
    for name in LAYERS:
        if name.endswith("conv1") and outputs:
            x = features.POOLING["avg"](2)(x)
        x = White(plain.get_layer(name).filters, 3, name=name)(x)
        outputs.append(x)
    return keras.Model(plain.input, outputs)


class Distillation(keras.Model):
    """The slim network and, for each layer, its linear readout E to VGG19's filters."""

    def __init__(self, teacher):
        super().__init__()
        self.teacher = teacher
        self.slim = white_network()
        self.readouts = [
            White(teacher.output[name].shape[-1], name=f"{name}_E") for name in LAYERS
        ]
        for layer, output in zip(self.readouts, self.slim.output, strict=True):
            layer.build(output.shape)
        self.meters = {name: keras.metrics.Mean(name) for name in LAYERS}
        self.built = True

    def call(self, images):
        """`{layer: (B, h, w, N_vgg)}`: E s, in blocks 1 and 2 not at every position."""
        return {
            name: readout(sparse(s, name))
            for name, readout, s in zip(
                LAYERS, self.readouts, self.slim(images), strict=True
            )
        }

    def compute_loss(self, x=None, y=None, y_pred=None, *_, **__):
        """Relative error of the features, and at the taps of their Gram matrices."""
        total = 0.0
        for name, v in self.teacher(x).items():
            v, e = ops.stop_gradient(sparse(v, name)), y_pred[name]
            error = relative_error(e, v)
            self.meters[name].update_state(error)
            if name not in TAPS:
                total += HINT_WEIGHT * error
                continue
            weight = DEEPEST_WEIGHT if name == LAYERS[-1] else 1.0
            total += weight * (error + GRAM_WEIGHT * relative_error(gram(e), gram(v)))
        return total / len(LAYERS)


def sparse(x, layer):
    step = STRIDE.get(block(layer), 1)
    return x[:, ::step, ::step]


def gram(x):
    x = ops.reshape(x, (ops.shape(x)[0], -1, ops.shape(x)[-1]))
    return ops.matmul(ops.transpose(x, (0, 2, 1)), x)


def relative_error(found, wanted):
    """|found - wanted|^2 / |wanted|^2 of each picture, the mean of a batch."""
    axes = tuple(range(1, len(wanted.shape)))
    error = ops.sum(ops.square(found - wanted), axes)
    return ops.mean(error / ops.sum(ops.square(wanted), axes))


# The first term


def root(C, power):
    """C^power of a symmetric matrix, damped."""
    values, vectors = np.linalg.eigh(
        C + DAMPING * np.trace(C) / len(C) * np.eye(len(C))
    )
    return ((vectors * values**power) @ vectors.T).astype("float32")


def moments(A):
    return (A.T @ A).astype("float64") / len(A)


def patches(x, positions):
    """3x3 neighbourhoods in `(H, W, N)` at K positions, and a one: `(K, 9 N + 1)`."""
    rows, columns = np.divmod(positions, x.shape[1])
    x = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    taps = [x[rows + dy, columns + dx] for dy in range(3) for dx in range(3)]
    return np.concatenate([*taps, np.ones((len(rows), 1), x.dtype)], axis=1)


def telling(V, N, rng):
    """The N filters that best predict the others: pivoted QR of activations."""
    some = V[rng.permutation(len(V))[:6000]].astype("float32")
    return np.sort(scipy.linalg.qr(some, mode="r", pivoting=True)[1][:N])


def fit(A, V, U, E, epochs, rng):
    """Adam on |V - relu(A U) E|^2, from U and E; A is white."""
    x = keras.Input((A.shape[1],))
    hidden = keras.layers.Dense(U.shape[1], activation="relu", use_bias=False)
    model = keras.Sequential(
        [x, hidden, keras.layers.Dense(V.shape[1], use_bias=False)]
    )
    model.set_weights([U, E])
    starts = range(0, len(A), BATCH)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, epochs * len(starts))
    model.compile(keras.optimizers.Adam(rate, beta_2=0.99), "mse", jit_compile=JIT)
    for _ in range(epochs):
        model.reset_metrics()
        order = rng.permutation(len(A))
        for start in starts:
            rows = np.sort(order[start : start + BATCH])
            error = model.train_on_batch(A[rows], V[rows].astype("float32"))
    return *model.get_weights(), error / np.mean(np.square(V, dtype="float32"))


def what_the_teacher_sees(teacher, images, positions):
    """`{layer: (K, N_vgg)}` at the positions of each image, one after the other."""
    seen = {name: [] for name in LAYERS}
    for i in range(0, len(images), 4):
        for name, v in teacher(images[i : i + 4]).items():
            for k, features_of_one in enumerate(ops.convert_to_numpy(v), i):
                flat = features_of_one.reshape(-1, v.shape[-1])
                seen[name].append(flat[positions[name][k]].astype("float16"))
    return {name: np.concatenate(parts) for name, parts in seen.items()}


def what_a_layer_reads(slim, name, images, positions):
    """`(K, 9 N + 1)`: the patches below a slim layer, at the same positions."""
    below = keras.Model(slim.input, slim.get_layer(name).input)
    return np.concatenate(
        [
            patches(x, positions[name][k])
            for i in range(0, len(images), 4)
            for k, x in enumerate(ops.convert_to_numpy(below(images[i : i + 4])), i)
        ]
    )


def first_term(model, images, epochs, seed, path):
    """Each layer by itself, on top of the finished ones below: see `fit`.

    It begins with VGG19's own kernels: those of its most telling filters, applied to
    what the readout below makes of the slim features.
    """
    rng = np.random.default_rng(seed)
    positions = {}
    for name in LAYERS:
        M = (images.shape[1] >> (block(name) - 1)) ** 2
        positions[name] = [rng.permutation(M)[:POSITIONS] for _ in images]
    seen = what_the_teacher_sees(model.teacher, images, positions)

    E_below = np.eye(3)  # both networks read the same three channels
    for name, readout in zip(LAYERS, model.readouts, strict=True):
        layer, V = model.slim.get_layer(name), seen.pop(name)
        if np.any(layer.P):  # fitted before an interruption
            E_below = ops.convert_to_numpy(readout.weights_and_bias()[0]).T
            continue
        kernel, bias = model.teacher.get_layer(name).get_weights()
        chosen = telling(V, layer.filters, rng)
        kernel = np.einsum("hwvn,vs->hwsn", kernel[..., chosen], E_below)
        W = np.vstack([kernel.reshape(-1, layer.filters), bias[chosen]])

        A = what_a_layer_reads(model.slim, name, images, positions)
        C = moments(A)
        P, U = root(C, -0.5), root(C, 0.5) @ W
        A = A @ P
        S = np.maximum(A @ U, 0)
        C, SV = moments(S), S.T @ V.astype("float32") / len(S)
        E = np.linalg.solve(C + 1e-5 * np.eye(len(C)), SV)
        U, E, error = fit(A, V, U, E, epochs, rng)

        C = moments(np.maximum(A @ U, 0))
        layer.set_weights([U, P])
        readout.set_weights([root(C, 0.5) @ E, root(C, -0.5)])
        E_below = E.T
        del A, S  # gigabytes
        model.save_weights(path)
        print(f"{name}: error {error:.4f}", flush=True)


# The second term, and what is kept of it


class Report(keras.callbacks.Callback):
    """After each epoch: the errors on unseen crops, and the weights."""

    def __init__(self, crops, path):
        super().__init__()
        self.crops, self.path = crops, path

    def on_train_begin(self, logs=None):
        self.on_epoch_end(-1)

    def on_epoch_end(self, epoch, logs=None):
        found = self.model.evaluate(self.crops, verbose=0, return_dict=True)
        layers = (f"{name[5]}_{name[-1]} {found[name]:.3f}" for name in LAYERS)
        print(f"{epoch + 1}: {found['loss']:.4f}", *layers, sep="  ", flush=True)
        export(self.model, self.crops, self.path)


def second_term(model, crops, unseen, run, epochs, rate):
    """All layers together, on fresh crops."""
    decay = keras.optimizers.schedules.CosineDecay(rate, epochs * len(crops))
    model.compile(keras.optimizers.Adam(decay), jit_compile=JIT)
    model.fit(
        crops,
        epochs=epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.BackupAndRestore(run / "backup", delete_checkpoint=False),
            keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, _: setattr(crops, "epoch", epoch)
            ),
            Report(unseen, run / f"{SLIM}.weights.h5"),
        ],
    )


def gains(model, crops):
    """What each readout lacks in strength: `{layer: gain}`.

    A regression's output is weaker than its target, the more so the less it explains.
    The gains give losses between pictures VGG19's size: style losses in the style
    layers, where they grow with gain^4, and content losses, with gain^2, in the others.
    They set the median ratio to one, over pairs of neighbours in a batch.
    """
    ratios = {name: [] for name in LAYERS}
    for images in (crops[i] for i in range(len(crops))):
        v, e = model.teacher(images), model(images)
        for name in LAYERS:
            losses = []
            for x in sparse(v[name], name), e[name]:
                x = ops.convert_to_numpy(gram(x) if name in STYLE else x)
                distance = (x - np.roll(x, 1, axis=0)).reshape(len(x), -1)
                losses.append(np.sum(distance**2, axis=1))
            ratios[name].extend(losses[0] / losses[1])
    power = {name: 1 / 4 if name in STYLE else 1 / 2 for name in LAYERS}
    return {name: np.median(ratio) ** power[name] for name, ratio in ratios.items()}


def shorten(E):
    """sqrt(N / N_vgg) R of E = Q R: the same losses as E, from N numbers (N_vgg, N)."""
    N_vgg, N = E.shape
    return np.sqrt(N / N_vgg) * np.linalg.qr(E, mode="r")


def export(model, crops, path):
    """Writes the slim network as `feature_extractor` reads it."""
    slim, gain = features._network(SLIM, "avg"), gains(model, crops)
    for name, readout in zip(LAYERS, model.readouts, strict=True):
        kernel, bias = model.slim.get_layer(name).weights_and_bias()
        slim.get_layer(name).set_weights([kernel, bias])
        E = gain[name] * ops.convert_to_numpy(readout.weights_and_bias()[0]).T
        slim.get_layer(f"{name}_readout").set_weights([shorten(E).T[None, None]])
    slim.save_weights(path)
    squeeze(path)


def squeeze(path, bits=7):
    """Rewrites a file of weights in float16, rounded to this many bits, and zipped."""

    def copy(name, item):
        if isinstance(item, h5py.Dataset):
            share, exponent = np.frexp(item[()])
            values = np.ldexp(np.round(share * 2**bits) / 2**bits, exponent)
            zipped = {"compression": "gzip", "shuffle": True} if values.ndim else {}
            small.create_dataset(name, data=values.astype("float16"), **zipped)
        else:
            small.require_group(name).attrs.update(item.attrs)

    loose = Path(path).with_suffix(".loose")
    Path(path).rename(loose)
    with h5py.File(loose) as file, h5py.File(path, "w") as small:
        small.attrs.update(file.attrs)
        file.visititems(copy)
    loose.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="+", type=Path, help="folders of .jpg, .png")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=224, help="of a crop, in pixels")
    parser.add_argument("--crops", type=int, default=1280, help="of the first term")
    parser.add_argument(
        "--first", type=int, default=10, help="epochs of the first term"
    )
    parser.add_argument("--second", type=int, default=15, help="epochs of the second")
    parser.add_argument("--batches", type=int, default=100, help="of each such epoch")
    parser.add_argument("--rate", type=float, default=3e-4, help="of the second term")
    args = parser.parse_args()

    keras.utils.set_random_seed(args.seed)
    args.run.mkdir(parents=True, exist_ok=True)
    folders = [read_pictures(folder, least=UNSEEN + 1) for folder in args.pictures]
    kept, unseen = [f[UNSEEN:] for f in folders], [f[:UNSEEN] for f in folders]

    model = Distillation(teacher_network())
    first = args.run / "first.weights.h5"
    if first.exists():
        model.load_weights(first)
    if not np.any(model.slim.get_layer(LAYERS[-1]).P):
        crops = Crops(kept, args.crops // 4, args.seed + 1, size=args.size)
        images = np.concatenate([crops[i] for i in range(len(crops))])
        images = images[np.random.default_rng(args.seed).permutation(len(images))]
        first_term(model, images, args.first, args.seed, first)
    crops = Crops(kept, args.batches, args.seed, size=args.size)
    unseen = Crops(unseen, 12, args.seed + 2, size=args.size)
    second_term(model, crops, unseen, args.run, args.second, args.rate)


if __name__ == "__main__":
    main()

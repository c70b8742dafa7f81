"""Every mistake that has a sentence of its own is made here, and gets that sentence."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import nst_tf as nst
from nst_tf.exercises import CHECKS, check, checks

SQUARE, SUM, MEAN = tf.square, tf.reduce_sum, tf.reduce_mean


def gram(F):
    rows = tf.reshape(F, (-1, F.shape[-1]))
    return tf.matmul(rows, rows, transpose_a=True)[None]


def sizes(F):
    N = F.shape[-1]
    return N, int(np.prod(F.shape)) // N


# Right solutions, in different styles


class ContentModule(tf.Module):
    def __call__(self, F, P):
        return SUM(SQUARE(F - P)) / 2


class GramLayer(keras.layers.Layer):
    def call(self, F):
        return tf.einsum("bhwi,bhwj->bij", F, F)


def loops(F):
    """As the paper writes it, with NumPy."""
    G = np.zeros((1, F.shape[-1], F.shape[-1]))
    for i, j, h, w in np.ndindex(F.shape[-1], F.shape[-1], *F.shape[1:3]):
        G[0, i, j] += F[0, h, w, i] * F[0, h, w, j]
    return G.astype("float32")


def eq4(F, A):
    """With raw Gram matrices, as in the paper."""
    N, M = sizes(F)
    return SUM(SQUARE(gram(F) - A)) / (4 * N**2 * M**2)


def numpy_tv(image):
    x = image[0]
    return ((x[1:] - x[:-1]) ** 2).sum() + ((x[:, 1:] - x[:, :-1]) ** 2).sum()


def numpy_preprocess(image):
    return 255 * image[..., ::-1] - np.array(nst.features.MEAN_BGR)


def step(image, loss, optimizer):
    with tf.GradientTape() as tape:
        value = loss(image)
    optimizer.apply_gradients([(tape.gradient(value, image), image)])
    image.assign(tf.clip_by_value(image, 0.0, 1.0))
    return value


RIGHT = [
    ("content_loss", nst.content_loss, {}),
    ("content_loss", ContentModule(), {}),
    ("content_loss", lambda F, P: ((F - P) ** 2).sum() / 2, {}),  # NumPy
    ("content_loss", lambda F, P: np.sum((F - P) ** 2) / 2, {"layout": "hwc"}),
    ("content_loss", lambda F, P: MEAN(SQUARE(P - F)), {"normalize": "mean"}),
    ("content_loss", lambda F, P: tf.nn.l2_loss(F - P), {}),
    ("gram_matrix", nst.gram_matrix, {}),
    ("gram_matrix", nst.mean_gram, {"normalize": "positions"}),
    ("gram_matrix", GramLayer(), {}),
    ("gram_matrix", lambda F: tf.function(nst.gram_matrix)(F), {}),
    ("gram_matrix", lambda F: gram(F)[0], {"layout": "hwc"}),
    ("layer_style_loss", nst.layer_style_loss, {}),
    ("layer_style_loss", eq4, {"normalize": "paper"}),
    ("style_loss", nst.style_loss, {}),
    ("total_variation", nst.total_variation_loss, {}),
    ("total_variation", numpy_tv, {"normalize": "none"}),
    (
        "total_variation",
        lambda x: tf.image.total_variation(x)[0],
        {"normalize": "none", "power": 1},
    ),
    ("total_loss", lambda C, S, a, b: a * C + b * S, {}),
    ("preprocess", numpy_preprocess, {}),
    ("preprocess", lambda x: x[..., ::-1] * 255 - nst.features.MEAN_BGR, {}),
    ("train_step", tf.function(step), {}),
    ("train_step", step, {"compiled": False}),
]


@pytest.mark.parametrize(("name", "f", "options"), RIGHT)
@pytest.mark.parametrize("seed", [0, 3])
def test_right_solutions_pass(name, f, options, seed):
    report = check(name, f, seed=seed, **options)
    assert report, report


def test_one_picture_at_a_time_is_enough_if_the_teacher_says_so():
    assert checks.check_gram_matrix(loops, batch=False)
    report = checks.check_gram_matrix(loops)
    assert "each has its own" in report.problem and "value" in report.passed


# Wrong solutions, each with words of its message


def in_place(F, P):
    F[...] -= P
    return (F**2).sum() / 2


def no_return(F, P):
    SUM(SQUARE(F - P))


def fixed_sizes(F, A):
    return SUM(SQUARE(nst.mean_gram(F) - A)) / (4 * 3**2 * 48**2)


def first_layer(F, A, weights):
    for layer, w in weights.items():
        return w * nst.layer_style_loss(F[layer], A[layer])


def last_layer(F, A, weights):
    for layer, w in weights.items():
        total = w * nst.layer_style_loss(F[layer], A[layer])
    return total


def each(F, A, weights):
    return [nst.layer_style_loss(F[layer], A[layer]) for layer in weights]


def own_weights(F, A, _):
    return nst.style_loss(F, A, dict(zip(F, (0.5, 0.2, 0.4), strict=True)))


def down(x):
    return SUM(SQUARE(x[:, 1:] - x[:, :-1]))


def across(x):
    return SUM(SQUARE(x[:, :, 1:] - x[:, :, :-1]))


def rolled(x):
    return sum(SUM(SQUARE(tf.roll(x, 1, axis) - x)) for axis in (1, 2)) / sizes(x)[1]


def does_not_clip(image, loss, optimizer):
    with tf.GradientTape() as tape:
        value = loss(image)
    optimizer.apply_gradients([(tape.gradient(value, image), image)])


def does_not_move(image, loss, optimizer):
    with tf.GradientTape() as tape:
        value = loss(image)
    image = tf.clip_by_value(image - 0.02 * tape.gradient(value, image), 0.0, 1.0)
    return image


def climbs(image, loss, optimizer):
    with tf.GradientTape() as tape:
        value = -loss(image)
    optimizer.apply_gradients([(tape.gradient(value, image), image)])
    image.assign(tf.clip_by_value(image, 0.0, 1.0))


def moves_the_weights(image, loss, optimizer):
    with tf.GradientTape() as tape:
        value = loss(image)
    variables = tape.watched_variables()
    for v, gradient in zip(variables, tape.gradient(value, variables), strict=True):
        v.assign_sub(0.02 * tf.sign(gradient))


def twice(image, loss, optimizer):
    for _ in range(2):
        step(image, loss, optimizer)


def fails(*_):
    raise KeyError("block1_conv1")


WRONG = [
    ("content_loss", 3, "wanted a function"),
    ("content_loss", no_return, "is a `return` missing"),
    ("content_loss", lambda F, P: (SUM(F - P), 0), "returned a tuple"),
    ("content_loss", lambda F, P: SQUARE(F - P), "shape (1, 4, 5, 7); wanted one"),
    ("content_loss", lambda F, P: int(SUM(SQUARE(F - P))), "whole numbers"),
    (
        "content_loss",
        lambda F, P: SUM(SQUARE(tf.cast(F, "float64") - tf.cast(P, "float64"))) / 2,
        "float64",
    ),
    ("content_loss", lambda F, P: SUM(F - P) / 0, "not finite|inf"),
    ("content_loss", in_place, "changes its input in place"),
    ("content_loss", fails, "raised KeyError"),
    ("content_loss", lambda F, P: SUM(SQUARE(F)) / 2, "when both are the same"),
    ("content_loss", lambda F, P: SUM(F - P) / 2, "the square is missing"),
    ("content_loss", lambda F, P: SUM(SQUARE(F - F)) / 2, "does not grow"),
    ("content_loss", lambda F, P: tf.norm(F - P), "square root"),
    ("content_loss", lambda F, P: SUM(tf.abs(F - P)) / 2, "these are absolute values"),
    ("content_loss", lambda F, P: SQUARE(SUM(F - P)) / 2, "sum is squared"),
    ("content_loss", lambda F, P: SUM(SQUARE(F - P)), "division by 2 is missing"),
    ("content_loss", lambda F, P: MEAN(SQUARE(F - P)), "a mean where a sum"),
    (
        "content_loss",
        lambda F, P: MEAN(SQUARE(F - P)) / 2,
        "divided by N M once more: a mean",
    ),
    ("content_loss", lambda F, P: SUM(SQUARE(F // 1 - P // 1)) / 2, "whole numbers"),
    (
        "content_loss",
        lambda F, P: nst.content_loss(tf.stop_gradient(F), P),
        "no gradient",
    ),
    (
        "content_loss",
        lambda F, P: tf.constant(nst.content_loss(F, P).numpy()),
        "no gradient",
    ),
    ("gram_matrix", lambda F: F, "shape (1, 4, 5, 7); wanted (1, 7, 7)"),
    ("gram_matrix", lambda F: gram(F)[0], "axis of the batch is lost"),
    (
        "gram_matrix",
        lambda F: tf.matmul(
            *[tf.reshape(F, (1, -1, F.shape[-1]))] * 2, transpose_b=True
        ),
        "positions and filters are swapped",
    ),
    ("gram_matrix", lambda F: SUM(SQUARE(F), (1, 2)), "products of different filters"),
    (
        "gram_matrix",
        lambda F: tf.matmul(
            *[tf.reshape(F, (1, F.shape[-1], -1))] * 2, transpose_b=True
        ),
        "without tf.transpose",
    ),
    ("gram_matrix", lambda F: gram(F - MEAN(F, (0, 1, 2))), "a covariance"),
    (
        "gram_matrix",
        lambda F: gram(F) / sizes(F)[1],
        "divided by M, the number of positions,",
    ),
    ("gram_matrix", lambda F: gram(F) / tf.size(F, tf.float32), "divided by N M"),
    ("gram_matrix", lambda F: gram(F) / 20, "20 is M of one size only"),
    ("gram_matrix", lambda F: gram(F) * tf.eye(F.shape[-1]), "only the diagonal"),
    ("gram_matrix", lambda F: gram(F) * 11, "11 times what was wanted"),
    ("gram_matrix", gram, "summed up, each has its own"),
    (
        "layer_style_loss",
        lambda F, A: (
            SUM(SQUARE(nst.mean_gram(F) - A)) / (4 * F.shape[-1] ** 2 * sizes(F)[1])
        ),
        "divided by M",
    ),
    (
        "layer_style_loss",
        lambda F, A: SUM(SQUARE(nst.mean_gram(F) - A)) / (4 * F.shape[-1]),
        "division by N",
    ),
    (
        "layer_style_loss",
        lambda F, A: SUM(SQUARE(nst.mean_gram(F) - A)) / F.shape[-1] ** 2,
        "division by 4",
    ),
    (
        "layer_style_loss",
        lambda F, A: SUM(SQUARE(nst.mean_gram(F) - A)),
        "its factor is missing",
    ),
    ("layer_style_loss", fixed_sizes, "one factor"),
    (
        "layer_style_loss",
        lambda F, A: SUM(tf.abs(nst.mean_gram(F) - A)) / (4 * F.shape[-1] ** 2),
        "absolute values",
    ),
    ("layer_style_loss", lambda F, A: tf.norm(nst.mean_gram(F) - A), "square root"),
    (
        "layer_style_loss",
        lambda F, A: nst.layer_style_loss(F, nst.mean_gram(F)),
        "computed from the generated",
    ),
    (
        "layer_style_loss",
        lambda F, A: SUM(SQUARE(gram(F) - A)) / (4 * F.shape[-1] ** 2),
        "when both are the same",
    ),
    ("style_loss", each, "returned a list"),
    ("style_loss", first_layer, "inside the loop"),
    ("style_loss", last_layer, "is it added up"),
    (
        "style_loss",
        lambda F, A, w: SUM(each(F, A, w)),
        "weights of the layers are not used",
    ),
    ("style_loss", lambda F, A, w: MEAN(each(F, A, w)), "a mean over layers"),
    (
        "style_loss",
        lambda F, A, w: nst.style_loss(F, A, w) / len(w),
        "number of layers",
    ),
    (
        "style_loss",
        lambda F, A, w: nst.style_loss(F, A, w) / sum(w.values()),
        "sum of the weights",
    ),
    (
        "style_loss",
        lambda F, A, w: nst.style_loss(
            F, A, dict(zip(w, list(w.values())[::-1], strict=True))
        ),
        "belong to other layers",
    ),
    ("style_loss", own_weights, "hard-coded"),
    ("total_variation", lambda x: MEAN(SQUARE(x)), "a picture of one colour"),
    (
        "total_variation",
        lambda x: down(x) / sizes(x)[1],
        "only differences from row to row",
    ),
    (
        "total_variation",
        lambda x: across(x) / sizes(x)[1],
        "only differences from column",
    ),
    ("total_variation", lambda x: down(x) + across(x), "division by M"),
    (
        "total_variation",
        lambda x: (down(x) + across(x)) / tf.size(x, tf.float32),
        "divided by N",
    ),
    (
        "total_variation",
        lambda x: tf.image.total_variation(x)[0] / sizes(x)[1],
        "absolute values",
    ),
    (
        "total_variation",
        lambda x: tf.sqrt((down(x) + across(x)) / sizes(x)[1]),
        "square root",
    ),
    ("total_variation", rolled, "around the edge"),
    (
        "total_variation",
        lambda x: (down(x) + SUM(SQUARE(x[..., 1:] - x[..., :-1]))) / sizes(x)[1],
        "from colour to colour",
    ),
    (
        "total_variation",
        lambda x: (down(x[:, :, :-1]) + across(x[:, :-1])) / sizes(x)[1],
        "left out",
    ),
    ("total_loss", lambda C, S, a, b: b * C + a * S, "swapped"),
    ("total_loss", lambda C, S, a, b: C + S, "alpha and beta are not used"),
    ("total_loss", lambda C, S, a, b: a * C, "style is missing"),
    ("total_loss", lambda C, S, a, b: b * S, "content is missing"),
    ("total_loss", lambda C, S, a, b: (a * C + b * S) / (a + b), "alpha + beta"),
    ("preprocess", lambda x: 255 * x - nst.features.MEAN_BGR[::-1], "RGB, where BGR"),
    (
        "preprocess",
        lambda x: 255 * x[..., ::-1] - nst.features.MEAN_BGR[::-1],
        "mean of RGB",
    ),
    (
        "preprocess",
        lambda x: x[..., ::-1] - nst.features.MEAN_BGR,
        "0 to 255 is wanted",
    ),
    ("preprocess", lambda x: 255 * x[..., ::-1], "mean is not subtracted"),
    ("preprocess", lambda x: 2 * x - 1, "other networks"),
    ("preprocess", lambda x: x, "as it was"),
    ("preprocess", lambda x: tf.cast(255 * x, tf.uint8), "whole numbers"),
    ("train_step", tf.function(does_not_clip), "wanted [0, 1]"),
    ("train_step", tf.function(does_not_move), "did not move"),
    ("train_step", tf.function(climbs), "the loss grew"),
    ("train_step", tf.function(moves_the_weights), "changed a weight"),
    ("train_step", tf.function(twice), "applied twice"),
    ("train_step", step, "write @tf.function"),
    ("train_step", fails, "raised KeyError"),
    ("train_step", None, "wanted a function"),
]


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize(("name", "f", "words"), WRONG)
def test_a_mistake_gets_the_sentence_written_for_it(name, f, words, seed):
    report = check(name, f, seed=seed)
    assert not report
    assert any(word in report.problem for word in words.split("|")), report.problem


def test_every_check_has_wrong_solutions():
    tested = {name for name, *_ in WRONG}
    assert tested == {name for name in CHECKS if hasattr(checks, f"check_{name}")}


def test_equation_4_without_its_factor_in_the_paper_s_own_convention():
    report = checks.check_layer_style_loss(
        lambda F, A: SUM(SQUARE(gram(F) - A)), normalize="paper"
    )
    assert "its factor is missing" in report.problem


def test_features_that_are_compared_themselves():
    report = checks.check_layer_style_loss(
        lambda F, S: SUM(SQUARE(F - S)) / (4 * F.shape[-1] ** 2), target="features"
    )
    assert "features are compared" in report.problem

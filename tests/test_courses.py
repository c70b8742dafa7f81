"""Functions of known courses pass under their own names, and wrong ones do not."""

import numpy as np
import pytest
import tensorflow as tf

from nst_tf import exercises
from nst_tf.exercises import courses

SQUARE, SUM = tf.square, tf.reduce_sum


def gram(F):
    rows = tf.reshape(F, (-1, F.shape[-1]))
    return tf.matmul(rows, rows, transpose_a=True)[None]


def cs231n_content(content_weight, content_current, content_original):
    return content_weight * SUM(SQUARE(content_current - content_original))


def cs231n_gram(features, normalize=True):
    G = gram(features)[0]
    return G / np.prod(features.shape) if normalize else G


def style_of(feat, target, weight):
    """Their style loss, which looks its layers up as these functions do."""

    def style_loss(feats, style_layers, style_targets, style_weights):
        loss = tf.constant(0.0)
        for i, layer in enumerate(style_layers):
            G = cs231n_gram(feats[feat(i, layer)])
            difference = G - style_targets[target(i, layer)]
            loss += style_weights[weight(i, layer)] * SUM(SQUARE(difference))
        return loss

    return style_loss


def place(i, layer):
    return i


def number(i, layer):
    return layer


cs231n_style = style_of(number, place, place)


def cs231n_tv(img, tv_weight):
    down = SUM(SQUARE(img[:, 1:] - img[:, :-1]))
    across = SUM(SQUARE(img[:, :, 1:] - img[:, :, :-1]))
    return tv_weight * (down + across)


def content_cost(content_output, generated_output):
    a_C, a_G = content_output[-1], generated_output[-1]
    return SUM(SQUARE(a_C - a_G)) / (4 * np.prod(a_C.shape))


def rows_gram(A):
    return tf.matmul(A, A, transpose_b=True)


def layer_cost(a_S, a_G):
    N = a_G.shape[-1]
    M = np.prod(a_G.shape) // N
    GS, GG = (
        rows_gram(tf.transpose(tf.reshape(a, (-1, a.shape[-1])))) for a in (a_S, a_G)
    )
    return SUM(SQUARE(GS - GG)) / (4 * N**2 * M**2)


def style_cost(style_image_output, generated_image_output, STYLE_LAYERS):
    pairs = zip(style_image_output[:-1], generated_image_output[:-1], strict=True)
    return sum(
        w * layer_cost(S, G) for (S, G), (_, w) in zip(pairs, STYLE_LAYERS, strict=True)
    )


def total_cost(J_content, J_style, alpha=10, beta=40):
    return alpha * J_content + beta * J_style


THEIRS = [
    ("cs231n", "content_loss", cs231n_content),
    ("cs231n", "gram_matrix", cs231n_gram),
    ("cs231n", "style_loss", cs231n_style),
    ("cs231n", "tv_loss", cs231n_tv),
    ("deeplearning.ai", "compute_content_cost", content_cost),
    ("deeplearning.ai", "gram_matrix", rows_gram),
    ("deeplearning.ai", "compute_layer_style_cost", layer_cost),
    ("deeplearning.ai", "compute_style_cost", style_cost),
    ("deeplearning.ai", "total_cost", total_cost),
]


@pytest.mark.parametrize(("course", "name", "f"), THEIRS)
def test_functions_of_known_courses_pass_under_their_own_names(course, name, f):
    report = exercises.check(name, f, course=course)
    assert report, report


@pytest.mark.parametrize(("course", "name", "f"), THEIRS)
def test_their_mistakes_are_found_too(course, name, f):
    report = exercises.check(name, lambda *args: 11 * f(*args), course=course)
    assert "11 times what was wanted" in report.problem, report.problem


def test_all_functions_of_the_courses_are_tested():
    assert {(c, n) for c, n, _ in THEIRS} == {
        (course, name) for course, names in courses.COURSES.items() for name in names
    }


# Their own mistakes


def zipped(feats, style_layers, style_targets, style_weights):
    loss = tf.constant(0.0)
    for F, A, w in zip(feats, style_targets, style_weights, strict=False):
        loss += w * SUM(SQUARE(cs231n_gram(F) - A))
    return loss


def mixed_cost(a_S, a_G):
    N = a_G.shape[-1]
    M = np.prod(a_G.shape) // N
    GS, GG = (rows_gram(tf.reshape(a, (N, M))) for a in (a_S, a_G))
    return SUM(SQUARE(GS - GG)) / (4 * N**2 * M**2)


def all_outputs(style_image_output, generated_image_output, STYLE_LAYERS):
    pairs = zip(style_image_output, generated_image_output, strict=True)
    layers = zip(pairs, STYLE_LAYERS, strict=True)
    return sum(w * layer_cost(S, G) for (S, G), (_, w) in layers)


CS231N = [
    ("content_loss", lambda w, F, P: 0.5 * SUM(SQUARE(F - P)), "content_weight is not"),
    ("content_loss", lambda w, F, P: w * w * SUM(SQUARE(F - P)), "used twice"),
    ("gram_matrix", lambda F, normalize=True: cs231n_gram(F), "with normalize=False"),
    ("gram_matrix", lambda F: cs231n_gram(F), "with normalize=False it takes (F)"),
    ("gram_matrix", lambda F: cs231n_gram(F)[None], "there is an axis too many"),
    ("style_loss", style_of(place, place, place), "feats are taken from the first"),
    ("style_loss", zipped, "feats are taken from the first"),
    ("style_loss", style_of(number, number, place), "style_targets[i], the i-th"),
    ("style_loss", style_of(number, place, number), "style_weights[i], the i-th"),
    ("style_loss", style_of(number, number, number), "targets and weights"),
    ("tv_loss", lambda img, w: cs231n_tv(img, 1.0), "tv_weight is not used"),
    ("tv_loss", lambda img, w: cs231n_tv(img, w**2), "tv_weight is used twice"),
]
DEEPLEARNING_AI = [
    (
        "compute_content_cost",
        lambda C, G: content_cost(C[:1], G[:1]),
        "it takes the first output; wanted the last, [-1]",
    ),
    ("compute_content_cost", lambda C, G: content_cost(C[1:2], G[1:2]), "the middle"),
    ("compute_layer_style_cost", mixed_cost, "without tf.transpose"),
    ("compute_style_cost", all_outputs, "[:-1] is missing"),
    ("total_cost", lambda C, S, alpha=10, beta=40: 10 * C + 40 * S, "hard-coded"),
    (
        "total_cost",
        lambda C, S, alpha=40, beta=10: alpha * C + beta * S,
        "its defaults are 40, 10; wanted 10, 40",
    ),
]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("course", "name", "f", "words"),
    [("cs231n", *wrong) for wrong in CS231N]
    + [("deeplearning.ai", *wrong) for wrong in DEEPLEARNING_AI],
)
def test_a_mistake_in_their_interface_is_named(course, name, f, words, seed):
    report = exercises.check(name, f, course=course, seed=seed)
    assert words in report.problem, report
    assert report.name == name

"""Checks of chapters 06 to 08: right work passes, and mistakes are named."""

import numpy as np
import pytest
import tensorflow as tf

import nst_tf as nst
from nst_tf.color import match_colors
from nst_tf.exercises import CHECKS, check, later_checks
from nst_tf.guides import guides

MEAN, ROOT = tf.reduce_mean, tf.sqrt


def rows(F):
    return tf.reshape(F, (-1, F.shape[-1]))


# Right solutions, in different styles


def by_gram_matrices(F, S):
    """The same number without a kernel (Li et al. 2017)."""
    return tf.reduce_sum((nst.mean_gram(F) - nst.mean_gram(S)) ** 2)


def by_loops(F, S):
    x, y = (np.asarray(A, "float64").reshape(-1, A.shape[-1]) for A in (F, S))
    means = []
    for a, b in ((x, x), (y, y), (x, y)):
        means.append(np.mean([(p @ q) ** 2 for p in a for q in b]))
    return np.float32(means[0] + means[1] - 2 * means[2])


def mean_of(kernel):
    def mmd(F, S):
        x, y = rows(F), rows(S)
        return MEAN(kernel(x, x)) + MEAN(kernel(y, y)) - 2 * MEAN(kernel(x, y))

    return mmd


def gaussian(x, y, width=1.0):
    apart = MEAN((x[:, None] - y) ** 2, axis=-1) * x.shape[-1]
    return tf.exp(-apart / (2 * width**2))


def moments(F, S, epsilon=0.0):
    (m, v), (n, w) = (tf.nn.moments(A, [0, 1, 2]) for A in (F, S))
    return MEAN((m - n) ** 2) + MEAN((ROOT(v + epsilon) - ROOT(w + epsilon)) ** 2)


def numpy_moments(F, S):
    (m, s), (n, t) = ((A.mean((0, 1)), A.std((0, 1))) for A in (F, S))
    return ((m - n) ** 2 + (s - t) ** 2).mean()


def recolor(root):
    def match(image, other):
        x, y = (np.asarray(p, "float64").reshape(-1, 3) for p in (image, other))
        A = root(np.cov(y.T)) @ np.linalg.inv(root(np.cov(x.T)))
        found = (x - x.mean(0)) @ A.T + y.mean(0)
        return found.reshape(image.shape).astype("float32")

    return match


def by_eigenvectors(S):
    values, vectors = np.linalg.eigh(S)
    return vectors @ np.diag(np.sqrt(values)) @ vectors.T


def guided(F, T):
    guide = T / ROOT(tf.reduce_sum(T**2))
    return nst.gram_matrix(guide * F)


def instance_norm(x, scale, shift, epsilon=1e-5):
    mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
    return scale * (x - mean) / ROOT(variance + epsilon) + shift


def adain(c, s, epsilon=1e-5):
    mean, variance = tf.nn.moments(s, [1, 2], keepdims=True)
    return instance_norm(c, ROOT(variance + epsilon), mean, epsilon)


RIGHT = [
    ("mmd", by_gram_matrices, {}),
    ("mmd", by_loops, {}),
    ("mmd", mean_of(lambda x, y: tf.matmul(x, y, transpose_b=True) ** 2), {}),
    ("mmd", mean_of(lambda x, y: x @ tf.transpose(y)), {"kernel": "linear"}),
    ("mmd", mean_of(gaussian), {"kernel": "gaussian"}),
    (
        "mmd",
        mean_of(lambda x, y: gaussian(x, y, 2.5)),
        {"kernel": "gaussian", "width": 2.5},
    ),
    ("moments", moments, {}),
    ("moments", numpy_moments, {"layout": "hwc"}),
    ("moments", lambda F, S: moments(F, S, epsilon=1e-3), {}),
    ("color_match", match_colors, {}),
    ("color_match", recolor(np.linalg.cholesky), {}),
    ("color_match", recolor(by_eigenvectors), {"layout": "hwc"}),
    ("guided_gram", guided, {}),
    ("guided_gram", lambda F, T: guided(F[None], T)[0], {"layout": "hwc"}),
    (
        "guided_gram",
        lambda F, T: nst.gram_matrix(F * T / ROOT(MEAN(T**2))),
        {"normalize": "paper"},
    ),
    ("instance_norm", instance_norm, {}),
    ("instance_norm", lambda *given: instance_norm(*given, epsilon=1e-3), {}),
    ("adain", adain, {}),
    ("adain", lambda c, s: adain(c, s, epsilon=1e-3), {}),
]


@pytest.mark.parametrize(("name", "f", "options"), RIGHT)
@pytest.mark.parametrize("seed", [0, 3])
def test_right_solutions_pass(name, f, options, seed):
    report = check(name, f, seed=seed, **options)
    assert report, report


# Wrong ones


def test_every_check_has_wrong_solutions():
    tested = {name for name, *_ in WRONG}
    assert tested == {name for name in CHECKS if hasattr(later_checks, f"check_{name}")}


def quadratic(x, y):
    return tf.matmul(x, y, transpose_b=True) ** 2


def mmd_of(own=1.0, cross=2.0, mean=MEAN):
    def mmd(F, S):
        x, y = rows(F), rows(S)
        one = own * (mean(quadratic(x, x)) + mean(quadratic(y, y)))
        return one - cross * mean(quadratic(x, y))

    return mmd


def moments_of(mean, spread, distance=lambda d: MEAN(d**2)):
    def loss(F, S):
        x, y = rows(F), rows(S)
        return distance(mean(x) - mean(y)) + distance(spread(x) - spread(y))

    return loss


def squares(F):
    return MEAN(rows(F) ** 2, 0)


def average(x):
    return MEAN(x, 0)


def deviation(x):
    return tf.math.reduce_std(x, 0)


def weighted(weight, total):
    def gram(F, T):
        x, t = rows(F), tf.reshape(T, (-1, 1))
        return (tf.matmul(weight(t) * x, x, transpose_a=True) / total(t))[None]

    return gram


def norm_over(axes):
    def norm(x, scale, shift):
        mean, variance = tf.nn.moments(x, axes, keepdims=True)
        return scale * (x - mean) / ROOT(variance + 1e-5) + shift

    return norm


def z(x):
    return instance_norm(x, 1.0, 0.0)


def of(s):
    mean, variance = tf.nn.moments(s, [1, 2], keepdims=True)
    return mean, ROOT(variance)


def reinhard(image, other):
    (m, v), (n, w) = (tf.nn.moments(p, [0, 1, 2]) for p in (image, other))
    return (image - m) * ROOT(w / v) + n


WRONG = [
    ("mmd", mmd_of(cross=1.0), "the cross term is taken once"),
    ("mmd", mmd_of(cross=-2.0), "the cross term is added"),
    ("mmd", mmd_of(cross=0.0), "the cross term is missing"),
    ("mmd", mmd_of(mean=tf.reduce_sum), "pairs are summed up; wanted means"),
    ("mmd", lambda F, S: ROOT(by_gram_matrices(F, S) + 1e-12), "a square root"),
    (
        "mmd",
        mean_of(lambda x, y: tf.matmul(x, y, transpose_b=True)),
        "the square of the kernel is missing",
    ),
    ("mmd", lambda F, S: by_gram_matrices(F, S) / 4, "once more"),
    (
        "mmd",
        lambda F, S: tf.reduce_sum(
            (MEAN(rows(F) ** 2, 0) - MEAN(rows(S) ** 2, 0)) ** 2
        ),
        "each filter is compared with itself only",
    ),
    (
        "mmd",
        mean_of(lambda x, y: tf.reduce_sum((x[:, None] - y) ** 2, -1)),
        "a distance; wanted a product",
    ),
    (
        "moments",
        moments_of(average, lambda x: tf.math.reduce_variance(x, 0)),
        "variances are compared",
    ),
    (
        "moments",
        lambda F, S: MEAN((average(rows(F)) - average(rows(S))) ** 2),
        "only the means are compared",
    ),
    (
        "moments",
        moments_of(average, deviation, lambda d: tf.reduce_sum(d**2)),
        "a division by N, the number of filters or colours, is missing",
    ),
    ("moments", moments_of(MEAN, tf.math.reduce_std), "of all filters together"),
    (
        "moments",
        lambda F, S: numpy_moments(F.numpy()[0], S.numpy()[0]) * 0,
        "it is always 0",
    ),
    ("color_match", reinhard, "but not what it has to do with the others"),
    ("color_match", lambda a, b: a + MEAN(b, (0, 1, 2)) - MEAN(a, (0, 1, 2)), "means"),
    (
        "color_match",
        lambda a, b: recolor(by_eigenvectors)(a, b) - np.mean(b, (0, 1, 2), "float64"),
        "the mean of the other picture is not added",
    ),
    ("color_match", lambda a, b: tf.identity(a), "the picture is as it was"),
    ("color_match", lambda a, b: match_colors(b, a), "are the arguments swapped?"),
    (
        "color_match",
        lambda a, b: tf.clip_by_value(match_colors(a, b), 0, 1),
        "it is cut to [0, 1]",
    ),
    (
        "color_match",
        lambda a, b: tf.reverse(match_colors(a, b), [1]),
        "are positions mixed",
    ),
    (
        "color_match",
        recolor(lambda S: S),
        "the covariances have no root",
    ),
    (
        "guided_gram",
        lambda F, T: nst.mean_gram(T * F),
        "the mask is not normalised",
    ),
    (
        "guided_gram",
        weighted(lambda t: t, tf.reduce_sum),
        "the mask is not squared",
    ),
    (
        "guided_gram",
        weighted(tf.square, tf.reduce_sum),
        "the sum of the mask; wanted that of its squares",
    ),
    ("guided_gram", lambda F, T: nst.mean_gram(F), "the mask is not used"),
    (
        "guided_gram",
        lambda F, T: guided(F, tf.cast(T > 0, tf.float32)),
        "grey counts as white",
    ),
    (
        "guided_gram",
        lambda F, T: nst.gram_matrix(F * T / ROOT(MEAN(T**2))),
        "a division by M, the number of positions, is missing",
    ),
    ("instance_norm", norm_over([0, 1, 2]), "that is batch normalisation"),
    ("instance_norm", norm_over([1, 2, 3]), "that is layer normalisation"),
    ("instance_norm", norm_over([0, 1, 2, 3]), "those of all numbers"),
    ("instance_norm", lambda x, a, b: instance_norm(x, b, a), "change places"),
    ("instance_norm", lambda x, a, b: z(x), "neither scale nor shift is used"),
    ("instance_norm", lambda x, a, b: a * (z(x) + b), "a (z + b); wanted a z + b"),
    ("instance_norm", lambda x, a, b: a * z(x) / of(x)[1] + b, "by the variance"),
    (
        "instance_norm",
        lambda x, a, b: a * (x - of(x)[0]) / of(x)[1] + b,
        "where a filter is flat",
    ),
    ("adain", lambda c, s: c - of(c)[0] + of(s)[0], "only the means are exchanged"),
    ("adain", lambda c, s: z(c), "the style not used"),
    ("adain", lambda c, s: z(c) * of(s)[0] + of(s)[1], "change places"),
    ("adain", lambda c, s: z(c) * of(s)[1] ** 2 + of(s)[0], "the style's variance"),
    ("adain", lambda c, s: z(c) * of(s)[1] + of(c)[0], "content's mean is added again"),
    ("adain", lambda c, s: adain(s, c), "its arguments are swapped"),
]


@pytest.mark.parametrize(("name", "f", "words"), WRONG)
@pytest.mark.parametrize("seed", [0, 3])
def test_a_mistake_gets_its_sentence(name, f, words, seed):
    report = check(name, f, seed=seed)
    assert not report and words in report.problem, report


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("mmd", lambda F, S: by_gram_matrices(tf.stop_gradient(F), S)),
        ("moments", lambda F, S: moments(tf.stop_gradient(F), S)),
        ("guided_gram", lambda F, T: guided(tf.stop_gradient(F), T)),
        ("instance_norm", lambda x, a, b: tf.stop_gradient(instance_norm(x, a, b))),
        ("adain", lambda c, s: adain(tf.stop_gradient(c), s)),
    ],
)
def test_a_gradient_that_does_not_flow_is_said(name, f):
    assert "gradient" in check(name, f).problem


def test_a_wrong_gradient_is_not_said_to_be_right():
    def half(x, scale, shift):
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        return scale * (x - mean) / ROOT(tf.stop_gradient(variance) + 1e-5) + shift

    report = check("instance_norm", half)
    assert "gradient is not" in report.problem and "gradient" not in report.passed


def test_a_width_that_is_lost_in_rounding_is_refused():
    with pytest.raises(ValueError, match="width: 100; wanted above 0, and at most 30"):
        check("mmd", mean_of(gaussian), kernel="gaussian", width=100)


def test_unknown_kernels_are_refused():
    with pytest.raises(ValueError, match="kernel: 'cubic' is none of"):
        check("mmd", by_loops, kernel="cubic")


def test_the_library_s_own_recolouring_is_noted_and_can_be_refused():
    assert "nst_tf's own match_colors" in check("color_match", match_colors).notes[0]
    assert not check("color_match", match_colors, own=True)


def test_a_guided_gram_matrix_is_the_library_s():
    rng = np.random.default_rng(0)
    F = rng.random((1, 4, 6, 5), dtype="float32")
    mask = rng.random((1, 4, 6, 1), dtype="float32")
    guide = guides(tf.constant(mask), ["block1_conv1"])["block1_conv1"]
    np.testing.assert_allclose(guided(F, mask), nst.mean_gram(guide * F), rtol=1e-5)

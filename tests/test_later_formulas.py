"""The formulas of chapters 06 to 08 against loops, and the wrong ones are wrong."""

import numpy as np
import pytest

from nst_tf.exercises import later_formulas as formulas
from nst_tf.exercises.mistakes import same

RNG = np.random.default_rng(0)
F, S = RNG.uniform(0.1, 2, (4, 5, 7)), RNG.uniform(0.3, 3, (4, 5, 7))
MASK = RNG.uniform(0, 1, (4, 5, 1))
IMAGE, OTHER = (
    RNG.normal(0.5, 0.1, (4, 6, 3)) @ RNG.normal(0.3, 0.2, (3, 3)) for _ in range(2)
)
BATCH, STYLE = RNG.uniform(0.1, 9, (2, 4, 5, 3)), RNG.uniform(1, 5, (2, 4, 5, 3))
SCALE, SHIFT = RNG.uniform([[0.3], [2]], [[2], [5]], (2, 3))


def mean_kernel(k):
    """Of all pairs of positions."""

    def mean(a, b):
        a, b = (x.reshape(-1, x.shape[-1]) for x in (a, b))
        return np.mean([k(p, q) for p in a for q in b])

    return mean(F, F) + mean(S, S) - 2 * mean(F, S)


def moments():
    total = 0.0
    for n in range(7):
        total += (F[..., n].mean() - S[..., n].mean()) ** 2 / 7
        total += (F[..., n].std() - S[..., n].std()) ** 2 / 7
    return total


def guided():
    G = np.zeros((7, 7))
    for i, j, h, w in np.ndindex(7, 7, 4, 5):
        G[i, j] += MASK[h, w, 0] ** 2 * F[h, w, i] * F[h, w, j]
    return G / np.sum(MASK**2)


def normalized(x, scale, shift):
    """`scale` and `shift`: (picture, filter) -> number."""
    y = np.zeros_like(x)
    for b, n in np.ndindex(2, 3):
        one = x[b, ..., n]
        y[b, ..., n] = scale(b, n) * (one - one.mean()) / one.std() + shift(b, n)
    return y


def distance_squared(p, q):
    return np.sum((p - q) ** 2)


TABLES = {
    "quadratic": (
        formulas.mmd(F, S, "quadratic", 1.0),
        mean_kernel(lambda p, q: (p @ q) ** 2),
    ),
    "linear": (formulas.mmd(F, S, "linear", 1.0), mean_kernel(lambda p, q: p @ q)),
    "gaussian": (
        formulas.mmd(F, S, "gaussian", 1.5),
        mean_kernel(lambda p, q: np.exp(-distance_squared(p, q) / 4.5)),
    ),
    "moments": (formulas.moments(F, S), moments()),
    "color_match": (formulas.color_match(IMAGE, OTHER), formulas.colors(OTHER)),
    "guided": (formulas.guided(F, MASK), guided()),
    "instance_norm": (
        formulas.instance_norm(BATCH, SCALE, SHIFT),
        normalized(BATCH, lambda b, n: SCALE[n], lambda b, n: SHIFT[n]),
    ),
    "adain": (
        formulas.adain(BATCH, STYLE),
        normalized(
            BATCH,
            lambda b, n: STYLE[b, ..., n].std(),
            lambda b, n: STYLE[b, ..., n].mean(),
        ),
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_right_formula_comes_first_and_has_no_words(name):
    (words, right), *_ = TABLES[name][0]
    assert words == ""
    np.testing.assert_allclose(right(), TABLES[name][1], rtol=1e-9)


@pytest.mark.parametrize("name", TABLES)
def test_no_other_formula_is_right(name):
    table, right = TABLES[name]
    with np.errstate(all="ignore"):
        for words, wrong in table[1:]:
            linear = name == "linear" and "the square of the kernel is" in words
            assert words and (linear or not same(wrong(), right)), words


def test_mean_and_covariance_of_colours():
    found = formulas.colors(IMAGE)
    x = IMAGE.reshape(-1, 3)
    np.testing.assert_allclose(found[0], x.mean(0))
    product = np.mean(x[:, 0] * x[:, 1])
    np.testing.assert_allclose(found[1, 1], product - x[:, 0].mean() * x[:, 1].mean())

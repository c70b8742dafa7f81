"""The right formulas against loops, and the wrong ones are wrong."""

import itertools

import numpy as np
import pytest

from nst_tf.exercises import formulas
from nst_tf.exercises.mistakes import same

RNG = np.random.default_rng(0)
F, P = RNG.uniform(0.1, 2, (2, 4, 5, 7))
P *= RNG.permutation(np.linspace(0.5, 1.6, 7))


def gram(F):
    G = np.zeros((F.shape[-1],) * 2)
    for i, j, h, w in np.ndindex(*G.shape, *F.shape[:2]):
        G[i, j] += F[h, w, i] * F[h, w, j]
    return G


def layer(F, A):
    return np.sum((gram(F) - A) ** 2)


W, E = np.array([0.5, 0.2, 3.0]), np.array([2.0, 7.0, 1.0])
TABLES = {
    "content": (formulas.content(F, P), np.sum((F - P) ** 2)),
    "gram": (formulas.choices(formulas.GRAMS, F), gram(F)),
    "layer": (formulas.layer_style(F, gram(P), 1.0), layer(F, gram(P))),
    "features": (formulas.layer_style(F, P, 1.0, both=True), layer(F, gram(P))),
    "sums": (formulas.choices(formulas.SUMS, W, E), 1.0 + 1.4 + 3.0),
    "total": (formulas.choices(formulas.TOTALS, 2.0, 3.0, 5.5, 7.4), 33.2),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_right_formula_comes_first_and_has_no_words(name):
    (words, right), *_ = TABLES[name][0]
    assert words == ""
    np.testing.assert_allclose(right(), TABLES[name][1])


@pytest.mark.parametrize(
    "name", sorted({*TABLES} - {"features"})
)  # of both, some are right
def test_no_other_formula_is_right(name):
    table, right = TABLES[name]
    with np.errstate(all="ignore"):
        for words, wrong in table[1:]:
            value = wrong()
            alike = np.shape(value) == np.shape(right) and np.allclose(
                value, right, rtol=1e-7, atol=0
            )
            assert words and (not alike or "added to the diagonal" in words), words


def test_wrong_formulas_of_one_table_differ():
    """Two mistakes with one value could not be told apart."""
    table = formulas.choices(formulas.DISTANCES, formulas.rows(F), formulas.rows(P))
    for (one, f), (other, g) in itertools.combinations(table, 2):
        assert not np.isclose(f(), g(), rtol=1e-6), (one, other)


def test_layers_are_added_up_in_every_wrong_way():
    grams = [gram(P), gram(P[:3])]
    tables = [
        formulas.layer_style(x, A, 1.0, few=True)
        for x, A in zip((F, F[:3]), grams, strict=True)
    ]
    found = formulas.style(np.array([0.5, 2]), tables, [0.1, 0.3], [(7, 20), (7, 15)])
    expected = 0.5 * 0.1 * layer(F, grams[0]) + 2 * 0.3 * layer(F[:3], grams[1])
    assert found[0][0] == "" and np.isclose(found[0][1](), expected)
    assert len(found) > 100


def test_pictures_of_a_batch_are_mixed_in_every_wrong_way():
    grams = np.stack([gram(F), gram(P)])
    for words, wrong in formulas.batch(grams).items():
        assert wrong.shape == grams.shape and not same(wrong, grams), words

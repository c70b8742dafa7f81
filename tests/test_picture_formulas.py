"""Total variation and VGG's input against loops, and the wrong ones are wrong."""

import numpy as np
import pytest

from nst_tf.exercises import picture_formulas as formulas
from nst_tf.features import MEAN_BGR

PICTURE = np.random.default_rng(0).uniform(0, 1, (4, 6, 3))


def variation(x):
    total = 0.0
    for h, w, c in np.ndindex(*x.shape):
        total += (x[h + 1, w, c] - x[h, w, c]) ** 2 if h + 1 < len(x) else 0
        total += (x[h, w + 1, c] - x[h, w, c]) ** 2 if w + 1 < x.shape[1] else 0
    return total


TABLES = {
    "variation": (formulas.variation(PICTURE, 2), variation(PICTURE)),
    "preprocess": (
        formulas.preprocessed(PICTURE),
        255 * PICTURE[..., ::-1] - np.array(MEAN_BGR),
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_right_formula_comes_first_and_has_no_words(name):
    (words, right), *_ = TABLES[name][0]
    assert words == ""
    np.testing.assert_allclose(right(), TABLES[name][1])


@pytest.mark.parametrize("name", TABLES)
def test_no_other_formula_is_right(name):
    table, right = TABLES[name]
    with np.errstate(all="ignore"):
        for words, wrong in table[1:]:
            assert words and not np.allclose(wrong(), right, rtol=1e-7, atol=0), words


def test_powers_are_swapped():
    absolute = dict(formulas.variation(PICTURE, 1))
    assert absolute["squares where absolute values are wanted"]() == pytest.approx(
        variation(PICTURE)
    )

"""What the checks give to a function, and what is right."""

import numpy as np
import pytest
import tensorflow as tf

from nst_tf import losses
from nst_tf.exercises.draws import (
    CONTENT,
    LAYERS,
    SHAPES,
    Painting,
    factor_of,
    other_features,
    random_features,
    refuse_layout,
    style_draws,
)
from nst_tf.exercises.questions import Asking


def test_the_first_two_shapes_are_one_and_no_others_are_alike():
    assert SHAPES[0] == SHAPES[1] and len({*SHAPES}) == len(SHAPES) - 1
    for _, H, W, N in SHAPES:
        assert len({H, W, N, H * W}) == 4


@pytest.mark.parametrize("seed", range(5))
def test_some_filters_are_stronger_and_some_weaker(seed):
    rng = np.random.default_rng(seed)
    F, P = random_features(rng, "bhwc"), other_features(rng, "bhwc", SHAPES[0])
    D = (losses.gram_matrix(F) - losses.gram_matrix(P)).numpy()
    assert D.min() < 0 < D.max()


def test_a_painting_is_given_as_is_wanted():
    rng = np.random.default_rng(0)
    F, A, S = Painting("bhwc", "paper", "gram").layer(rng, SHAPES[0])
    assert A.shape == (1, 7, 7)
    G = losses.gram_matrix(F)
    np.testing.assert_allclose(tf.reduce_sum((G - A) ** 2), S, rtol=1e-4)
    _, given, _ = Painting("hwc", "paper", "features").layer(rng, SHAPES[0])
    assert given.shape == SHAPES[0][1:]


def test_the_right_value_of_equation_4_is_that_of_the_library():
    painting = Painting("bhwc", "positions", "gram")
    F, A, _ = painting.layer(np.random.default_rng(0), SHAPES[0])
    expected = losses.layer_style_loss(F, A)
    np.testing.assert_allclose(painting.right(F, A), expected, rtol=1e-4)


def test_dicts_of_layers_are_in_no_order_and_one_weight_is_zero():
    painting = Painting("bhwc", "positions", "gram")
    draws = style_draws(Asking(len), painting, np.random.default_rng(0))
    assert [len(draw.ours[2]) for draw in draws] == [len(x) for x in LAYERS]
    F, targets, weights = draws[0].ours
    assert len({tuple(F), tuple(targets), tuple(weights), tuple(sorted(F))}) == 4
    assert 0.0 in draws[3].ours[2].values()
    for draw in draws:
        np.testing.assert_allclose(losses.style_loss(*draw.ours), draw.right, rtol=1e-4)


def test_factors_go_by_name_or_are_functions():
    assert factor_of(CONTENT, "positions")(7, 20) == 1 / 20
    assert factor_of(CONTENT, lambda N, M: N)(7, 20) == 7
    for words, wrong in {"normalize": "sum", "nor a function": 3}.items():
        with pytest.raises(ValueError, match=words):
            factor_of(CONTENT, wrong)
    with pytest.raises(ValueError, match="layout: 'nchw' is none of"):
        refuse_layout("nchw")

"""Functions of known courses: their names, and how they are called.

`COURSES[course][name]` is a list of questions, each a check, its options, and how
theirs is called with our arguments. All have to be answered rightly.

>>> list(COURSES["cs231n"])
['content_loss', 'gram_matrix', 'style_loss', 'tv_loss']
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from nst_tf.exercises.checks import (
    check_content_loss,
    check_gram_matrix,
    check_layer_style_loss,
    check_style_loss,
    check_total_loss,
    check_total_variation,
)
from nst_tf.exercises.draws import GRAM
from nst_tf.exercises.questions import Theirs


@dataclass(frozen=True)
class Question:
    """One check of a course's function.

    Attributes:
        check: of this library.
        theirs: random generator -> `Theirs`; None if it is called as ours is.
        options: of the check.
        words: what is special about this question, told before a problem.
    """

    check: Callable
    theirs: Callable | None = None
    options: dict[str, Any] = field(default_factory=dict)
    words: str = ""


def _a(value):
    return lambda N, M: value


def _weight(rng):
    """A weight that nobody has written in."""
    return float(np.float32(rng.uniform(1.5, 9.5)))


def _decoy(rng, like):
    """Another layer of the network, of the same shape."""
    return tf.constant(rng.uniform(0.1, 2.0, like.shape), tf.float32)


# Stanford's CS231n: content_loss(content_weight, current, original), style_loss(feats,
# style_layers, style_targets, style_weights), tv_loss(img, tv_weight)


def _content_weight(rng):
    w = _weight(rng)
    return Theirs(lambda F, P: (w, F, P), {"content_weight": w})


def _tv_weight(rng):
    w = _weight(rng)
    return Theirs(lambda image: (image, w), {"tv_weight": w})


STYLE_AT = {1: [2], 2: [1, 3], 3: [1, 4, 6], 4: [1, 4, 6, 7]}  # layers of style
FEATS = 8  # layers there are


def _feats(layers, features, decoys):
    """All layers of a network, those of style among others."""
    feats = list(decoys)
    for i, F in zip(layers, features, strict=True):
        feats[i] = F
    return feats


def _lists(features, targets, weights):
    """What ours has in dicts."""
    F, A = ([x[name] for name in weights] for x in (features, targets))
    return F, [A_l[0] for A_l in A], list(weights.values())


def _cs231n_style(rng):
    """Lists, and layers by their index among others."""
    seed = rng.integers(2**32)

    def given(*ours):
        noise = np.random.default_rng(seed)
        F, A, w = _lists(*ours)
        layers = [*STYLE_AT[len(w)]]
        decoys = [_decoy(noise, F[i % len(F)]) for i in range(FEATS)]
        return _feats(layers, F, decoys), layers, A, w

    def from_the_first(*ours):
        feats, layers, A, w = given(*ours)
        return [feats[i] for i in layers], layers, A, w

    def targets_by_layer(*ours):
        feats, layers, A, w = given(*ours)
        return feats, layers, _feats(layers, A, [A[0]] * FEATS), w

    def weights_by_layer(*ours):
        feats, layers, A, w = given(*ours)
        return feats, layers, A, _feats(layers, w, [0.0] * FEATS)

    def all_by_layer(*ours):
        feats, layers, A, w = given(*ours)
        return targets_by_layer(*ours)[:3] + (weights_by_layer(*ours)[3],)

    def compact(*ours):
        F, A, w = _lists(*ours)
        return F, list(range(len(w))), A, w

    return Theirs(
        given,
        instead={
            "feats are taken from the first on (feats[i], or zip(feats, ...)); wanted "
            "feats[style_layers[i]]": from_the_first,
            "targets are looked up by the layer's number (style_targets[layer]); "
            "wanted style_targets[i], the i-th of style_layers": targets_by_layer,
            "weights are looked up by the layer's number (style_weights[layer]); "
            "wanted style_weights[i], the i-th of style_layers": weights_by_layer,
            "targets and weights are looked up by the layer's number; wanted "
            "style_targets[i] and style_weights[i]": all_by_layer,
            "it is right only if style_layers are 0, 1, 2 and so on: feats go by the "
            "layer's number, targets and weights by their place": compact,
        },
    )


# deeplearning.ai: lists of a network's outputs, the last of which is the content's


def _content_lists(rng):
    seed = rng.integers(2**32)

    def given(F, P):
        noise = np.random.default_rng(seed)
        return tuple([_decoy(noise, x), _decoy(noise, x), x] for x in (P, F))

    def first(F, P):
        return tuple([x, other, other] for other, _, x in given(F, P))

    def middle(F, P):
        return tuple([other, x, other] for other, _, x in given(F, P))

    return Theirs(
        given,
        instead={
            "it takes the first output; wanted the last, [-1], the content's": first,
            "it takes an output in the middle; wanted [-1], the content's": middle,
            "it takes the whole lists; wanted their last output, [-1]": (
                lambda F, P: (P, F)
            ),
        },
    )


def _style_lists(rng):
    seed = rng.integers(2**32)

    def lists(features, targets, weights):
        G, S = ([x[name] for name in weights] for x in (features, targets))
        return S, G, list(weights.items())

    def contents(like):
        noise = np.random.default_rng(seed)
        return _decoy(noise, like), _decoy(noise, like)

    def given(*ours):
        S, G, layers = lists(*ours)
        one, other = contents(S[0])
        return [*S, one], [*G, other], layers

    def behind(*ours):
        S, G, layers = lists(*ours)
        one, other = contents(S[0])
        return [one, *S], [other, *G], layers

    return Theirs(
        given,
        instead={
            "the last output is the content's, and no layer of style: [:-1] is "
            "missing": lists,
            "the first output is left out, [1:]; wanted [:-1], as the last is the "
            "content's": behind,
        },
    )


COURSES: dict[str, dict[str, list[Question]]] = {
    "cs231n": {
        "content_loss": [
            Question(check_content_loss, _content_weight, {"normalize": "none"})
        ],
        "gram_matrix": [
            Question(
                check_gram_matrix,
                lambda rng: Theirs(lambda F: (F[None],)),
                {"normalize": "mean", "layout": "hwc"},
            ),
            Question(
                check_gram_matrix,
                lambda rng: Theirs(lambda F: (F[None], False)),
                {"normalize": "none", "layout": "hwc"},
                "with normalize=False ",
            ),
        ],
        "style_loss": [
            Question(
                check_style_loss, _cs231n_style, {"normalize": (GRAM["mean"], _a(1.0))}
            )
        ],
        "tv_loss": [Question(check_total_variation, _tv_weight, {"normalize": "none"})],
    },
    "deeplearning.ai": {
        "compute_content_cost": [
            Question(
                check_content_loss,
                _content_lists,
                {"normalize": lambda N, M: 1 / (4 * N * M)},
            )
        ],
        "gram_matrix": [
            Question(
                check_gram_matrix,
                lambda rng: Theirs(
                    lambda F: (tf.transpose(tf.reshape(F, (-1, F.shape[-1]))),)
                ),
                {"layout": "hwc"},
            )
        ],
        "compute_layer_style_cost": [
            Question(
                check_layer_style_loss,
                lambda rng: Theirs(lambda F, S: (S, F)),
                {"normalize": "paper", "target": "features"},
            )
        ],
        "compute_style_cost": [
            Question(
                check_style_loss,
                _style_lists,
                {"normalize": "paper", "target": "features"},
            )
        ],
        "total_cost": [Question(check_total_loss, None, {"weights": (10.0, 40.0)})],
    },
}

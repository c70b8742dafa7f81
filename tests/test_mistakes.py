"""Wrong formulas times factors, read off from values at several sizes."""

from dataclasses import dataclass

import numpy as np
import pytest

from nst_tf.exercises.mistakes import factor, factor_words, named, same


@dataclass
class Draw:
    sizes: dict
    scale: float
    x: float

    @property
    def right(self):
        return self.scale * self.x**2


def draws(scale=lambda N, M: 1.0):
    rng = np.random.default_rng(0)
    sizes = [(7, 4, 5), (7, 4, 5), (5, 3, 6), (4, 7, 2)]
    return [
        Draw({"N": N, "H": H, "W": W}, scale(N, H * W), rng.uniform(1, 9))
        for N, H, W in sizes
    ]


def variants(draw):
    return [
        ("", lambda: draw.x**2),
        ("no square", lambda: draw.x),
        ("cubed", lambda: draw.x**3),
    ]


def cause(wrong, scale=lambda N, M: 1.0):
    """The words for a function of x, N, H and W."""
    asked = draws(scale)
    found = [wrong(d.x, d.sizes["N"], d.sizes["H"], d.sizes["W"]) for d in asked]
    return named(found, asked, variants)


def paper(N, M):
    return 1 / (4 * N**2 * M**2)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x, N, H, W: x, "no square"),
        (lambda x, N, H, W: 2 * x**2, "a division by 2 is missing"),
        (lambda x, N, H, W: x**2 / (H * W), "it is divided by M, the number of"),
        (lambda x, N, H, W: x**3 / N, "cubed; and it is divided by N"),
        (lambda x, N, H, W: -(x**2), "its sign is wrong"),
        (lambda x, N, H, W: 11 * x**2, "it is 11 times what was wanted at every size"),
        (lambda x, N, H, W: x**2 / 20, "20 is M of one size only"),
        (lambda x, N, H, W: x**2 * N / 7, "N is written in as a number"),
        (lambda x, N, H, W: x**2 + x, ""),
    ],
)
def test_a_mistake_is_a_formula_times_a_factor(wrong, words):
    said = cause(wrong)
    assert words in said and bool(words) == bool(said)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda x, N, H, W: x**2, "its factor is missing: a division by 4 N^2 M^2"),
        (lambda x, N, H, W: x**2 / 4 * N**2 * (H * W) ** 2, "parentheses are missing"),
        (lambda x, N, H, W: x**2 / (4 * 9 * 64**4), "N and M must come from the"),
        (lambda x, N, H, W: x**2 / (4 * N**2 * H**4), "not one of them twice"),
    ],
)
def test_a_wrong_factor_of_equation_4_is_explained(wrong, words):
    assert words in cause(wrong, paper)


def test_what_agrees_at_one_size_only_is_no_cause():
    asked = draws()
    found = [d.right for d in asked]
    found[2] *= 1.7
    assert named(found, asked, variants) == ""


def test_exact_causes_have_the_right_factor():
    asked = draws()[:2]
    doubled = [2 * d.right for d in asked]
    assert named(doubled, asked, variants, exact=True) == ""
    assert named([d.x for d in asked], asked, variants, exact=True) == "no square"


def test_a_factor_of_arrays_is_the_same_for_all_entries():
    sizes = [{"N": 2}, {"N": 3}]
    values = [np.arange(4.0), np.arange(9.0)]
    k, powers, _ = factor([5 * 2 * values[0], 5 * 3 * values[1]], values, sizes)
    assert (round(k, 6), powers) == (5.0, {"N": 1})
    assert factor([values[0] + 1, values[1] + 1], values, sizes) is None


def test_zeros_fit_zeros_only():
    sizes = [{"N": 2}, {"N": 3}, {"N": 5}]
    k, powers, _ = factor([4.0, 0.0, 10.0], [2.0, 0.0, 2.0], sizes)
    assert (round(k, 6), powers) == (2.0, {"N": 0}) or powers == {"N": 1}
    assert factor([4.0, 0.0, 10.0], [2.0, 1.0, 2.0], sizes) is None


def test_letters_of_a_factor_are_explained():
    words = factor_words(2.0, {"N": 1, "H": -1, "W": -1})
    assert words == "it is 2 N / (M) times what was wanted" or "2 N / M" in words


def test_rounding_is_the_same_and_a_mistake_is_not():
    assert same(1.0005, 1.0) and not same(1.002, 1.0)

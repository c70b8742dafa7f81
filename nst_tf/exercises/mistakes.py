"""Which mistake gives a wrong value? A small algebra: wrong formulas times factors.

A wrong formula is in a table, `{words for it: its value}`. What was found may be such a
value times a constant and powers of the sizes N, H, W: `factor` reads them off. So a
table needs no line for each combination, and a sentence is said only if one formula
with one factor gives what was found at every draw, whose sizes and numbers differ.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

CLOSE = 1e-3  # relative: rounding is allowed, a mistake is not
NICE = (1, 2, 4, 8, 16)  # constants that stand in formulas
SIZES = ("N", "H", "W", "(H-1)", "(W-1)")  # all other letters are weights
NAMES = {
    "N": "the number of filters or colours",
    "M": "the number of positions",
    "H": "the number of rows",
    "W": "the number of columns",
}


def same(found, expected) -> bool:
    """Whether two numbers or arrays are equal but for rounding."""
    scale = np.abs(expected).max()
    return bool(np.allclose(found, expected, rtol=CLOSE, atol=CLOSE * 0.01 * scale))


# Factors


@functools.cache
def _powers(letters):
    """All powers of the letters, simplest first, and how complicated each is."""
    most = 4 if len(letters) <= 3 else 2
    ranges = [range(-most, most + 1) if x in SIZES else (-1, 0, 1) for x in letters]
    powers = np.array(list(itertools.product(*ranges)), dtype=float)
    cost = np.abs(powers).sum(1)
    if {"H", "W"} <= {*letters}:  # M = H W is one letter
        H, W = powers[:, letters.index("H")], powers[:, letters.index("W")]
        cost += np.where(H == W, -np.abs(H), 1)
    if letters[:3] == ("N", "H", "W"):  # roots of N and M, too
        roots = np.array([[n, m, m] for n in (-0.5, 0, 0.5) for m in (-0.5, 0, 0.5)])
        roots = np.pad(roots[np.any(roots, axis=1)], ((0, 0), (0, len(letters) - 3)))
        powers, cost = np.vstack([powers, roots]), np.append(cost, [5.0] * len(roots))
    order = np.argsort(cost, kind="stable")
    return powers[order], cost[order]


def _ratio(found, value):
    """The number r with found = r value; None if there is none, or it is 0."""
    if not np.ndim(found) and not np.ndim(value):
        return found / value if found and value else None
    if np.shape(found) != np.shape(value) or not np.any(value):
        return None
    r = np.sum(found * value) / np.sum(np.square(value))
    return r if r and same(found, r * value) else None


def _with_fixed(k, exponents, fixed, size):
    """A constant that is a nice one times a size which is always the same."""
    exponents = exponents | dict.fromkeys(fixed, 0)
    if _near(abs(k)) is None:
        for x, e in itertools.product(fixed, (1, -1)):
            if _near(abs(k) / size[x] ** e):
                return k / size[x] ** e, exponents | {x: e}
    return k, exponents


def _ratios(found, values, sizes):
    """The ratio of each draw, and its sizes; nothing if they cannot be one factor."""
    ratios: list[float] = []
    kept: list[dict] = []
    for a, b, size in zip(found, values, sizes, strict=True):
        if not np.any(a) and not np.any(b):
            continue  # 0 is any number times 0
        ratio = _ratio(a, b)
        if ratio is None or not math.isfinite(ratio):
            return [], []
        if kept and ratio * ratios[0] < 0:
            return [], []
        if kept and size == kept[0] and abs(ratio / ratios[0] - 1) > 2 * CLOSE:
            return [], []
        ratios.append(ratio)
        kept.append(size)
    return np.array(ratios), kept


def factor(
    found: Sequence, values: Iterable, sizes: Sequence[dict]
) -> tuple[float, dict[str, int], float] | None:
    """Reads off k and e of found = k N^e H^e W^e value, the same at every draw.

    Args:
        found: a number or array for each draw.
        values: what they are compared with.
        sizes: `{letter: size}` of each draw.

    Returns:
        k, `{letter: e}`, and how complicated it is; None if there is no such factor.

    Example:

    >>> sizes = [{"N": 7, "H": 4, "W": 5}, {"N": 5, "H": 3, "W": 6}]
    >>> k, powers, _ = factor([2 * 7.0, 2 * 5.0], [1.0, 1.0], sizes)
    >>> round(k, 3), powers
    (2.0, {'N': 1, 'H': 0, 'W': 0})
    """
    ratios, sizes = _ratios(found, values, sizes)
    if len(sizes) < 2:
        return None
    fixed = {x for x in sizes[0] if len({size[x] for size in sizes}) == 1}
    fixed = fixed if len({*map(str, sizes)}) > 1 else set()
    letters = tuple(x for x in sizes[0] if x not in fixed)
    powers, cost = _powers(letters)
    logs = np.log([[size[x] for x in letters] for size in sizes])
    constants = np.log(np.abs(ratios)) - powers @ logs.reshape(len(sizes), -1).T
    fits = np.flatnonzero(np.ptp(constants, axis=1) < 2 * CLOSE)
    if not fits.size:
        return None
    nice = np.abs(np.log2(np.exp(np.abs(constants[fits].mean(1)))) % 1 - 0.5) > 0.49
    best = fits[np.argmin(cost[fits] + 3.0 * ~nice)]
    k = float(np.sign(ratios[0]) * np.exp(constants[best].mean()))
    exponents = {
        x: int(e) if e == int(e) else float(e)
        for x, e in zip(letters, powers[best], strict=True)
    }
    return *_with_fixed(k, exponents, fixed, sizes[0]), float(cost[best])


def _near(k):
    """The nice number that a constant is, or its inverse; else None."""
    for nice in NICE:
        for x in (nice, 1 / nice):
            if np.isclose(k, x, rtol=2 * CLOSE):
                return x
    return None


def _short(powers):
    """Powers of H and W that are equal are those of M."""
    if powers.get("H") == powers.get("W"):
        powers = {("M" if x == "H" else x): e for x, e in powers.items() if x != "W"}
    return {x: e for x, e in powers.items() if e}


def _product(k, powers):
    """`4 N^2 M^2`."""
    signs = [x if e == 1 else f"{x}^{e}" for x, e in powers.items()]
    return " ".join(([f"{k:.4g}"] if k != 1 or not signs else []) + signs)


def _explained(k, powers):
    """As `_product`; a letter that stands alone with its meaning."""
    product = _product(k, powers)
    return f"{product}, {NAMES[product]}," if product in NAMES else product


def factor_words(k: float, powers: dict[str, int]) -> str:
    """What is wrong with a value that is k times powers of the right one.

    >>> factor_words(1.0, {"N": 0, "H": 1, "W": 1})
    'a division by M, the number of positions, is missing'
    >>> factor_words(0.25, {"N": -2, "H": 0, "W": 0})
    'it is divided by 4 N^2 once more'
    """
    sizes = _short(powers)
    nice = _near(abs(k))
    if not sizes and _near(math.sqrt(abs(k)) / 255) or _near(abs(k) / 255):
        return f"it is {k:.5g} times what was wanted, as for pictures of 0 to 255"
    if not sizes and nice is None:
        return f"it is {k:.4g} times what was wanted at every size, a constant factor"
    if k < 0:
        rest = "" if nice == 1 and not sizes else f", and {factor_words(-k, powers)}"
        return f"its sign is wrong{rest}"
    top = {x: e for x, e in sizes.items() if e > 0}
    bottom = {x: -e for x, e in sizes.items() if e < 0}
    mean = ""
    if [*top] in (["N", "M"], ["M", "N"]) and not bottom and {*top.values()} == {1}:
        mean = ": a sum where a mean is wanted"
    if {*bottom} == {"N", "M"} and not top and {*bottom.values()} == {1}:
        mean = ": a mean where a sum is wanted"
    if nice is not None and nice >= 1 and not bottom:
        return f"a division by {_explained(nice, top)} is missing{mean}"
    if nice is not None and nice <= 1 and not top:
        return f"it is divided by {_explained(1 / nice, bottom)} once more{mean}"
    k = nice or k
    over = f" / ({_product(1, bottom)})" if bottom else ""
    return f"it is {_product(k, top)}{over} times what was wanted{mean}"


# Causes


def _opposite(powers, scale):
    """Letters that multiply where they should divide."""
    return {x: e for x, e in scale.items() if e < 0 and powers.get(x, 0) == -2 * e}


def _one_factor(powers):
    """Where sizes come from."""
    if "(H-1)" in powers:
        return (
            "for pictures of different sizes: the number of pixels must come from the "
            "picture at hand"
        )
    return (
        "for layers of different sizes: N and M must come from the features at hand, "
        "not from the picture's size or from 3 channels"
    )


def _written_in(k, sizes):
    """What a constant is at the sizes of the first draw; or ""."""
    if not {"N", "H", "W"} <= {*sizes}:
        return ""
    N, M = sizes["N"], sizes["H"] * sizes["W"]
    for a, b, nice in itertools.product(range(3), range(3), NICE):
        product = nice * N**a * M**b
        if a + b and product > 4 and np.isclose(k, product, rtol=CLOSE):
            letters = {x: e for x, e in {"N": a, "M": b}.items() if e}
            return f"{product} is {_product(nice, letters)} of one size only"
    return ""


def _of_scale(k, powers, draws):
    """What is wrong if the factor undoes, or turns over, the formula's; or ""."""
    sizes = [draw.sizes for draw in draws]
    scale = factor([draw.scale for draw in draws], [1.0] * len(draws), sizes)
    if not scale or not any(e for x, e in scale[1].items() if x in SIZES):
        return ""
    undone = not any(powers[x] + scale[1][x] for x in powers)
    simple = sum(map(bool, _short(powers).values())) < 2 and _near(k) == 1
    if undone and not simple:
        full = k * scale[0]
        if np.isclose(full, 1, rtol=CLOSE):
            words = factor_words(k, powers).removesuffix(" is missing")
            return f"this is the sum alone, its factor is missing: {words}"
        if _near(full) is None:
            return f"it has one factor, {full:.4g}, {_one_factor(powers)}"
    wrong = _opposite(powers, scale[1])
    if not wrong:
        return ""
    letters = " ".join(_short(wrong) or wrong)
    return (
        f"it is multiplied by {letters} where it should be divided: parentheses are "
        "missing, as a / b * c is (a / b) * c; write a / (b * c)"
    )


def _of_one_size(k, powers, sizes):
    """What is wrong if a size is written in as a number, or one is another; or ""."""
    if any(powers.values()):
        first = k * np.prod([sizes[x] ** e for x, e in powers.items()])
        if np.isclose(first, 1, rtol=CLOSE):
            letters = list(_short(powers))
            numbers = "are written in as numbers", "is written in as a number"
            are = numbers[len(letters) == 1]
            return f"{' and '.join(letters)} {are}, for one size only"
        if powers.get("H", 0) * powers.get("W", 0) < 0:
            return f"{factor_words(k, powers)}: M is H times W, not one of them twice"
    elif _near(abs(k)) is None:
        if written := _written_in(1 / k, sizes):
            return f"it is divided by {1 / k:.5g} once more at every size; {written}"
        if written := _written_in(k, sizes):
            return f"a division by {k:.5g} is missing at every size; {written}"
    return ""


def _of_right(fit, draws):
    """What is wrong if the formula is right, but for its factor."""
    k, powers, _ = fit
    said = [
        f"{x} is not used" if e < 0 else f"{x} is used twice"
        for x, e in powers.items()
        if x not in SIZES and e
    ]
    powers = {x: e for x, e in powers.items() if x in SIZES}
    if said and np.isclose(k, 1, rtol=CLOSE) and not any(powers.values()):
        return said[0]
    if said:
        return f"{said[0]}, and {factor_words(k, powers)}"
    return (
        _of_scale(k, powers, draws)
        or _of_one_size(k, powers, draws[0].sizes)
        or factor_words(k, powers)
    )


def _trivial(cause):
    """Whether a factor is so near to 1 that it explains nothing."""
    k, powers, _ = cause[2]
    return not any(powers.values()) and abs(k - 1) < 0.02


def _priced(words, k, powers, cost):
    """How simple a cause is, its words, its factor, and whether that is 1."""
    plain = not any(powers.values()) and np.isclose(k, 1, rtol=2 * CLOSE)
    strange = 0.8 * (_near(abs(k)) is None)
    price = 0 if plain else 1.01 + 0.02 * cost + strange
    price += bool(words) + words.count("; and")
    return price, words, (k, powers, cost), plain


def named(
    found: Sequence,
    draws: Sequence[Any],
    variants: Callable[..., list],
    exact: bool = False,
) -> str:
    """The simplest sentence that explains what was found at every draw; or "".

    Args:
        found: a number or array for each draw.
        draws: with `right`, `scale` and `sizes`.
        variants: draw -> `[(words, function that computes the value), ...]`, before
            `scale`, always in one order; "" is the right formula.

    Returns:
        Words.
    """
    sizes = [draw.sizes for draw in draws]
    causes = []
    with np.errstate(all="ignore"):
        for rows in zip(*(variants(draw) for draw in draws), strict=True):
            words = rows[0][0]
            values = (d.scale * f() for d, (_, f) in zip(draws, rows, strict=True))
            fit = factor(found, values, sizes)
            if fit is not None:
                causes.append(_priced(words, *fit))
    causes = [cause for cause in causes if cause[3] or not (exact or _trivial(cause))]
    if not causes:
        return ""
    _, words, fit, plain = min(causes, key=lambda cause: cause[0])
    if plain:
        return words
    if not words:
        return _of_right(fit, draws)
    if not any(fit[1].values()) and _near(fit[0] ** 2) not in (
        None,
        1,
        4,
        16,
        1 / 4,
        1 / 16,
    ):
        return words  # a factor that was under a root
    return f"{words}; and {_of_right(fit, draws)}"

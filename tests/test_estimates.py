"""The clock is a fake one: timings are for benchmarks/."""

import numpy as np
import psutil
import pytest
from conftest import TINY, TINY_NETWORK

import nst_tf as nst
from nst_tf import estimates
from nst_tf.optimizers import MEMORY

PAIR = "photo.jpg", "painting.jpg"
STEP, FIRST = 0.1, 1.0  # seconds


def estimate(**settings):
    return nst.estimate(*PAIR, **(TINY | settings))


def plan(budget, *pictures):
    return nst.plan(budget, *(pictures or PAIR), **TINY_NETWORK)


@pytest.fixture
def clock(monkeypatch):
    """Every step of the probe takes a tenth of a second, the first one a second."""
    real = nst.style_transfer

    def timed(*pictures, **settings):
        result = real(*pictures, **settings)
        steps = np.arange(len(result.history["step"]))
        result.history = result.history | {"seconds": FIRST + STEP * steps}
        return result

    monkeypatch.setattr(estimates, "style_transfer", timed)


def test_time_grows_with_pixels_and_steps(clock):
    found = estimate(size=[320, 640], steps=[10, 20])
    tracing = FIRST - 2 * STEP
    assert found.seconds == pytest.approx(2 * tracing + 11 * STEP + 21 * 4 * STEP, 0.02)
    assert (found.size, found.steps, found.tile) == ([320, 640], [10, 20], None)


def test_tiles_cost_time_and_save_memory(clock):
    whole = estimate(size=1600, optimizer="adam")
    tiled = estimate(size=1600, optimizer="adam", tile=256)
    assert 1.5 * whole.seconds < tiled.seconds < 5 * whole.seconds
    assert tiled.memory < whole.memory
    assert tiled.tile == 256


def test_memory_of_lbfgs_is_counted(clock):
    values = 3 * 1067 * 1600
    adam = estimate(size=1600, optimizer="adam").memory
    lbfgs = estimate(size=1600).memory
    assert lbfgs - adam == pytest.approx(2 * MEMORY * 4 * values, rel=0.3)


def test_memory_is_at_least_what_the_process_has_now(clock):
    assert estimate().memory > 0.9 * psutil.Process().memory_info().rss


def test_a_small_scale_is_no_matter_for_an_estimate(clock):
    style = nst.Style("painting.jpg", scale=0.05)
    for other in ({"style_scale": 0.05}, {"style_image": style}):
        pictures = dict(content_image="photo.jpg", style_image="painting.jpg")
        found = nst.estimate(**(pictures | TINY | {"size": 640} | other))
        assert found.seconds == pytest.approx(estimate(size=640).seconds)


def test_a_plan_keeps_to_its_time_and_uses_most_of_it(clock):
    budgets = [30, 60, 120]
    plans = [plan(budget) for budget in budgets]
    for budget, found in zip(budgets, plans, strict=True):
        assert 0.6 * budget < found.seconds <= budget
    largest = [found.size[-1] for found in plans]
    assert largest == sorted(largest) and largest[0] < largest[-1]


def test_a_plan_makes_no_picture_larger_than_the_photograph(clock):
    longest = max(nst.load_image("photo.jpg").shape[1:3])
    assert plan(10**6).size[-1] <= longest
    small = np.zeros((60, 90, 3), "uint8")
    assert plan(10**6, small, "painting.jpg").size[-1] == 512


def test_a_plan_is_what_style_transfer_takes(clock):
    found = plan(20)
    result = nst.style_transfer(
        *PAIR, **TINY_NETWORK, size=found.size[:1], steps=found.steps[:1]
    )
    assert result.complete


def test_too_little_time_is_told(clock):
    with pytest.raises(ValueError, match="time_budget: 0.5 s; the smallest picture"):
        plan(0.5)


@pytest.mark.parametrize("budget", ["2m", None, 0, -3, float("nan")])
def test_what_is_no_time_is_told(budget):
    with pytest.raises(ValueError, match="wanted a number of seconds"):
        plan(budget)


@pytest.mark.parametrize("name", ["size", "steps"])
def test_what_a_plan_chooses_is_not_given(name):
    with pytest.raises(ValueError, match=f"{name}: a plan chooses it; leave it out"):
        nst.plan(20, *PAIR, **{name: 64})


def test_the_small_run_is_silent(clock):
    calls = []
    estimate(callbacks=calls.append)
    assert not calls


def test_a_wrong_setting_is_told():
    with pytest.raises(ValueError, match="optimizer"):
        estimate(optimizer="sgd")


def test_sizes_from_coarse_to_fine():
    assert nst.coarse_to_fine(300) == {"size": [300], "steps": [100]}
    assert nst.coarse_to_fine(1024) == {
        "size": [256, 512, 1024],
        "steps": [100, 100, 50],
    }
    assert nst.coarse_to_fine(4096)["steps"] == [100, 100, 50, 25, 25]


def test_an_estimate_says_what_it_costs(clock):
    assert str(estimates.Estimate([512], [100], 98.6, 1.26e9, None)) == (
        "about 1 min 39 s, 1.3 GB"
    )

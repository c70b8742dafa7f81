import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize

import nst_tf as nst
from nst_tf.optimizers import MEMORY

SHAPE = (1, 3, 5, 3)
SIZE = 45


def quadratic(condition=100.0, seed=0):
    """A convex quadratic whose lowest point lies outside of the box."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0]
    A = (Q * np.geomspace(1, condition, SIZE)) @ Q.T
    target = rng.uniform(-0.5, 1.5, size=SIZE)
    return A, target


def as_loss(A, target):
    A, target = tf.constant(A, tf.float32), tf.constant(target, tf.float32)

    def loss(image):
        d = tf.reshape(image, [-1]) - target
        return {"total": tf.tensordot(d, tf.linalg.matvec(A, d), 1) / 2}

    return loss


def scipy_minimum(A, target):
    result = minimize(
        lambda x: ((x - target) @ A @ (x - target) / 2, A @ (x - target)),
        np.full(SIZE, 0.5),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, 1)] * SIZE,
        options={"ftol": 0, "gtol": 1e-10, "maxiter": 5000, "maxfun": 50000},
    )
    return result.x, result.fun


def last(iterator):
    for item in iterator:  # noqa: B007
        pass
    return item


START = np.full(SHAPE, 0.5, "float32")
METHODS = {"adam": nst.descend, "lbfgs": nst.lbfgs}


def test_lbfgs_finds_the_minimum_that_scipy_finds_in_the_box():
    A, target = quadratic()
    expected, lowest = scipy_minimum(A, target)
    losses, state = last(nst.lbfgs(as_loss(A, target), START, steps=300))
    np.testing.assert_allclose(losses["total"], lowest, rtol=1e-4)
    np.testing.assert_allclose(np.ravel(state["image"]), expected, atol=5e-3)


def test_lbfgs_needs_no_more_evaluations_than_scipy_on_a_quadratic():
    A, target = quadratic(condition=1000.0)
    _, lowest = scipy_minimum(A, target)

    def evaluations(goal):
        # This is no picture.
        run = nst.lbfgs(as_loss(A, target), START, steps=500, first_guess=None)
        totals = [losses["total"] for losses, _ in run]
        return int(np.argmax(np.array(totals) <= goal)) + 1

    count, scipy_totals = 0, []

    def recorded(x):
        nonlocal count
        count += 1
        value = (x - target) @ A @ (x - target) / 2
        scipy_totals.append(value)
        return value, A @ (x - target)

    minimize(
        recorded,
        np.full(SIZE, 0.5),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, 1)] * SIZE,
        options={"ftol": 0, "gtol": 0, "maxcor": MEMORY, "maxfun": 500},
    )
    goal = 1.001 * lowest
    scipys = int(np.argmax(np.array(scipy_totals) <= goal)) + 1
    assert evaluations(goal) <= 1.5 * scipys


def test_lbfgs_never_goes_up():
    A, target = quadratic(condition=1e4)
    totals = [
        losses["total"] for losses, _ in nst.lbfgs(as_loss(A, target), START, steps=80)
    ]
    assert np.all(np.diff(totals) <= 0)
    assert totals[-1] < 0.5 * totals[0]


def test_lbfgs_stops_at_the_minimum():
    loss = as_loss(np.eye(SIZE), np.full(SIZE, 0.5))
    assert len(list(nst.lbfgs(loss, START, steps=50))) < 5


def test_lbfgs_backs_off_from_where_the_loss_is_no_number():
    def loss(image):
        away = tf.reduce_sum(image)  # no number beyond 30, lowest at 29
        return {"total": tf.where(away > 30, np.nan, tf.square(away - 29))}

    losses, _ = last(nst.lbfgs(loss, START, steps=60, first_step=0.5))
    assert losses["total"] < 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_pixels_stay_in_their_box(method):
    A, target = quadratic()
    for _, state in METHODS[method](as_loss(A, 10 * target), START, steps=60):
        image = np.asarray(state["image"])
        assert image.min() >= 0 and image.max() <= 1
    assert image.min() == 0 and image.max() == 1


@pytest.mark.parametrize("method", METHODS)
def test_the_loss_falls(method):
    A, target = quadratic()
    totals = [
        losses["total"]
        for losses, _ in METHODS[method](as_loss(A, target), START, steps=30)
    ]
    _, lowest = scipy_minimum(A, target)
    assert totals[-1] - lowest < 0.3 * (totals[0] - lowest)


@pytest.mark.parametrize("method", METHODS)
def test_a_state_continues_the_run_to_the_last_bit(method):
    loss = as_loss(*quadratic())
    _, whole = last(METHODS[method](loss, START, steps=25))
    _, half = last(METHODS[method](loss, START, steps=12))
    _, continued = last(METHODS[method](loss, half, steps=13))
    np.testing.assert_array_equal(whole["image"], continued["image"])


def test_descend_is_adam_with_clipped_pixels():
    """Kingma and Ba 2015, algorithm 1, by hand."""
    A, target = quadratic()
    _, state = last(
        nst.descend(as_loss(A, target), START, 5, keras.optimizers.Adam(0.1))
    )
    x, m, v = np.full(SIZE, 0.5), 0.0, 0.0
    for t in range(1, 6):
        g = A @ (x - target)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-7)
        x = np.clip(x - 0.1 * step, 0, 1)
    np.testing.assert_allclose(np.ravel(state["image"]), x, atol=1e-4)


def test_descend_does_not_change_the_optimizer_that_it_is_given():
    optimizer = keras.optimizers.SGD(0.001, momentum=0.9)
    loss = as_loss(*quadratic())
    first = last(nst.descend(loss, START, 5, optimizer))[0]
    again = last(nst.descend(loss, START, 5, optimizer))[0]
    assert first == again and not optimizer.built


def brightness(image):
    return {"total": tf.reduce_mean(tf.square(image - 0.9))}


def test_moments_are_resized_with_the_image():
    _, state = last(nst.descend(brightness, START, 4))
    moments = [v for v in state.values() if v.shape == SHAPE]
    assert len(moments) == 3  # the image, Adam's momentum and its velocity
    larger = state | {"image": tf.image.resize(state["image"], (6, 10))}
    _, after = last(nst.descend(brightness, larger, 1))
    sizes = [v.shape for v in after.values() if v.shape.rank == 4]
    assert sizes == [(1, 6, 10, 3)] * 3
    # As if the size had not changed: the gradient of a pixel means the same at both.
    np.testing.assert_allclose(
        np.mean(after["image"]),
        np.mean(last(nst.descend(brightness, state, 1))[1]["image"]),
        atol=1e-5,
    )


def test_lbfgs_forgets_when_the_size_changes():
    _, state = last(nst.lbfgs(brightness, START, 4))
    larger = state | {"image": tf.image.resize(state["image"], (6, 10))}
    losses, after = next(nst.lbfgs(brightness, larger, 1))
    assert after["image"].shape == (1, 6, 10, 3) and after["moves"] == []
    assert np.isfinite(losses["total"])


@pytest.mark.parametrize("minimize", [nst.descend, nst.lbfgs])
def test_a_loss_without_a_gradient_is_told(minimize):
    def loss(image):
        return {"total": tf.reduce_sum(tf.stop_gradient(image))}

    with pytest.raises(ValueError, match="no gradient leads from its total"):
        next(minimize(loss, np.zeros((1, 2, 3, 3)), steps=1))

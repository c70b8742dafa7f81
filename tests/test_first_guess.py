import functools

import numpy as np
import pytest
import tensorflow as tf

import nst_tf as nst
from nst_tf import first_guess


@pytest.mark.parametrize(("half_waves", "long"), [(0, True), (3, True), (9, False)])
def test_large_strokes_are_the_long_waves_of_a_picture(half_waves, long):
    wave = np.cos(np.pi * half_waves * (np.arange(35) + 0.5) / 35).astype("float32")
    picture = np.broadcast_to(wave[None, None, :, None], (1, 20, 35, 3))
    share = long / (1 + (64 * half_waves / 70) ** 2)
    for image in (picture, picture.swapaxes(1, 2)):
        found = first_guess.large(np.ascontiguousarray(image))
        np.testing.assert_allclose(found, share * image, atol=1e-5)


def test_the_guess_is_symmetric_and_positive():
    rng = np.random.default_rng(0)
    a, b, move, change = rng.normal(size=(4, 1, 30, 41, 3)).astype("float32")
    guess = first_guess.of_pictures(move, change)
    np.testing.assert_allclose(np.vdot(a, guess(b)), np.vdot(b, guess(a)), rtol=1e-3)
    assert np.vdot(a, guess(a)) > 0


def test_mobility_is_less_where_the_gradient_changes_more():
    move = np.random.default_rng(0).normal(size=(1, 64, 256, 3)).astype("float32")
    change = move.copy()
    change[:, :, :128] *= 4
    mobility = first_guess.mobility(move, change)[0, :, :, 0]
    np.testing.assert_allclose(mobility[:, :64] / mobility[:, -64:], 0.5, rtol=0.1)


@pytest.mark.parametrize("size", [1.0, 1e-30])  # whose square is nothing in float32
def test_mobility_is_finite_where_nothing_moved(size):
    move = np.zeros((1, 64, 64, 3), "float32")
    move[:, 10, 10] = size
    mobility = first_guess.mobility(move, move)
    np.testing.assert_allclose(mobility, 1.0)


def steps_to_a_thousandth(loss, start, guess=first_guess.of_pictures):
    run = nst.lbfgs(loss, start, steps=200, first_guess=guess)
    totals = np.array([losses["total"] for losses, _ in run])
    return int(np.argmax(totals <= totals[0] / 1000)) + 1


def large_strokes_only(move, change):
    return lambda step: step + (first_guess.GAIN - 1) * first_guess.large(step)


def test_it_finds_what_is_large_in_a_picture_sooner():
    f = np.hypot(np.fft.fftfreq(48)[:, None], np.fft.rfftfreq(64))
    filters = tf.constant((f + 0.01) ** 0.5, tf.complex64)  # steep for small waves
    rng = np.random.default_rng(0)
    start = rng.uniform(0.4, 0.6, (1, 48, 64, 3)).astype("float32")
    wanted = np.full_like(start, 0.5)
    wanted[:, :, 32:] = 0.7

    def loss(image):
        spectrum = tf.signal.rfft2d(tf.transpose(image - wanted, (0, 3, 1, 2)))
        return {"total": tf.reduce_mean(tf.square(tf.abs(filters * spectrum)))}

    all_alike = functools.partial(first_guess.of_pictures, gain=1)
    without = steps_to_a_thousandth(loss, start, all_alike)
    assert steps_to_a_thousandth(loss, start) < 0.7 * without


def test_it_finds_what_is_steep_in_places_sooner():
    rng = np.random.default_rng(0)
    start, wanted = rng.uniform(0.2, 0.8, (2, 1, 48, 128, 3)).astype("float32")
    steepness = np.geomspace(1, 1000, 128, dtype="float32")[:, None]

    def loss(image):
        return {"total": tf.reduce_mean(steepness * tf.square(image - wanted))}

    without = steps_to_a_thousandth(loss, start, large_strokes_only)
    assert steps_to_a_thousandth(loss, start) < 0.7 * without

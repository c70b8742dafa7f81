import sys

import numpy as np
import pytest

pytest.importorskip("cv2")

from nst_tf import flow

HEIGHT, WIDTH = 60, 90
SHIFT = 3, 1  # to the right and down


@pytest.fixture
def texture():
    """Smooth spots, larger than a frame: `(80, 110, 3)` float32."""
    import cv2

    noise = np.random.default_rng(0).random((80, 110, 3)).astype("float32")
    spots = cv2.GaussianBlur(noise, None, 2)
    return (spots - spots.min()) / (spots.max() - spots.min())


def frame(texture, k):
    """A window that moves over the texture: what is in it moves to the left and up."""
    left, top = (k * n for n in SHIFT)
    return texture[top : top + HEIGHT, left : left + WIDTH]


def as_uint8(image):
    return np.uint8(np.round(image * 255))


def inside(array):
    """Without the border, where something comes into sight."""
    return array[8:-8, 8:-8]


def test_the_flow_of_a_moved_window_is_known(texture):
    now, before = (flow.grey(as_uint8(frame(texture, k))) for k in (1, 0))
    there = flow.flow(now, before)
    assert there.shape == (HEIGHT, WIDTH, 2)
    np.testing.assert_allclose(np.median(inside(there), (0, 1)), SHIFT, atol=0.1)


def test_a_moved_frame_is_the_next_one(texture):
    there = np.broadcast_to(np.float32(SHIFT), (HEIGHT, WIDTH, 2))
    moved = flow.moved(frame(texture, 0), there)
    np.testing.assert_allclose(
        inside(moved), inside(frame(texture, 1)), rtol=0, atol=1e-5
    )
    half = np.full((HEIGHT, WIDTH, 2), 0.5, "float32")
    between = flow.moved(frame(texture, 0), half)
    around = [frame(texture, 0)[y:, x:][:-2, :-2] for y in (0, 1) for x in (0, 1)]
    both = np.mean([a[: HEIGHT - 3, : WIDTH - 3] for a in around], axis=0)
    np.testing.assert_allclose(
        inside(between)[:40, :60], inside(both)[:40, :60], atol=0.04
    )


def test_a_flow_is_trusted_where_it_goes_back_and_the_frames_look_alike(texture):
    there = np.broadcast_to(np.float32(SHIFT), (HEIGHT, WIDTH, 2))
    nothing = np.zeros((HEIGHT, WIDTH, 3), "float32")
    assert inside(flow.trust(there, -there, nothing)).min() == 1
    assert flow.trust(there, there, nothing).max() == 0  # it does not come back
    other = nothing + np.float32(0.2)
    found = inside(flow.trust(there, -there, other))
    np.testing.assert_allclose(found, np.exp(-50 * 0.2**2), rtol=1e-4)


def test_a_mean_of_strokes_gets_their_contrast_back():
    rng = np.random.default_rng(0)
    one, other = 0.5 + 0.1 * rng.standard_normal((2, 60, 90, 3), "float32")
    mean = (one + other) / 2
    assert mean.std() < 0.75 * one.std()
    again = flow.with_contrast_of(mean, one)
    assert again.std() == pytest.approx(one.std(), rel=0.05)
    np.testing.assert_allclose(
        flow.with_contrast_of(one, one), one.clip(0, 1), atol=1e-6
    )


def test_a_flat_mean_stays_flat():
    flat = np.full((40, 40, 3), 0.5, "float32")
    strokes = flat + 0.1 * (np.indices((40, 40)).sum(0) % 2)[..., None].astype(
        "float32"
    )
    np.testing.assert_array_equal(flow.with_contrast_of(flat, strokes), flat)


def test_without_opencv_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match="pip install opencv-python-headless"):
        flow.grey(np.zeros((20, 20, 3), "uint8"))

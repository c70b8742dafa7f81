"""Strokes as the browser sends them; the page itself is in test_playground.py."""

import numpy as np
import pytest

pytest.importorskip("ipycanvas")

import nst_tf as nst
from nst_tf.brush import SIDE, Brush


def send(brush, event, *place):
    if "touch" in event:
        content = {"event": event, "touches": [dict(zip("xy", place, strict=True))]}
    else:
        content = {"event": event, "x": place[0], "y": place[1]}
    brush.canvas[-1]._handle_frontend_event(None, content, None)


def stroke(brush, *places, kind="mouse"):
    names = {"mouse": ("down", "move", "up"), "touch": ("start", "move", "end")}
    first, between, last = (f"{kind}_{name}" for name in names[kind])
    send(brush, first, *places[0])
    for place in places[1:]:
        send(brush, between, *place)
    send(brush, last, *places[-1])


@pytest.fixture
def brush():
    return Brush("photo.jpg")


def test_a_stroke_is_white_and_wide_and_soft(brush):
    brush.size.value = 10
    stroke(brush, (100, 100), (200, 100))
    assert brush.mask.dtype == np.float32 and brush.mask.shape == (240, SIDE)
    width = SIDE * 10 / 100
    across = brush.mask[:, 150]
    assert across[100] == 1 and across[20] == 0
    assert across.sum() == pytest.approx(width, abs=2)
    along = brush.mask[100]
    assert along.sum() == pytest.approx(100 + width, abs=3)
    assert np.abs(np.diff(across)).max() < 0.2


@pytest.mark.parametrize("kind", ["mouse", "touch"])
def test_fingers_paint_as_mice_do(brush, kind):
    stroke(brush, (50, 60), kind=kind)
    assert brush.mask[60, 50] == 1


def test_nothing_is_painted_between_strokes(brush):
    send(brush, "mouse_move", 50, 60)
    send(brush, "mouse_up", 50, 60)
    assert brush.mask is None
    stroke(brush, (50, 60))
    before = brush.mask
    send(brush, "mouse_move", 300, 200)
    stroke(brush, (50, 60))
    np.testing.assert_array_equal(brush.mask, before)


def test_a_stroke_ends_at_the_border(brush):
    send(brush, "mouse_down", 50, 60)
    send(brush, "mouse_out", 0, 60)
    send(brush, "mouse_move", 300, 60)
    assert brush.mask[60, 300] == 0


def test_what_is_painted_is_erased_cleared_or_turned_around(brush):
    stroke(brush, (100, 100), (200, 100))
    brush.erase.value = True
    stroke(brush, (200, 100))
    assert brush.mask[100, 200] == 0 and brush.mask[100, 100] == 1
    brush.others.value = True
    assert brush.mask[100, 200] == 1 and brush.mask[100, 100] == 0
    brush.clear.click()
    assert brush.mask is None


def test_the_mask_can_be_watched(brush):
    seen = []
    brush.observe(lambda change: seen.append(change["new"]), "mask")
    stroke(brush, (100, 100))
    assert len(seen) == 1 and seen[0] is brush.mask


def test_another_photograph_has_no_mask_yet(brush):
    stroke(brush, (100, 100))
    brush.show(np.zeros((40, 20, 3)))
    assert brush.mask is None
    assert (brush.canvas.width, brush.canvas.height) == (SIDE // 2, SIDE)
    with pytest.raises(ValueError, match="no.jpg. does not exist"):
        brush.show("no.jpg")


def test_a_mask_fits_its_photograph(brush):
    stroke(brush, (100, 100), (200, 100))
    found = nst.fast_style_transfer("photo.jpg", "udnie", content_masks=brush.mask)
    photo = nst.load_image("photo.jpg", 1024)[0].numpy()
    changed = np.abs(found.image - photo).max(axis=2)
    assert changed[:20].max() == 0 and changed[len(photo) * 100 // 240].max() > 0.05

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

import nst_tf as nst

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def history(steps=6):
    falling = list(np.geomspace(1, 0.01, steps))
    return {
        "step": list(range(1, steps + 1)),
        "size": [32] * 2 + [64] * (steps - 2),
        "content": falling,
        "style": [2 * f for f in falling],
        "tv": [0.0] * steps,
        "total": [3 * f for f in falling],
        "seconds": list(range(steps)),
    }


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_show_does_not_stretch_colours(photo):
    figure = nst.figures.show(0.5 * photo, title="half as bright")
    picture = figure.axes[0].get_images()[0]
    assert picture.get_clim() == (0, 1)
    np.testing.assert_allclose(picture.get_array(), 0.5 * photo[0])
    assert figure.axes[0].get_title() == "half as bright"


def test_show_draws_on_the_axes_that_it_is_given(photo):
    figure, axes = plt.subplots(1, 2)
    assert nst.figures.show(photo, ax=axes[1]) is figure
    assert len(axes[0].get_images()) == 0 and len(axes[1].get_images()) == 1


def test_image_grid_labels_rows_and_columns(photo, painting):
    figure = nst.figures.image_grid(
        [[photo, painting], [painting, None]], rows=["a", "b"], columns=[1, 2]
    )
    axes = figure.axes
    assert [ax.get_title() for ax in axes] == ["1", "2", "", ""]
    assert [ax.get_ylabel() for ax in axes] == ["a", "", "b", ""]
    assert [len(ax.get_images()) for ax in axes] == [1, 1, 1, 0]


def test_image_grid_takes_results_and_a_single_row():
    result = nst.style_transfer("photo.jpg", "painting.jpg")
    figure = nst.figures.image_grid([result, result.image])
    for ax in figure.axes:
        np.testing.assert_array_equal(ax.get_images()[0].get_array(), result.image)


def test_loss_curves_are_logarithmic_and_leave_out_what_is_zero():
    ax = nst.figures.loss_curves(history()).axes[0]
    assert ax.get_yscale() == "log"
    assert labels(ax) == ["content", "style", "total"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")


def test_weighted_curves_add_up():
    settings = {"content_weight": 0.5, "style_weight": 1.25, "tv_weight": 0.0}
    ax = nst.figures.loss_curves(history(), settings).axes[0]
    assert labels(ax) == ["0.5 x content", "1.25 x style", "total"]
    content, style, total = (line.get_ydata() for line in ax.get_lines()[:3])
    np.testing.assert_allclose(content + style, total)


def test_loss_curves_mark_where_the_size_changes():
    ax = nst.figures.loss_curves(history()).axes[0]
    marks = [line for line in ax.get_lines() if line.get_linestyle() == ":"]
    assert [mark.get_xdata()[0] for mark in marks] == [2.5]
    assert "64 px" in [text.get_text() for text in ax.texts]

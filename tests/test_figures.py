from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import AsPath, transfer

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
    result = transfer()
    figure = nst.figures.image_grid([result, result.image])
    for ax in figure.axes:
        np.testing.assert_array_equal(ax.get_images()[0].get_array(), result.image)


def test_image_grid_has_words_above_each_picture(photo, painting):
    figure = nst.figures.image_grid(
        [[photo, painting], [painting]], labels=[["a", "b"], ["c"]]
    )
    assert [ax.get_title() for ax in figure.axes] == ["a", "b", "c", ""]
    figure = nst.figures.image_grid([photo, painting], labels=["a", "b"])
    assert [ax.get_title() for ax in figure.axes] == ["a", "b"]


@pytest.fixture
def inline():
    matplotlib.use("module://matplotlib_inline.backend_inline")
    yield
    plt.close("all")
    matplotlib.use("Agg")


def test_a_notebook_shows_a_figure_once(notebook, inline, photo):
    """As the value of a cell; pyplot, which shows all that is open, has it no more."""
    figure = nst.figures.show(photo)
    for times in (1, 2):  # and again, when it is asked for again
        figure._ipython_display_()
        assert len(notebook.shown) == times and plt.get_fignums() == []
    assert notebook.shown[0].data.startswith(b"\xff\xd8")  # JPEG


def test_a_notebook_shows_curves_as_it_shows_others(notebook, inline):
    figure = nst.figures.loss_curves(history())
    figure._ipython_display_()
    assert notebook.shown == [figure]


def test_outside_of_notebooks_figures_are_as_usual(photo):
    assert not hasattr(nst.figures.show(photo), "_ipython_display_")


@pytest.mark.parametrize("wrong", [dict(rows=["a"]), dict(columns=["a", "b", "c"])])
def test_labels_are_as_many_as_pictures(wrong, photo):
    with pytest.raises(ValueError, match="labels; wanted 2"):
        nst.figures.image_grid([[photo, photo], [photo, photo]], **wrong)
    with pytest.raises(ValueError, match="wanted at least one"):
        nst.figures.image_grid([])


@pytest.mark.parametrize("wrong", [(10, 10, 20, 20), (0.5, 0, 0.5, 1), (0, 0.9, 1, 0)])
def test_a_detail_is_told_in_shares(wrong, photo):
    with pytest.raises(ValueError, match="as shares, 0 to 1"):
        nst.figures.side_by_side([photo], detail=wrong)


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


@pytest.mark.parametrize("path", ["photo.jpg", Path("photo.jpg"), AsPath("photo.jpg")])
def test_pictures_may_be_paths(path):
    drawn = nst.figures.show(path).axes[0].get_images()[0].get_array()
    np.testing.assert_array_equal(drawn, nst.load_image("photo.jpg")[0])


def test_gradient_shares_are_stacked_to_one():
    shares = {"tv": [0.1, 0.2], "content": [0.6, 0.3], "style": [0.3, 0.5]}
    ax = nst.figures.gradient_shares(shares, steps=[5, 10]).axes[0]
    assert labels(ax) == ["content", "style", "tv"]
    tops = [area.get_paths()[0].vertices[:, 1].max() for area in ax.collections]
    np.testing.assert_allclose(tops, [0.6, 0.9, 1.0], rtol=1e-6)
    assert ax.get_xlim() == (5, 10)


def test_feature_maps_stand_side_by_side():
    features = np.random.default_rng(0).random((1, 4, 6, 9))
    ax = nst.figures.feature_maps(features, filters=[0, 7, 8], columns=2).axes[0]
    wall = ax.get_images()[0].get_array().filled(np.nan)
    assert wall.shape == (2 * 4 + 1, 2 * 6 + 1)
    for top, left, n in [(0, 0, 0), (0, 7, 7), (5, 0, 8)]:
        answers = features[0, ..., n]
        drawn = wall[top : top + 4, left : left + 6]
        np.testing.assert_allclose(drawn, answers / answers.max())
    assert np.isnan(wall[4]).all() and np.isnan(wall[:, 6]).all()
    assert np.isnan(wall[5:, 7:]).all()


def test_filters_that_never_answer_are_dark():
    ax = nst.figures.feature_maps(np.zeros((4, 6, 2))).axes[0]
    assert np.nanmax(ax.get_images()[0].get_array()) == 0


def test_a_gram_matrix_is_drawn_around_zero():
    G = np.array([[[4.0, -1.0], [-1.0, 2.0]]])
    figure = nst.figures.gram(G, title="block1_conv1")
    drawn = figure.axes[0].get_images()[0]
    np.testing.assert_array_equal(drawn.get_array(), G[0])
    assert drawn.get_clim() == (-4, 4)
    assert figure.axes[0].get_title() == "block1_conv1"


def test_style_distances_are_written_into_their_cells():
    distances = np.array([[0, 0.25], [0.5, 0]])
    ax = nst.figures.style_distances(distances, ["a", "b"]).axes[0]
    assert [text.get_text() for text in ax.texts] == ["0", "0.25", "0.5", "0"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]


def test_regions_are_tinted_and_numbered(photo):
    left = np.zeros((16, 24))
    left[:, :12] = 1
    figure = nst.figures.regions(photo, [left, 1 - left], title="two")
    (ax,) = figure.axes
    grey, first, second = (image.get_array() for image in ax.get_images())
    assert grey.shape == photo.shape[1:3]
    np.testing.assert_allclose(first[..., 3], 0.6 * left)
    np.testing.assert_allclose(second[..., 3], 0.6 * (1 - left))
    assert not np.array_equal(first[0, 0, :3], second[0, 0, :3])
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["0", "1"] and ax.get_title() == "two"


def test_side_by_side_shows_the_framed_detail(photo, painting):
    figure = nst.figures.side_by_side(
        [photo, painting], ["a", "b"], detail=(0.5, 0, 1, 0.25)
    )
    axes = figure.axes
    assert [ax.get_title() for ax in axes[:2]] == ["a", "b"]
    for k, picture in enumerate([photo, painting]):
        H, W = picture.shape[1:3]
        detail = picture[0, : round(H / 4), round(W / 2) :]
        np.testing.assert_array_equal(axes[2 + k].get_images()[0].get_array(), detail)
        (frame,) = axes[k].patches
        assert frame.get_xy() == (round(W / 2), 0)
        assert frame.get_width() == W - round(W / 2)
        assert frame.get_height() == round(H / 4)


def test_side_by_side_needs_no_detail(photo, painting):
    assert len(nst.figures.side_by_side([photo, painting]).axes) == 2


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_words_have_the_colour_of_the_readers_style(style):
    """Nothing but pictures and curves has a colour of its own."""
    with plt.style.context(style):
        ink = matplotlib.colors.to_hex(plt.rcParams["text.color"])
        ax = nst.figures.gradient_shares({"content": [0.5], "style": [0.5]}).axes[0]
        words = [*ax.get_legend().get_texts(), ax.xaxis.label, ax.yaxis.label]
        assert {matplotlib.colors.to_hex(word.get_color()) for word in words} == {ink}


class Notebook:
    """Stands for IPython's display: keeps what was shown, and what replaced it."""

    def __init__(self):
        self.shown, self.updates = [], 0

    def display(self, drawing, display_id=None):
        self.shown.append(drawing)
        return self

    def update(self, drawing):
        self.shown[-1] = drawing
        self.updates += 1


@pytest.fixture
def notebook(monkeypatch):
    notebook = Notebook()
    monkeypatch.setattr("IPython.display.display", notebook.display)
    return notebook


def test_a_live_view_leaves_one_output_of_the_last_step(notebook, monkeypatch):
    steps = []
    monkeypatch.setattr(
        nst.figures, "_state_of", lambda r: b"\xff\xd8%d" % len(r.history["step"])
    )
    callbacks = [nst.figures.live(every=0), lambda r: steps.append(r)]
    transfer(steps=4, callbacks=callbacks)
    assert len(notebook.shown) == 1 and notebook.updates == len(steps)
    assert notebook.shown[0].data == b"\xff\xd8%d" % len(steps)


def test_a_live_view_is_a_picture_and_is_not_drawn_all_the_time(notebook):
    watch = nst.figures.live(every=1e9)
    for run in (1, 2):
        transfer(steps=4, callbacks=watch)
        assert len(notebook.shown) == run  # each run has its own
        assert notebook.updates == run  # the first step, and the end
    assert notebook.shown[0].data.startswith(b"\xff\xd8")
    assert plt.get_fignums() == []  # nothing is left for the notebook to show again

"""The paper's figures, drawn from results; the only file that knows matplotlib.

Every function draws what it is given, on `ax` if there is one, and returns the Figure.
Colours of text and background are matplotlib's own, so that its styles change them.
"""

import functools
import io
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nst_tf.images import load_image
from nst_tf.losses import PARTS, Array

if TYPE_CHECKING:  # matplotlib is slow to import, and not always needed
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREY = "#888888"  # visible on white and on black
# Okabe and Ito's colours, which colour-blind readers can tell apart.
REGIONS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#D55E00")
COLORS = dict(zip(PARTS, ("#0072B2", "#D55E00", "#009E73", GREY), strict=True))


def _picture(image):
    """A `Result`, a path, or an image with or without a batch axis, as `(H, W, 3)`."""
    if isinstance(image, str | os.PathLike):
        image = load_image(image)
    array = np.asarray(getattr(image, "image", image))
    return array[0] if array.ndim == 4 else array


def _subplots(*shape, **options):
    import matplotlib.pyplot as plt  # here, as it is slow and not always needed

    return plt.subplots(*shape, layout="constrained", **options)


def _axes(ax, **options):
    return ax or _subplots(**options)[1]


def _shown_once(figure):
    """Keeps a notebook from showing a figure twice.

    It shows a cell's value, and then every figure that pyplot has open.
    """
    import matplotlib

    if "inline" in matplotlib.get_backend():
        figure._ipython_display_ = functools.partial(_display, figure)
    return figure


def _display(figure):
    """Figures with pictures as JPEG, a fifth of the size; the others as usual."""
    import matplotlib.pyplot as plt
    from IPython.core.pylabtools import print_figure
    from IPython.display import Image, display

    del figure._ipython_display_
    if any(np.ndim(i.get_array()) == 3 for ax in figure.axes for i in ax.get_images()):
        quality = {"pil_kwargs": {"quality": 80}}
        display(Image(print_figure(figure, "jpeg", **quality), format="jpeg"))
    else:
        display(figure)
    plt.close(figure)
    _shown_once(figure)  # when it is asked for again


def show(image: Any, title: str | None = None, ax: "Axes | None" = None) -> "Figure":
    """A picture with its true colours: 0 is black and 1 is white, nothing is stretched.

    Args:
        image: a `Result`, a path, or `(H, W, 3)` or `(1, H, W, 3)` in [0, 1].
        title: words above it.
        ax: matplotlib axes to draw on.

    Returns:
        The Figure.
    """
    ax = _axes(ax)
    ax.imshow(_picture(image), vmin=0, vmax=1)
    ax.set_axis_off()
    if title:
        ax.set_title(title)
    return _shown_once(ax.figure)


def _check_count(name, labels, count):
    if labels is not None and len(labels) != count:
        raise ValueError(f"{name}: {len(labels)} labels; wanted {count}")


def image_grid(
    images: list,
    rows: list | None = None,
    columns: list | None = None,
    labels: list | None = None,
    title: str | None = None,
    width: float = 2.4,
) -> "Figure":
    """Pictures in rows and columns, each labelled with its setting.

    Args:
        images: a list of rows, each a list of pictures as `show` takes them (None
            leaves a gap), or one list for a single row.
        rows: labels of the rows.
        columns: labels of the columns.
        labels: words above each picture, nested as `images` are.
        title: words above all.
        width: of a column, in inches.

    Returns:
        The Figure.
    """
    images = list(images)
    if not images or not isinstance(images[0], list | tuple):
        images, labels = [images], [labels] if labels else None
    images = [[None if i is None else _picture(i) for i in row] for row in images]
    shapes = [[image.shape for image in row if image is not None] for row in images]
    heights = [width * max((h / w for h, w, _ in row), default=1) for row in shapes]
    count = max(len(row) for row in images)
    if not count:
        raise ValueError("images: none; wanted at least one")
    _check_count("rows", rows, len(images))
    _check_count("columns", columns, count)
    figure, axes = _subplots(
        len(images),
        count,
        figsize=(width * count, sum(heights) + 0.1 * len(images) + 0.3),
        height_ratios=heights,
        squeeze=False,
    )
    for i, row in enumerate(images):
        for j in range(count):
            ax = axes[i, j]
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if j < len(row) and row[j] is not None:
                ax.imshow(row[j], vmin=0, vmax=1)
            if columns and i == 0:
                ax.set_title(columns[j])
            if labels and j < len(labels[i]):
                ax.set_title(labels[i][j])
            if rows and j == 0:
                ax.set_ylabel(rows[i])
    if title:
        figure.suptitle(title)
    return _shown_once(figure)


def loss_curves(
    history: dict[str, list], settings: dict | None = None, ax: "Axes | None" = None
) -> "Figure":
    """How the losses fall, on a logarithmic axis; dotted lines mark a change of size.

    Args:
        history: of a `Result`.
        settings: of the same `Result`; with them each part is drawn with its weight, so
            that the parts add up to the total.
        ax: matplotlib axes to draw on.

    Returns:
        The Figure.
    """
    ax = _axes(ax, figsize=(6, 4))
    steps = np.asarray(history["step"])
    for part, color in COLORS.items():
        weight = settings[f"{part}_weight"] if settings and part != "total" else 1
        losses = weight * np.asarray(history[part], float)
        losses[losses == 0] = np.nan  # has no place on a logarithmic axis
        if np.isfinite(losses).any():
            label = f"{weight:g} x {part}" if weight != 1 else part
            dashes = "--" if part == "total" else "-"
            ax.semilogy(steps, losses, dashes, color=color, label=label)
    for change in np.flatnonzero(np.diff(history["size"])):
        ax.axvline(steps[change] + 0.5, color=GREY, linestyle=":", linewidth=1)
        ax.annotate(
            f"{history['size'][change + 1]} px",
            (steps[change] + 0.5, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -10),
            textcoords="offset points",
            fontsize="small",
        )
    ax.set(xlabel="step", ylabel="weighted loss" if settings else "loss")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return _shown_once(ax.figure)


def gradient_shares(
    shares: dict[str, list[float]],
    steps: Sequence[int] | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """What drives the pixels: each term's share of the gradient, step by step.

    Args:
        shares: `{"content": [...], "style": [...], "tv": [...]}`, numbers between 0 and
            1 that add up to 1 at each step; terms may be missing.
        steps: the number of each step. Default: 1, 2, 3 ...
        ax: matplotlib axes to draw on.

    Returns:
        The Figure.
    """
    ax = _axes(ax, figsize=(6, 3))
    parts = [part for part in COLORS if part in shares]
    heights = [shares[part] for part in parts]
    steps = range(1, len(heights[0]) + 1) if steps is None else steps
    ax.stackplot(steps, heights, labels=parts, colors=[COLORS[p] for p in parts])
    ax.set(xlabel="step", ylabel="share of the gradient", ylim=(0, 1))
    ax.spines[["top", "right"]].set_visible(False)
    ax.margins(x=0)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return _shown_once(ax.figure)


def feature_maps(
    features: Array,
    filters: int | list[int] = 8,
    columns: int = 8,
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """Where filters of one layer respond: a map for each, the brighter the stronger.

    Each has its own scale; what is not positive is black.

    Args:
        features: `(H, W, N)` or `(1, H, W, N)` activations.
        filters: how many, from the first; or a list of their numbers.
        columns: maps in a row.
        title: words above.
        ax: matplotlib axes to draw on.

    Returns:
        The Figure.
    """
    maps = np.moveaxis(_picture(features), -1, 0)
    maps = maps[:filters] if isinstance(filters, int) else maps[list(filters)]
    count, height, width = maps.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    gap = max(1, width // 20)
    wall = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for k, answers in enumerate(maps):
        top, left = k // columns * (height + gap), k % columns * (width + gap)
        strongest = np.max(np.abs(answers)) or 1.0
        wall[top : top + height, left : left + width] = answers / strongest
    ax = _axes(ax, figsize=(9, 9 * len(wall) / wall.shape[1] + 0.3))
    ax.imshow(wall, cmap="inferno", vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    if title:
        ax.set_title(title)
    return _shown_once(ax.figure)


def gram(G: Array, title: str | None = None, ax: "Axes | None" = None) -> "Figure":
    """A Gram matrix: which filters respond together.

    Orange where two do, white where they never do, purple where they do with opposite
    signs (the slim network's can). The scale is arcsinh, as a few entries are
    by far the strongest.

    Args:
        G: `(N, N)` or `(1, N, N)`.
        title: words above.
        ax: matplotlib axes to draw on.

    Returns:
        The Figure.
    """
    from matplotlib.colors import AsinhNorm

    G = np.asarray(G)
    G = G[0] if G.ndim == 3 else G
    ax = _axes(ax, figsize=(4, 3.4))
    most = np.max(np.abs(G)) or 1.0
    norm = AsinhNorm(linear_width=most / 100, vmin=-most, vmax=most)
    drawn = ax.imshow(G, cmap="PuOr_r", norm=norm, interpolation="nearest")
    ax.figure.colorbar(drawn, ax=ax, ticks=[-most, 0, most], format="%.2g")
    ax.locator_params(integer=True)
    ax.set(xlabel="filter", ylabel="filter")
    if title:
        ax.set_title(title)
    return _shown_once(ax.figure)


def style_distances(
    distances: Array,
    labels: list[str],
    title: str | None = None,
    ax: "Axes | None" = None,
) -> "Figure":
    """A table of style losses between pictures: the darker, the more alike.

    Args:
        distances: `(K, K)`.
        labels: names of the K pictures.
        title: words above.
        ax: matplotlib axes to draw on.

    Returns:
        The Figure.
    """
    table = np.asarray(distances)
    K = len(table)
    ax = _axes(ax, figsize=(1.6 + 0.62 * K, 1.4 + 0.5 * K))
    drawn = ax.imshow(table, cmap="cividis", aspect="auto")
    for (i, j), distance in np.ndenumerate(table):
        shade = float(np.asarray(drawn.norm(distance)))
        ink = "white" if shade < 0.6 else "black"
        ax.text(
            j, i, f"{distance:.2g}", color=ink, ha="center", va="center", fontsize=8
        )
    ax.set_xticks(range(K), labels, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(K), labels)
    ax.spines[:].set_visible(False)
    if title:
        ax.set_title(title)
    return _shown_once(ax.figure)


def regions(
    image: Any, masks: list, title: str | None = None, ax: "Axes | None" = None
) -> "Figure":
    """A picture in which each region has a colour, and its number in the list.

    Args:
        image: as `show` takes it.
        masks: `(H, W)` each, in [0, 1], as `nst_tf.regions` gives them, in the
            proportions of the picture.
        title: words above.
        ax: matplotlib axes to draw on.

    Returns:
        The Figure.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    picture, ax = _picture(image), _axes(ax)
    extent = (0, picture.shape[1], picture.shape[0], 0)
    ax.imshow(picture.mean(-1), cmap="gray", vmin=0, vmax=1, extent=extent)
    colors = [REGIONS[r % len(REGIONS)] for r in range(len(masks))]
    for color, mask in zip(colors, masks, strict=True):
        mask = np.squeeze(mask)
        tint = np.broadcast_to(to_rgb(color), (*mask.shape, 3))
        ax.imshow(np.dstack([tint, 0.6 * np.clip(mask, 0, 1)]), extent=extent)
    ax.set_axis_off()
    names = [Patch(color=color, label=str(r)) for r, color in enumerate(colors)]
    ax.legend(handles=names, ncols=len(names), loc="lower right", fontsize=8)
    if title:
        ax.set_title(title)
    return _shown_once(ax.figure)


def side_by_side(
    images: list,
    labels: list[str] | None = None,
    detail: tuple[float, float, float, float] | None = None,
    title: str | None = None,
    width: float = 3.2,
) -> "Figure":
    """Pictures side by side, and below them one detail of each, magnified.

    Args:
        images: pictures, as `show` takes them.
        labels: words above each.
        detail: `(left, top, right, bottom)` of the detail, as shares of the width and
            the height: `(0.5, 0, 1, 0.5)` is the upper right quarter.
        title: words above all.
        width: of a picture, in inches.

    Returns:
        The Figure.
    """
    pictures = [_picture(image) for image in images]
    if detail is None:
        return image_grid(pictures, columns=labels, title=title, width=width)
    left, top, right, bottom = detail
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError(
            f"detail: {detail}; wanted (left, top, right, bottom) as shares, 0 to 1"
        )
    details, frames = [], []
    for picture in pictures:
        h, w = picture.shape[:2]
        x, y = (round(left * w), round(right * w)), (round(top * h), round(bottom * h))
        details.append(picture[slice(*y), slice(*x)])
        frames.append(((x[0], y[0]), x[1] - x[0], y[1] - y[0]))
    figure = image_grid([pictures, details], columns=labels, title=title, width=width)
    for ax, frame in zip(figure.axes, frames, strict=False):  # the first row's
        ax.add_patch(_frame(*frame))
    return figure


def _frame(*corner_and_size):
    from matplotlib.patches import Rectangle

    return Rectangle(*corner_and_size, fill=False, edgecolor="white", linewidth=1.5)


def live(every: float = 2.0) -> Callable[[Any], None]:
    """A callback for notebooks: the picture and its losses, while the run goes on.

    One output, redrawn in place, which stays as it is at the end:

        style_transfer(photo, painting, callbacks=nst.figures.live())

    Args:
        every: seconds between two drawings, each of which takes about 0.3 seconds.

    Raises:
        ImportError: IPython is missing.
    """
    try:
        from IPython.display import Image, display
    except ImportError as error:
        raise ImportError("live: it needs a notebook: `pip install jupyter`") from error

    output, drawn_at = None, -np.inf

    def draw(result):
        nonlocal output, drawn_at
        drawn_at = result.history["seconds"][-1]
        drawing = Image(_state_of(result), format="jpeg")
        if output is None:
            output = display(drawing, display_id=True)
        else:
            output.update(drawing)

    def show_now_and_then(result):
        if result.history["seconds"][-1] - drawn_at >= every:
            draw(result)

    def close(result):
        nonlocal output, drawn_at
        draw(result)
        output, drawn_at = None, -np.inf  # the next run has an output of its own

    show_now_and_then.close = close
    return show_now_and_then


def _file_of(figure, **options):
    """The bytes of a Figure; not of pyplot, which shows its own, and in one thread."""
    file = io.BytesIO()
    figure.savefig(file, **options)
    return file.getvalue()


def _state_of(result):
    """A JPEG of the picture so far and its losses."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    step, size = result.history["step"][-1], result.history["size"][-1]
    show(result, f"step {step}, {size} pixels", ax=left)
    loss_curves(result.history, result.settings, ax=right)
    return _file_of(figure, format="jpeg", dpi=80, pil_kwargs={"quality": 88})


def curves_as_png(result: Any) -> bytes:
    """The losses of a run as the bytes of a PNG, drawn in any thread."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4, 2.4), layout="constrained")
    loss_curves(result.history, result.settings, ax=figure.subplots())
    return _file_of(figure, format="png", dpi=160)

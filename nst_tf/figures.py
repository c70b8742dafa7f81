"""The paper's figures, drawn from results; the only file that knows matplotlib.

Every function draws what it is given, on `ax` if there is one, and returns the Figure.
"""

import numpy as np

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLORS = {
    "content": "#0072B2",
    "style": "#D55E00",
    "tv": "#009E73",
    "total": "#888888",
}


def _picture(image):
    """A `Result`, or an image with or without a batch axis, as `(H, W, 3)`."""
    array = np.asarray(getattr(image, "image", image))
    return array[0] if array.ndim == 4 else array


def _subplots(*shape, **options):
    import matplotlib.pyplot as plt  # here, as it is slow and not always needed

    return plt.subplots(*shape, layout="constrained", **options)


def _axes(ax, **options):
    return ax or _subplots(**options)[1]


def show(image, title=None, ax=None):
    """A picture with its true colours: 0 is black and 1 is white, nothing is stretched.

    Args:
        image: a `Result`, or `(H, W, 3)` or `(1, H, W, 3)` in [0, 1].
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
    return ax.figure


def image_grid(images, rows=None, columns=None, title=None, width=2.4):
    """Pictures in rows and columns, each labelled with its setting.

    Args:
        images: a list of rows, each a list of pictures as `show` takes them (None
            leaves a gap), or one list for a single row.
        rows: labels of the rows.
        columns: labels of the columns.
        title: words above all.
        width: of a column, in inches.

    Returns:
        The Figure.
    """
    images = list(images)
    if not images or not isinstance(images[0], list | tuple):
        images = [images]
    shapes = [[_picture(i).shape for i in row if i is not None] for row in images]
    heights = [width * max((h / w for h, w, _ in row), default=1) for row in shapes]
    count = max(len(row) for row in images)
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
                ax.imshow(_picture(row[j]), vmin=0, vmax=1)
            if columns and i == 0:
                ax.set_title(columns[j])
            if rows and j == 0:
                ax.set_ylabel(rows[i])
    if title:
        figure.suptitle(title)
    return figure


def loss_curves(history, settings=None, ax=None):
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
        ax.axvline(steps[change] + 0.5, color="#888888", linestyle=":", linewidth=1)
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
    return ax.figure

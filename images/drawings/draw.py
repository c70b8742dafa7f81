"""Draw the three diagrams of the course, as SVG for light and dark pages.

python images/drawings/draw.py [folder]      writes beside this file by default

What they say in numbers is computed here: Gram matrices by NumPy, what a position
sees by the library.
"""

import base64
import io
import sys
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from nst_tf.features import reach, stride

IMAGES = Path(__file__).parent.parent
# Each drawing has a background of its own: the page's may not follow the system's.
LOOK = """
text { font: 15px system-ui, sans-serif; fill: #222 }
.small { font-size: 13px } .strong { font-weight: 600 } .code { font-family: monospace }
.middle { text-anchor: middle } .end { text-anchor: end }
.paper { fill: #fff } .box { fill: #f4f4f4; stroke: #888 } .cell { stroke: #888 }
.line { fill: none; stroke: #555; stroke-width: 2 } .head { fill: #555 }
.frame { fill: none; stroke: #222; stroke-width: 3 }
.blue { fill: #0072b2 } .orange { fill: #d55e00 } .green { fill: #009e73 }
.grey { fill: #888 } .framed { fill: none; stroke: #d55e00; stroke-width: 3 }
.line.back { stroke: #b0409a; stroke-dasharray: 7 5 } .head.back { fill: #b0409a }
text.back { fill: #a0308a }
.under { fill: none; stroke: #111; stroke-width: 4 }
.over { fill: none; stroke: #fff; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #eee } .paper { fill: #1c1c1c } .box { fill: #303030 }
  .line { stroke: #bbb } .head { fill: #bbb } .frame { stroke: #eee }
  .line.back { stroke: #e58fd3 } .head.back, text.back { fill: #e58fd3 }
}
"""


# A few shapes; x to the right and y downwards, in pixels


def text(x, y, words, kind="", **attributes):
    named = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:g}" y="{y:g}" class="{kind}"{named}>{escape(words)}</text>'


def box(x, y, width, height, kind="box", opacity=1.0):
    size = f'width="{width:g}" height="{height:g}"'
    faint = f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""
    return f'<rect x="{x:g}" y="{y:g}" {size} class="{kind}"{faint}/>'


def dot(x, y, kind):
    return f'<circle cx="{x:g}" cy="{y:g}" r="7" class="{kind}"/>'


def line(*points, kind="line"):
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polyline points="{path}" class="{kind}"/>'


def arrow(*points, kind=""):
    """A line with a head at its last point."""
    (x0, y0), (x, y) = np.array(points[-2:], float)
    ahead = np.array([x - x0, y - y0]) / np.hypot(x - x0, y - y0)
    aside = ahead[::-1] * (-1, 1)
    tip = np.array([x, y])
    corners = [tip, tip - 11 * ahead + 5 * aside, tip - 11 * ahead - 5 * aside]
    head = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    shaft = line(*points[:-1], tip - 9 * ahead, kind=f"line {kind}")
    return f'{shaft}<polygon points="{head}" class="head {kind}"/>'


def picture(path, x, y, width, height, pixels, looks=""):
    """A JPEG inside the drawing, cut to its proportions; `pixels` are its own size."""
    image = ImageOps.fit(Image.open(IMAGES / path).convert("RGB"), pixels)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75, optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    size = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
    return f'<image {size}{looks} href="data:image/jpeg;base64,{data}"/>'


def drawing(width, height, title, description, parts):
    """The SVG; its title and description are what a screen reader says."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
            f'  width="{width}" height="{height}" role="img"',
            '  aria-labelledby="title description">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{escape(description)}</desc>',
            f"<style>{LOOK}</style>",
            f'<rect width="{width}" height="{height}" rx="8" class="paper"/>',
            *parts,
            "</svg>\n",
        ]
    )


# Two pictures, one network, two losses

ROWS = {"photograph": 92, "picture": 222, "painting": 352}  # where each is drawn
BLOCKS = range(250, 550, 60)  # left edges of the five blocks


def two_losses():
    """How a step of the transfer goes: forward to the losses, back to the pixels."""
    parts = [*_pictures(), *_network(), *_losses(), *_way_back(), *_legend()]
    return drawing(
        940,
        500,
        "Two pictures through one network to two losses, and back to the pixels",
        "The photograph, the picture that is being made and the painting go through "
        "one and the same network. The content loss compares features of the picture "
        "with those of the photograph, in one layer. The style loss compares Gram "
        "matrices of the picture with those of the painting, in five layers. The "
        "gradient of their weighted sum goes back through the network to the pixels "
        "of the picture, which are all that changes.",
        parts,
    )


def _pictures():
    files = {
        "photograph": "content/coffee.jpg",
        "picture": "results/coffee_mosaic.jpg",
        "painting": "style/mosaic.jpg",
    }
    for name, y in ROWS.items():
        yield picture(files[name], 24, y - 44, 132, 88, (198, 132))
        yield text(24, y - 52, "the picture" if name == "picture" else name, "strong")


def _network():
    """Each picture's way through the blocks, with a dot wherever it is read."""
    yield text(397, 28, "one network, whose weights never change", "strong middle")
    for b, x in enumerate(BLOCKS, 1):
        yield box(x, 44, 54, 372)
        yield text(x + 27, 408, f"block {b}", "small middle")
    for name, y in ROWS.items():
        yield line((160, y), (590, y))
        if name != "painting":
            yield dot(BLOCKS[3] + 40, y, "blue")
        if name != "photograph":
            for x in BLOCKS:
                yield dot(x + 14, y, "orange")


def _losses():
    for y, letters in zip(ROWS.values(), ("P", "F and G", "A"), strict=True):
        yield text(557, y - 10, letters, "strong")
    for y, name, equation, color in (
        (157, "content loss", "features F and P, eq. 1", "blue"),
        (287, "style loss", "Gram matrices G and A, eq. 5", "orange"),
    ):
        for row in (y - 65, y + 65):
            yield arrow((590, row), (622, row), (650, y + (row - y) * 0.3))
        yield box(650, y - 32, 216, 64)
        yield box(650, y - 32, 6, 64, color)
        yield text(668, y - 6, name, "strong")
        yield text(668, y + 16, equation, "small")
        yield line((866, y), (900, y))
    yield line((900, 157), (900, 287))


def _way_back():
    yield text(668, 214, "\u03b1 content + \u03b2 style, eq. 7")
    yield arrow((900, 240), (160, 240), kind="back")
    yield text(168, 260, "gradient", "small back")


def _legend():
    yield dot(32, 446, "blue")
    yield text(46, 451, "read for content: block4_conv2")
    yield dot(302, 446, "orange")
    yield text(316, 451, "read for style: block1_conv1 to block5_conv1")
    words = "Only the pixels of the picture change. Each step moves them against the"
    yield text(24, 479, f"{words} gradient, so that the sum falls.")


# From features to the Gram matrix

# (H, W, N): how strongly each of three filters answers, two rows by three columns.
FEATURES = np.array(
    [[[2, 1, 0], [0, 0, 2], [1, 3, 0]], [[0, 1, 1], [3, 1, 0], [0, 0, 2]]]
)
COLORS = ("blue", "orange", "green")
CELL = 36


def gram():
    """Six positions and three filters: reshaped, multiplied, added up."""
    H, W, N = FEATURES.shape
    M = H * W
    F = FEATURES.reshape(M, N)
    G = F.T @ F
    parts = [*_maps(), *_rows(F), *_products(F, G)]
    return drawing(
        960,
        440,
        "From features (H, W, N) to a matrix (M, N) to the Gram matrix (N, N)",
        f"Three filters answer at {H} by {W} positions. Written down with one row for "
        f"each position they are a matrix F of {M} rows and {N} columns: "
        f"{F.tolist()}. Its columns, multiplied with each other and added up, are the "
        f"Gram matrix G = F transposed times F: {G.tolist()}. Filters 1 and 2 answer "
        "together; filters 1 and 3 never do, so that their entry is 0.",
        parts,
    )


def _table(x, y, values, cell, name, kinds, most):
    """Numbers in cells, the stronger the darker; `kinds` of its columns."""
    for (i, j), value in np.ndenumerate(values):
        left, top = x + j * cell, y + i * cell
        yield box(left, top, cell, cell, f"cell {kinds[j]}", 0.55 * value / most)
        middle, base = left + cell / 2, top + cell / 2 + 5
        yield text(middle, base, str(value), "middle", id=f"{name}{i + 1}{j + 1}")


def _maps():
    H, W, N = FEATURES.shape
    yield text(40, 36, f"features: (H, W, N) = ({H}, {W}, {N})", "strong")
    for n in range(N):
        y = 62 + n * 118
        yield text(40, y + 12, f"filter {n + 1}", "small")
        values = FEATURES[..., n]
        yield from _table(110, y, values, CELL, f"map{n + 1}", [COLORS[n]] * W, 3)
        yield box(110 + CELL, y + CELL, CELL, CELL, "frame")  # the fifth position


def _rows(F):
    M, N = F.shape
    x, y = 400, 96
    yield arrow((236, 216), (336, 216))
    yield text(286, 204, "reshape", "small middle code")
    yield text(x - 64, 36, f"F: (M, N) = ({M}, {N})", "strong")
    yield text(x - 64, 60, "a row for each position", "small")
    for n in range(N):
        yield text(x + (n + 0.5) * CELL, y - 8, str(n + 1), "small middle")
    for m in range(M):
        yield text(x - 12, y + (m + 0.5) * CELL + 5, str(m + 1), "small end")
    yield from _table(x, y, F, CELL, "F", COLORS, 3)
    yield box(x, y + 4 * CELL, N * CELL, CELL, "frame")


def _products(F, G):
    x, y, cell = 700, 96, 54
    yield arrow((530, 216), (650, 216))
    yield text(590, 204, "F\u1d40 F", "middle")
    yield text(x - 40, 36, "G: (N, N) = (3, 3)", "strong")
    yield text(x - 40, 60, "which filters answer together", "small")
    for n in range(len(G)):
        yield text(x + (n + 0.5) * cell, y - 8, str(n + 1), "small middle")
        yield text(x - 12, y + (n + 0.5) * cell + 5, str(n + 1), "small end")
    yield from _table(x, y, G, cell, "G", ["grey"] * 3, G.max())
    yield box(x + cell, y, cell, cell, "framed")
    terms = " + ".join(f"{a}\u00b7{b}" for a, b in F[:, :2])
    yield text(x - 40, 304, "Filters 1 and 2, position by position:", "small")
    yield text(x - 40, 326, f"{terms} = {G[0, 1]}", "small")
    yield text(x - 40, 362, "Filters 1 and 3 never answer at the same", "small")
    yield text(x - 40, 384, "position: their entry is 0.", "small")


# What one position sees

SIDE = 224  # long edge of the picture, in pixels, as in the chapters
LAYERS = [f"block{b}_conv1" for b in range(1, 6)]


def field(layer, x, y):
    """The pixels that one position of a layer sees, the one that lies over (x, y).

    Returns:
        `(left, top, side)` of a square.
    """
    step, beyond = stride(layer), reach([layer])
    left, top = x // step * step - beyond, y // step * step - beyond
    return left, top, step + 2 * beyond


def sight():
    """A picture, and the squares of it that one position of each layer sees."""
    scale, (width, height) = 2.5, (175, SIDE)
    sides = [field(layer, 0, 0)[2] for layer in LAYERS]
    listed = ", ".join(map(str, sides[:-1])) + f" and {sides[-1]}"
    steps = ", ".join(str(stride(layer)) for layer in LAYERS)
    parts = [*_mosaic(scale, width, height)]
    for layer, y in zip(LAYERS, (310, 276, 242, 196, 98), strict=True):
        parts += _square(layer, scale, (width // 2, height // 2), y)
    parts += [
        text(500, 364, f"One position to the next: {steps} pixels."),
        text(500, 386, "Pooling doubles that; the squares grow faster."),
    ]
    return drawing(
        860,
        round(scale * height) + 40,
        "What one position of a layer sees of the picture",
        f"A mosaic of {width} by {height} pixels with five squares around its middle, "
        "one inside the other: what one position of the first layer of each of "
        f"VGG19's blocks sees. They are {listed} pixels wide: from about one tile to "
        "most of the picture.",
        parts,
    )


def _mosaic(scale, width, height):
    size = (20, 20, scale * width, scale * height)
    sharp = ' style="image-rendering: pixelated"'
    yield picture("style/mosaic.jpg", *size, (width, height), sharp)


def _square(layer, scale, position, y):
    """The square, and its size beside the picture, at height `y`."""
    left, top, side = field(layer, *position)
    x0, y0, width = 20 + scale * left, 20 + scale * top, scale * side
    corner = (x0 + width, y0)
    for kind in ("under", "over"):  # a light line on a dark one is seen on any colour
        yield box(x0, y0, width, width, kind)
        yield line(corner, (465, y - 5), (492, y - 5), kind=kind)
    yield text(500, y, layer, "code")
    yield text(620, y, f"{side} x {side} pixels", id=layer)


DRAWINGS = {"two_losses": two_losses, "gram": gram, "sight": sight}


def main(folder=Path(__file__).parent):
    for name, draw in DRAWINGS.items():
        Path(folder, f"{name}.svg").write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

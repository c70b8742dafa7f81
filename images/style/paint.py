"""Paint the style pictures: brush strokes, a mosaic, a woodcut, sweets and feathers.

python images/style/paint.py [folder]      writes beside this file by default
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor, ImageDraw

SCALE = 2  # drawn this many times larger, then reduced: no jagged edges


def grid(width, height):
    """Coordinates x, y of every pixel, in units of the height."""
    y, x = np.mgrid[0 : height * SCALE, 0 : width * SCALE] / (height * SCALE)
    return x, y


def noise(rng, shape, cells, stretch=1):
    """Smooth noise in about [-1, 1]: `cells` bumps high, `stretch` times as wide."""
    height, width = shape
    knots = rng.uniform(-1, 1, (cells, 2 + cells * width // (height * stretch)))
    knots = Image.fromarray(knots.astype("float32"))
    return np.asarray(knots.resize((width, height), Image.BICUBIC))


def bell(x, y, cx, cy, radius):
    """A round hill of height one."""
    return np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / radius**2)


def blur(field, sigma):
    """Gaussian blur, one axis after the other; sigma in pixels."""
    reach = range(-int(3 * sigma), int(3 * sigma) + 1)
    weights = {k: np.exp(-(k**2) / (2 * sigma**2)) for k in reach}
    for axis in (0, 1):
        field = sum(w * np.roll(field, k, axis) for k, w in weights.items())
    return field / sum(weights.values()) ** 2


def ramp(t, palette):
    """The colour at t of a palette spread evenly over [0, 1]."""
    rgb = np.array([ImageColor.getrgb(colour) for colour in palette.split()]) / 255
    stops = np.linspace(0, 1, len(rgb))
    return np.stack([np.interp(t, stops, channel) for channel in rgb.T], axis=-1)


def relief(rgb, height, strength):
    """Light from the upper left: slopes that face it gleam, the others darken."""
    down, right = np.gradient(height)
    slope = np.clip(strength * (down + right), -1, 1)[..., None]
    return rgb * (1 + 0.45 * slope) + 0.25 * np.clip(slope, 0, 1) ** 2


# Brush strokes: a windy sunset, painted from broad to fine along the flow.

SKY = "#2a1a5e #27409c #2587b0 #7fcdbb #f6e7b4 #fbb04e #ee5f3c"
LAND = "#2e1a52 #20506b #2f8060 #a9b04a #f4c653 #e2703a"


def sunset(x, y, rng):
    """The sky, then three hills: depth below the skyline, colours, stream function."""
    wobble = noise(rng, x.shape, 5)
    stream = y + 0.04 * np.sin(5 * x + 2) + 0.02 * wobble
    for cx, cy, radius, turn in [
        (0.84, 0.56, 0.26, 0.62),  # around the sun
        (0.22, 0.24, 0.17, -0.34),
        (0.56, 0.14, 0.11, 0.17),
        (1.16, 0.13, 0.13, -0.22),
        (0.38, 0.50, 0.08, 0.10),
        (0.02, 0.55, 0.10, 0.14),
    ]:
        stream += turn * bell(x, y, cx, cy, radius)
    glow = bell(x, y, 0.84, 0.56, 0.20) + 0.55 * bell(x, y, 0.84, 0.56, 0.5)
    t = 0.10 + 0.28 * y + 0.17 * np.sin(27 * stream) + 0.55 * glow + 0.12 * wobble
    yield np.ones_like(y), ramp(t, SKY), stream

    for base, swing, phase, lean, tone in [
        (0.66, 0.04, 0.5, 0.3, 0.08),
        (0.76, 0.06, 2.4, -0.6, 0.36),
        (0.86, 0.06, 5.4, 0.6, 0.62),
    ]:
        depth = y - base - swing * np.sin(3.1 * x + phase)
        stream = depth * (1 + 2 * lean * (x - 0.64))
        rgb = ramp(tone + 0.25 * np.sin(60 * stream) + 0.15 * wobble, LAND)
        poppies = (depth > 0.03) & (noise(rng, x.shape, 70) > 0.75 - depth)
        rgb[poppies & (tone > 0.5)] = ramp(0, "#cf2f2c")
        yield depth, rgb, stream


def follow(stream, starts, steps):
    """Paths `(n, steps, 2)` along the level lines of the stream function."""
    down, right = np.gradient(stream)
    flow = np.stack([-right, down], axis=-1) / (np.hypot(down, right) + 1e-9)[..., None]
    path = [starts]
    for _ in range(steps - 1):
        row, column = np.clip(path[-1], 0, np.array(stream.shape) - 1).astype(int).T
        path.append(path[-1] + 0.8 * flow[row, column])  # below a pixel: no holes
    return np.stack(path, axis=1)


def stroke(canvas, height, path, width, colour, rng):
    """Drag one loaded brush: each hair has its own tone, depth and end."""
    across = np.linspace(-1, 1, int(1.4 * width))
    along = np.linspace(0, 1, len(path))[:, None]
    normal = np.gradient(path, axis=0)[:, ::-1] * [1, -1] / 0.8
    points = path[:, None] + 0.5 * width * across[:, None] * normal[:, None]
    points = np.rint(points).astype(int)

    hair = np.convolve(rng.normal(size=len(across)), np.ones(3) / 3, "same")
    rounded = 0.12 * across**2
    wet = (along > rounded) & (along < 1 - rounded - 0.22 * rng.random(len(across)))
    wet &= (points >= 0).all(axis=-1) & (points < height.shape).all(axis=-1)
    row, column = points[wet].T
    canvas[row, column] = colour + 0.06 * np.broadcast_to(hair, wet.shape)[wet][:, None]
    rim = 1.2 * across**8 + 7.5 * np.maximum(along - 0.9, 0)  # paint pushed aside
    height[row, column] = (0.5 * hair + rim)[wet] + rng.uniform(0, 1.5)


def brush_strokes(rng):
    """Layers of curved strokes from broad to fine, then light on the paint."""
    x, y = grid(768, 600)
    size = np.array(x.shape)
    canvas, height = np.zeros((*size, 3)), np.zeros(size)
    layers = [(64, 330, 4), (38, 260, 3), (24, 200, 2), (13, 90, 0.7)]
    for depth, rgb, stream in sunset(x, y, rng):
        canvas[depth > 0] = rgb[depth > 0]  # a thin wash: no bare canvas
        for width, length, cover in layers:
            count = int(cover * x.size / (width * length))
            starts = rng.uniform(-0.1, 1.1, (count, 2)) * size
            row, column = np.clip(starts, 0, size - 1).astype(int).T
            starts = starts[depth[row, column] > 0.15 * width / size[0]]
            for path in follow(stream, starts, length):
                spot = path[length // 2] + rng.normal(0, 0.4 * width, 2)
                row, column = np.clip(spot, 0, size - 1).astype(int)
                shade = rng.normal(0, 0.04) + rng.normal(0, 0.03, 3)
                stroke(canvas, height, path, width, rgb[row, column] + shade, rng)
    return relief(canvas, height, 0.6)


# Mosaic: tiles that line up with the outlines of a sun, hills and leaves.

DUSK = "#f6d9a0 #ee9a62 #cf4f63 #8d2f66 #54245f #2c1a4a"
FIRE = "#c9352b #ee7a2c #f9b934 #ffe596"
FRESH = "#0f3f33 #1f7a45 #7fbf3f #eee36e"


def garden(x, y):
    """Shapes back to front: signed distance, tone in [0, 1], palette, tile size."""
    ring = np.hypot(x - 0.50, y - 0.27)
    rays = np.cos(12 * np.arctan2(y - 0.27, x - 0.50))
    yield ring - 9, 0.02 + 1.75 * (ring - 0.18) + 0.14 * np.sin(75 * ring), DUSK, 13
    yield ring - 0.205 - 0.022 * rays, 0.12, FIRE, 10
    yield ring - 0.165, 1.1 - 4.5 * ring, FIRE, 11
    for cx, cy, radius, palette in [
        (1.02, 1.10, 0.52, "#0c3b52 #1b7f86 #8fd6bd"),
        (-0.10, 1.25, 0.62, "#152a6b #2468b4 #86cfe6"),
        (0.62, 1.52, 0.66, "#0c3b52 #16907f #c5e6a0"),
    ]:
        edge = np.hypot(x - cx, y - cy) - radius
        yield edge, 0.5 + 0.5 * np.cos(75 * edge), palette, 13
    for cx, cy, angle, length in [
        (0.13, 0.63, -2.05, 0.42),
        (0.37, 0.83, -0.75, 0.40),
        (0.10, 0.84, -2.45, 0.32),
        (0.25, 0.71, -1.30, 0.46),
    ]:
        u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)  # along the midrib
        v = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        edge = np.hypot(u, np.abs(v) + 0.60 * length) - 0.78 * length  # two arcs meet
        yield np.maximum(edge, v), 0.80 + 0.5 * u / length, FRESH, 10
        yield np.maximum(edge, -v), 0.28 + 0.5 * u / length, FRESH, 10


def nearest_seed(seeds, label, turn, region, reach):
    """The nearest seed of a pixel's region, in a square distance turned per seed."""
    best = np.full(region.shape, np.inf)
    owner = np.zeros(region.shape, int)
    for k, (row, column) in enumerate(seeds):
        top, left = max(0, int(row) - reach), max(0, int(column) - reach)
        window = np.s_[top : int(row) + reach, left : int(column) + reach]
        height, width = region[window].shape
        down = np.arange(top, top + height)[:, None] - row
        right = np.arange(left, left + width) - column
        c, s = np.cos(turn[k]), np.sin(turn[k])
        distance = np.maximum(abs(c * right + s * down), abs(c * down - s * right))
        closer = (distance < best[window]) & (region[window] == label[k])
        best[window][closer] = distance[closer]
        owner[window][closer] = k
    return owner


def tile_means(fields, owner, count):
    """The mean of each field over each tile, `(count, len(fields))`."""
    area = np.maximum(np.bincount(owner.ravel(), minlength=count), 1)
    sums = [np.bincount(owner.ravel(), field.ravel(), count) for field in fields]
    return np.stack(sums, axis=1) / area[:, None]


def mosaic(rng):
    """Square Voronoi cells turned along the outlines, set in grout."""
    x, y = grid(600, 768)
    region, rgb = np.zeros(x.shape, int), np.zeros((*x.shape, 3))
    angle, chance = np.zeros(x.shape), np.zeros(x.shape)
    for label, (edge, tone, palette, size) in enumerate(garden(x, y)):
        inside = edge < 0
        region[inside] = label
        rgb[inside] = ramp(tone + 0 * x, palette)[inside]
        angle[inside] = np.arctan2(*np.gradient(edge))[inside]
        chance[inside] = 1 / (size * SCALE) ** 2

    # Lloyd's relaxation: each seed moves to the centre of its cell.
    seeds = np.argwhere(rng.random(x.shape) < chance)
    label = region[tuple(seeds.T)]
    for _ in range(12):
        turn = angle[tuple(seeds.astype(int).T)]
        owner = nearest_seed(seeds, label, turn, region, reach=24 * SCALE)
        seeds = tile_means(np.indices(x.shape), owner, len(seeds))

    tile = tile_means(np.moveaxis(rgb, -1, 0), owner, len(seeds))
    tile = tile * rng.normal(1, 0.10, (len(tile), 1)) + rng.normal(0, 0.025, tile.shape)
    joint = (owner != np.roll(owner, 1, axis=0)) | (owner != np.roll(owner, 1, axis=1))
    joint = blur(joint, 1.1 * SCALE)
    stone = tile[owner] * (1 + 0.05 * noise(rng, x.shape, 300)[..., None])
    stone = relief(stone, -blur(joint, 0.8 * SCALE), 9)
    grout = ramp(0.5 + 0.5 * noise(rng, x.shape, 300), "#2a2226 #463a3c")
    return np.where(joint[..., None] > 0.13, grout, stone)


# Woodcut: striped waves that coil like ferns, cut in few flat tones.

PAPER, INK, SUN = "#f3e7cb", "#141c38", "#d6452c"
WATER = [PAPER, "#2a5290", "#1f3a78", "#7fb0b8", "#2a5290", "#1b2c62", "#4a7fae"]
BACK = [(-2.1, -0.5), (-1.2, -0.2), (-0.65, 0.75), (0.12, 1.09), (0.45, 1.09)]
FACE = [(1.7, -0.5), (0.4, -0.35), (-0.18, 0.3), (0.2, 0.80), (0.45, 0.80)]
CLAW = [(-0.6, -0.1), (-0.4, 0.9), (0.6, 1.6), (1.6, 0.6), (0.5, 0.9), (0.6, -0.1)]


def fill(image, points, colour):
    """A flat shape; points (x, y) in units of the height."""
    points = np.asarray(points) * image.height
    ImageDraw.Draw(image).polygon([tuple(point) for point in points], fill=colour)


def carve(image, path, width, colour=INK):
    """A line as a gouge leaves it: `width`, a number or one per point, tapers off."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.hypot(*tangent.T)[:, None] + 1e-9
    taper = np.sin(np.linspace(0, np.pi, len(path))) ** 0.4
    side = (taper * width / 2)[:, None] * tangent[:, ::-1] * [1, -1]
    fill(image, np.concatenate([path + side, (path - side)[::-1]]), colour)


def spiral(x, y, outer, inner, turns):
    """From (x, y + outer) inwards; a circle when the two radii are equal."""
    t = np.linspace(0, 1, 200)[:, None]
    angle = 2 * np.pi * turns * t
    radius = outer + (inner - outer) * t
    return [x, y] + radius * np.hstack([np.sin(angle), np.cos(angle)])


def curve(points):
    """Round off a polyline by cutting its corners (Chaikin)."""
    points = np.array(points)
    for _ in range(5):
        a, b = points[:-1], points[1:]
        cut = np.stack([0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b], axis=1)
        points = np.concatenate([points[:1], cut.reshape(-1, 2), points[-1:]])
    return points


def wave(image, x, y, size, rng):
    """Claws of foam behind, then stripes from the back of the wave to its face."""
    back = np.concatenate([curve(BACK), spiral(0.45, 0.62, 0.47, 0.01, 1.5)])
    face = np.concatenate([curve(FACE), spiral(0.45, 0.62, 0.18, 0.01, 1.5)])
    back, face = ([x, y] + line * [size, -size] for line in (back, face))

    arc = np.hypot(*np.diff(back, axis=0).T).cumsum() / size
    for k in np.searchsorted(arc, np.arange(arc[275], arc[50], -0.085 / size**0.25)):
        forward = (back[k + 1] - back[k - 1]) / np.hypot(*(back[k + 1] - back[k - 1]))
        outward = forward[::-1] * [1, -1]
        length = size * rng.uniform(0.07, 0.12) * (1 - abs(k - 160) / 200)
        claw = back[k] + length * curve(CLAW) @ [forward, outward]
        fill(image, claw, PAPER)
        carve(image, claw, 0.008 * size**0.5)
        drop = back[k] + rng.uniform(0.1, 0.3) * size * outward
        radius = 0.012 * size * rng.random()
        fill(image, spiral(*drop, radius, radius, 1), PAPER)

    stripes = [back + t * (face - back) for t in np.linspace(0, 1, 4 + int(14 * size))]
    gap = np.hypot(*(stripes[1] - stripes[0]).T)
    for k, (one, other) in enumerate(pairwise(stripes)):
        fill(image, np.concatenate([one, other[::-1]]), WATER[k % len(WATER)])
        carve(image, (one + other) / 2, 0.12 * gap, PAPER)
    for stripe in stripes:
        carve(image, stripe, np.minimum(0.3 * gap, 0.010 * size**0.5))


def sea(image, y, height, phase):
    """A swell in front: parallel lines that follow its crests down."""
    x = np.linspace(-0.05, 1.35, 400)
    for k, depth in enumerate(np.arange(0, 1.05 - y, 0.7 * height)):
        crest = y + depth + height * np.abs(np.sin(8 * x + phase + 2 * depth))
        line = np.stack([x, crest], axis=1)
        fill(image, [*line, (1.35, 1.1), (-0.05, 1.1)], WATER[k % len(WATER)])
        carve(image, line, 0.2 * height)


def woodcut_waves(rng):
    """Sky, sun and rows of waves, back to front, then the grain of the paper."""
    _, y = grid(768, 600)
    sky = ramp(y / 0.62, "#8fb9bd #e9e0c4 #f3e7cb #f0b98a")
    image = Image.fromarray((255 * sky).astype("uint8"))
    x = np.linspace(-0.1, 1.4, 300)
    for level in np.arange(0, 0.6, 0.016):
        line = np.stack([x, level + 0.006 * np.sin(7 * x + 9 * level)], axis=1)
        carve(image, line, 0.013 * (1 - level / 0.6), "#22407c")
    fill(image, spiral(0.97, 0.26, 0.19, 0.19, 1), SUN)
    for left, level in [(0.80, 0.33), (0.95, 0.36), (-0.15, 0.10)]:
        x = np.linspace(left, left + 0.4, 100)
        cloud = np.stack([x, level + 0.008 * np.sin(20 * x)], axis=1)
        carve(image, cloud, 0.030)
        carve(image, cloud, 0.022, PAPER)

    for level, height, phase, waves in [
        (0.60, 0.015, 0.0, [(1.18, 0.62, 0.11), (0.97, 0.63, 0.14)]),
        (0.69, 0.020, 2.0, []),
        (0.80, 0.028, 4.0, [(0.32, 0.86, 0.66)]),
        (0.88, 0.036, 1.0, [(0.94, 0.98, 0.34)]),
        (0.94, 0.040, 3.0, []),
    ]:
        sea(image, level, height, phase)
        for place in waves:
            wave(image, *place, rng)

    fibre = noise(rng, y.shape, 150, stretch=30) + noise(rng, y.shape, 500)
    worn = np.clip(0.08 + 0.12 * fibre, 0, 1)[..., None]
    return np.asarray(image) / 255 * (1 - worn) + worn * ramp(0, PAPER)


# Candy: lollipops, swirled and outlined, on ribbons of sugar.

SUGAR = "#f7b7c8 #fdf0d5 #8fd3d1 #f6d04d #e8618c #fdf0d5 #3fa7b5"
OUTLINE = "#3a1430"
SWEETS = [
    "#e4293b #fff3e0 #f59b2c #fff3e0",
    "#e8407e #ffd6e3 #7a2b8f #ffd6e3",
    "#1c8fb0 #eafaf4 #35b48a #f8e26b",
    "#f59b2c #fdf0a8 #e4293b #f8e26b",
    "#6b3fa0 #f5c7e8 #2f6fc4 #d9f0fa",
]


def ribbons(x, y, rng):
    """Bands of colour that run around each other, a dark line between two of them."""
    stream = y + 0.05 * np.sin(6 * x) + 0.10 * noise(rng, x.shape, 3)
    for _ in range(7):
        cx, cy = rng.uniform(0, 1.28), rng.uniform(0, 1)
        stream += rng.uniform(-0.3, 0.3) * bell(x, y, cx, cy, rng.uniform(0.1, 0.3))
    band = 26 * stream
    colours = np.array([ImageColor.getrgb(colour) for colour in SUGAR.split()])
    rgb = colours[np.floor(band).astype(int) % len(colours)] / 255
    line = np.abs(band - np.rint(band)) < 0.07
    shade = 0.06 * np.sin(2 * np.pi * band)[..., None]
    return np.where(line[..., None], ramp(0, OUTLINE), rgb + shade)


def lollipop(image, x, y, radius, colours, turn):
    """Arms that swirl to the centre, a thick outline, a stick and a gleam."""
    stick = np.array([(x, y), (x + 0.3 * radius * turn, y + 2.6 * radius)])
    stick = np.linspace(*stick, 60)
    carve(image, stick, 0.24 * radius, OUTLINE)
    carve(image, stick, 0.15 * radius, "#fff3e0")
    fill(image, spiral(x, y, radius, radius, 1), OUTLINE)
    t = np.linspace(0, 1, 60)[:, None]
    arms = 3 * len(colours)
    for k in range(arms):
        edges = []
        for start in (k, k + 1):
            angle = 2 * np.pi * start / arms + turn * 2.6 * (1 - t)
            around = np.hstack([np.cos(angle), np.sin(angle)])
            edges.append([x, y] + 0.97 * radius * t * around)
        fill(
            image, np.concatenate([edges[0], edges[1][::-1]]), colours[k % len(colours)]
        )
        carve(image, edges[0], 0.05 * radius, OUTLINE)
    box = image.height * np.array([x - radius, y - radius, x + radius, y + radius])
    rim = {"outline": OUTLINE, "width": int(0.1 * radius * image.height)}
    ImageDraw.Draw(image).ellipse(list(box), **rim)
    gleam = np.linspace(3.5, 4.5, 40)[:, None]
    gleam = [x, y] + 0.72 * radius * np.hstack([np.cos(gleam), np.sin(gleam)])
    carve(image, gleam, 0.10 * radius, "#ffffff")


def candy(rng):
    """Lollipops from large to small, wherever there is room."""
    x, y = grid(768, 600)
    image = Image.fromarray((255 * np.clip(ribbons(x, y, rng), 0, 1)).astype("uint8"))
    placed = []
    for radius in [0.17] * 60 + [0.11] * 200 + [0.065] * 500 + [0.035] * 900:
        cx, cy = rng.uniform(-0.05, 1.33), rng.uniform(-0.05, 1.05)
        if all(np.hypot(cx - a, cy - b) > 1.08 * (radius + r) for a, b, r in placed):
            placed.append((cx, cy, radius))
    for cx, cy, radius in sorted(placed, key=lambda sweet: sweet[1]):
        colours = SWEETS[rng.integers(len(SWEETS))].split()
        lollipop(image, cx, cy, radius, colours, rng.choice([-1, 1]))
    return np.asarray(image) / 255 + 0.03 * noise(rng, y.shape, 400)[..., None]


# Feathers: barb beside barb along a bent shaft, banded, some with an eye.

NIGHT = "#101826"
PLUMAGE = [
    "#0d2b45 #15616d #2ec4b6 #f4e9cd #15616d #0d2b45",
    "#4a1526 #a4243b #ef8354 #f7d08a #a4243b #4a1526",
    "#1b1b3a #693668 #a74482 #f84aa7 #f5b0cb #693668",
    "#0b3d2e #3a7d44 #9dc45f #f1e9a0 #2f6b4f #0b3d2e",
    "#2b2d42 #c98b2e #f2c14e #fdf1c7 #8d5524 #2b2d42",
]


def feather(image, x, y, length, angle, palette, rng):
    """From the quill at (x, y): barbs from the tip down, then shaft and eye."""
    t = np.linspace(0, 1, 120)
    heading = angle + rng.uniform(-0.7, 0.7) * t
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * length / len(t)
    shaft = [x, y] + np.cumsum(steps, axis=0)
    vane = 0.20 * length * np.sin(np.pi * np.clip(1.12 * t - 0.12, 0, 1) ** 0.75) ** 0.7
    reach = np.linspace(0, 1, 14)[:, None]
    bands = rng.integers(2, 6)
    for k in range(8, len(t)):
        forward = np.array([np.cos(heading[k]), np.sin(heading[k])])
        for side in (-1, 1):
            outward = side * forward[::-1] * [-1, 1]
            barb = shaft[k] + vane[k] * (reach * outward + 0.9 * reach**1.5 * forward)
            tone = (bands * t[k] + rng.normal(0, 0.04)) % 1
            colour = 255 * np.clip(ramp(tone, palette) + rng.normal(0, 0.05), 0, 1)
            carve(image, barb, 0.016 * length, tuple(colour.astype(int)))
            if k % 3 == 0:
                carve(image, barb, 0.003 * length, NIGHT)
    carve(image, shaft, 0.018 * length, NIGHT)
    carve(image, shaft, 0.009 * length, "#f6ead0")
    if rng.random() < 0.4:
        for radius, tone in [(0.085, 0.0), (0.065, 0.45), (0.045, 0.75), (0.022, 0.1)]:
            colour = 255 * ramp(tone, palette)
            spot = spiral(*shaft[86], radius * length, radius * length, 1)
            fill(image, spot, tuple(colour.astype(int)))


def feathers(rng):
    """Rows of feathers, each lying over the quills of the row before."""
    _, y = grid(600, 768)
    image = Image.new("RGB", y.shape[::-1], NIGHT)
    for level in np.arange(-0.10, 1.35, 0.105):
        for left in np.arange(-0.1, 0.9, 0.10) + rng.uniform(-0.04, 0.04, 10):
            length = rng.uniform(0.28, 0.46)
            palette = PLUMAGE[rng.integers(len(PLUMAGE))]
            angle = -np.pi / 2 + rng.normal(0, 0.45)
            feather(
                image,
                left,
                level + rng.uniform(-0.04, 0.04),
                length,
                angle,
                palette,
                rng,
            )
    return np.asarray(image) / 255 + 0.03 * noise(rng, y.shape, 400)[..., None]


PICTURES = [brush_strokes, mosaic, woodcut_waves, candy, feathers]


def main(folder=Path(__file__).parent):
    """Paint each picture from its own seed, reduce it and write it as a JPEG."""
    for seed, paint in enumerate(PICTURES):
        rgb = np.clip(paint(np.random.default_rng(seed)), 0, 1)
        image = Image.fromarray((255 * rgb).astype("uint8"))
        image.thumbnail((768, 768), Image.LANCZOS)
        image.save(Path(folder) / f"{paint.__name__}.jpg", quality=90, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Masks that a network finds: regions of a photograph, and the like ones of a painting.

    photo_masks, painting_masks = regions("photo.jpg", "painting.jpg", 3)

Positions of both pictures in which the network sees the same kinds of things fall into
one region: sky to sky, ground to ground. It has no names for them.
"""

import numpy as np
import tensorflow as tf

from nst_tf.features import SLIM
from nst_tf.images import Picture, load_image
from nst_tf.realism import guided_filter
from nst_tf.settings import check_seed
from nst_tf.targets import kept_extractor

LAYERS = ("block3_conv1", "block4_conv1", "block5_conv1")
GRID = "block4_conv1"  # the layer whose positions are put into regions
SIZE = 512  # pixels of both pictures' long edges
DIRECTIONS = 24  # of most variance, in which positions are compared
PLACE = 0.6  # how much it counts where a position is, beside what is seen there
LEAST = 0.03  # share of each picture that a region has at least
ROUNDS = 40  # of Lloyd's algorithm
SOFT, EDGE = 1 / 40, 1e-4  # radius by long edge and epsilon of the guided filter


def _points(image, extractor):
    """What is seen at each position of the grid, `(h, w, N)`."""
    found = extractor(image)
    shape = found[GRID].shape[1:3]
    features = [
        tf.image.resize(found[layer], shape, antialias=True) for layer in LAYERS
    ]
    return tf.concat(features, -1)[0].numpy()


def _compared(points):
    """Both pictures' positions, `(M, D)`, as they are compared.

    Each picture's own mean and deviation are taken out first, as a painting is unlike a
    photograph everywhere.
    """
    parts = [np.sqrt(np.abs(p.reshape(-1, p.shape[-1]))) for p in points]
    x = np.concatenate([(x - x.mean(0)) / (x.std(0) + 1e-6) for x in parts])
    _, vectors = np.linalg.eigh(x.T @ x)
    x = x @ vectors[:, -DIRECTIONS:]
    x /= x.std()
    places = [_places(p.shape[:2]) for p in points]
    return np.hstack([x, PLACE * np.sqrt(DIRECTIONS) * np.concatenate(places)])


def _places(shape):
    """Where each position is, `(M, 1)`: its height, from -1 to 1, as sky is above."""
    rows = np.linspace(-1, 1, shape[0])
    return np.repeat(rows, shape[1])[:, None]


def _distances(x, centres):
    return ((x[:, None] - centres[None]) ** 2).sum(-1)


def _first_centres(rng, x, k):
    """k of the points, each drawn by its distance from the others (k-means++)."""
    centres = x[[rng.integers(len(x))]]
    while len(centres) < k:
        far = _distances(x, centres).min(1)
        centres = np.vstack([centres, x[rng.choice(len(x), p=far / far.sum())]])
    return centres


def _clusters(x, k, in_photo, seed):
    """Labels `(M,)` of at most k clusters, each with a share of both pictures.

    k-means; a cluster with too little of one picture is given up.
    """
    centres = _first_centres(np.random.default_rng(seed), x, k)
    while True:
        for _ in range(ROUNDS):
            labels = _distances(x, centres).argmin(1)
            used = [k for k in range(len(centres)) if (labels == k).any()]
            moved = np.array([x[labels == k].mean(0) for k in used])
            if moved.shape == centres.shape and np.allclose(moved, centres):
                break
            centres = moved
        labels = _distances(x, centres).argmin(1)
        shares = [
            min((labels[part] == k).mean() for part in (in_photo, ~in_photo))
            for k in range(len(centres))
        ]
        if len(centres) == 1 or min(shares) >= LEAST:
            return labels
        centres = np.delete(centres, np.argmin(shares), axis=0)


def _masks(labels, image, shape):
    """`(H, W)` float32 in [0, 1] for each label, with the edges of the image."""
    image = image[0].numpy()
    grid = labels.reshape(shape)
    one_hot = np.float32(grid[:, :, None] == np.arange(labels.max() + 1))
    large = tf.image.resize(one_hot[None], image.shape[:2], "bilinear")[0].numpy()
    radius = max(1, round(SOFT * max(image.shape[:2])))
    soft = np.clip(guided_filter(large, image, radius, EDGE), 0, 1)
    soft /= np.maximum(soft.sum(-1, keepdims=True), 1e-6)
    return list(np.moveaxis(soft, -1, 0))


def regions(
    photo: Picture, painting: Picture, k: int = 3, *, seed: int = 0
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Regions of a photograph, and the like ones of a painting.

    Args:
        photo, painting: as `load_image` takes them.
        k: how many; there are fewer if a region would be missing in one of the two.
        seed: of the first guess.

    Returns:
        Two lists of masks, `(H, W)` float32 in [0, 1] with long edges of 512 pixels:
        `content_masks` and `style_masks` of `style_transfer`. Both begin with the
        region that is the largest in the photograph.

    Raises:
        ValueError: not pictures, or k is less than 1.

    Example:

    >>> photo_masks, painting_masks = regions("photo.jpg", "painting.jpg", 2)
    >>> len(photo_masks) == len(painting_masks) <= 2
    True
    """
    if not isinstance(k, int) or k < 1:
        raise ValueError(f"k: {k!r}; wanted a whole number of at least 1")
    check_seed(seed)
    images = [load_image(x, SIZE, min_side=32) for x in (photo, painting)]
    extractor = kept_extractor(SLIM, LAYERS)
    points = [_points(image, extractor) for image in images]
    shapes = [p.shape[:2] for p in points]
    count = np.prod(shapes[0])
    x = _compared(points)
    labels = _clusters(x, k, np.arange(len(x)) < count, seed)
    order = np.argsort(-np.bincount(labels[:count]))
    labels = np.argsort(order)[labels]
    parts = labels[:count], labels[count:]
    found = [
        _masks(part, image, shape)
        for part, image, shape in zip(parts, images, shapes, strict=True)
    ]
    return found[0], found[1]

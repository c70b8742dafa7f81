"""A picture in a second: the fast network, its named styles, and any painting.

    fast_style_transfer("photo.jpg", "starry_night").save("out.png")

The network has learnt to guess the picture that `style_transfer` finds step by step:
`nst_tf/weights/train_fast.py` taught it the same loss, eq. 7. A style is a vector, and
whatever is given as a style becomes one: a name, several names with weights, a
painting, from which the vector is predicted, or a `FastStyle` that `fit_style` learnt.
"""

import difflib
import functools
import itertools
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import keras
import numpy as np
import tensorflow as tf

from nst_tf import feedforward
from nst_tf.color import match_colors, with_colors_of
from nst_tf.crops import random_crops, read_pictures
from nst_tf.features import SLIM, WEIGHTS
from nst_tf.guides import Masks, View, as_masks, load_masks, shared, with_alpha
from nst_tf.images import Picture, load_image, resize, write_atomically
from nst_tf.losses import TotalLoss
from nst_tf.results import HISTORY, Result
from nst_tf.settings import as_json, check_color
from nst_tf.sources import name_of
from nst_tf.targets import STYLE_LAYERS, Style, fingerprint, kept_extractor

FILE = WEIGHTS / "fast.npz"
PAINTING_SIZE = 512  # pixels of a painting's long edge, as in training
SMALLEST = 24  # pixels: a quarter of it must be larger than what is mirrored around it
WHOLE = 3_000_000  # pixels: a larger picture is painted in parts
PART = 1024  # pixels of a part's side, a multiple of 4
MOMENTS = 1024  # pixels of the copy by which all parts are normalised
CROP, CROPS = 192, 4  # pixels and number of the crops that a style is learnt from
RATE = 0.01  # of Adam, for a style's numbers
REACH = 64  # pixels that the network sees beyond its own, rounded up to 4


# The network, read once


@dataclass(frozen=True, eq=False)
class Fast:
    """The painter, the predictor of its styles, and the styles that have a name.

    Attributes:
        painter, predictor: see `feedforward`.
        styles: `{name: vector}`.
        photograph: the vector of the style that changes nothing.
        about: `{name: the painting, its painter, and why it is free}`.
    """

    painter: keras.Model
    predictor: keras.Model
    styles: dict[str, np.ndarray]
    photograph: np.ndarray
    about: dict[str, str]

    @functools.cached_property
    def paint(self):
        """The painter as one function: photograph, style -> picture in [0, 1]."""
        return _as_function(self.painter)

    @functools.cached_property
    def paint_part(self):
        """The painter of parts: photograph, style, moments -> picture in [0, 1]."""
        painter = feedforward.painter(part=True)
        painter.set_weights(self.painter.get_weights())
        return _as_function(painter)

    @functools.cached_property
    def moments(self):
        """What the painter normalises by: photograph, style -> moments."""
        model = feedforward.moments(self.painter)
        return tf.function(
            lambda *inputs: model(inputs), autograph=False, reduce_retracing=True
        )


def _as_function(painter):
    @tf.function(autograph=False, reduce_retracing=True)
    def paint(*inputs):
        return tf.clip_by_value(painter(inputs), 0.0, 1.0)

    return paint


@functools.lru_cache(maxsize=1)
def fast_network() -> Fast:
    """The network that ships with the package; its file is read once."""
    with np.load(FILE) as file:
        about = json.loads(str(file["about"]))
        arrays = {name: file[name] for name in file.files if name != "about"}
    statistics, _ = arrays["predictor/dense1/kernel"].shape
    models = feedforward.painter(), feedforward.predictor(statistics)
    for model in models:
        for weight in model.weights:
            weight.assign(arrays[f"{model.name}/{weight.path}"])
    models[1].get_layer("standard").finalize_state()  # now it uses what was assigned
    vectors, photograph = (
        arrays[n].astype("float32") for n in ("styles", "photograph")
    )
    return Fast(*models, dict(zip(about, vectors, strict=True)), photograph, about)


def fast_styles() -> dict[str, str]:
    """The named styles: `{name: the painting, its painter, and why it is free}`."""
    return dict(fast_network().about)


# Styles


@dataclass(frozen=True, eq=False)
class FastStyle:
    """A style of the fast network, such as `fit_style` gives.

    Attributes:
        vector: `(S,)` float32, S as `feedforward.style_length` says.
        name: of the painting.
    """

    vector: np.ndarray
    name: str = ""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes it as an .npz of a few kilobytes."""
        style, name = self.vector.astype("float16"), np.array(self.name)

        def write(file):
            np.savez_compressed(file, style=style, name=name)

        write_atomically(path, write)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> "FastStyle":
        """Reads what `save` wrote.

        Raises:
            ValueError: no such file, not a style, or one of another network.
        """
        if not os.path.isfile(path):
            raise ValueError(f"style: there is no file {path}")
        try:
            with np.load(path, allow_pickle=False) as file:
                vector, name = file["style"].astype("float32"), str(file["name"])
        except Exception as error:  # it is damaged, in one of many ways
            raise ValueError(f"style: {path} holds no style ({error})") from error
        return FastStyle(_checked(vector), name)


AnyStyle: TypeAlias = Picture | dict | FastStyle  # names, too, are strings


def _checked(vector):
    """A vector of this network's length, or a `ValueError`."""
    vector = np.asarray(vector, "float32")
    wanted = feedforward.style_length()
    if vector.shape != (wanted,):
        raise ValueError(
            f"style: a vector of shape {vector.shape}; this network's have {wanted} "
            "numbers: was it made by another version?"
        )
    if not np.isfinite(vector).all():
        raise ValueError("style: some of its numbers are not finite")
    return vector


def blended(vectors: list[np.ndarray], weights: list[float]) -> np.ndarray:
    """The weighted mean of several styles' vectors, `(S,)` float32."""
    return np.average(vectors, axis=0, weights=weights).astype("float32")


def _blend(styles):
    """The weighted mean of several styles, `{style: weight}`."""
    weights = np.array(list(styles.values()), "float64")
    if not len(weights) or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise ValueError(
            f"style: weights {list(styles.values())}; wanted numbers of at least 0, "
            "not all 0"
        )
    return blended([style_vector(style) for style in styles], weights)


def _named(name):
    """The vector of a name, or a `ValueError` that guesses which was meant."""
    styles = fast_network().styles
    if name in styles:
        return styles[name]
    close = difflib.get_close_matches(name.lower().replace(" ", "_"), styles, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"There are {', '.join(styles)}."
    raise ValueError(
        f"style: {name!r} is neither the name of a style nor a file. {hint}"
    )


def _is_name(style):
    """Whether a string cannot be the path of a file or a URL."""
    if not isinstance(style, str):
        return False
    return not os.path.exists(style) and "." not in style and "/" not in style


def _is_vector(style):
    """Whether a style is a vector, or made of such, and no painting."""
    if isinstance(style, FastStyle | dict) or getattr(style, "ndim", None) == 1:
        return True
    is_file = isinstance(style, str | os.PathLike) and Path(style).suffix == ".npz"
    return is_file or _is_name(style)


def predict_style(painting: Picture) -> np.ndarray:
    """The vector of a painting, predicted from what the slim network sees in it.

    Args:
        painting: as `load_image` takes it.

    Returns:
        `(S,)` float32.

    Raises:
        ValueError: not a picture, or one that is too small.
    """
    image = load_image(painting, PAINTING_SIZE, min_side=16)
    features = kept_extractor(SLIM, STYLE_LAYERS, padding="reflect")(image)
    told = feedforward.statistics({layer: features[layer] for layer in STYLE_LAYERS})
    return fast_network().predictor(told).numpy()[0]


def style_vector(style: AnyStyle) -> np.ndarray:
    """A style as the vector that the network paints in.

    Args:
        style: a name from `fast_styles`, `{style: weight}`, a painting as `load_image`
            takes it, the .npz file of a `FastStyle`, a `FastStyle`, or a vector.

    Returns:
        `(S,)` float32.

    Raises:
        ValueError: an unknown name, no picture, or a vector of another network.
    """
    if isinstance(style, FastStyle):
        return _checked(style.vector)
    if isinstance(style, dict):
        return _blend(style)
    if getattr(style, "ndim", None) == 1:
        return _checked(style)
    if _is_name(style):
        return _named(style)
    if isinstance(style, str | os.PathLike) and Path(style).suffix == ".npz":
        return FastStyle.load(style).vector
    return predict_style(style)


# Painting


def _in_parts(photo, style, network, moments):
    """A large picture, part by part, all normalised by the same moments."""
    height, width = photo.shape[1:3]
    picture = np.empty(photo.shape, "float32")
    for top in range(0, height, PART):
        for left in range(0, width, PART):
            rows = _with_reach(top, height)
            columns = _with_reach(left, width)
            part = network.paint_part(photo[:, rows, columns], style, moments)
            part = part[:, top - rows.start :, left - columns.start :][:, :PART, :PART]
            picture[:, top : top + PART, left : left + PART] = part
    return picture


def _with_reach(start, end):
    """A part and what the network sees beyond it, as far as there is a picture."""
    return slice(max(0, start - REACH), min(end, start + PART + REACH))


def _check_sides(photo):
    height, width = photo.shape[1:3]
    if min(height, width) < SMALLEST:
        raise ValueError(
            f"picture: {width} x {height} pixels; the fast network needs at least "
            f"{SMALLEST} x {SMALLEST}"
        )


def fast_moments(photo: tf.Tensor, vector: np.ndarray) -> tf.Tensor:
    """What the network normalises a picture by, `(1, S - 3)`; of a large one, a copy.

    Args:
        photo: `(1, H, W, 3)` in [0, 1].
        vector: `(S,)`.

    Raises:
        ValueError: a side of less than 24 pixels.
    """
    _check_sides(photo)
    height, width = photo.shape[1:3]
    if height * width > WHOLE:
        scale = MOMENTS / max(height, width)
        photo = resize(photo, (round(height * scale), round(width * scale)))
    return fast_network().moments(photo, tf.constant(vector[None]))


def fast_paint(
    photo: tf.Tensor, vector: np.ndarray, moments: tf.Tensor | None = None
) -> tf.Tensor:
    """One pass of the network.

    Args:
        photo: `(1, H, W, 3)` in [0, 1].
        vector: `(S,)`.
        moments: those of another picture, from `fast_moments`. Default: its own.

    Returns:
        `(1, H, W, 3)` in [0, 1].

    Raises:
        ValueError: a side of less than 24 pixels.
    """
    _check_sides(photo)
    network, style = fast_network(), tf.constant(vector[None])
    if photo.shape[1] * photo.shape[2] > WHOLE:
        moments = fast_moments(photo, vector) if moments is None else moments
        return _in_parts(photo, style, network, moments)
    if moments is None:
        return network.paint(photo, style)
    return network.paint_part(photo, style, moments)


def _at_strength(photo, vector, strength):
    """A picture on the way from the photograph, 0, to the style, 1.

    The vector is on the way from that of the style which changes nothing. What that one
    changes all the same is taken back, the more the nearer it is.
    """
    if strength == 1:
        return fast_paint(photo, vector)
    nothing = fast_network().photograph
    towards = nothing + np.float32(strength) * (vector - nothing)
    picture = np.asarray(photo) - np.asarray(fast_paint(photo, nothing))
    picture *= 1 - strength
    picture += np.asarray(fast_paint(photo, towards))
    return picture.clip(0, 1, out=picture)


def check_styles(styles: Sequence, masks: Sequence) -> None:
    """Raises a `ValueError` unless there is one style for each mask, or one for all."""
    if len(styles) not in (1, len(masks)):
        raise ValueError(
            f"style: {len(styles)} styles for {len(masks)} content_masks; wanted "
            "one for each mask, or one for all (a blend is a dict, {style: weight})"
        )


def style_vectors(styles, photo, masks=None, color="painting"):
    """A vector for each style; of paintings in the photograph's colours, if matched."""
    if color != "matched":
        return [style_vector(style) for style in styles]
    found = []
    for r, style in enumerate(styles):
        if _is_vector(style):
            raise ValueError(
                'color: "matched" recolours the painting, and needs one; '
                f"wanted a picture, not {as_json(style)}"
            )
        painting = load_image(style, PAINTING_SIZE, min_side=16)
        weights = masks[r] if masks is not None and len(styles) > 1 else None
        matched = match_colors(painting, photo, None, weights)
        found.append(predict_style(tf.clip_by_value(matched, 0.0, 1.0)))
    return found


def by_mask(pictures, photo, masks):
    """Pictures `(1, H, W, 3)`, each where its mask is white; elsewhere the photograph.

    One picture is in all places that are white in any mask.
    """
    if masks is None:
        return pictures[0]
    shares, painted = shared(masks)
    if len(pictures) == 1:
        return View(photo, painted)(pictures[0])
    parts = [share * picture for share, picture in zip(shares, pictures, strict=True)]
    return sum(parts) + (1 - painted) * photo


def fast_style_transfer(
    content_image: Picture,
    style: AnyStyle | list[AnyStyle],
    *,
    size: int | None = 1024,
    strength: float = 1.0,
    content_masks: Masks | None = None,
    color: str = "painting",
) -> Result:
    """Paints a photograph in one pass of a network (Johnson et al. 2016).

    Args:
        content_image: the photograph: a path, URL, `PIL.Image` or array.
        style: a name from `fast_styles`, `{name: weight}`, a painting, or what
            `fit_style` made; or a list, one for each mask.
        size: long edge of the result in pixels; full is the photograph's own; from
            Python None.
        strength: 0 is the photograph, 1 the painting.
        content_masks: where to paint, as in `style_transfer`. Each style is painted
            once, and seen where its mask is white.
        color: painting, matched or photo, as in `style_transfer`; matched for
            paintings only.

    Returns:
        A `Result`, without a history.

    Raises:
        ValueError: for anything that cannot work.

    Example:

    >>> result = fast_style_transfer("photo.jpg", "starry_night", size=48)
    >>> result.image.shape
    (32, 48, 3)
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength: {strength}; wanted a number from 0 to 1")
    check_color(color)
    styles = style if isinstance(style, list | tuple) else [style]
    masks = with_alpha(as_masks(content_masks), content_image)
    check_styles(styles, masks or [])
    photo = load_image(content_image, size, min_side=SMALLEST)
    masks = load_masks(masks, photo) if masks else None
    vectors = style_vectors(styles, photo, masks, color)
    given = [photo, *vectors] if masks is None else [photo, *vectors, masks]
    pictures = [_at_strength(photo, vector, strength) for vector in vectors]
    if color == "photo":
        pictures = [with_colors_of(picture, photo) for picture in pictures]
    names = [s.name if isinstance(s, FastStyle) else s for s in styles]
    settings = {
        "content_image": as_json(content_image),
        "style": as_json(names if len(names) > 1 else names[0]),
        "size": max(photo.shape[1:3]),
        "strength": strength,
        "content_masks": as_json(as_masks(content_masks)),
        "color": color,
        "network": "fast",
        "fingerprint": fingerprint(given),
    }
    state = {"image": by_mask(pictures, photo, masks)}
    return Result(state, {name: [] for name in HISTORY}, settings, complete=True)


# Learning a painting


def fit_style(
    painting: Picture,
    *,
    minutes: float = 3.0,
    steps: int | None = None,
    network: str = SLIM,
    content_weight: float = 0.08,
    seed: int = 0,
    callback: Callable[[int, float], None] | None = None,
) -> FastStyle:
    """Learns one painting's style: only the scales and shifts move, the network stays.

    It begins with what the predictor says, and lowers eq. 7 on crops of the package's
    three photographs with Adam.

    Args:
        painting: as `load_image` takes it.
        minutes: how long; ignored if `steps` are given.
        steps: how many steps of Adam, on four crops each.
        network: of the loss.
        content_weight: alpha; four times that of `style_transfer`, as in training.
        seed: of the crops.
        callback: is given the step and the loss after every step.

    Returns:
        A `FastStyle`.

    Raises:
        ValueError: not a picture, or minutes or steps that are not above zero.

    Example:

    >>> mine = fit_style("painting.jpg", steps=2)
    >>> mine.save("mine.npz")
    >>> fast_style_transfer("photo.jpg", "mine.npz", size=48).image.shape
    (32, 48, 3)
    """
    if not (minutes > 0 if steps is None else steps > 0):
        raise ValueError(f"minutes: {minutes}, steps: {steps}; wanted more than 0")
    vector = tf.Variable(predict_style(painting)[None])
    step = _lesson(painting, vector, network, content_weight)
    photos = read_pictures(WEIGHTS / "photos")
    crops = random_crops([photos], CROP, seed, color=0.2, noise=0.0)
    end, made = time.monotonic() + 60 * minutes, 0
    while made < steps if steps else time.monotonic() < end:
        loss = step(tf.stack(list(itertools.islice(crops, CROPS))))
        made += 1
        if callback:
            callback(made, float(loss))
    return FastStyle(vector.numpy()[0], name_of(painting))


def _lesson(painting, vector, network, content_weight):
    """A function of crops that moves `vector` one step of Adam, and gives the loss."""
    content_layer = "block4_conv2"
    extractor = kept_extractor(network, [content_layer, *STYLE_LAYERS])
    targets = Style(painting).targets(extractor, STYLE_LAYERS, PAINTING_SIZE)
    weights = dict.fromkeys(STYLE_LAYERS, 1 / len(STYLE_LAYERS))
    optimizer = keras.optimizers.Adam(RATE)
    optimizer.build([vector])
    painter = fast_network().painter

    @tf.function(autograph=False)
    def step(crops):
        P = {content_layer: extractor(crops)[content_layer]}
        loss = TotalLoss(extractor, P, targets, weights, content_weight, 1.0, 0.5)
        with tf.GradientTape() as tape:
            style = tf.repeat(vector, CROPS, axis=0)
            value = loss(painter([crops, style]))["total"]
            log = tf.math.log(value)
        optimizer.apply([tape.gradient(log, vector)])
        return value

    return step

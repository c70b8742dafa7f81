"""The run: sizes from coarse to fine, steps, a history, and how to resume."""

import contextlib
import dataclasses
import functools
import math
import os
import time
from collections.abc import Iterable

import keras
import numpy as np

from nst_tf.callbacks import Callback
from nst_tf.guides import Masks, check_masks, with_alpha
from nst_tf.images import Picture
from nst_tf.optimizers import OPTIMIZERS, descend
from nst_tf.results import HISTORY, VIEW, NotFiniteError, Result
from nst_tf.resume import check_continues, load_saved, with_saved
from nst_tf.settings import as_json, as_list, check_settings
from nst_tf.starts import enlarge, load_pictures, load_same_pictures
from nst_tf.targets import STYLE_LAYERS, Paintings, Style, extractor_of, total_loss

# What goes in


def _as_style(style_image, settings):
    if not isinstance(style_image, Style):
        return Style(style_image, settings.style_blend, settings.style_scale)
    for name in ("style_blend", "style_scale"):
        if getattr(settings, name) is not None:
            raise ValueError(f"{name}: leave it out; this `Style` has its own")
    return style_image


def _stages(pictures, style, settings):
    """For each size: size, steps, first image, edges, a function that makes its loss.

    Edges are the photograph that gives them back, or None.
    """
    names = ("content_weight", "style_weight", "tv_weight", "tile")
    names += ("content_layers", "style_layers", "content_masks", "style_masks", "color")
    options = {name: getattr(settings, name) for name in names}
    if settings.realistic and settings.color == "matched":
        options["color"] = "painting"  # the photograph has its colours already

    def make_loss(content, style_size):
        network = extractor_of(settings)
        return total_loss(content, style, network, style_size=style_size, **options)

    both = zip(pictures.contents, settings.style_sizes, strict=True)
    losses = [functools.partial(make_loss, *one) for one in both]
    edges = pictures.photos if settings.realistic else [None] * len(losses)
    plan = settings.size, settings.steps, pictures.firsts, edges, losses
    return list(zip(*plan, strict=True))


def _beginning(content_image, style, settings, pictures, saved):
    """The `Result` before the first step of this run."""
    made_with = {
        "content_image": as_json(content_image),
        "style_image": as_json(style.images),
        **settings.shaping(),
        "fingerprint": pictures.fingerprint(),
    }
    if saved:
        return Result(saved.state, saved.history, made_with)
    history = {name: [] for name in HISTORY}
    return Result({"image": pictures.firsts[0]}, history, made_with)


def _minimizer(optimizer):
    """`descend` or `lbfgs`, chosen by name or by a Keras optimizer."""
    if isinstance(optimizer, str):
        return OPTIMIZERS[optimizer]
    return functools.partial(descend, optimizer=optimizer)


# The run


def _finished(result, size, steps):
    """Whether a size is done: passed, with all its steps made, or converged."""
    sizes = result.history["size"]
    if not sizes or sizes[-1] < size:
        return False
    all_made = sizes.count(size) >= steps
    return sizes[-1] > size or all_made or bool(result.state.get("converged"))


def _not_finite(result, losses, size):
    return NotFiniteError(
        f"the loss is {losses['total']} at step {len(result.history['step']) + 1}, "
        f"size {size}; smaller weights or a smaller learning rate may help",
        result,
    )


def _steps(result, stages, minimize):
    """Moves the pixels through all stages, as `_stages` has them.

    Yields after every step. The result's state and history are replaced, never modified
    in place, so that the result is consistent at any time.
    """
    clock = time.perf_counter() - (result.history["seconds"] or [0.0])[-1]
    firsts = {size: first for size, _, first, *_ in stages}
    finest, most, *_ = stages[-1]
    good = result.state, result.history  # known to have a finite loss
    for size, steps, first, edges, make_loss in stages:
        if _finished(result, size, steps):
            continue
        sizes = result.history["size"]
        small = firsts[sizes[-1]] if sizes else first
        start = result.state | {"image": enlarge(result.state["image"], small, first)}
        loss = make_loss()
        view = {name: getattr(loss.view, name, None) for name in VIEW}
        view["edges"] = edges
        view = {name: array for name, array in view.items() if array is not None}
        for losses, state in minimize(loss, start, steps - sizes.count(size)):
            if not math.isfinite(losses["total"]):  # the previous step led here
                error = _not_finite(result, losses, size)
                result.state, result.history = good
                raise error
            if not np.isfinite(state["image"]).all():
                raise _not_finite(result, losses, size)
            good = result.state, result.history
            row = {"step": len(result.history["step"]) + 1, "size": size, **losses}
            row["seconds"] = time.perf_counter() - clock
            history = {k: [*values, row[k]] for k, values in result.history.items()}
            result.state, result.history = state | view, history
            result.complete = _finished(result, finest, most)
            yield
    result.complete = _finished(result, finest, most)


def _close(callbacks, result):
    """Closes every callback, even if others fail; returns their errors."""
    errors = []
    for callback in callbacks:
        try:
            if hasattr(callback, "close") and result.history["step"]:
                callback.close(result)
        except BaseException as error:
            errors.append(error)
    return errors


def _behind(error):
    """An error and those behind it, each once, though they may go in circles."""
    found = []
    while error and not any(error is one for one in found):
        found.append(error)
        error = error.__context__
    return found


def _chained(errors):
    """The first of several errors, with the others behind it as its context."""
    for error in errors[1:]:
        chain = _behind(errors[0])
        if not any(one is known for one in _behind(error) for known in chain):
            chain[-1].__context__ = error
    return errors[0]


def _run(result, stages, minimize, callbacks):
    """All the steps, watched by the callbacks; Ctrl-C ends them early.

    The first of several errors is raised, the run's own before those of closing
    callbacks. It carries the result so far.
    """
    errors = []
    try:
        for _ in _steps(result, stages, minimize):
            for callback in callbacks:
                callback(result)
    except KeyboardInterrupt as stop:
        if not result.history["step"]:
            errors.append(stop)
    except BaseException as error:
        errors.append(error)
    errors += _close(callbacks, result)
    if errors:
        if result.history["step"]:
            with contextlib.suppress(AttributeError):  # it may have one of its own
                errors[0].result = result
        raise _chained(errors)
    return result


def style_transfer(
    content_image: Picture | None = None,
    style_image: Paintings | None = None,
    *,
    size: int | list[int] | tuple[int, ...] = (256, 512),
    steps: int | list[int] = 100,
    style_size: int | None = None,
    style_scale: float | list[float] | None = None,
    style_blend: list[float] | None = None,
    content_weight: float = 0.02,
    style_weight: float = 1.0,
    tv_weight: float = 0.5,
    content_layers: str | list[str] = "block4_conv2",
    style_layers: str | list[str] | tuple[str, ...] | dict[str, float] = STYLE_LAYERS,
    content_masks: Masks | None = None,
    style_masks: Masks | None = None,
    color: str = "painting",
    realistic: bool = False,
    network: str | keras.Model = "vgg19",
    pooling: str = "avg",
    padding: str = "zeros",
    normalize: bool = True,
    weights: str = "imagenet",
    init: str | Picture = "content",
    seed: int = 0,
    optimizer: str | keras.optimizers.Optimizer = "lbfgs",
    tile: int | None = None,
    callbacks: Callback | Iterable[Callback] = (),
    resume: str | os.PathLike | None = None,
) -> Result:
    """Paints a photograph in the style of a painting (Gatys et al. 2016).

    Args:
        content_image: the photograph: a path, URL, `PIL.Image` or array.
        style_image: the painting, or a list of several; or a `Style`.
        size: long edge of the result in pixels; several sizes run from coarse to fine,
            which draws the larger strokes first.
        steps: how many at every size, or a number for each size; for L-BFGS these are
            evaluations of the loss and its gradient.
        style_size: long edge of the painting in pixels; its strokes grow with it.
            Default: the size of the result.
        style_scale: a factor of that size: less than 1 for smaller strokes, more for
            larger ones; or a factor for each painting. Default: 1.
        style_blend: weights of several paintings, such as 0.7 0.3. Default: equal.
        content_weight: alpha. More of it keeps more of the photograph: try 1e-4 to
            1e-1.
        style_weight: beta. Only alpha/beta matters, so that this can stay 1.
        tv_weight: weight of total variation; removes speckles, then detail: try 0 (as
            in the paper) to 2.
        content_layers: layers whose features follow the photograph.
        style_layers: layers whose Gram matrices follow the painting, all equally; or
            from Python a dict of layers and weights.
        content_masks: where to paint: a picture whose white is "here", whose grey is a
            little, and whose black stays the photograph; or alpha, the photograph's own
            transparency. Several masks: one painting for each, or one for all.
        style_masks: one for each of content_masks: which part of its painting counts;
            from Python None for all of it.
        color: whose colours: painting; matched, of a painting that is recoloured to the
            photograph first; or photo, of which only the luminance is painted.
        realistic: still a photograph: the result gets the photograph's edges back. Then
            it is the photograph that matched colours recolour, to the painting.
        network: vgg19, vgg19_slim (fast, no download) or vgg16; from Python also a
            Keras model: image -> features.
        pooling: avg, as in the paper, or max, as the network was trained.
        padding: what the network finds beyond the border: zeros, as it was trained, or
            reflect, a mirror of the picture.
        normalize: rescale the filters to a mean activation of one, as in the paper.
        weights: a file of weights, instead of the network's own.
        init: the first image: content, style, noise, fast (the picture that the fast
            network guesses), or a picture.
        seed: of the noise; the same seed gives the same picture.
        optimizer: lbfgs or adam; from Python also any Keras optimizer, such as
            `keras.optimizers.Adam(0.05)`, whose rate is in units of the pixels' range.
        tile: side of the tiles in which big pictures are computed, a multiple of 16
            pixels: less memory, more time, the same picture. Default: whole pictures
            while the free memory suffices, then tiles.
        callbacks: functions of the `Result` so far, called after every step: see
            `nst_tf.callbacks`.
        resume: a file written by the callback `checkpoint`; the run goes on from there.
            It has the pictures, for those that are left out, and the settings, for
            those that are left at their default. More steps and further sizes may be
            asked for: write `steps=[100]` to ask for the default.

    Returns:
        A `Result`. Ctrl-C (or a notebook's stop button) returns the one so far.

    Raises:
        ValueError: before the first step, for anything that cannot work.
        ConnectionError: the network's weights are missing and cannot be downloaded.
        NotFiniteError: the loss became infinite or NaN. This and any other error that
            ends a run, such as a callback's, carries the `result` so far.

    Example:

    >>> result = style_transfer("photo.jpg", "painting.jpg", size=48, steps=2)
    >>> result.image.shape
    (32, 48, 3)
    """
    keywords = {
        "size": size,
        "steps": steps,
        "style_size": style_size,
        "style_scale": style_scale,
        "style_blend": style_blend,
        "content_weight": content_weight,
        "style_weight": style_weight,
        "tv_weight": tv_weight,
        "content_layers": content_layers,
        "style_layers": style_layers,
        "content_masks": content_masks,
        "style_masks": style_masks,
        "color": color,
        "realistic": realistic,
        "network": network,
        "pooling": pooling,
        "padding": padding,
        "normalize": normalize,
        "weights": weights,
        "init": init,
        "seed": seed,
        "optimizer": optimizer,
        "tile": tile,
        "callbacks": callbacks,
    }
    saved = None if resume is None else load_saved(resume)
    if saved:
        content_image, style_image, keywords = with_saved(
            saved, (content_image, style_image), keywords, style_transfer.__kwdefaults__
        )
    if content_image is None or style_image is None:
        raise ValueError("picture: none; wanted a photograph and a painting")
    settings = check_settings(**keywords)
    style = _as_style(style_image, settings)
    both = {"style_blend": style.blend, "style_scale": style.scale}
    settings = dataclasses.replace(settings, **both)
    check_masks(settings.content_masks, settings.style_masks, len(style.images))
    if saved:
        steps = check_continues(saved, settings.shaping())
        settings = dataclasses.replace(settings, steps=steps)

    # The pictures come first: do not load the network to report a bad one.
    load = functools.partial(load_same_pictures, saved) if saved else load_pictures
    masks = with_alpha(settings.content_masks, content_image)
    with_masks = dataclasses.replace(settings, content_masks=masks)
    pictures = load(content_image, style, with_masks)
    result = _beginning(content_image, style, settings, pictures, saved)
    stages = _stages(pictures, style, with_masks)
    minimize = _minimizer(settings.optimizer)
    return _run(result, stages, minimize, settings.callbacks)


def reconstruct(
    image: Picture,
    layers: str | list[str],
    match: str = "content",
    *,
    init: str | Picture = "noise",
    tv_weight: float = 0.0,
    **settings,
) -> Result:
    """What a layer keeps of a picture, made visible (Gatys et al. 2016, figure 1).

    Args:
        image: the picture, as `style_transfer` takes it.
        layers: a layer or a list of them.
        match: `"content"` for a picture with the same features, eq. 1; `"style"` for
            one with the same Gram matrices, eq. 5: a texture.
        init: the first image, as in `style_transfer`.
        tv_weight: weight of total variation.
        **settings: the other keywords of `style_transfer`.

    Returns:
        A `Result`.

    Example:

    >>> texture = reconstruct("painting.jpg", "block1_conv1", "style", size=48, steps=2)
    """
    if match not in ("content", "style"):
        raise ValueError(f"match: {match!r} is none of ['content', 'style']")
    return style_transfer(
        image,
        image,
        init=init,
        content_layers=as_list(layers),
        style_layers=layers,
        content_weight=float(match == "content"),
        style_weight=float(match == "style"),
        tv_weight=tv_weight,
        **settings,
    )

"""The same transfer over a grid of settings: on one machine, or on many."""

import hashlib
import itertools
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from nst_tf.guides import as_masks, is_word
from nst_tf.images import Picture, load_image
from nst_tf.settings import INITS, as_json, as_list, check_settings
from nst_tf.targets import Paintings, Style, fingerprint
from nst_tf.transfer import style_transfer

DEFAULTS = style_transfer.__kwdefaults__


def _combinations(settings, fixed):
    """Every combination as keywords, all of them checked."""
    known = set(DEFAULTS) - {"resume"}
    for name in [*settings, *fixed]:
        if name not in known:
            raise ValueError(f"settings: {name!r} is none of {sorted(known)}")
    for name, values in settings.items():
        if name == "callbacks":
            raise ValueError("settings: callbacks are the same for all: callbacks=...")
        if name in fixed:
            raise ValueError(f"settings: {name} has values, and is given as fixed too")
        if not as_list(values):
            raise ValueError(f"settings: {name} has no values")
    combinations = [
        dict(zip(settings, values, strict=True))
        for values in itertools.product(*map(as_list, settings.values()))
    ]
    for setting in combinations:
        check_settings(**(DEFAULTS | fixed | setting))
    return combinations


def _identity(name, value):
    """What identifies a value, as JSON: of pictures and networks, their content."""
    if name == "init" and not (isinstance(value, str) and value in INITS):
        return fingerprint([load_image(value)])
    if name.endswith("_masks") and value is not None:
        masks = as_masks(value)
        return [m if is_word(m) else fingerprint([load_image(m)]) for m in masks]
    if isinstance(value, keras.Model):
        return fingerprint(value.get_weights())
    if name == "weights" and value != "imagenet":
        return fingerprint([np.fromfile(value, "uint8")])
    return as_json(value)


def _file_name(setting, keywords, pictures):
    """Words for people, then a hash of all that shapes the picture."""
    words = "_".join(f"{name}={value}" for name, value in as_json(setting).items())
    words = re.sub(r"[^\w.=-]+", "-", words)[:100].strip("-.")
    identity = {name: _identity(name, keywords[name]) for name in sorted(keywords)}
    del identity["callbacks"], identity["tile"]  # they do not change the picture
    digest = hashlib.sha256(json.dumps([identity, pictures]).encode())
    return f"{words}_{digest.hexdigest()[:8]}.png"


def _paint(job):
    """One setting, one file; an existing file is not painted again."""
    path, content_image, painting, keywords = job
    if path.exists():
        return
    result = style_transfer(content_image, painting, **keywords)
    if not result.complete:
        raise KeyboardInterrupt
    result.save(path)


def sweep(
    content_image: Picture,
    style_image: Paintings,
    settings: dict[str, Any],
    folder: str | os.PathLike[str] = "sweep",
    *,
    map: Callable = map,
    **fixed,
) -> list:
    """Paints one picture for every combination of settings, each into its own file.

    An existing file is not painted again: to go on with an interrupted sweep, call it
    again. With other settings, fixed ones included, or other pictures, a file has
    another name.

        settings = {"content_weight": [1e-3, 1e-1], "init": ["content", "noise"]}
        paths = nst.sweep("photo.jpg", "painting.jpg", settings)
        nst.figures.image_grid(paths, rows=[1e-3, 1e-1], columns=["content", "noise"])

    Args:
        content_image: the photograph, as `style_transfer` takes it.
        style_image: the painting, as `style_transfer` takes it.
        settings: `{name: values}` of its keywords.
        folder: where the PNG files go; made if it is not there.
        map: any function with the signature of the built-in one, such as the `map` of a
            `concurrent.futures` executor (with spawned processes: TensorFlow
            does not survive a fork), or of Dask's `Client.get_executor()`. Other
            machines must see the pictures and the folder under the same paths.
        **fixed: keywords that are the same for all. Callbacks see every run; in other
            processes they must be functions of a module.

    Returns:
        The paths, in lists within lists, one level for each name in `settings`:
        `paths[i][j]` has the first name's value i and the second name's value j.

    Raises:
        ValueError: before anything is painted, for settings that cannot work.
        NotFiniteError: for the first picture whose loss is not finite.

    Example:

    >>> paths = sweep("photo.jpg", "painting.jpg", {"seed": [0, 1]}, size=48, steps=2)
    >>> len(paths)
    2
    """
    combinations = _combinations(settings, fixed)
    style = style_image if isinstance(style_image, Style) else Style(style_image)
    pictures = fingerprint([load_image(p) for p in [content_image, *style.images]])
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)

    jobs = []
    for setting in combinations:
        keywords = fixed | setting
        path = folder / _file_name(
            setting, DEFAULTS | keywords, [pictures, style.blend, style.scale]
        )
        # One `Style` for all, so that its Gram matrices are computed once; not where
        # each has blend or scale of its own.
        own = {"style_blend", "style_scale"} & {*keywords}
        painting = style_image if own else style
        jobs.append((path, content_image, painting, keywords))
    list(map(_paint, jobs))
    paths = [path for path, *_ in jobs]
    if not all(path.exists() for path in paths):
        raise ValueError(
            "map: it returned before the pictures were there; wanted a function that "
            "waits for its results, as the built-in `map` does when it is read"
        )
    counts = [len(as_list(values)) for values in settings.values()]
    return np.array(paths, object).reshape(counts).tolist()

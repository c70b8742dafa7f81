"""The same transfer over a grid of settings: on one machine, or on many."""

import hashlib
import itertools
import json
import re
from pathlib import Path

import numpy as np

from nst_tf.images import load_image
from nst_tf.settings import as_json, as_list
from nst_tf.transfer import Style, fingerprint, style_transfer


def _check_names(names):
    known = set(style_transfer.__kwdefaults__) - {"resume"}
    for name in names:
        if name not in known:
            raise ValueError(f"settings: {name!r} is none of {sorted(known)}")


def _check_values(settings):
    """Lists of values, one for each name."""
    values = [as_list(value) for value in settings.values()]
    for name, several in zip(settings, values, strict=True):
        if not several:
            raise ValueError(f"settings: {name} has no values")
    return values


def _file_name(setting, everything):
    """A name for people, then one for the machine: any other setting changes it."""
    words = "_".join(f"{name}={value}" for name, value in as_json(setting).items())
    words = re.sub(r"[^\w.=-]+", "-", words)[:100].strip("-")
    digest = hashlib.sha256(json.dumps(everything, sort_keys=True).encode())
    return f"{words}_{digest.hexdigest()[:8]}.png"


def _paint(job):
    """One setting, one file; what is there already is not painted again."""
    path, content_image, style_image, keywords = job
    if path.exists():
        return
    result = style_transfer(content_image, style_image, **keywords)
    if not result.complete:
        raise KeyboardInterrupt
    result.save(path)


def sweep(content_image, style_image, settings, folder="sweep", *, map=map, **fixed):
    """Paints one picture for every combination of settings, each into its own file.

    A file that is there is not painted again, so that a sweep which was broken off goes
    on where it stopped: call it again. One that was made with other settings, fixed
    ones included, or from other pictures has another name.

        settings = {"content_weight": [1e-3, 1e-1], "init": ["content", "noise"]}
        paths = nst.sweep("photo.jpg", "painting.jpg", settings)
        nst.figures.image_grid(paths, rows=[1e-3, 1e-1], columns=["content", "noise"])

    Args:
        content_image: the photograph, as `style_transfer` takes it.
        style_image: the painting, as `style_transfer` takes it.
        settings: `{name: values}` of its keywords.
        folder: where the PNG files go; made if it is not there.
        map: any function with the signature of the built-in one, such as the `map` of a
            `concurrent.futures` executor, or of Dask's `Client.get_executor()`. Its
            workers must see the pictures and the folder under the same paths.
        **fixed: keywords that are the same for all.

    Returns:
        The paths, in lists within lists, one level for each name in `settings`:
        `paths[i][j]` has the first name's value i and the second name's value j.

    Raises:
        ValueError: before anything is painted, for an unknown name or no values.

    Example:

    >>> paths = sweep("photo.jpg", "painting.jpg", {"seed": [0, 1]}, size=48, steps=2)
    >>> len(paths)
    2
    """
    _check_names([*settings, *fixed])
    values = _check_values(settings)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    styles = style_image.images if isinstance(style_image, Style) else style_image
    pictures = [content_image, *(styles if isinstance(styles, list) else [styles])]
    everything = {"pictures": fingerprint([load_image(p) for p in pictures])}
    everything |= as_json(style_transfer.__kwdefaults__ | fixed)
    del everything["callbacks"]  # they only watch

    paths, jobs = [], []
    for combination in itertools.product(*values):
        setting = dict(zip(settings, combination, strict=True))
        paths.append(folder / _file_name(setting, everything | as_json(setting)))
        jobs.append((paths[-1], content_image, style_image, fixed | setting))
    list(map(_paint, jobs))
    if not all(path.exists() for path in paths):
        raise ValueError(
            "map: it came back before the pictures were there; wanted a function that "
            "waits for its results, as the built-in `map` does when it is read"
        )
    return np.array(paths, object).reshape([len(v) for v in values]).tolist()

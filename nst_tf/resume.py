"""Resuming: what a checkpoint brings to a run, and what must not contradict it.

The settings of the file stand in for those that a run leaves at their default. Its
pictures are recognised by their pixels, never by their paths. More steps and further
sizes may be asked for.
"""

import copy
import os

import keras

from nst_tf.features import NETWORKS
from nst_tf.guides import is_word
from nst_tf.results import HISTORY, load_checkpoint
from nst_tf.settings import INITS, check_sizes
from nst_tf.sources import is_url

OWN_RULES = ("size", "steps", "style_size")  # these may grow
# Names, beside which are paths, and networks of the user's own.
NAMES = {"init": INITS, "weights": ("imagenet",), "network": NETWORKS}
# What runs had before it was a setting.
BEFORE: dict = dict(padding="zeros", color="painting", realistic=False)
BEFORE |= dict(content_masks=None, style_masks=None)
MASKS = ("content_masks", "style_masks")


# What a file brings

KINDS = {  # of the settings that a run needs to go on
    "content_image": str,
    "style_image": list,
    "style_blend": list,
    "size": list,
    "steps": list,
    "style_size": int,
    "network": str,
    "weights": str,
    "optimizer": str | dict,
    "fingerprint": str,
}


def _is_whole(saved):
    """Whether a `Result` has all that a run needs to go on."""
    settings, history = saved.settings, saved.history
    kinds = all(isinstance(settings[name], kind) for name, kind in KINDS.items())
    numbers = [*settings["size"], *settings["steps"], *history["size"]]
    lists = settings["style_image"], settings["size"], settings["steps"]
    lengths = {len(history[name]) for name in HISTORY}
    whole = all(isinstance(n, int) for n in numbers) and len(lengths) == 1
    return kinds and whole and all(lists) and saved.state["image"].ndim == 4


def load_saved(path):
    """The `Result` of an earlier run, which can go on.

    Raises:
        ValueError: no such file, or not a checkpoint of a run.
    """
    saved = load_checkpoint(path)
    try:
        whole = _is_whole(saved)
    except (AttributeError, KeyError, TypeError):
        whole = False
    if not whole:
        raise ValueError(f"resume: {path} is not a checkpoint of a run")
    scale = {"style_scale": [1.0] * len(saved.settings["style_image"])}
    saved.settings = BEFORE | scale | saved.settings
    return saved


def _lost(name, value):
    return ValueError(
        f"resume: {name} was {value!r}, which is missing, or which no checkpoint can "
        f"hold; give {name} again"
    )


def _picture(name, value):
    if not isinstance(value, str) or not (is_url(value) or os.path.isfile(value)):
        raise _lost(name, value)
    return value


def _optimizer(value):
    lost = _lost("optimizer", value.get("class_name", value))
    try:
        found = keras.optimizers.deserialize(copy.deepcopy(value))  # it edits its input
    except Exception as error:  # a class that is not known here
        raise lost from error
    if not isinstance(found, keras.optimizers.Optimizer):
        raise lost
    return found


def _restored(name, value):
    """A setting as `style_transfer` takes it, from what JSON could hold of it."""
    if name == "network" and value not in NETWORKS:
        raise _lost(name, value)
    if name == "init" and value not in INITS:
        return _picture(name, value)
    if name == "optimizer" and isinstance(value, dict):
        return _optimizer(value)
    if name in MASKS and value:
        return [m if is_word(m) else _picture(name, m) for m in value]
    return value


def _is_left(value, default):
    return value is default  # a default that is asked for may be another object


def _scaled(before, largest):
    """The painting's size, in the same proportion to the picture's as before."""
    return round(before["style_size"] / before["size"][-1] * largest)


def with_saved(saved, pictures, keywords, defaults):
    """The arguments of a run; what it leaves out comes from an earlier one.

    Args:
        saved: the earlier `Result`.
        pictures: the photograph and the painting; None for the earlier ones.
        keywords: the other arguments of `style_transfer`.
        defaults: of `style_transfer`.

    Returns:
        Both pictures, and the keywords.

    Raises:
        ValueError: what is left out cannot be restored from the file.
    """
    before, keywords = saved.settings, dict(keywords)
    photograph, painting = pictures
    left = [n for n in keywords if n in before and _is_left(keywords[n], defaults[n])]
    if hasattr(painting, "blend"):  # a `Style` has its own
        left = [name for name in left if name not in ("style_blend", "style_scale")]
    for name in left:
        keywords[name] = _restored(name, before[name])
    sizes = check_sizes(keywords["size"])
    if "style_size" in left:
        keywords["style_size"] = _scaled(before, sizes[-1])
    if "steps" in left:
        further = max(0, len(sizes) - len(before["steps"]))
        keywords["steps"] = before["steps"] + before["steps"][-1:] * further
    if photograph is None:
        photograph = _picture("content_image", before["content_image"])
    if painting is None:
        painting = [_picture("style_image", path) for path in before["style_image"]]
    return photograph, painting, keywords


# What must not contradict it


def _contradiction(name, before, now):
    return ValueError(
        f"resume: the run was made with {name}={before!r}, but now {name}={now!r}"
    )


def _nameless(value):
    """A setting without the names by which Keras tells objects of one kind apart."""
    if isinstance(value, dict):
        return {key: _nameless(v) for key, v in value.items() if key != "name"}
    return [_nameless(v) for v in value] if isinstance(value, list) else value


def _agree(name, before, now):
    """What has no name, such as a picture or a model, is not compared by its path."""
    if name in MASKS and before and now:
        return len(before) == len(now)
    names = NAMES.get(name)
    if names and before not in names and now not in names:
        return True
    return _nameless(before) == _nameless(now)


def check_continues(saved, shaping):
    """The steps of a resumed run, whose `Settings.shaping()` is `shaping`.

    Returns:
        A list: sizes already passed keep their steps.

    Raises:
        ValueError: a setting contradicts the earlier run, or asks for fewer steps than
            it has made.
    """
    before, history = saved.settings, saved.history
    sizes, steps = shaping["size"], shaping["steps"]
    for name, now in shaping.items():
        if name not in OWN_RULES and not _agree(name, before.get(name, now), now):
            raise _contradiction(name, before[name], now)
    if sizes[: len(before["size"])] != before["size"]:
        raise _contradiction("size", before["size"], sizes)
    if shaping["style_size"] != _scaled(before, sizes[-1]):
        raise _contradiction("style_size", before["style_size"], shaping["style_size"])
    reached = history["size"][-1] if history["size"] else 0
    for size, n in zip(sizes, steps, strict=True):
        done = history["size"].count(size)
        if size == reached and n < done:
            raise ValueError(
                f"resume: {done} steps were made at size {size}, but now steps={n}; "
                "wanted at least as many"
            )
    passed = [k for k, size in enumerate(before["size"]) if size < reached]
    return [before["steps"][k] if k in passed else n for k, n in enumerate(steps)]

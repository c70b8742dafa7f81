"""What a run gives: a picture, its history and its settings; shown, saved, kept."""

import io
import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from nst_tf.guides import View
from nst_tf.images import save_image, to_pil, write_atomically
from nst_tf.losses import PARTS
from nst_tf.realism import with_edges_of

VIEW = ("photo", "painted", "chroma")  # in a state, if not all of the image is seen
HISTORY = ("step", "size", *PARTS, "seconds")


@dataclass
class Result:
    """What a run gives: the picture, how it came about, and its settings.

    Attributes:
        state: what the optimizer holds; `state["image"]` is the `(1, H, W, 3)` image
            that it moves. What is shown may be another: photo, painted and chroma are
            those of a `guides.View`; edges is the photograph that gives them back.
        history: dict of lists, one entry a step: step, size, content, style, tv, total
            (the losses of the image that the step started from, unweighted but for the
            total; L-BFGS: of the best image so far) and seconds since the start.
        settings: the arguments that shaped the picture, as JSON can hold them, and a
            fingerprint of the pixels that went in.
        complete: False while the run goes on, and if it was stopped early.
    """

    state: dict[str, Any]
    history: dict[str, list]
    settings: dict[str, Any]
    complete: bool = False

    @property
    def image(self) -> np.ndarray:
        """The picture: `(H, W, 3)` float32 array, RGB in [0, 1]."""
        image = self.state["image"]
        seen = {name: self.state[name] for name in VIEW if name in self.state}
        picture = np.array(View(**seen).picture(image) if seen else image)[0]
        if "edges" in self.state:
            picture = with_edges_of(picture, np.array(self.state["edges"])[0])
        return picture

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the picture; a PNG keeps the settings (see `nst_tf.save_image`)."""
        last = {name: values[-1] for name, values in self.history.items() if values}
        save_image(path, self.image, self.settings | {"last": last})

    def _repr_png_(self):
        file = io.BytesIO()
        to_pil(self.image).save(file, "PNG")
        return file.getvalue()

    def __repr__(self):
        height, width = np.shape(self.state["image"])[1:3]
        steps = len(self.history["step"])
        end = f", total {self.history['total'][-1]:.4g}" if steps else ""
        return f"<Result {width} x {height} after {steps} steps{end}>"


class NotFiniteError(FloatingPointError):
    """The loss became infinite or NaN. `result` holds the last good image."""

    def __init__(self, message: str, result: Result):
        super().__init__(message)
        self.result = result


# Checkpoints


def save_checkpoint(path, result):
    """All of a `Result`, as an .npz without pickle: arrays, and the rest as JSON."""
    state = {name: np.asarray(value) for name, value in result.state.items()}
    notes = {
        "history": result.history,
        "settings": result.settings,
        "complete": result.complete,
    }
    notes = np.array(json.dumps(notes))
    write_atomically(path, lambda file: np.savez(file, notes=notes, **state))


def load_checkpoint(path):
    """The `Result` that `save_checkpoint` wrote.

    Raises:
        ValueError: no such file, or not a checkpoint.
    """
    if not os.path.isfile(path):
        raise ValueError(f"resume: there is no file {path}")
    try:
        with np.load(path, allow_pickle=False) as file:
            state = {name: file[name] for name in file.files}
        notes = json.loads(str(state.pop("notes")))
        for name, value in state.items():
            if value.ndim == 0:
                state[name] = value.item()
        return Result(state, **notes)
    except Exception as error:  # it is damaged, in one of many ways
        raise ValueError(f"resume: {path} is not a checkpoint ({error})") from error

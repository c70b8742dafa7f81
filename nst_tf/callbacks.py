"""Who may watch a run: progress, save_images, checkpoint.

A callback is any function of one argument, the `Result` so far, called after every
step:

    style_transfer(photo, painting, callbacks=[lambda r: print(r.history["total"][-1])])
"""

import json
import zipfile
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from nst_tf.images import check_path, save_image, write_atomically

PARTS = ("content", "style", "tv", "total")


def progress(description=None):
    """A bar with the losses and the time left, in a terminal or a notebook.

    Args:
        description: words before the bar, such as the name of the picture.
    """
    bar = None

    def show(result):
        nonlocal bar
        sizes, steps = result.settings["size"], result.settings["steps"]
        if bar is None:
            work = sum(size**2 * n for size, n in zip(sizes, steps, strict=True))
            style = "{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
            words = f"{description}: " if description else ""
            bar = tqdm(total=work, desc=words, bar_format=style)
        size = result.history["size"][-1]
        losses = {part: result.history[part][-1] for part in PARTS}
        notes = {part: f"{loss:.3g}" for part, loss in losses.items() if loss}
        step = result.history["size"].count(size)
        bar.set_postfix({"size": size, "step": step} | notes, refresh=False)
        # A step costs as much as it has pixels.
        bar.update(size**2)
        if result.complete:
            bar.close()
            bar = None

    return show


def save_images(path="step_{step:05d}.png", every=10):
    """Writes the picture so far into a file of its own, every so many steps.

    Args:
        path: where, with `{step}` for the number of the step.
        every: how many steps lie between two pictures.

    Raises:
        ValueError: `path` has no `{step}`, or could not be written.
    """
    if str(path).format(step=1) == str(path).format(step=2):
        raise ValueError(f"save_images: {path} should have {{step}} in it")
    check_path(str(path).format(step=0))

    def save(result):
        step = result.history["step"][-1]
        if step % every == 0:
            save_image(str(path).format(step=step), result.image, result.settings)

    return save


def checkpoint(path="checkpoint.npz", every=50):
    """Writes all that is needed to go on later, with `style_transfer(resume=path)`.

    Args:
        path: a file ending in .npz; always whole, even when the run is killed.
        every: how many steps lie between two writings; the last step is written too.

    Raises:
        ValueError: `path` could not be written.
    """
    path = check_path(path, (".npz",))

    def save(result):
        if result.history["step"][-1] % every == 0 or result.complete:
            write_atomically(path, lambda file: _dump(file, result))

    return save


def _dump(file, result):
    """An .npz without pickle: arrays as they are, the rest as JSON."""
    state = {name: np.asarray(value) for name, value in result.state.items()}
    notes = {
        "history": result.history,
        "settings": result.settings,
        "complete": result.complete,
    }
    np.savez(file, notes=np.array(json.dumps(notes)), **state)


def load_checkpoint(path):
    """What `checkpoint` wrote: a dict of state, history, settings and complete.

    Raises:
        ValueError: no such file, or not a checkpoint.
    """
    if not Path(path).is_file():
        raise ValueError(f"resume: there is no file {path}")
    try:
        with np.load(path, allow_pickle=False) as file:
            state = {name: file[name] for name in file.files}
        notes = json.loads(str(state.pop("notes")))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"resume: {path} is not a checkpoint ({error})") from error
    for name, value in state.items():
        if value.ndim == 0 and value.dtype == float:
            state[name] = value.item()
    return {"state": state, **notes}

"""What can watch a run: progress, save_images, animate, checkpoint.

A callback is any function of one argument, the `Result` so far, called after every
step:

    style_transfer(photo, painting, callbacks=[lambda r: print(r.history["total"][-1])])

If it has a `close`, that is called with the result when the run ends, however it ends,
after one step or more.
"""

import io
import os
from collections.abc import Callable
from typing import Any

from tqdm.auto import tqdm

from nst_tf.films import check_film, write_film
from nst_tf.images import check_path, save_image, to_pil
from nst_tf.losses import PARTS
from nst_tf.results import Result, save_checkpoint

Path = str | os.PathLike[str]
Callback = Callable[[Result], Any]


def progress(description: str | None = None) -> Callback:
    """A bar with the losses and the time left, in a terminal or a notebook.

    Args:
        description: words before the bar, such as the name of the picture.
    """
    bar = None

    def show(result):
        nonlocal bar
        history, settings = result.history, result.settings
        size = history["size"][-1]
        if bar is None:
            # The cost of a step grows with its pixels.
            plan = zip(settings["size"], settings["steps"], strict=True)
            bar = tqdm(
                total=sum(size**2 * steps for size, steps in plan),
                initial=sum(size**2 for size in history["size"][:-1]),  # resumed
                desc=f"{description}: " if description else "",
                bar_format=(
                    "{desc}{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
                ),
            )
        losses = {part: history[part][-1] for part in PARTS}
        notes = {part: f"{loss:.3g}" for part, loss in losses.items() if loss}
        step = history["size"].count(size)
        bar.set_postfix({"size": size, "step": step} | notes, refresh=False)
        bar.update(size**2)

    def close(result):
        nonlocal bar
        if bar is not None:
            bar.close()
        bar = None

    show.close = close
    return show


def _check_every(every):
    if not isinstance(every, int) or every < 1:
        raise ValueError(f"every: {every}; wanted a whole number of at least 1")


def save_images(path: Path = "step_{step:05d}.png", every: int = 10) -> Callback:
    """Writes the picture so far to a file of its own, every few steps.

    Args:
        path: where, with `{step}` for the number of the step.
        every: how many steps lie between two pictures.

    Raises:
        ValueError: `path` has no `{step}`, or could not be written.
    """
    _check_every(every)
    try:
        names = {os.fspath(path).format(step=step) for step in (1, 2)}
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"save_images: {path} has more than {{step}}") from error
    if len(names) == 1:
        raise ValueError(f"save_images: {path} should have {{step}} in it")
    check_path(names.pop())

    def save(result):
        step = result.history["step"][-1]
        if step % every == 0:
            save_image(os.fspath(path).format(step=step), result.image, result.settings)

    return save


def animate(path: Path, every: int = 2, frames_per_second: int = 12) -> Callback:
    """Writes the run as a film of its steps, when it ends.

    Args:
        path: ends in .gif, .webp (better, and a fraction of the size) or .mp4,
            which needs `pip install imageio-ffmpeg`.
        every: how many steps lie between two frames.
        frames_per_second: how fast it is shown, at most 50; the last picture stays for
            two seconds.

    Raises:
        ValueError: an unknown suffix, an unwritable folder, a wrong number.
        ImportError: .mp4 without its codec.
    """
    _check_every(every)
    check_film(path, frames_per_second)
    frames = []  # as JPEG files, which take a twentieth of the memory

    def watch(result):
        if result.history["step"][-1] % every == 1 % every:
            frames.append(io.BytesIO())
            to_pil(result.image).save(frames[-1], "JPEG", quality=95, subsampling=0)

    def close(result):
        try:
            write_film(path, [*frames, to_pil(result.image)], frames_per_second)
        finally:
            frames.clear()

    watch.close = close
    return watch


def checkpoint(path: Path = "checkpoint.npz", every: int = 50) -> Callback:
    """Writes all that is needed to go on later, with `style_transfer(resume=path)`.

    Args:
        path: a file ending in .npz; never half written, even if the run is killed.
        every: how many steps lie between two writes. The last step of a run is written
            too, even after Ctrl-C or an error.

    Raises:
        ValueError: `path` could not be written.
    """
    _check_every(every)
    path = check_path(path, (".npz",))

    def save(result):
        if result.history["step"][-1] % every == 0:
            save_checkpoint(path, result)

    save.close = lambda result: save_checkpoint(path, result)
    return save

"""Who may watch a run: progress, save_images, film, checkpoint.

A callback is any function of one argument, the `Result` so far, called after every
step:

    style_transfer(photo, painting, callbacks=[lambda r: print(r.history["total"][-1])])

If it has a `close`, that is called with the result when the run ends, however it ends.
"""

import io
import itertools
import json
import os
import uuid
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from nst_tf.images import check_path, save_image, to_pil, write_atomically

FILMS = (".gif", ".webp", ".mp4")
REST = 2  # seconds that a film shows its last picture
PARTS = ("content", "style", "tv", "total")


def progress(description=None):
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
            # A step costs as much as it has pixels.
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


def save_images(path="step_{step:05d}.png", every=10):
    """Writes the picture so far into a file of its own, every so many steps.

    Args:
        path: where, with `{step}` for the number of the step.
        every: how many steps lie between two pictures.

    Raises:
        ValueError: `path` has no `{step}`, or could not be written.
    """
    _check_every(every)
    try:
        names = {str(path).format(step=step) for step in (1, 2)}
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f"save_images: {path} has more than {{step}}") from error
    if len(names) == 1:
        raise ValueError(f"save_images: {path} should have {{step}} in it")
    check_path(names.pop())

    def save(result):
        step = result.history["step"][-1]
        if step % every == 0:
            save_image(str(path).format(step=step), result.image, result.settings)

    return save


def film(path, every=2, frames_per_second=12):
    """Writes the run as a film, when it ends.

    Args:
        path: ends in .gif, .webp (of better quality, at a part of the size) or .mp4,
            which needs `pip install imageio-ffmpeg`.
        every: how many steps lie between two frames.
        frames_per_second: how fast it is shown, at most 50; the last picture stays for
            two seconds.

    Raises:
        ValueError: another suffix, a folder that cannot be written, a wrong number.
        ImportError: .mp4 without its codec.
    """
    _check_every(every)
    path = check_path(path, FILMS)
    if not isinstance(frames_per_second, int) or not 1 <= frames_per_second <= 50:
        raise ValueError(
            f"frames_per_second: {frames_per_second}; wanted a whole number, 1 to 50"
        )
    write = _write_animation
    if path.suffix.lower() == ".mp4":
        _video_writer()  # to hear now that it is missing
        write = _write_mp4
    frames = []  # as JPEG files, which take a twentieth of the memory

    def watch(result):
        if result.history["step"][-1] % every == 1 % every:
            frames.append(io.BytesIO())
            to_pil(result.image).save(frames[-1], "JPEG", quality=95, subsampling=0)

    def close(result):
        last = to_pil(result.image)
        moving = (Image.open(frame).resize(last.size) for frame in frames)
        try:
            write(path, itertools.chain(moving, [last]), len(frames), frames_per_second)
        finally:
            frames.clear()

    watch.close = close
    return watch


def _write_animation(path, frames, moving, frames_per_second):
    milliseconds = [1000 // frames_per_second] * moving + [REST * 1000]
    options = {"save_all": True, "append_images": frames, "loop": 0, "quality": 85}
    options |= {"format": path.suffix[1:].upper(), "duration": milliseconds}
    write_atomically(path, lambda file: next(frames).save(file, **options))


def _video_writer():
    try:
        from imageio_ffmpeg import write_frames
    except ImportError as error:
        raise ImportError(
            "film: .mp4 needs `pip install imageio-ffmpeg`; .webp does not"
        ) from error
    return write_frames


def _write_mp4(path, frames, moving, frames_per_second):
    first = next(frames)
    size = [side // 2 * 2 for side in first.size]  # H.264 wants them even
    temporary = path.with_name(f".{uuid.uuid4().hex}.part.mp4")
    try:
        writer = _video_writer()(
            str(temporary), size, fps=frames_per_second, macro_block_size=2, quality=8
        )
        writer.send(None)
        for number, frame in enumerate(itertools.chain([first], frames)):
            times = REST * frames_per_second if number == moving else 1
            for _ in range(times):
                writer.send(frame.crop((0, 0, *size)).tobytes())
        writer.close()
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def checkpoint(path="checkpoint.npz", every=50):
    """Writes all that is needed to go on later, with `style_transfer(resume=path)`.

    Args:
        path: a file ending in .npz; always whole, even when the run is killed.
        every: how many steps lie between two writings. The end of a run is written too,
            and so is its last step after Ctrl-C or an error.

    Raises:
        ValueError: `path` could not be written.
    """
    _check_every(every)
    path = check_path(path, (".npz",))

    def write(result):
        write_atomically(path, lambda file: _dump(file, result))

    def save(result):
        if result.history["step"][-1] % every == 0:
            write(result)

    save.close = write
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
        if value.ndim == 0:
            state[name] = value.item()
    return {"state": state, **notes}

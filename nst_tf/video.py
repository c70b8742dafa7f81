"""A film, painted frame by frame by the fast network, and steady.

    film("clip.mp4", "starry_night", "out.mp4")

It is made in parts of a few seconds, which lie in a folder beside it until all of them
are there: the same call goes on where the last one stopped, and several machines may
share them. Each part depends on the clip alone, and not on other parts: at its
beginning, a few frames before it are painted, too, and thrown away.
"""

import base64
import builtins
import contextlib
import functools
import hashlib
import html
import itertools
import numbers
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import tensorflow as tf

from nst_tf import ffmpeg
from nst_tf.color import with_colors_of
from nst_tf.fast import (
    AnyStyle,
    by_mask,
    check_styles,
    fast_moments,
    fast_network,
    fast_paint,
    style_vectors,
)
from nst_tf.flow import flow, grey, moved, opencv, trust, with_contrast_of
from nst_tf.guides import ALPHA, Masks, as_masks, load_masks
from nst_tf.images import check_path, fit
from nst_tf.settings import check_color

FORMATS = (".mp4", ".gif")
ANCHOR = 12  # frames from one measurement of the moments to the next
PART = 10 * ANCHOR  # frames of a part, at most
LONGEST = 10  # seconds of a part, and what a crash may cost
SMALL = (36, 64)  # pixels of the frames in which cuts are looked for
CUT = 0.15  # mean difference of two of them, of 1, that is a cut
BYTES = 0.25  # of a painted pixel in an .mp4, before it is known
LARGEST = 20_000_000  # bytes of a film that a notebook shows inside itself


@dataclass(frozen=True)
class Film:
    """A film that was painted; in a notebook it shows itself.

    Attributes:
        path: of its file.
        frames: how many it has.
        rate: frames per second.
        shape: height and width in pixels.
        complete: False if it was stopped early.
    """

    path: Path
    frames: int
    rate: Fraction
    shape: tuple[int, int]
    complete: bool = True

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.frames / self.rate)

    def _repr_html_(self):
        name, kind = html.escape(str(self.path)), self.path.suffix[1:].lower()
        if self.path.stat().st_size > LARGEST:
            return f"<code>{name}</code>: {self.seconds:.0f} s"
        data = base64.b64encode(self.path.read_bytes()).decode()
        if kind == "gif":
            return f'<img src="data:image/gif;base64,{data}" alt="{name}">'
        return (
            f'<video controls loop style="max-width: 100%" aria-label="{name}" '
            f'src="data:video/mp4;base64,{data}"></video>'
        )


@dataclass(frozen=True, eq=False)
class Plan:
    """What the frames of a film become; all that is needed to paint any part of it.

    Attributes:
        clip: the film.
        shape: height and width of a painted frame, both even.
        rate: frames per second that are painted.
        start: seconds of the clip before the first one.
        total: number of frames.
        scenes: the first frame of each scene.
        vectors: the styles, at their strength, `(K, S)`.
        along: whether the style changes from the first one to the last.
        masks: of the regions, `(R, H, W, 1)`; or None.
        steady, strength, color: as in `film`.
        folder: of the parts.
    """

    clip: ffmpeg.Clip
    shape: tuple[int, int]
    rate: Fraction
    start: float
    total: int
    scenes: tuple[int, ...]
    vectors: np.ndarray
    along: bool
    masks: np.ndarray | None
    steady: float
    strength: float
    color: str
    folder: Path

    def styles(self, k):
        """The vectors in which frame k is painted."""
        if not self.along:
            return list(self.vectors)
        place = k / max(1, self.total - 1) * (len(self.vectors) - 1)
        first = min(int(place), len(self.vectors) - 2)
        share = np.float32(place - first)
        return [(1 - share) * self.vectors[first] + share * self.vectors[first + 1]]

    def spans(self):
        """First and last frame of each scene; the last one is excluded."""
        return list(itertools.pairwise([*self.scenes, self.total]))

    def scene(self, k):
        """The span of the scene of frame k."""
        return next(span for span in self.spans() if k < span[1])

    def parts(self):
        """The parts as `(first, last)` frames; none goes beyond a cut."""
        anchors = min(PART, int(LONGEST * self.rate)) // ANCHOR
        length, found = max(1, anchors) * ANCHOR, []
        for first, last in self.spans():
            bounds = [*range(first, last, length), last]
            found += itertools.pairwise(bounds)
        return found

    def path(self, first):
        """Where the part is that begins with this frame."""
        return self.folder / f"{first:08d}.mp4"


# Frames


def _exactly(frames, count):
    """As many frames as that: the last is repeated, or what is too much left out.

    Raises:
        ValueError: there is none.
    """
    frame = None
    for frame in itertools.islice(frames, count):
        count -= 1
        yield frame
    if frame is None:
        raise ValueError("film: a part of the clip cannot be read again")
    yield from itertools.repeat(frame, count)


def _moments(plan, photo, k):
    """What each style is normalised by in frame k, and the one that changes nothing."""
    styles = plan.styles(k)
    if plan.strength < 1:
        styles = [*styles, fast_network().photograph]
    return [fast_moments(photo, style) for style in styles]


def _painted(plan, photo, k, moments):
    """Frame k in each of its styles, a list of `(1, H, W, 3)`."""
    styles = plan.styles(k)
    found = [fast_paint(photo, v, m) for v, m in zip(styles, moments, strict=False)]
    if plan.strength < 1:  # what the network changes in any style is taken back
        same = fast_paint(photo, fast_network().photograph, moments[-1])
        error = (1 - plan.strength) * (photo - same)
        found = [tf.clip_by_value(picture + error, 0.0, 1.0) for picture in found]
    return [np.asarray(picture) for picture in found]


def _between(moments, later, share):
    both = zip(moments, later, strict=True)
    return [(1 - share) * first + share * second for first, second in both]


def _normalised(plan, frames, begin, last):
    """Each frame with the moments by which it is normalised.

    They are measured in every twelfth frame of a scene and in its last one, and are on
    the way from one to the next between: they are where a whole picture flickers.

    Yields:
        k, the frame `(H, W, 3)` uint8, its moments.
    """
    first_of_scene, _ = plan.scene(begin)
    waiting, anchor = [], None
    for k, frame in enumerate(frames, begin):
        is_anchor = (k - first_of_scene) % ANCHOR == 0 or k == last
        if anchor is None or is_anchor:
            moments = _moments(plan, _as_image(frame), k)
            for j, earlier in waiting:
                share = (j - waiting[0][0]) / (k - waiting[0][0])
                yield j, earlier, _between(anchor, moments, share)
            waiting, anchor = [], moments
        waiting.append((k, frame))
    for j, frame in waiting:
        yield j, frame, anchor


def _as_image(frame):
    return tf.constant(frame[None], tf.float32) / 255


def _steadied(pictures, frame, before, steady):
    """Painted pictures, mixed with those before, moved to where their things are now.

    Args:
        pictures: a list of `(1, H, W, 3)`.
        frame: the photograph, `(H, W, 3)` uint8.
        before: the frame before, and its pictures, as they were shown.
        steady: how much of them, where the flow can be trusted.
    """
    frame_before, pictures_before = before
    now, past = grey(frame), grey(frame_before)
    there, back = flow(now, past), flow(past, now)
    seen = moved(frame_before.astype("float32") / 255, there)
    share = steady * trust(there, back, frame.astype("float32") / 255 - seen)
    found = []
    for picture, earlier in zip(pictures, pictures_before, strict=True):
        mixed = picture[0] + share * (moved(earlier[0], there) - picture[0])
        found.append(with_contrast_of(mixed, picture[0])[None])
    return found


def _shown(plan, photo, pictures):
    """What is seen of a frame: with its colours, where it is painted."""
    if plan.color == "photo":
        pictures = [with_colors_of(picture, photo) for picture in pictures]
    return np.asarray(by_mask(pictures, photo, plan.masks))[0]


def painted_frames(plan, first, last):
    """The painted frames of a part, `(H, W, 3)` uint8, one after another."""
    first_of_scene, end_of_scene = plan.scene(first)
    begin = max(first_of_scene, first - ANCHOR)  # so that steadiness has a past
    end = min(last + 1, end_of_scene)  # the next anchor
    start = plan.start + float(begin / plan.rate)
    clip = ffmpeg.frames(plan.clip, plan.shape, plan.rate, start, end - begin)
    before = None
    with contextlib.closing(clip):
        frames = _exactly(clip, end - begin)
        for k, frame, moments in _normalised(plan, frames, begin, end - 1):
            if k == last:
                return
            photo = _as_image(frame)
            if before and not plan.along and np.array_equal(frame, before[0]):
                pictures = before[1]  # it is shown again
            else:
                pictures = _painted(plan, photo, k, moments)
                if before and plan.steady:
                    pictures = _steadied(pictures, frame, before, plan.steady)
            before = frame, pictures
            if k >= first:
                yield np.uint8(np.round(255 * _shown(plan, photo, pictures)))


# Parts


def _check_disk(plan):
    """Before a part: is there room for what is still to be written, twice?"""
    height, width = plan.shape
    made = [part for part in plan.parts() if plan.path(part[0]).exists()]
    used = sum(plan.path(first).stat().st_size for first, _ in made)
    a_frame = BYTES * height * width
    if made:
        a_frame = used / sum(last - first for first, last in made)
    wanted = 2 * plan.total * a_frame - used  # the parts, and the whole
    free = shutil.disk_usage(plan.folder).free
    if free < wanted:
        raise ValueError(
            f"film: {plan.folder.parent} has {free / 1e9:.1f} GB left, and the film "
            f"will need about {wanted / 1e9:.1f} GB; what is painted so far is kept"
        )


def _paint_part(plan, part, watch=None):
    """Paints a part, if it is not there; of one that is stopped, there is a rest."""
    first, last = part
    path = plan.path(first)
    if path.exists():
        return part
    _check_disk(plan)
    rest, done, stop = path.with_suffix(".rest.mp4"), first, None
    with ffmpeg.writing(rest, plan.shape, plan.rate) as write:
        try:
            for done, frame in enumerate(painted_frames(plan, first, last), first + 1):
                write(frame)
                if watch:
                    watch(done, plan.total)
        except KeyboardInterrupt as stopped:
            if done == first:
                raise
            stop = stopped
    if stop:
        raise stop
    os.replace(rest, path)
    return part


def _joined(plan, path):
    """Joins the parts that are there, from the first one on; gives the `Film`."""
    found, frames = [], 0
    for first, last in plan.parts():
        rest = plan.path(first).with_suffix(".rest.mp4")
        if plan.path(first).exists():
            found.append(plan.path(first))
            frames = last
            continue
        if rest.exists():
            found.append(rest)
            small = ffmpeg.frames(ffmpeg.look(rest), (2, 2), plan.rate)
            frames += sum(1 for _ in small)
        break
    if found:
        sound_of = None if plan.clip.pictures else plan.clip.path
        seconds = float(frames / plan.rate)
        ffmpeg.join(found, path, sound_of, plan.start, seconds)
    return Film(path, frames, plan.rate, plan.shape, frames == plan.total)


# What is asked for


def _scan(clip, rate, start, count):
    """How many frames there are, and the first one of each scene."""
    total, scenes, before = 0, [], None
    for frame in ffmpeg.frames(clip, SMALL, rate, start, count, grey=True):
        frame = frame.astype("float32") / 255
        if before is None or np.mean(np.abs(frame - before)) > CUT:
            scenes.append(total)
        before, total = frame, total + 1
    return total, tuple(scenes)


def _digest(clip, *values):
    """A short hash of a film's files, and of whatever else."""
    made = clip.path, PART, LONGEST, ANCHOR, *values
    digest = hashlib.sha256(repr(made).encode())
    for path in clip.pictures or [clip.path]:
        with contextlib.suppress(OSError), open(path, "rb") as file:
            while data := file.read(2**20):
                digest.update(data)
    return digest.hexdigest()[:12]


def _check(settings):
    """The numbers of `film`, or a `ValueError`."""
    wanted = {
        "steady": (0, 0.95, "a number from 0 to 0.95"),
        "strength": (0, 1, "a number from 0 to 1"),
        "start": (0, 1e6, "seconds"),
        "end": (0, 1e6, "seconds"),
        "every": (1, 1e6, "a whole number of at least 1"),
        "frames_per_second": (1, 60, "a whole number from 1 to 60"),
        "size": (32, 8192, "a number of pixels from 32 to 8192"),
    }
    for name, (least, most, words) in wanted.items():
        value, whole = settings[name], "whole" in words or "pixels" in words
        if value is None:
            continue
        kind = numbers.Integral if whole else numbers.Real
        if not isinstance(value, kind) or not least <= value <= most:
            raise ValueError(f"{name}: {value}; wanted {words}")
    if settings["end"] is not None and settings["end"] <= settings["start"]:
        raise ValueError(
            f"end: {settings['end']}; wanted more than start={settings['start']}"
        )


def _even(shape):
    return tuple(max(2, n // 2 * 2) for n in shape)


def _plan(clip, style, path, settings):
    """The `Plan` of a film."""
    _check(settings)
    check_color(settings["color"])
    if settings["steady"]:
        opencv()
    clip = ffmpeg.look(clip, settings["frames_per_second"])
    size, start, end = (settings[name] for name in ("size", "start", "end"))
    shape = _even(fit(clip.shape, size or max(clip.shape)))
    rate = clip.rate / settings["every"]

    first = next(ffmpeg.frames(clip, shape, rate, start, 1), None)
    if first is None:
        raise ValueError(f"film: {clip.path} has no frame after {start} s")
    photo = _as_image(first)
    masks = as_masks(settings["content_masks"])
    styles = style if isinstance(style, list | tuple) else [style]
    if masks is not None:
        check_styles(styles, masks)
    if any(isinstance(mask, str) and mask == ALPHA for mask in masks or []):
        raise ValueError("content_masks: a film has no alpha; wanted a picture")
    masks = load_masks(masks, photo) if masks else None
    vectors = np.stack(style_vectors(styles, photo, masks, settings["color"]))
    nothing = fast_network().photograph
    vectors = nothing + np.float32(settings["strength"]) * (vectors - nothing)
    fast_moments(photo, vectors[0])  # is it large enough?

    count = None if end is None else max(1, round((end - start) * rate))
    total, scenes = _scan(clip, rate, start, count)
    if end is None and clip.seconds:
        missing = clip.seconds - start - float(total / rate)
        if missing > max(0.5, 0.03 * clip.seconds):
            warnings.warn(
                f"film: {clip.path} says that it has {clip.seconds:.1f} s; its last "
                f"{missing:.1f} s cannot be read",
                stacklevel=3,
            )
    look = {name: settings[name] for name in ("steady", "strength", "color")}
    along = masks is None and len(styles) > 1
    masks = None if masks is None else masks.numpy()
    arrays = [None if x is None else x.tobytes() for x in (vectors, masks)]
    digest = _digest(clip, shape, rate, start, total, look, arrays)
    folder = path.with_name(f"{path.name}.{digest}.parts")
    return Plan(
        clip,
        shape,
        rate,
        start,
        total,
        scenes,
        vectors,
        along,
        masks,
        **look,
        folder=folder,
    )


def film(
    clip: str | os.PathLike[str],
    style: AnyStyle | list[AnyStyle],
    path: str | os.PathLike[str],
    *,
    size: int | None = 640,
    steady: float = 0.6,
    strength: float = 1.0,
    content_masks: Masks | None = None,
    color: str = "painting",
    start: float = 0.0,
    end: float | None = None,
    every: int = 1,
    frames_per_second: int = 12,
    callback: Callable[[int, int], None] | None = None,
    map: Callable = map,
) -> Film:
    """Paints a film, frame by frame, with the fast network.

    Args:
        clip: a film that FFmpeg reads, a GIF, or a folder of numbered pictures.
        style: as `fast_style_transfer` takes it. A list is the style at the beginning,
            and later, and at the end; with masks, one style for each of them.
        path: where to, .mp4 or .gif. Until it is complete, its parts are in a folder
            beside it; the same call goes on from there.
        size: long edge in pixels; full is the clip's own; from Python None.
        steady: how much of each frame is the one before, moved to where its things are
            now; 0 paints each frame alone, and flickers.
        strength: 0 is the photograph, 1 the painting.
        content_masks: where to paint, as in `fast_style_transfer`, in all frames.
        color: painting, matched (to the first frame) or photo.
        start: seconds of the clip that are left out.
        end: second at which it ends. Default: with the clip.
        every: paint every second frame only, or every third.
        frames_per_second: of a folder of pictures.
        callback: is told how many frames are painted, and of how many.
        map: any function with the signature of the built-in one, as in `sweep`: it
            paints the parts, and all its workers must see clip and folder.

    Returns:
        A `Film`. Ctrl-C, or a notebook's stop button, ends it early, and what is
        painted so far is a film.

    Raises:
        ValueError: before the first frame, for anything that cannot work; later, if the
            disk is nearly full.
        ImportError: FFmpeg or OpenCV is missing: `pip install "nst_tf[video]"`.
    """
    settings = dict(
        size=size,
        steady=steady,
        strength=strength,
        content_masks=content_masks,
        color=color,
        start=start,
        end=end,
        every=every,
        frames_per_second=frames_per_second,
    )
    path = check_path(path, FORMATS)
    if os.path.realpath(path) == os.path.realpath(os.fsdecode(clip)):
        raise ValueError(f"{path} is the clip; choose another name")
    ffmpeg.executable()
    plan = _plan(clip, style, path, settings)
    plan.folder.mkdir(exist_ok=True)
    here = map is builtins.map
    paint = functools.partial(_paint_part, plan, watch=callback if here else None)
    try:
        for _, last in map(paint, plan.parts()):
            if callback and not here:
                callback(last, plan.total)
    except KeyboardInterrupt:
        stopped = _joined(plan, path)
        if not stopped.frames:
            raise
        return stopped
    if not all(plan.path(first).exists() for first, _ in plan.parts()):
        raise ValueError(
            "map: it returned before the parts were there; wanted a function that "
            "waits for its results, as the built-in `map` does when it is read"
        )
    done = _joined(plan, path)
    shutil.rmtree(plan.folder)
    return done

"""How steady, how sharp and how fast a painted film is.

    python benchmarks/film.py steady CLIP ... --photo PHOTO --styles NAME:PAINTING ...
    python benchmarks/film.py speed CLIP

`steady` paints the clips, and a pan over a still photograph, whose flow is known, frame
by frame and steady, and compares: the warp error (the root mean square of what a frame
and the one before, moved along the photographs' flow, differ by, where the flow can be
trusted), the mean gradient, and the style loss. `speed` says where the time of a frame
goes.
"""

import argparse
import dataclasses
import itertools
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import nst_tf as nst
from nst_tf import ffmpeg, flow, video

SIZE, FRAMES = 320, 48
PAN = (3.0, 1.0)  # pixels a frame, to the right and down


def pan(photo, folder):
    """A film of a window that moves over a photograph, as a folder of pictures."""
    height, width = 180, SIZE
    whole = nst.images.to_pil(nst.load_image(photo, 720)[0])
    for k in range(FRAMES):
        left, top = (v * k for v in PAN)
        box = (left, top, left + width, top + height)
        whole.resize((width, height), Image.Resampling.BICUBIC, box).save(
            folder / f"{k:03d}.png"
        )
    return folder


def flows(frames, known=None):
    """For each frame but the first: the flow to the one before, and its trust."""
    for before, frame in itertools.pairwise(frames):
        now, earlier = flow.grey(frame), flow.grey(before)
        there, back = flow.flow(now, earlier), flow.flow(earlier, now)
        if known is not None:
            there = np.broadcast_to(np.float32(known), there.shape)
            back = -there
        seen = flow.moved(before.astype("float32") / 255, there)
        yield there, flow.trust(there, back, frame.astype("float32") / 255 - seen)


def warp_error(painted, moves):
    """Root mean square over all frames but the first."""
    errors = []
    for (before, frame), (there, trust) in zip(
        itertools.pairwise(painted), moves, strict=True
    ):
        moved = flow.moved(before.astype("float32") / 255, there)
        squares = trust * (frame.astype("float32") / 255 - moved) ** 2
        errors.append(squares.sum() / (3 * trust.sum() + 1e-6))
    return np.sqrt(np.mean(errors))


def sharpness(painted):
    """Mean gradient of luminance."""
    grey = [flow.grey(frame).astype("float32") / 255 for frame in painted]
    return np.mean([np.abs(np.gradient(g)).mean() for g in grey])


def style_loss(painted, painting):
    """Mean over every eighth frame, by the slim network."""
    losses = []
    for frame in painted[::8]:
        image = nst.load_image(frame)
        loss = nst.total_loss(image, painting, "vgg19_slim")
        losses.append(float(loss(image)["style"]))
    return np.mean(losses)


def plan(clip, style, folder, most=FRAMES, **settings):
    """The plan of a film of so many frames."""
    names = nst.film.__kwdefaults__.keys() - {"map", "callback"}
    defaults = {name: nst.film.__kwdefaults__[name] for name in names}
    made = video._plan(clip, style, Path(folder) / "out.mp4", defaults | settings)
    total = min(most, made.total)
    scenes = tuple(k for k in made.scenes if k < total)
    made = dataclasses.replace(made, total=total, scenes=scenes)
    made.folder.mkdir(exist_ok=True)
    return made


def painted(made):
    """All frames, before they are compressed."""
    parts = (video.painted_frames(made, *part) for part in made.parts())
    return list(itertools.chain(*parts))


def row(clip, style, painting, amount, known):
    """Warp error, mean gradient, style loss."""
    with tempfile.TemporaryDirectory() as folder:
        made = plan(clip, style, folder, size=SIZE, steady=amount)
        frames = ffmpeg.frames(made.clip, made.shape, made.rate, 0, made.total)
        moves, found = list(flows(list(frames), known)), painted(made)
    return warp_error(found, moves), sharpness(found), style_loss(found, painting)


def steady(clips, photo, styles, amounts):
    """A table: each clip in each style; steady ones in units of frames alone."""
    print("| clip | style | steady | warp error | mean gradient | style loss |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        still = pan(photo, Path(folder))
        for clip, (style, painting) in itertools.product([*clips, still], styles):
            known = PAN if clip is still else None
            name = "pan" if known else Path(clip).stem
            alone = row(clip, style, painting, 0, known)
            values = " | ".join(f"{value:.4f}" for value in alone)
            print(f"| {name} | {style} | alone | {values} |", flush=True)
            for amount in amounts:
                found = row(clip, style, painting, amount, known)
                ratios = " | ".join(f"{r:.2f}" for r in np.divide(found, alone))
                print(f"| {name} | {style} | {amount} | {ratios} |", flush=True)


def seconds_of(function, seconds):
    """The function, which adds the time of each call to a list."""

    def timed(*args, **options):
        start = time.perf_counter()
        found = function(*args, **options)
        seconds.append(time.perf_counter() - start)
        return found

    return timed


def speed(clip, style, size):
    """Frames a second, and where the time of a frame goes."""
    parts = {"moments": "_moments", "painting": "_painted", "steadying": "_steadied"}
    spent = {name: [] for name in parts}
    for name, function in parts.items():
        setattr(video, function, seconds_of(getattr(video, function), spent[name]))
    with tempfile.TemporaryDirectory() as folder:
        for most in (26, 98):  # the first one traces
            for seconds in spent.values():
                seconds.clear()
            made = plan(clip, style, folder, most, size=size)
            start = time.perf_counter()
            for part in made.parts():
                video._paint_part(made, part)
            whole = time.perf_counter() - start
            shutil.rmtree(made.folder)
    height, width = made.shape
    print(f"{width} x {height}: {made.total / whole:.1f} frames a second")
    print("| part | share of the time |\n|---|---|")
    for name, seconds in spent.items():
        print(f"| {name} | {100 * sum(seconds) / whole:.0f} % |")
    rest = 1 - sum(map(sum, spent.values())) / whole
    print(f"| reading, writing, the rest | {100 * rest:.0f} % |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["steady", "speed"])
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--photo", help="that the window moves over")
    parser.add_argument(
        "--styles", nargs="+", default=["the_wave"], metavar="NAME[:PAINTING]"
    )
    parser.add_argument("--amounts", nargs="+", type=float, default=[0.6])
    parser.add_argument("--size", type=int, default=640)
    args = parser.parse_args()
    styles = [style.split(":") for style in args.styles]
    if args.what == "steady":
        steady(args.clips, args.photo, styles, args.amounts)
    else:
        speed(args.clips[0], styles[0][0], args.size)


if __name__ == "__main__":
    main()

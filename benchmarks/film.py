"""How steady, how sharp and how fast a painted film is.

    python benchmarks/film.py steady CLIP ... --photo PHOTO --styles NAME ...
    python benchmarks/film.py speed CLIP

`steady` paints the clips, and a pan over a still photograph, whose flow is known, frame
by frame and steady, and compares: the warp error (the root mean square of what a frame
and the one before, moved along the photographs' flow, differ by, where the flow can be
trusted), the mean gradient, and the style loss. `speed` says where the time of a frame
goes.
"""

import argparse
import itertools
import tempfile
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


def style_loss(painted, name):
    """Mean over every eighth frame, by the slim network."""
    painting = nst.fast_style_transfer  # a name has no painting here: see `PAINTINGS`
    del painting
    losses = []
    for frame in painted[::8]:
        image = nst.load_image(frame)
        losses.append(float(nst.total_loss(image, name, "vgg19_slim")(image)["style"]))
    return np.mean(losses)


def paint(clip, style, **settings):
    """The painted frames of a film, before they are compressed."""
    settings = (
        dict(
            size=SIZE,
            steady=0.6,
            strength=1.0,
            content_masks=None,
            color="painting",
            start=0.0,
            end=None,
            every=1,
            frames_per_second=12,
        )
        | settings
    )
    with tempfile.TemporaryDirectory() as folder:
        plan = video._plan(clip, style, Path(folder) / "out.mp4", settings)
        plan = plan.__class__(**(plan.__dict__ | {"total": min(FRAMES, plan.total)}))
        return plan, list(
            itertools.chain(
                *(video.painted_frames(plan, *part) for part in plan.parts())
            )
        )


def steady(clips, photo, styles, amounts):
    """A table: each clip in each style."""
    print("| clip | style | steady | warp error | mean gradient | style loss |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        clips = [*clips, pan(photo, Path(folder))]
        for clip in clips:
            for style in styles:
                rows = []
                for amount in (0, *amounts):
                    plan, painted = paint(clip, style, steady=amount)
                    frames = list(
                        ffmpeg.frames(plan.clip, plan.shape, plan.rate, 0, plan.total)
                    )
                    known = PAN if str(clip) == folder else None
                    moves = list(flows(frames, known))
                    rows.append(
                        (
                            warp_error(painted, moves),
                            sharpness(painted),
                            style_loss(painted, PAINTINGS[style]),
                        )
                    )
                    ratios = np.divide(rows[-1], rows[0])
                    name = "pan" if known else Path(clip).stem
                    words = " | ".join(
                        f"{value:.4g} ({ratio:.2f})"
                        for value, ratio in zip(rows[-1], ratios, strict=True)
                    )
                    print(f"| {name} | {style} | {amount} | {words} |", flush=True)


PAINTINGS = {}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["steady", "speed"])
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--photo")
    parser.add_argument("--styles", nargs="+", default=["the_wave"])
    parser.add_argument("--paintings", nargs="+", type=Path)
    parser.add_argument("--amounts", nargs="+", type=float, default=[0.6])
    args = parser.parse_args()
    PAINTINGS.update(zip(args.styles, args.paintings or [], strict=False))
    if args.what == "steady":
        steady(args.clips, args.photo, args.styles, args.amounts)


if __name__ == "__main__":
    main()

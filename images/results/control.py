"""Pictures of control: where, in whose colours, how much, and still a photograph.

    python images/results/control.py --photos FOLDER --paintings FOLDER

FOLDERs have the pictures that CREDITS.md names. Each picture is made by the lines that
stand in its function.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

import nst_tf as nst

HEIGHT = 384  # pixels of a row
HERE = Path(__file__).parent


def face(shape):
    """Black where the astronaut's face is, white elsewhere, soft between."""
    height, width = shape
    y, x = np.mgrid[:height, :width]
    away = ((x / width - 0.44) / 0.13) ** 2 + ((y / height - 0.22) / 0.19) ** 2
    return np.clip(2.5 * (np.sqrt(away) - 0.8), 0, 1).astype("float32")


def lowness(mask):
    """How much of a mask is in the lower half of the picture."""
    return np.mean(mask[len(mask) // 2 :])


def portrait(photos, paintings, **settings):
    """The face stays, and all else is painted."""
    photo = photos / "astronaut.png"
    mask = face(nst.load_image(photo).shape[1:3])
    painting = paintings / "composition_vii.jpg"
    return nst.style_transfer(photo, painting, content_masks=mask, **settings)


def town(photos, paintings, **settings):
    """The sky of one painting over a town in the colours of another's fields."""
    photo, night = photos / "tuebingen_neckarfront.jpg", paintings / "starry_night.jpg"
    field = paintings / "wheat_field_with_cypresses.jpg"
    regions = zip(*nst.regions(photo, field, 2), strict=True)
    (sky, _), (ground, of_field) = sorted(regions, key=lambda both: lowness(both[0]))
    return nst.style_transfer(
        photo,
        [night, field],
        content_masks=[sky, ground],
        style_masks=[None, of_field],
        **settings,
    )


def colors(photos, paintings, **settings):
    """A painting's strokes, the photograph's colours."""
    photo, painting = photos / "golden_gate.jpg", paintings / "starry_night.jpg"
    return nst.style_transfer(photo, painting, color="photo", **settings)


def after_dark(day, night, **settings):
    """A day that becomes a night, sky from sky, and stays a photograph."""
    masks, of_night = nst.regions(day, night, 2)
    where = {"content_masks": masks, "style_masks": of_night}
    real = {"color": "matched", "realistic": True}
    return nst.style_transfer(day, night, **where, **real, **settings)


def control(photos, paintings, **settings):
    """Where, where again, whose colours, and still a photograph."""
    street = photos / "tuebingen_neckarfront.jpg", photos / "city_night.png"
    four = [make(photos, paintings, **settings) for make in (portrait, town, colors)]
    return [*four, after_dark(*street, **settings)]


def nights(photos, _, **settings):
    """Two days, and their nights."""
    days = photos / "golden_gate.jpg", photos / "new_york_day.png"
    darks = photos / "golden_gate_dusk.jpg", photos / "city_night.png"
    found = []
    for day, night in zip(days, darks, strict=True):
        found += [day, after_dark(day, night, **settings)]
    return found


def strengths(photos, paintings, **settings):
    """One picture, in three strengths."""
    photo = photos / "lighthouse.png"
    result = nst.style_transfer(photo, paintings / "great_wave.jpg", **settings)
    return [nst.strength(photo, result, s) for s in (0.33, 0.67, 1.0)]


def scales(photos, paintings, **settings):
    """A painting, it in the strokes of another, and a photograph in both."""
    forms, strokes = paintings / "starry_night.jpg", paintings / "la_grande_jatte.jpg"
    fine = ["block1_conv1", "block2_conv1"]
    mixed = nst.style_transfer(forms, strokes, style_layers=fine, **settings)
    both = nst.style_transfer(photos / "lighthouse.png", mixed.image, **settings)
    return [forms, mixed, both]


ROWS = {row.__name__: row for row in (control, nights, strengths, scales)}


def row(pictures):
    """Pictures beside each other, at one height, with a white gap."""
    pictures = [nst.images.to_pil(getattr(p, "image", p)) for p in pictures]
    scaled = [
        picture.resize((round(picture.width * HEIGHT / picture.height), HEIGHT))
        for picture in pictures
    ]
    width = sum(picture.width + 8 for picture in scaled) - 8
    whole, left = Image.new("RGB", (width, HEIGHT), "white"), 0
    for picture in scaled:
        whole.paste(picture, (left, 0))
        left += picture.width + 8
    return whole


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help=f"of {[*ROWS]} [all]")
    parser.add_argument("--photos", type=Path, required=True, help="a folder")
    parser.add_argument("--paintings", type=Path, required=True, help="a folder")
    parser.add_argument("--network", default="vgg19")
    parser.add_argument("--size", type=int, default=512)
    args = parser.parse_args()
    sizes = [args.size // 2, args.size]
    settings = {"network": args.network, "size": sizes, "steps": [100, 50]}
    for name in args.rows or ROWS:
        start = time.perf_counter()
        pictures = ROWS[name](args.photos, args.paintings, **settings)
        row(pictures).save(HERE / f"{name}.jpg", quality=90)
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()

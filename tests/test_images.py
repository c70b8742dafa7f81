import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin
from test_sources import HEIGHT, WIDTH, assert_halves, halves, turned

import nst_tf as nst
from nst_tf import images

# Sizes


@pytest.mark.parametrize("source", ["file", "array"])
def test_size_is_the_long_edge_and_nothing_is_squashed(source):
    halves().save("a.png")
    given = "a.png" if source == "file" else np.asarray(halves()) / 255
    assert nst.load_image(given, 20).shape == (1, 15, 20, 3)
    assert nst.load_image(given, 80).shape == (1, 60, 80, 3)
    assert_halves(nst.load_image(given, 20), atol=6)


def test_fine_patterns_become_grey_when_they_shrink():
    board = np.indices((64, 96)).sum(axis=0) % 2
    for source in (board.astype(float), Image.fromarray(np.uint8(board * 255))):
        shrunk = nst.load_image(source, 24).numpy()
        np.testing.assert_allclose(shrunk, 0.5, atol=0.05)


@pytest.mark.parametrize(("large", "size"), [(False, 20), (True, 501)])
def test_a_jpeg_is_decoded_whole_if_it_is_small_or_not_four_times_too_large(
    large, size
):
    path = big() if large else "photo.jpg"
    picture = Image.open(path)
    shape = images.fit(picture.size[::-1], size)
    expected = picture.resize(shape[::-1], Image.Resampling.BICUBIC)
    expected = np.asarray(expected, "float32") / 255
    np.testing.assert_array_equal(nst.load_image(path, size)[0], expected)


@pytest.mark.parametrize("size", [0, -5, float("nan")])
def test_a_size_below_one_pixel_is_refused(size):
    with pytest.raises(ValueError, match="size: .* wanted at least 1"):
        nst.load_image("photo.jpg", size)


@pytest.mark.parametrize("size", [20_000, 99_999_999_999, 10**400])
def test_a_size_of_more_than_100_megapixels_is_refused(size):
    with pytest.raises(ValueError, match=f"size: {size} .*100 megapixels"):
        nst.load_image("photo.jpg", size)


def test_too_small_a_picture_says_how_small_it_may_be():
    Image.new("RGB", (1, 1)).save("a.png")
    with pytest.raises(ValueError, match=r"1 x 1 pixels.*at least 16 x 16"):
        nst.load_image("a.png", 64, min_side=16)


def test_too_narrow_a_picture_is_refused_after_resizing():
    Image.new("RGB", (900, 30)).save("a.png")
    with pytest.raises(ValueError, match=r"64 x 2 at size 64"):
        nst.load_image("a.png", 64, min_side=16)


# The shape alone


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "BMP", "GIF"])
def test_the_shape_of_a_file_is_known_without_its_pixels(form, monkeypatch):
    halves().save("a", form)
    decoded = []
    monkeypatch.setattr(Image, "_getdecoder", lambda *args: decoded.append(args))
    assert images.image_shape("a") == (HEIGHT, WIDTH) and not decoded
    with pytest.raises(ValueError, match="damaged"):
        nst.load_image("a")
    assert decoded


def with_late_exif(path):
    """A PNG whose EXIF follows its pixels, and says that it is turned."""
    content = Path(turned(6, "PNG")).read_bytes()
    start = content.index(b"eXIf") - 4
    end = content.index(b"IDAT") - 4
    Path(path).write_bytes(
        content[:start] + content[end:-12] + content[start:end] + content[-12:]
    )
    return path


def test_exif_after_the_pixels_counts():
    path = with_late_exif("late.png")
    assert_halves(nst.load_image(path))
    assert images.image_shape(path) == (HEIGHT, WIDTH)
    with Image.open(path) as picture:
        assert images.image_shape(picture) == (HEIGHT, WIDTH)
        assert_halves(nst.load_image(picture))


def test_the_shape_of_an_animation_is_known():
    frames = [halves(), Image.new("RGB", (WIDTH, HEIGHT), "black")]
    for path in ("a.png", "a.gif", "a.webp"):
        frames[0].save(path, save_all=True, append_images=frames[1:])
        assert images.image_shape(path) == (HEIGHT, WIDTH)


@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 4), (1, 7, 9, 3)])
def test_the_shape_of_an_array_is_that_of_its_picture(shape):
    assert images.image_shape(np.zeros(shape)) == (7, 9)
    assert images.image_shape(tf.zeros(shape)) == (7, 9)


def test_the_shape_of_an_opened_picture_is_that_of_its_file():
    assert images.image_shape(images.open_image(big(), 60)) == (1401, 2003)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no.jpg", r"'no\.jpg' does not exist"),
        ("text.jpg", r"'text\.jpg' is not a picture"),
        ("large.png", r"'large\.png' has more than 100 megapixels"),
        (np.zeros((5, 7, 2)), "array, shape"),
    ],
)
def test_what_is_no_picture_has_no_shape(source, message):
    Path("text.jpg").write_text("I am no picture.")
    Image.new("1", (10_000, 10_001)).save("large.png")
    with pytest.raises(ValueError, match=message):
        images.image_shape(source)


# Opened once, loaded at several sizes


def big(mode="RGB", orientation=1, name="big.jpg"):
    """Blurred noise of 2003 x 1401 pixels; neither can be divided by 2, 4 or 8."""
    noise = np.random.default_rng(0).integers(0, 256, (44, 63, 3), "uint8")
    picture = Image.fromarray(noise).resize((2003, 1401), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.convert(mode).save(name, exif=exif, quality=95)
    return name


SOURCES = {
    "small JPEG": lambda: "photo.jpg",
    "large PNG": lambda: big(name="big.png"),
    "turned PNG": lambda: turned(6, "PNG"),
    "floats": lambda: np.random.default_rng(0).uniform(size=(30, 40, 3)),
    "uint8": lambda: np.asarray(halves()),
    "PIL": halves,
    "profile": lambda: with_profile(),
}


def with_profile():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    halves().save("profile.png", icc_profile=profile)
    return "profile.png"


@pytest.mark.parametrize("kind", SOURCES)
def test_an_opened_picture_is_loaded_as_its_source_to_the_bit(kind):
    source = SOURCES[kind]()
    opened = images.open_image(source, 256)
    assert images.open_image(opened) is opened or kind == "floats"
    for size in (256, 151, 20):
        expected = nst.load_image(source, size)
        np.testing.assert_array_equal(nst.load_image(opened, size), expected)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_large_jpeg_is_decoded_smaller_but_looks_the_same(mode, orientation):
    path = big(mode, orientation)
    whole = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    opened = images.open_image(path, 100)
    assert max(opened.size) == 300
    assert opened.full_shape == whole.size[::-1]
    expected = nst.load_image(whole, 100)
    loaded = nst.load_image(path, 100)
    np.testing.assert_allclose(loaded, expected, atol=6 / 255)
    assert np.mean(np.abs(loaded - expected)) < 1.5 / 255
    np.testing.assert_array_equal(nst.load_image(opened, 100), loaded)


def test_fewer_pixels_are_decoded_of_a_large_jpeg(monkeypatch):
    decoded = []
    load = JpegImagePlugin.JpegImageFile.load
    monkeypatch.setattr(
        JpegImagePlugin.JpegImageFile,
        "load",
        lambda self: [decoded.append(self.size), load(self)][1],
    )
    nst.load_image(big(), 60)
    assert set(decoded) == {(251, 176)}  # an eighth


@pytest.mark.parametrize("size", [20, 33, 47, 77, 100])
def test_a_large_jpeg_keeps_its_proportions(size):
    shape = nst.load_image(big(), size).shape[1:3]
    assert tuple(shape) == images.fit((1401, 2003), size)


def test_a_user_s_own_picture_stays_whole():
    path = big()
    with Image.open(path) as picture:
        nst.load_image(picture, 60)
        assert picture.size == (2003, 1401)
        assert np.array_equal(picture, Image.open(path))


def test_what_is_converted_from_a_profile_is_not_saved_with_it():
    nst.save_image("b.png", with_profile())
    assert "icc_profile" not in Image.open("b.png").info


def test_an_opened_picture_keeps_its_name_and_size():
    sources = [images.open_image(big(), 60), Image.open("big.jpg")]
    for source in sources:
        with pytest.raises(ValueError, match=r"big\.jpg' is 2003 x 1401 pixels, 20 x"):
            nst.load_image(source, 20, min_side=16)


@pytest.mark.parametrize("background", ["no such colour", None, (255, 255, 255)])
def test_a_background_that_is_no_colour_is_refused(background):
    with pytest.raises(ValueError, match="background: .* is not a colour"):
        nst.load_image("photo.jpg", background=background)


# Writing


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
def test_what_is_saved_is_what_is_loaded(suffix):
    image = nst.load_image(halves())
    nst.save_image(f"b.{suffix}", image)
    assert_halves(nst.load_image(f"b.{suffix}"), atol=12)


def test_a_saved_png_is_exact_to_half_a_grey_value():
    image = np.random.default_rng(0).uniform(size=(7, 9, 3))
    nst.save_image("b.png", image)
    np.testing.assert_allclose(nst.load_image("b.png")[0], image, atol=0.501 / 255)


def given(kind):
    """The same halves in every shape and type in which a picture may come."""
    array = np.asarray(halves())
    return {
        "uint8": array,
        "uint16": array.astype("uint16") * 257,
        "float64": array / 255,
        "tensor": nst.load_image(array),
        "bfloat16": tf.cast(nst.load_image(array), "bfloat16"),
        "RGBA": np.dstack([array, np.full((HEIGHT, WIDTH), 255, "uint8")]),
        "PIL": halves(),
        "CMYK": halves("CMYK"),
    }[kind]


KINDS = ["uint8", "uint16", "float64", "tensor", "bfloat16", "RGBA", "PIL", "CMYK"]


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_can_be_loaded_can_be_saved(kind):
    nst.save_image("b.png", given(kind))
    assert Image.open("b.png").mode == "RGB"
    assert_halves(nst.load_image("b.png"), atol=1)


@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 1), (1, 7, 9, 1)])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32"])
def test_grey_and_bool_arrays_can_be_saved(shape, dtype):
    mask = np.random.default_rng(0).uniform(size=shape) < 0.5
    white = 255 if dtype == "uint8" else 1
    nst.save_image("b.png", np.where(mask, white, 0).astype(dtype))
    expected = np.broadcast_to(mask.reshape(7, 9, 1), (7, 9, 3))
    np.testing.assert_array_equal(nst.load_image("b.png")[0], expected)


def test_transparency_is_saved_on_white():
    picture = np.zeros((7, 9, 4))
    picture[:, 4:, 3] = 1  # black
    nst.save_image("b.png", picture)
    saved = nst.load_image("b.png")[0].numpy()
    assert (saved[:, :4] == 1).all() and (saved[:, 4:] == 0).all()


def test_floats_that_stray_from_their_range_are_clipped():
    nst.save_image("b.png", np.full((7, 9, 3), [-1e-6, 1 + 1e-6, 1e300]))
    np.testing.assert_array_equal(nst.load_image("b.png")[0, 0, 0], [0, 1, 1])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pictures_with_nan_are_not_saved(value, tmp_path):
    picture = np.full((7, 9, 3), 0.5)
    picture[2, 3] = value
    with pytest.raises(ValueError, match="3 of 189 values are NaN or infinite"):
        nst.save_image("b.png", picture)
    assert not (tmp_path / "b.png").exists()


def test_a_batch_is_not_saved_as_its_first_picture():
    with pytest.raises(ValueError, match="batch of 2, shape .* wanted one picture"):
        nst.save_image("b.png", np.zeros((2, 7, 9, 3)))


def test_colours_are_not_stretched():
    nst.save_image("b.png", np.full((7, 9, 3), 0.4))
    assert Image.open("b.png").getextrema() == ((102, 102),) * 3


def test_a_png_keeps_its_settings():
    settings = {"size": [32, 64], "style_image": "Gemälde.jpg", "tv_weight": 0.0}
    nst.save_image("b.png", np.zeros((7, 9, 3)), settings)
    assert nst.read_settings("b.png") == settings
    assert json.loads(Image.open("b.png").text["nst_tf"]) == settings


def test_settings_after_the_pixels_are_found(tmp_path):
    nst.save_image("b.png", np.zeros((7, 9, 3)), {"steps": 3})
    content = (tmp_path / "b.png").read_bytes()
    start, end = content.index(b"iTXt") - 4, content.index(b"IDAT") - 4
    words, rest = content[start:end], content[end:-12]
    (tmp_path / "b.png").write_bytes(content[:start] + rest + words + content[-12:])
    assert nst.read_settings("b.png") == {"steps": 3}


def test_settings_of_a_print_too_large_to_be_loaded_can_be_read():
    words = PngImagePlugin.PngInfo()
    words.add_itxt("nst_tf", '{"steps": 3}')
    Image.new("1", (10_000, 10_001)).save("b.png", pnginfo=words)
    assert nst.read_settings("b.png") == {"steps": 3}


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", 100_000 * "["])
def test_words_that_are_no_settings_are_refused(text):
    words = PngImagePlugin.PngInfo()
    words.add_itxt("nst_tf", text)
    halves().save("b.png", pnginfo=words)
    with pytest.raises(ValueError, match=r"'b\.png' carries no settings"):
        nst.read_settings("b.png")


@pytest.mark.parametrize("name", ["photo.jpg", "plain.png"])
def test_a_picture_without_settings_says_so(name):
    Image.new("RGB", (9, 7)).save("plain.png")
    with pytest.raises(ValueError, match="carries no settings"):
        nst.read_settings(name)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("b.xyz", "should end in one of"),
        ("b", "should end in one of"),
        ("nowhere/b.png", "there is no folder nowhere"),
        ("photo.jpg/b.png", "there is no folder photo.jpg"),
        ("folder.png", "is a folder"),
        pytest.param(
            "/proc/b.png",
            "cannot write to /proc",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux' /proc"),
        ),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(path, message, tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ValueError, match=message):
        nst.save_image(path, np.zeros((7, 9, 3)))


def test_a_failed_writing_leaves_the_old_file_whole(tmp_path):
    nst.save_image("b.png", np.zeros((7, 9, 3)))
    before = (tmp_path / "b.png").read_bytes()

    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        images.write_atomically("b.png", fail)
    assert (tmp_path / "b.png").read_bytes() == before
    assert not list(tmp_path.glob("*.part"))

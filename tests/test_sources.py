import http.server
import io
import os
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms

import nst_tf as nst
from nst_tf import images, sources

Image.init()  # knows all of its formats now
HEIGHT, WIDTH = 30, 40
# Two halves of different colours: what is turned or mirrored shows.
LEFT, RIGHT = (200, 60, 20), (10, 120, 220)


def halves(mode="RGB"):
    picture = Image.new("RGB", (WIDTH, HEIGHT), LEFT)
    picture.paste(RIGHT, (WIDTH // 2, 0, WIDTH, HEIGHT))
    return picture.convert(mode)


def colors(image):
    """Colours in the middle of the left and of the right half, 0 to 255."""
    array = np.asarray(image)[0] * 255
    height, width = array.shape[:2]
    return array[height // 2, width // 4], array[height // 2, 3 * width // 4]


def assert_halves(image, atol=3):
    left, right = colors(image)
    np.testing.assert_allclose(left, LEFT, atol=atol)
    np.testing.assert_allclose(right, RIGHT, atol=atol)


# What comes out


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
def test_formats_are_read(suffix):
    halves().save(f"a.{suffix}")
    image = nst.load_image(f"a.{suffix}")
    assert image.shape == (1, HEIGHT, WIDTH, 3) and image.dtype == "float32"
    assert_halves(image, atol=12)


def test_first_frame_of_a_gif_is_read():
    frames = [halves(), Image.new("RGB", (WIDTH, HEIGHT), "black")]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:])
    assert_halves(nst.load_image("a.gif"), atol=12)


def turned(orientation, form, path="a"):
    """A camera that was turned stores the scene turned, and says so."""
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = halves()
    if orientation in back:
        stored = stored.transpose(back[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(path, form, exif=exif, quality=95)
    return path


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "MPO"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_obeyed(orientation, form):
    if form not in Image.SAVE:
        pytest.skip(f"Pillow has no {form} here")
    image = nst.load_image(turned(orientation, form))
    assert image.shape == (1, HEIGHT, WIDTH, 3)
    assert_halves(image, atol=12)
    assert images.image_shape("a") == (HEIGHT, WIDTH)
    assert images.image_shape(Image.open("a")) == (HEIGHT, WIDTH)


@pytest.mark.parametrize("mode", ["CMYK", "P", "RGBA", "YCbCr"])
def test_colour_modes_become_rgb(mode):
    suffix = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    halves(mode).save(f"a.{suffix}", quality=95)
    # The 216 colours of a palette are 51 grey values apart.
    assert_halves(nst.load_image(f"a.{suffix}"), atol=35 if mode == "P" else 12)


def test_lab_becomes_rgb():
    lab = ImageCms.profileToProfile(
        halves(),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    lab.save("a.tif")
    assert_halves(nst.load_image("a.tif"), atol=16)  # 8 bits of Lab are coarse


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_grey_becomes_rgb(mode):
    Image.new(mode, (WIDTH, HEIGHT), {"1": 1, "L": 128, "LA": (128, 255)}[mode]).save(
        "a.png"
    )
    expected = 1.0 if mode == "1" else 128 / 255
    np.testing.assert_allclose(nst.load_image("a.png"), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "value", "suffix"),
    [("uint16", 32896, "png"), ("float32", 128 / 255, "tif"), ("int32", 32896, "tif")],
)
def test_deep_grey_keeps_its_brightness(dtype, value, suffix):
    Image.fromarray(np.full((HEIGHT, WIDTH), value, dtype)).save(f"a.{suffix}")
    np.testing.assert_allclose(nst.load_image(f"a.{suffix}"), 128 / 255, atol=0.005)


def test_a_float_picture_may_overshoot_white_a_little():
    Image.fromarray(np.full((HEIGHT, WIDTH), 1.02, "float32")).save("a.tif")
    np.testing.assert_allclose(nst.load_image("a.tif"), 1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("background", ["white", "#102030"])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_the_background(mode, background):
    picture = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    picture.paste((128, 128, 128, 255), (WIDTH // 2, 0, WIDTH, HEIGHT))
    picture.convert(mode).save("a.png")
    left, right = colors(nst.load_image("a.png", background=background))
    expected = (255, 255, 255) if background == "white" else (16, 32, 48)
    np.testing.assert_allclose(left, expected, atol=1)
    np.testing.assert_allclose(right, 128, atol=3)


def test_half_transparency_is_mixed():
    Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 128)).save("a.png")
    np.testing.assert_allclose(nst.load_image("a.png"), 127 / 255, atol=0.005)


def test_icc_profiles_are_converted():
    """In a profile whose red and green are swapped, red means green."""
    primaries = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, green = primaries.find(b"rXYZ"), primaries.find(b"gXYZ")
    swapped = bytearray(primaries)
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    Image.new("RGB", (WIDTH, HEIGHT), (255, 0, 0)).save(
        "a.png", icc_profile=bytes(swapped)
    )
    left, _ = colors(nst.load_image("a.png"))
    np.testing.assert_allclose(left, (0, 255, 0), atol=4)


def test_a_broken_icc_profile_is_ignored():
    halves().save("a.png", icc_profile=b"no profile at all")
    assert_halves(nst.load_image("a.png"))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_broken_exif_is_ignored(form):
    halves().save("a", form, exif=b"Exif\0\0 no EXIF at all")
    assert_halves(nst.load_image("a"), atol=12)
    assert images.image_shape("a") == (HEIGHT, WIDTH)


def test_pil_images_and_open_files_are_taken():
    halves().save("a.png")
    assert_halves(nst.load_image(halves()))
    with open("a.png", "rb") as file:
        assert_halves(nst.load_image(file))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_arrays_are_taken_in_their_type_s_range(dtype):
    array = np.asarray(halves())
    array = {
        "uint8": array,
        "uint16": array.astype("uint16") * 257,
        "float32": np.float32(array / 255),
        "float64": array / 255,
    }[dtype]
    assert_halves(nst.load_image(array))
    assert_halves(nst.load_image(array[None]))


def test_arrays_may_be_grey_or_transparent():
    grey = np.full((HEIGHT, WIDTH), 0.25)
    clear = np.zeros((HEIGHT, WIDTH, 4))
    np.testing.assert_allclose(nst.load_image(grey), 0.25)
    np.testing.assert_allclose(nst.load_image(clear), 1)


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_bool_arrays_are_black_and_white(channels):
    mask = np.random.default_rng(0).uniform(size=(7, 9, *channels)) < 0.5
    expected = np.broadcast_to(mask.reshape(7, 9, -1), (7, 9, 3))
    np.testing.assert_array_equal(nst.load_image(mask)[0], expected)


# What is no picture


def test_a_missing_file_is_named():
    with pytest.raises(ValueError, match=r"'no\.jpg' does not exist"):
        nst.load_image("no.jpg")


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        nst.load_image(tmp_path)


def test_text_named_jpg_is_refused(tmp_path):
    (tmp_path / "a.jpg").write_text("I am no picture.")
    with pytest.raises(ValueError, match=r"'a\.jpg' is not a picture"):
        nst.load_image("a.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_truncated_picture_is_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), "uint8")
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match="damaged or cut short"):
        nst.load_image(path)


@pytest.mark.skipif("AVIF" not in Image.SAVE, reason="Pillow has no AVIF here")
def test_a_damaged_avif_is_refused(tmp_path):
    """Its decoder raises a RuntimeError."""
    halves().save("a.avif")
    content = (tmp_path / "a.avif").read_bytes()
    (tmp_path / "a.avif").write_bytes(content.replace(b"iloc", b"????"))
    with pytest.raises(ValueError, match=r"'a\.avif' is damaged or cut short"):
        nst.load_image("a.avif")


class Place:
    """A path that is no `pathlib.Path`, as other libraries have them."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


@pytest.mark.parametrize("name", ["a.png", b"a.png"])
def test_whatever_has_a_path_is_a_path(name):
    nst.save_image(Place(name), halves(), {"steps": 3})
    assert_halves(nst.load_image(Place(name)))
    assert nst.read_settings(Place(name)) == {"steps": 3}
    with pytest.raises(ValueError, match=r"'a\.png' is 40 x 30"):
        nst.load_image(Place(name), min_side=50)


NAMES = {"NUL": "a\0.png", "too long": 999 * "a" + ".png"}


@pytest.mark.parametrize("kind", NAMES)
def test_impossible_names_are_refused(kind):
    for read in (nst.load_image, nst.read_settings):
        with pytest.raises(ValueError, match=r"picture 'a.*\.png' does not exist"):
            read(NAMES[kind])
    with pytest.raises(ValueError, match=r"a.*\.png: cannot write to \."):
        nst.save_image(NAMES[kind], halves())


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_itself_is_no_picture():
    os.symlink("a.png", "a.png")
    for read in (nst.load_image, nst.read_settings):
        with pytest.raises(ValueError, match=r"'a\.png' does not exist"):
            read("a.png")


def test_a_file_that_may_not_be_read_says_so(monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ValueError, match=r"'photo\.jpg' cannot be opened \(Perm"):
        nst.load_image("photo.jpg")


def test_a_file_open_as_text_is_refused():
    with open("photo.jpg") as file, pytest.raises(ValueError, match='mode "rb"'):
        nst.load_image(file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such thing here")
def test_a_pipe_is_no_file():
    os.mkfifo("a.png")
    with pytest.raises(ValueError, match=r"'a\.png' is not a file"):
        nst.load_image("a.png")


@pytest.mark.parametrize("height", [10_001, 20_000])
def test_more_than_100_megapixels_are_refused(height):
    """The second is beyond Pillow's own limit, where it would raise its own error."""
    Image.new("1", (10_000, height)).save("a.png")
    with pytest.raises(ValueError, match="more than 100 megapixels"):
        nst.load_image("a.png")


@pytest.mark.filterwarnings("error")
def test_95_megapixels_are_read_without_a_warning():
    Image.new("1", (9_500, 10_000), 1).save("a.png")
    np.testing.assert_allclose(nst.load_image("a.png", 32), 1)


class Watcher(io.BytesIO):
    """A file that notes the state of the process whenever it is read."""

    def read(self, *size):
        state = (list(warnings.filters), Image.MAX_IMAGE_PIXELS)
        self.seen = [*getattr(self, "seen", []), state]
        return super().read(*size)


def test_no_state_of_the_process_is_changed_while_a_picture_is_read(tmp_path):
    before = (list(warnings.filters), Image.MAX_IMAGE_PIXELS)
    file = Watcher((tmp_path / "photo.jpg").read_bytes())
    nst.load_image(file)
    assert len(file.seen) > 2 and all(state == before for state in file.seen)


def test_pictures_are_read_in_threads_without_a_trace():
    halves().save("a.png")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(nst.load_image, 200 * ["a.png"]))
    assert list(warnings.filters) == before
    assert all(np.array_equal(image, loaded[0]) for image in loaded)


SAVED = ["AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM"]
SAVED += ["QOI", "SGI", "TGA", "TIFF", "WEBP"]


@pytest.mark.parametrize("form", SAVED)
def test_a_format_is_recognized_as_pillow_does(form):
    if form not in Image.SAVE:
        pytest.skip(f"Pillow does not write {form} here")
    halves().save("a", form)
    with open("a", "rb") as file:
        assert sources._recognize(file).format == Image.open("a").format
    assert_halves(nst.load_image("a"), atol=12)


def test_a_stream_that_cannot_be_rewound_is_read():
    file = io.BytesIO()
    halves().save(file, "PNG")
    read, write = os.pipe()
    os.write(write, file.getvalue())
    os.close(write)
    with open(read, "rb") as stream:
        assert_halves(nst.load_image(stream))


def test_a_closed_file_is_refused():
    with open("photo.jpg", "rb") as file:
        pass
    with pytest.raises(ValueError, match="damaged.*closed file"):
        nst.load_image(file)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((5, 7, 2)), "shape"),
        (np.zeros((2, 5, 7, 3)), "shape"),
        (np.zeros((0, 7, 3)), "shape"),
        (np.full((5, 7, 3), 255.0), "divide by 255"),
        (np.full((5, 7, 3), np.nan), r"wanted \[0, 1\]"),
        (np.full((5, 7, 3), "a"), "wanted floats"),
    ],
)
def test_wrong_arrays_are_refused(array, message):
    with pytest.raises(ValueError, match=message):
        nst.load_image(array)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int64", "uint32", "uint64"])
def test_integers_whose_white_is_unknown_are_refused(dtype):
    """Arithmetic on uint8 gives such arrays: 255 would be next to black in them."""
    array = np.full((5, 7, 3), 100, dtype)
    with pytest.raises(ValueError, match=rf'{dtype}.* use \.astype\("uint8"\)'):
        nst.load_image(array)


# From the web


class Handler(http.server.BaseHTTPRequestHandler):
    visits = 0

    def do_GET(self):
        type(self).visits += 1
        if "silent" in self.path:
            time.sleep(1.5)
            return
        if "missing" in self.path:
            self.send_error(404)
            return
        file = io.BytesIO()
        halves().save(file, "PNG")
        body = b"<html>" if "page" in self.path else file.getvalue()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)
    monkeypatch.setattr("pooch.core.os_cache", lambda name: tmp_path / name)
    Handler.visits = 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_url_is_fetched_once(server, capfd):
    for _ in range(2):
        assert_halves(nst.load_image(f"{server}/a.png"))
    assert Handler.visits == 1
    assert capfd.readouterr() == ("", "")


def test_the_shape_of_a_url_needs_one_download(server):
    assert images.image_shape(f"{server}/a.png") == (HEIGHT, WIDTH)
    nst.load_image(f"{server}/a.png")
    assert Handler.visits == 1


def test_a_url_without_a_picture_is_refused_and_not_cached(server):
    for _ in range(2):
        with pytest.raises(ValueError, match="is not a picture"):
            nst.load_image(f"{server}/page.png")
    assert Handler.visits == 2


def test_a_url_that_is_not_there_is_refused(server):
    with pytest.raises(ValueError, match="could not be fetched.*404"):
        nst.load_image(f"{server}/missing.png")


def test_a_server_that_stays_silent_is_refused(server, monkeypatch):
    assert sum(sources.TIMEOUT) <= 30
    monkeypatch.setattr(sources, "TIMEOUT", (0.2, 0.2))
    with pytest.raises(ValueError, match="could not be fetched.*timed out"):
        nst.load_image(f"{server}/silent.png")


def test_a_url_without_a_server_is_refused():
    with pytest.raises(ValueError, match="could not be fetched"):
        nst.load_image("http://127.0.0.1:9/a.png")

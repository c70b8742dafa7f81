"""The page that paints, in a real browser, against the library."""

import functools
import http.server
import importlib.util
import json
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import BROWSER
from PIL import Image

import nst_tf as nst

ROOT = Path(__file__).parent.parent
PAINT = ROOT / "docs" / "paint"
UNREACHED = re.compile("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH")
SECOND = 1000  # milliseconds, as Playwright counts


class Site:
    """A folder, served; what was asked for is kept."""

    def __init__(self, folder):
        self.asked = asked = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def end_headers(self):
                self.send_header("Access-Control-Allow-Origin", "*")
                super().end_headers()

            def log_message(self, *_):
                asked.append(self.path)

        handler = functools.partial(Handler, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page, built."""
    pytest.importorskip("playwright.sync_api")
    pytest.importorskip("tf2onnx")
    if not BROWSER:
        pytest.skip("there is no Chromium")
    if not shutil.which("npm"):
        pytest.skip("there is no npm")
    spec = importlib.util.spec_from_file_location("build", PAINT / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    folder = tmp_path_factory.mktemp("paint")
    try:
        build.build(folder)
    except ConnectionError as error:
        if UNREACHED.search(str(error)):
            pytest.skip("npm reaches no registry")
        raise
    return folder


@pytest.fixture(scope="module")
def site(folder):
    site = Site(folder)
    yield site
    site.close()


@pytest.fixture
def opened(browser):
    """A function that opens an address, and waits for a picture."""
    contexts = []

    def opened(address, pictures=1, script=None, **options):
        options = {"viewport": {"width": 1300, "height": 900}} | options
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        if script:
            page.add_init_script(script)
        page.goto(address)
        if pictures:
            wait(page, pictures)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def shared(site, browser):
    """One page for all who leave it as they find it: the example, in small."""
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.goto(site.address + "#size=256")
    wait(page, 1)
    yield page
    page.close()


def wait(page, pictures):
    page.locator(f'body[data-pictures="{pictures}"]').wait_for(timeout=120 * SECOND)


def count(page):
    return int(page.locator("body").get_attribute("data-pictures"))


def turn(page, settings):
    """Sets the knobs, as a link does, and waits for the picture."""
    before = count(page)
    if page.url.partition("#")[2] != settings:
        page.evaluate("settings => { location.hash = settings; }", settings)
        wait(page, before + 1)


def choose(page, name, path, painted=True):
    """A file for one of the buttons: photo or painting."""
    before = count(page)
    page.locator(f"#{name}").set_input_files(path)
    if painted:
        wait(page, before + 1)


def drop(page, place, name, kind, content):
    """Drops a file on a place of the page, as a person does with the mouse."""
    page.locator(place).evaluate(
        """(place, {name, kind, content}) => {
            const dataTransfer = new DataTransfer();
            const bytes = Uint8Array.from(content);
            dataTransfer.items.add(new File([bytes], name, {type: kind}));
            const options = {dataTransfer, bubbles: true, cancelable: true};
            for (const event of ["dragover", "drop"]) {
                place.dispatchEvent(new DragEvent(event, options));
            }
        }""",
        {"name": name, "kind": kind, "content": list(content)},
    )


def picture(page):
    """The picture that a person takes home, as `(H, W, 3)` bytes."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    return np.asarray(Image.open(download.value.path()).convert("RGB"))


def says(page, words):
    page.get_by_role("status").filter(has_text=re.compile(words)).wait_for(
        timeout=120 * SECOND
    )


def resized(source, size, path):
    """A PNG whose long edge is one of the page's sizes, so that nothing is resized.

    The browser resizes in other ways than Pillow, and decodes a JPEG in its own.
    """
    nst.save_image(path, nst.load_image(source, size))
    return path


def assert_same_picture(found, image, within=2):
    wanted = np.uint8(np.round(255 * np.asarray(image)))
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= within


# What it paints


@pytest.mark.parametrize(
    ("link", "style", "settings"),
    [
        ("style=the_wave", "the_wave", {}),
        (
            "style=the_wave&second=udnie&blend=0.35&strength=0.6",
            {"the_wave": 0.65, "udnie": 0.35},
            {"strength": 0.6},
        ),
        ("style=the_scream&color=photo", "the_scream", {"color": "photo"}),
    ],
)
def test_the_page_paints_the_pixels_of_the_library(shared, link, style, settings):
    choose(shared, "photo", resized("photo.jpg", 256, "small.png"))
    turn(shared, f"{link}&size=256")
    expected = nst.fast_style_transfer("small.png", style, size=256, **settings)
    assert expected.image.shape == (171, 256, 3)
    assert_same_picture(picture(shared), expected.image)


def test_a_painting_of_ones_own_is_predicted_as_in_the_library(shared):
    turn(shared, "size=256")
    choose(shared, "photo", resized("photo.jpg", 256, "small.png"))
    choose(shared, "painting", resized("painting.jpg", 512, "mine.png"))
    assert shared.get_by_role("radio", name="your own").is_checked()
    expected = nst.fast_style_transfer("small.png", "mine.png", size=256)
    assert_same_picture(picture(shared), expected.image)
    other = nst.fast_style_transfer("small.png", "starry_night", size=256).image
    assert np.abs(expected.image - other).max() > 0.1  # it could have been another one
    turn(shared, "size=256")


def test_a_painting_can_be_dropped_on_the_styles(shared):
    before = count(shared)
    content = Path(resized("painting.jpg", 64, "mine.png")).read_bytes()
    drop(shared, "#tiles", "mine.png", "image/png", content)
    wait(shared, before + 1)
    assert shared.get_by_role("radio", name="your own").is_checked()


def test_a_photograph_that_lies_on_its_side_is_turned_upright(shared):
    photo = Image.fromarray(np.zeros((100, 256, 3), "uint8"))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: a quarter turn
    photo.save("side.jpg", exif=exif)
    choose(shared, "photo", "side.jpg")
    assert picture(shared).shape == (256, 100, 3)


def test_a_transparent_photograph_lies_on_white(shared):
    Image.new("RGBA", (256, 120), (0, 0, 0, 0)).save("clear.png")
    choose(shared, "photo", "clear.png")
    turn(shared, "strength=0&size=256")
    assert picture(shared).min() >= 254


def test_a_photograph_of_50_megapixels_is_scaled_down_and_the_page_says_so(shared):
    photo = Image.linear_gradient("L").resize((8000, 6300))
    photo.save("huge.jpg", quality=70)
    choose(shared, "photo", "huge.jpg")
    turn(shared, "strength=0&size=256")
    says(shared, "8000 x 6300 pixels, scaled down to 256 x 202")
    expected = np.asarray(photo.resize((256, 202), Image.Resampling.BICUBIC), int)
    assert np.abs(picture(shared)[..., 1] - expected).max() <= 3


# What it refuses, in a sentence, and goes on


@pytest.mark.parametrize("place", ["#stage", "#tiles"])
def test_a_text_that_is_dropped_is_told(shared, place):
    before = picture(shared)
    drop(shared, place, "notes.txt", "text/plain", b"I am a text.")
    says(shared, "“notes.txt” is no picture that this browser can read")
    np.testing.assert_array_equal(picture(shared), before)


def test_a_tiny_photograph_is_told(shared):
    Image.new("RGB", (90, 20)).save("tiny.png")
    choose(shared, "photo", "tiny.png", painted=False)
    says(shared, "“tiny.png” is 90 x 20 pixels.*; at least 24 x 24 are needed")


def test_a_browser_without_webassembly_is_told(site, opened):
    page = opened(site.address, pictures=0, script="delete globalThis.WebAssembly")
    says(page, "needs a newer browser: this one lacks WebAssembly")


def test_a_graphics_card_that_fails_leaves_it_to_the_processor(site, opened):
    """This Chromium has none, so the build for one cannot work."""
    page = opened(f"{site.address}?build=jspi#size=256")
    says(page, "on the processor")
    assert any("jspi" in path for path in site.asked)


# Settings and links


def test_a_link_restores_the_settings(shared, site, opened):
    turn(shared, "size=256")
    before = count(shared)
    shared.get_by_role("radio", name="the wave").check(force=True)
    shared.get_by_label("Second style").select_option("udnie")
    shared.get_by_label("How much of the second").fill("0.4")
    shared.get_by_label("Strength").fill("0.75")
    shared.get_by_label("Keep the photograph's colours").check()
    shared.locator(
        f'body[data-state="ready"]:not([data-pictures="{before}"])'
    ).wait_for()
    shared.get_by_role("button", name="Copy a link").click()
    link = shared.url
    page = opened(link)
    assert page.get_by_role("radio", name="the wave").is_checked()
    assert page.get_by_label("Second style").input_value() == "udnie"
    assert page.get_by_label("How much of the second").input_value() == "0.4"
    assert page.get_by_label("Strength").input_value() == "0.75"
    assert page.get_by_label("Keep the photograph's colours").is_checked()
    assert page.get_by_label("Long edge").input_value() == "256"


def test_a_link_that_makes_no_sense_gives_the_defaults(shared):
    turn(shared, "style=<b>&second=nobody&blend=9&strength=much&size=256")
    assert shared.get_by_role("radio", name="starry night").is_checked()
    assert shared.get_by_label("Second style").input_value() == ""
    assert shared.get_by_label("Strength").input_value() == "1"


def test_the_painter_of_a_style_is_named(shared):
    turn(shared, "style=the_scream&second=udnie&size=256")
    styles = nst.fast_styles()
    for name in ("the_scream", "udnie"):
        assert styles[name] in shared.locator("#credit").inner_text()


def test_the_original_can_be_seen_and_the_download_is_the_painted_one(shared):
    shown = "canvas => canvas.toDataURL()"
    canvas, button = shared.locator("#picture"), shared.locator("#compare")
    painted = canvas.evaluate(shown)
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert canvas.evaluate(shown) != painted
    picture(shared)
    assert button.get_attribute("aria-pressed") == "false"
    assert canvas.evaluate(shown) == painted


# For everybody


def test_the_keyboard_alone_chooses_a_style_and_a_strength(shared):
    turn(shared, "style=the_wave&size=256")
    before = count(shared)
    shared.get_by_role("radio", name="the wave").focus()
    shared.keyboard.press("ArrowRight")
    wait(shared, before + 1)
    names = list(nst.fast_styles())
    following = names[names.index("the_wave") + 1]
    assert f"style={following}" in shared.url
    shared.get_by_label("Strength").focus()
    shared.keyboard.press("ArrowLeft")
    wait(shared, before + 2)
    assert "strength=0.95" in shared.url


def test_everything_that_can_be_used_has_a_name(shared):
    controls = shared.locator("input, select, button, canvas, progress").all()
    assert len(controls) > 25
    snapshot = shared.locator("body").aria_snapshot()
    nameless = re.findall(
        r"^ *- (?:radio|slider|combobox|checkbox|button|img)(?: \[.*\])?:?$",
        snapshot,
        re.M,
    )
    assert not nameless
    assert snapshot.count("- radio ") == shared.get_by_role("radio").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_hangs_over_the_edge_of_a_phone(site, opened, scheme):
    page = opened(
        site.address + "#size=256&second=udnie",
        pictures=0,
        viewport={"width": 390, "height": 844},
        color_scheme=scheme,
        has_touch=True,
        is_mobile=True,
    )
    page.get_by_role("radio").first.wait_for(state="attached")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#camera").is_visible()


# Nothing leaves, and nothing is missed


def test_nothing_leaves_the_device(site, opened, folder):
    elsewhere, asked = Site(folder), []
    page = opened(site.address + "#size=256", pictures=0)
    page.context.on("request", lambda request: asked.append(request.url))
    wait(page, 1)
    choose(page, "painting", resized("painting.jpg", 64, "mine.png"))
    ours = (site.address, f"blob:{site.address}")
    assert len(asked) > 3 and all(one.startswith(ours) for one in asked)
    send = "address => fetch(address).then(() => 'sent', () => 'refused')"
    stranger = elsewhere.address + "icon.svg"
    (worker,) = page.workers
    assert page.evaluate(send, stranger) == "refused"
    assert worker.evaluate(send, stranger) == "refused"
    assert not elsewhere.asked
    other = opened(stranger, pictures=0)  # a page without such a policy
    assert other.evaluate(send, f"{site.address}icon.svg") == "sent"
    elsewhere.close()


def test_it_paints_without_a_network_and_opens_without_one(folder, opened):
    site = Site(folder)
    page = opened(site.address + "#size=256")
    page.locator('body[data-offline="kept"]').wait_for(timeout=60 * SECOND)
    site.close()
    page.context.set_offline(True)
    turn(page, "style=udnie&size=256")
    choose(page, "painting", resized("painting.jpg", 64, "mine.png"), painted=False)
    says(page, "go online, and try again")
    turn(page, "style=the_kiss&size=256")
    page.reload()
    wait(page, 1)
    expected = nst.load_image(ROOT / "images" / "content" / "astronaut.jpg", 256)
    assert picture(page).shape == tuple(expected.shape[1:])


# What comes from npm


def test_what_comes_from_npm_is_one_version_with_a_hash_and_no_address():
    wanted = json.loads((PAINT / "package.json").read_text())["dependencies"]
    text = (PAINT / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    del packages[""]
    assert list(wanted) == ["onnxruntime-web"]
    version = packages["node_modules/onnxruntime-web"]["version"]
    assert wanted["onnxruntime-web"] == version
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    assert "resolved" not in text and "://" not in text

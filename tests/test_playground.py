"""The knobs without a page; then the page itself, driven by a browser."""

import base64
import datetime
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ipywidgets")

import nst_tf as nst
from nst_tf import ffmpeg
from nst_tf.playground import ALPHAS, OWN, TV_WEIGHTS, Playground, pictures

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def sizes(monkeypatch):
    monkeypatch.setattr("nst_tf.playground.SIZES", (48, 64, 256))


def small(contents=("photo.jpg",), styles=("painting.jpg",), steps=5):
    page = Playground([Path(p) for p in contents], [Path(p) for p in styles])
    page.knobs["size"].value, page.knobs["steps"].value = 48, steps
    return page


def turn(page, **values):
    for name, value in values.items():
        page.knobs[name].value = value


def paint(page):
    page.paint.click()
    wait(page)
    assert page.status.value.startswith("Done")


def upload(picker, content, name="own.jpg", kind="image/jpeg"):
    picker.upload.value = (
        {
            "name": name,
            "type": kind,
            "size": len(content),
            "content": memoryview(content),
            "last_modified": datetime.datetime.now(datetime.timezone.utc),
        },
    )


def wait(page):
    page._thread.join(timeout=120)
    assert not page._thread.is_alive()


def test_it_paints_with_the_knobs_as_they_are():
    page = small()
    asked = {
        "content_weight": 1e-3,
        "tv_weight": 5.0,
        "content_layers": "block2_conv2",
        "style_layers": ("block1_conv1", "block2_conv1"),
        "init": "noise",
        "optimizer": "adam",
    }
    turn(page, **asked)
    paint(page)
    assert page.status.value.startswith("Done after 5 steps")
    settings = page.result.settings
    for name in ("content_weight", "tv_weight", "init", "optimizer"):
        assert settings[name] == asked[name], name
    assert list(settings["content_layers"]) == ["block2_conv2"]
    assert list(settings["style_layers"]) == ["block1_conv1", "block2_conv1"]
    assert settings["network"] == "vgg19_slim"
    assert "data:image/png;base64,iVBOR" in page.now.parts["picture"].value
    assert page.stop.disabled and not page.paint.disabled


def test_weights_are_round_numbers():
    """As the legend writes them: one digit, and zeros."""
    for weight in (*ALPHAS, *TV_WEIGHTS):
        assert re.fullmatch("[125]?0*|0[.]0*[125]", f"{weight:g}"), weight
    assert sorted(ALPHAS) == list(ALPHAS) and sorted(TV_WEIGHTS) == list(TV_WEIGHTS)


def test_the_picture_that_is_taken_home_knows_its_settings():
    page = small()
    paint(page)
    (data,) = re.findall(
        'download="nst_tf.png" href="data:image/png;base64,(.+?)"', page.status.value
    )
    Path("home.png").write_bytes(base64.b64decode(data))
    assert nst.read_settings("home.png")["content_weight"] == 0.02


def test_keep_puts_the_picture_beside_the_next_one():
    page = small()
    assert page.keep.disabled and page.kept.panel.layout.display == "none"
    page.guess.value = "she stays"
    paint(page)
    first = page.now.parts["picture"].value
    page.keep.click()
    assert page.kept.parts["picture"].value == first
    assert page.now.parts["picture"].value == ""
    assert page.keep.disabled and page.kept.panel.layout.display == ""

    turn(page, content_weight=1e-4)
    page.guess.value = "she <vanishes>"
    paint(page)
    assert page.kept.parts["picture"].value == first
    assert page.now.parts["picture"].value not in ("", first)
    titles = [shown.parts["title"].value for shown in (page.kept, page.now)]
    assert titles == [
        "<b>Kept: alpha / beta 0.02</b><br>Guess: <i>she stays</i>",
        "<b>Now: alpha / beta 0.0001</b><br>Guess: <i>she &lt;vanishes&gt;</i>",
    ]
    assert "alpha / beta 0.02; total variation 0.5" in page.kept.parts["settings"].value


def test_what_is_not_kept_is_replaced():
    page = small()
    paint(page)
    page.keep.click()
    for alpha in (0.1, 1.0):
        turn(page, content_weight=alpha)
        paint(page)
        assert page.now.parts["title"].value == f"<b>Now: alpha / beta {alpha:g}</b>"
        assert page.kept.parts["title"].value == "<b>Kept: alpha / beta 0.02</b>"
    page.keep.click()
    assert page.kept.parts["title"].value == "<b>Kept</b>"
    assert "alpha / beta 1;" in page.kept.parts["settings"].value


def test_every_picture_says_what_is_seen():
    page = small()
    upload(page.style, Path("painting.jpg").read_bytes())
    paint(page)
    totals = page.result.history["total"]
    alts = [
        re.search('alt="(.*?)"', shown.value)[1]
        for shown in (
            page.content.view,
            page.style.view,
            page.now.parts["picture"],
            page.now.parts["curves"],
        )
    ]
    assert alts == [
        "Photo: photo",
        "Painting: own.jpg",
        "photo, painted like own.jpg, after 5 steps",
        "Loss curves of 5 steps: the total goes from "
        f"{totals[0]:.3g} to {totals[-1]:.3g}",
    ]


def wait_for_a_look(page):
    while page._looking:
        time.sleep(0.05)


def test_a_moved_knob_shows_a_picture_in_a_second():
    page = small()
    page.fast_knobs["style"].value = "the_wave"
    wait_for_a_look(page)
    expected = nst.fast_style_transfer("photo.jpg", "the_wave", size=512)
    np.testing.assert_allclose(page.result.image, expected.image, atol=1e-3)
    shown = page.now.parts["picture"].value
    assert "photo, painted like the_wave" in shown
    assert "download" in page.status.value and not page.keep.disabled

    page.fast_knobs["strength"].value = 0.5
    wait_for_a_look(page)
    expected = nst.fast_style_transfer("photo.jpg", "the_wave", size=512, strength=0.5)
    np.testing.assert_allclose(page.result.image, expected.image, atol=1e-3)
    assert page.now.parts["picture"].value != shown


def test_a_blend_of_the_painting_and_a_style():
    page = small()
    page.fast_knobs["second"].value = "udnie"
    page.fast_knobs["share"].value = 0.25
    wait_for_a_look(page)
    vector = 0.75 * nst.predict_style("painting.jpg") + 0.25 * nst.style_vector("udnie")
    expected = nst.fast_style_transfer("photo.jpg", vector, size=512).image
    np.testing.assert_allclose(page.result.image, expected, atol=1e-3)
    assert "photo, painted like painting" in page.now.parts["picture"].value


def test_paint_goes_on_from_the_picture_in_a_second():
    page = small()
    page.fast_knobs["style"].value = "the_wave"
    wait_for_a_look(page)
    assert page.knobs["init"].value == "fast"
    picture = page.result.image
    paint(page)
    expected = nst.style_transfer(
        "photo.jpg",
        "painting.jpg",
        init=picture,
        size=48,
        steps=5,
        network="vgg19_slim",
    )
    np.testing.assert_allclose(page.result.image, expected.image, atol=1e-3)


def strike(page, *places):
    """A stroke of the brush, as the browser sends it."""
    for k, (x, y) in enumerate((*places, places[-1])):
        event = "mouse_move" if k else "mouse_down"
        event = "mouse_up" if k == len(places) else event
        content = {"event": event, "x": x, "y": y}
        page.brush.canvas[-1]._handle_frontend_event(None, content, None)


def test_only_where_the_brush_was_is_painted():
    page = small()
    page.fast_knobs["style"].value = "the_wave"
    page.brush.size.value = 40
    strike(page, (100, 100), (200, 100))
    wait_for_a_look(page)
    mask = page.brush.mask
    expected = nst.fast_style_transfer(
        "photo.jpg", "the_wave", size=512, content_masks=mask
    )
    np.testing.assert_allclose(page.result.image, expected.image, atol=1e-3)
    assert "painted where the brush was" in page.now.parts["settings"].value
    paint(page)
    expected = nst.style_transfer(
        "photo.jpg",
        "painting.jpg",
        init=expected.image,
        content_masks=mask,
        size=48,
        steps=5,
        network="vgg19_slim",
    )
    np.testing.assert_allclose(page.result.image, expected.image, atol=1e-3)


def test_another_photograph_takes_the_mask_away():
    page = small(contents=("photo.jpg", "painting.jpg"))
    strike(page, (100, 100))
    page.content.choice.value = "painting"
    assert page.brush.mask is None
    upload(page.content, b"I am a text.")
    assert page.brush.mask is None
    wait_for_a_look(page)
    assert "not a picture" in page.status.value


def test_a_page_without_photographs_waits_for_one():
    page = small(contents=())
    page.paint.click()
    assert "the Upload button" in page.status.value


def test_a_look_that_ends_after_a_run_does_not_replace_its_picture(monkeypatch):
    def late(*args, **settings):
        picture = nst.fast_style_transfer(*args, **settings)
        paint(page)
        return picture

    page = small()
    monkeypatch.setattr("nst_tf.playground.fast_style_transfer", late)
    page.fast_knobs["style"].value = "the_wave"
    wait_for_a_look(page)
    assert page.status.value.startswith("Done") and page.result.history["step"]


def test_stop_keeps_the_picture():
    page = small(steps=300)
    page.paint.click()
    while page.progress.value < 2:
        time.sleep(0.05)
    page.stop.click()
    wait(page)
    assert page.status.value.startswith("Stopped after")
    assert not page.result.complete and "download" in page.status.value


def test_one_picture_after_another_leaves_nothing_behind(live_tensors):
    page, counts = small(), []
    for alpha in (1e-3, 1e-2, 1e-1):
        turn(page, content_weight=alpha)
        paint(page)
        counts.append(live_tensors())
    assert counts[1] == counts[2]


def test_an_uploaded_picture_is_painted():
    page = small()
    upload(page.content, Path("painting.jpg").read_bytes())
    assert page.content.choice.value == OWN
    page.paint.click()
    wait(page)
    shape = nst.load_image("painting.jpg", 48).shape[1:]
    assert page.result.image.shape == shape


@pytest.fixture
def clip():
    """Six frames of the photograph's corner, as an .mp4's bytes."""
    frame = np.asarray(nst.images.to_pil("photo.jpg").crop((0, 0, 64, 48)))
    with ffmpeg.writing(Path("clip.mp4"), (48, 64), 12) as add:
        for _ in range(6):
            add(frame)
    return Path("clip.mp4").read_bytes()


def test_a_short_film_is_painted(clip):
    page = small()
    upload(page.content, clip, "own.mp4", "video/mp4")
    assert "data:image/png" in page.content.view.value  # its first frame
    page.fast_knobs["style"].value = "the_wave"
    wait_for_a_look(page)
    assert page.result.image.shape == (384, 512, 3)
    paint(page)
    assert page.status.value.startswith("Done after 6 frames")
    assert "<video" in page.now.parts["picture"].value
    assert "style the_wave" in page.now.parts["settings"].value
    (data,) = re.findall(
        'download="nst_tf.mp4" href="data:video/mp4;base64,(.+?)"', page.status.value
    )
    Path("home.mp4").write_bytes(base64.b64decode(data))
    assert ffmpeg.look("home.mp4").shape == (240, 320)


def test_a_film_that_is_stopped_is_shown_as_far_as_it_goes(clip, monkeypatch):
    page = small()
    upload(page.content, clip, "own.mp4", "video/mp4")
    wait_for_a_look(page)
    watch = page._frame

    def stop(done, total):
        page._stopping = done == 3
        watch(done, total)

    monkeypatch.setattr(page, "_frame", stop)
    page.paint.click()
    wait(page)
    assert page.status.value.startswith("Stopped after 3 frames")


def test_what_is_no_picture_gets_a_friendly_line():
    page = small()
    upload(page.style, b"I am a text.")
    assert "not a picture that can be read" in page.style.view.value
    page.paint.click()
    wait(page)
    assert "not a picture that can be read" in page.status.value
    assert not page.paint.disabled


def test_nothing_uploaded_is_told():
    page = small()
    page.content.choice.value = OWN
    page.paint.click()
    assert "the Upload button" in page.status.value


def test_no_layer_is_told():
    page = small()
    turn(page, style_layers=())
    page.paint.click()
    wait(page)
    assert "style_layers" in page.status.value


def test_pictures_of_a_folder():
    found = [path.name for path in pictures(ROOT / "images" / "style")]
    assert "mosaic.jpg" in found and "paint.py" not in found


# The page


@pytest.fixture(scope="module")
def address():
    pytest.importorskip("voila")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "voila", "playground.ipynb", "--no-browser"]
    command += [f"--port={port}", "--Voila.ip=127.0.0.1", "--token=secret"]
    server = subprocess.Popen(
        command,
        cwd=ROOT / "notebooks",
        env=os.environ | {"NST_TF_WEIGHTS": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}/?token=secret"
    for _ in range(120):
        try:
            urllib.request.urlopen(address, timeout=30).close()
            break
        except OSError:
            time.sleep(0.5)
    yield address
    server.terminate()
    server.wait()


def opened(browser, address, **options):
    page = browser.new_page(**options)
    page.goto(address)
    page.get_by_role("button", name="Paint").wait_for(timeout=120_000)
    return page


def upload_by_hand(page, which, path):
    """`which` is 0 for the photo's button, 1 for the painting's."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload").nth(which).click()
    chooser.value.set_files(path)


def paint_and_stop(page):
    page.get_by_role("button", name="Paint").click()
    page.get_by_text(re.compile("Step [2-9]")).wait_for(timeout=120_000)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped after").wait_for(timeout=60_000)


def test_without_the_token_there_is_no_page(address):
    with urllib.request.urlopen(address.split("?")[0]) as answer:
        assert b"Playground" not in answer.read() and "login" in answer.url


def test_a_person_uploads_paints_stops_and_takes_the_picture_home(
    browser, address, tmp_path
):
    page = opened(browser, address, viewport={"width": 1300, "height": 900})
    upload_by_hand(page, 0, tmp_path / "photo.jpg")
    page.get_by_role("button", name="Upload (1)").wait_for()
    paint_and_stop(page)
    with page.expect_download() as download:
        page.get_by_text("Download the picture").click()
    download.value.save_as(tmp_path / "home.png")
    assert nst.load_image(tmp_path / "home.png").shape[2] == 256
    page.close()


def test_a_lecture_sees_both_pictures_and_their_curves_without_scrolling(
    browser, address
):
    page = opened(browser, address, viewport={"width": 1280, "height": 800})
    paint_and_stop(page)
    page.get_by_role("button", name="Keep").click()
    paint_and_stop(page)
    for shown in ("painted like", "Loss curves"):
        boxes = [image.bounding_box() for image in page.get_by_alt_text(shown).all()]
        assert len(boxes) == 2 and boxes[0]["y"] == boxes[1]["y"]
        assert all(box["y"] + box["height"] <= 800 for box in boxes)
        assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
        assert all(box["height"] > 200 for box in boxes)
    page.close()


def test_a_person_paints_a_mask_with_the_mouse(browser, address):
    page = opened(browser, address, viewport={"width": 1300, "height": 900})
    page.get_by_role("tab", name="Where").click()
    box = page.locator("canvas").first.bounding_box()
    assert box["width"] > 250 and box["height"] > 150
    x, y = box["x"] + box["width"] / 3, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 3, y, steps=5)
    page.mouse.up()
    page.get_by_text("painted where the brush was").wait_for(timeout=60_000)
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("painted everywhere").wait_for(timeout=60_000)
    page.close()


def test_two_tabs_paint_at_once(browser, address):
    tabs = [opened(browser, address) for _ in range(2)]
    for tab in tabs:
        tab.get_by_role("button", name="Paint").click()
    for tab in tabs:
        tab.get_by_text(re.compile("Step [2-9]")).wait_for(timeout=120_000)
    for tab in tabs:
        tab.get_by_role("button", name="Stop").click()
        tab.get_by_text("Stopped after").wait_for(timeout=60_000)
        tab.close()


def test_a_text_that_is_uploaded_gets_a_friendly_line(browser, address, tmp_path):
    (tmp_path / "text.jpg").write_text("I am a text.")
    page = opened(browser, address)
    upload_by_hand(page, 1, tmp_path / "text.jpg")
    page.get_by_text("not a picture that can be read").first.wait_for()
    page.close()


def test_nothing_hangs_over_the_edge_of_a_phone(browser, address):
    page = opened(browser, address, viewport={"width": 390, "height": 844})
    page.wait_for_timeout(1000)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    page.close()

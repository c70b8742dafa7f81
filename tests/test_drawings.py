"""What the drawings of the course say is what the library computes."""

import importlib.util
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tensorflow as tf
from conftest import TINY_NETWORK

import nst_tf as nst

FOLDER = Path(__file__).parent.parent / "images" / "drawings"
spec = importlib.util.spec_from_file_location("draw", FOLDER / "draw.py")
draw = importlib.util.module_from_spec(spec)
spec.loader.exec_module(draw)

SVG = "{http://www.w3.org/2000/svg}"


def drawn(name):
    return (FOLDER / f"{name}.svg").read_text(encoding="utf-8")


def words(name):
    """All texts of a drawing, and those that have an id, by their ids."""
    texts = list(ElementTree.fromstring(drawn(name)).iter(f"{SVG}text"))
    named = {text.get("id"): text.text for text in texts if text.get("id")}
    return [text.text for text in texts], named


def numbers(name, rows, columns):
    named = words("gram")[1]
    return [
        [int(named[f"{name}{i}{j}"]) for j in range(1, columns + 1)]
        for i in range(1, rows + 1)
    ]


def without_pictures(svg):
    """JPEGs differ from one version of Pillow to the next."""
    return re.sub('base64,[^"]+', "", svg)


@pytest.mark.parametrize("name", draw.DRAWINGS)
def test_a_drawing_is_what_its_script_makes(name, tmp_path):
    draw.main(tmp_path)
    made = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
    assert without_pictures(made) == without_pictures(drawn(name))


@pytest.mark.parametrize("name", draw.DRAWINGS)
def test_a_drawing_has_words_for_those_who_do_not_see_it(name):
    svg = ElementTree.fromstring(drawn(name))
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert svg.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert 20 < len(title.text) < 100 < len(description.text)


@pytest.mark.parametrize("name", draw.DRAWINGS)
def test_a_drawing_is_small_and_knows_dark_pages(name):
    assert len(drawn(name)) < 60_000
    assert "@media (prefers-color-scheme: dark)" in drawn(name)


def test_the_rows_of_the_matrix_are_the_positions_of_the_maps():
    maps = np.stack([numbers(f"map{n}", 2, 3) for n in (1, 2, 3)], axis=-1)
    rows = numbers("F", 6, 3)
    for h, w in np.ndindex(2, 3):
        assert rows[3 * h + w] == list(maps[h, w])


def test_the_gram_matrix_that_is_drawn_is_the_librarys():
    maps = np.stack([numbers(f"map{n}", 2, 3) for n in (1, 2, 3)], axis=-1)
    G = nst.gram_matrix(maps[None].astype("float32"))[0]
    np.testing.assert_array_equal(numbers("G", 3, 3), G)


def test_the_sum_that_is_written_out_is_right():
    (line,) = [text for text in words("gram")[0] if text.endswith("= 8")]
    terms, total = line.split(" = ")
    products = [np.prod([int(a) for a in t.split("·")]) for t in terms.split(" + ")]
    assert sum(products) == int(total) == numbers("G", 3, 3)[0][1]
    assert numbers("G", 3, 3)[0][2] == 0  # "never at the same position"


@pytest.mark.parametrize("layer", draw.LAYERS)
def test_what_a_position_sees_is_where_its_gradient_is(layer):
    """With positive weights nothing cancels: every pixel that is seen has one."""
    eye = nst.feature_extractor(layer, normalize=False, **TINY_NETWORK)
    eye.set_weights([np.abs(array) for array in eye.get_weights()])
    x, y, step = 87, 112, draw.stride(layer)
    image = tf.ones((1, 224, 175, 3))
    with tf.GradientTape() as tape:
        tape.watch(image)
        answer = eye(image)[layer][0, y // step, x // step, 0]
    rows, columns = np.nonzero(tape.gradient(answer, image)[0, ..., 0])
    left, top, side = draw.field(layer, x, y)
    assert (columns.min(), columns.max() + 1) == (left, left + side)
    assert (rows.min(), rows.max() + 1) == (top, top + side)
    assert words("sight")[1][layer] == f"{side} x {side} pixels"

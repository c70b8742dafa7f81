import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import nst_tf as nst
from nst_tf.losses import PARTS
from nst_tf.results import HISTORY, load_checkpoint, save_checkpoint

NOTES = {"history": {name: [] for name in HISTORY}, "settings": {}, "complete": False}


def result(steps=2, **state):
    image = np.random.default_rng(0).random((1, 20, 30, 3)).astype("float32")
    history = {"step": list(range(1, steps + 1)), "size": [30] * steps}
    history |= {part: [0.5**k for k in range(steps)] for part in PARTS}
    history["seconds"] = [0.1 * k for k in range(steps)]
    settings = {"size": [30], "style_layers": {"block1_conv1": 1.0}, "style_size": None}
    return nst.Result({"image": tf.constant(image)} | state, history, settings)


# Shown and saved


def test_the_image_of_a_result_is_an_array_of_its_own():
    made = result()
    assert made.image.shape == (20, 30, 3) and made.image.dtype == "float32"
    made.image[:] = 0
    np.testing.assert_array_equal(made.image, made.state["image"][0])
    assert made.image.any()


def test_a_result_says_how_large_it_is_and_how_far_it_came():
    assert repr(result(steps=3)) == "<Result 30 x 20 after 3 steps, total 0.25>"
    assert repr(result(steps=0)) == "<Result 30 x 20 after 0 steps>"


def test_its_words_do_not_copy_the_picture():
    class Picture:
        shape = (1, 20, 30, 3)

        def __array__(self, *args, **options):
            raise AssertionError("its pixels were asked for")

    assert repr(result(image=Picture())).startswith("<Result 30 x 20")


def test_a_result_shows_itself_in_a_notebook():
    shown = Image.open(io.BytesIO(result()._repr_png_()))
    np.testing.assert_allclose(np.asarray(shown) / 255, result().image, atol=0.002)


@pytest.mark.parametrize("steps", [0, 2])
def test_a_saved_result_tells_how_it_was_made_and_how_it_ended(steps):
    made = result(steps)
    made.save("out.png")
    settings = nst.read_settings("out.png")
    last = settings.pop("last")
    assert settings == made.settings
    assert last == {name: values[-1] for name, values in made.history.items() if steps}
    np.testing.assert_allclose(nst.load_image("out.png")[0], made.image, atol=0.002)


# Checkpoints


def test_a_checkpoint_gives_back_all_of_a_result():
    moves = list(np.random.default_rng(1).normal(size=(2, 1, 20, 30, 3)))
    made = result(moves=moves, length=0.1, converged=True)
    made.complete = True
    save_checkpoint("run.npz", made)
    found = load_checkpoint("run.npz")
    assert (found.history, found.settings) == (made.history, made.settings)
    assert found.complete is True
    assert found.state.keys() == made.state.keys()
    for name, value in made.state.items():
        np.testing.assert_array_equal(found.state[name], value)
    assert found.state["image"].dtype == "float32"
    assert found.state["converged"] is True


def test_a_checkpoint_needs_no_pickle():
    save_checkpoint("run.npz", result(moves=[], length=0.5, converged=False))
    with np.load("run.npz", allow_pickle=False) as file:
        assert all(file[name].dtype.kind != "O" for name in file.files)


def test_a_file_with_pickles_is_not_loaded():
    pickled = np.array([{}], object)
    np.savez("run.npz", notes=np.array(json.dumps(NOTES)), image=pickled)
    with pytest.raises(ValueError, match="not a checkpoint .*allow_pickle"):
        load_checkpoint("run.npz")


def test_a_file_that_is_missing_is_told():
    with pytest.raises(ValueError, match="resume: there is no file no.npz"):
        load_checkpoint("no.npz")


def test_a_checkpoint_that_was_cut_short_is_refused(tmp_path):
    save_checkpoint("run.npz", result())
    whole = (tmp_path / "run.npz").read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "run.npz").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="run.npz is not a checkpoint"):
            load_checkpoint("run.npz")


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_checkpoint_is_refused_or_is_what_it_was(seed, tmp_path):
    """Where a file keeps what nobody reads, such as dates, damage does not show."""
    rng = np.random.default_rng(seed)
    save_checkpoint("run.npz", result())
    content = bytearray((tmp_path / "run.npz").read_bytes())
    for place in rng.integers(0, len(content), 4):
        content[place] ^= rng.integers(1, 256)
    (tmp_path / "run.npz").write_bytes(content)
    try:
        found = load_checkpoint("run.npz")
    except ValueError as error:
        assert "run.npz is not a checkpoint" in str(error)
    else:
        np.testing.assert_array_equal(found.image, result().image)


@pytest.mark.parametrize(("field", "value"), [(6, 99), (8, 1), (10, 99)])
def test_a_checkpoint_that_asks_for_what_no_zip_has_is_refused(field, value, tmp_path):
    """For another version of zip, a password or another compression."""
    save_checkpoint("run.npz", result())
    content = bytearray((tmp_path / "run.npz").read_bytes())
    content[content.index(b"PK\1\2") + field] = value
    (tmp_path / "run.npz").write_bytes(content)
    with pytest.raises(ValueError, match="run.npz is not a checkpoint"):
        load_checkpoint("run.npz")


def npz_with(notes):
    file = io.BytesIO()
    np.savez(file, image=np.zeros((1, 2, 3, 3)), **notes)
    return file.getvalue()


def npy():
    file = io.BytesIO()
    np.save(file, np.zeros((1, 2, 3, 3)))
    return file.getvalue()


OTHER_FILES = {
    "text": b"I am a text.",
    "an array": npy(),
    "no notes": npz_with({}),
    "notes that are no JSON": npz_with({"notes": np.array("{")}),
    "notes that are a list": npz_with({"notes": np.array("[]")}),
    "notes without a history": npz_with({"notes": np.array("{}")}),
    "notes of something else": npz_with({"notes": np.array('{"a": 1}')}),
}


@pytest.mark.parametrize("content", OTHER_FILES.values(), ids=OTHER_FILES.keys())
def test_another_file_is_refused(content, tmp_path):
    (tmp_path / "run.npz").write_bytes(content)
    with pytest.raises(ValueError, match="run.npz is not a checkpoint"):
        load_checkpoint("run.npz")

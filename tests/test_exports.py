import json
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import nst_tf as nst
from nst_tf.exports import exported_model, exported_predictor
from nst_tf.fast import fast_network

PHOTOS = [
    np.random.default_rng(k).random((1, *shape, 3)).astype("float32")
    for k, shape in enumerate([(53, 70), (101, 39)])
]
WAVE = "the_wave"


def expected(photo):
    return nst.fast_style_transfer(photo, WAVE, size=None).image[None]


def by_keras(path, *given):
    return keras.models.load_model(path)(list(given)).numpy()


def by_saved_model(path, *given):
    model = tf.saved_model.load(path)
    return model.serve(list(given)).numpy()


def by_onnx_runtime(path, *given, names=("photo", "style"), output="picture"):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path)
    names = names[: len(given)]
    assert [i.name for i in session.get_inputs()] == list(names)
    image, vector = ["batch", "height", "width", 3], ["batch", 2307]
    shapes = {"photo": image, "painting": image, "picture": image, "style": vector}
    for value in (*session.get_inputs(), *session.get_outputs()):
        assert value.shape == shapes[value.name]
    (found,) = session.run([output], dict(zip(names, given, strict=True)))
    return found


def by_litert(path, *given, names=("photo", "style")):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter(path)
    places = {i["name"].split("_")[-1]: i for i in interpreter.get_input_details()}
    pairs = [
        (places[f"{name}:0"]["index"], value)
        for name, value in zip(names, given, strict=False)
    ]
    for index, value in pairs:
        interpreter.resize_tensor_input(index, value.shape)
    interpreter.allocate_tensors()
    for index, value in pairs:
        interpreter.set_tensor(index, value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def of_predictor(path, painting):
    """What an exported predictor gives."""
    if path.endswith("onnx"):
        return by_onnx_runtime(path, painting, names=("painting",), output="style")
    if path.endswith("tflite"):
        return by_litert(path, painting, names=("painting",))
    if path.endswith("keras"):
        return by_keras(path, painting)
    return by_saved_model(path, painting)


def skip_without_its_extra(path):
    if path.endswith("onnx"):
        pytest.importorskip("tf2onnx")
    if path.endswith("tflite"):
        pytest.importorskip("ai_edge_litert")


RUNTIMES = {
    "fast.keras": by_keras,
    "fast": by_saved_model,
    "fast.onnx": by_onnx_runtime,
    "fast.tflite": by_litert,
}


@pytest.mark.parametrize("path", RUNTIMES)
def test_an_export_paints_as_the_library_in_any_size_and_style(path):
    skip_without_its_extra(path)
    nst.export_fast(path)
    vectors = json.loads(open("fast.styles.json").read())
    assert list(vectors) == list(nst.fast_styles())
    style = np.array([vectors[WAVE]], "float32")
    for photo in PHOTOS:
        found = RUNTIMES[path](path, photo, style)
        np.testing.assert_allclose(found, expected(photo), atol=1e-4)


@pytest.mark.parametrize("path", RUNTIMES)
def test_an_export_of_one_style_needs_the_photograph_only(path, tmp_path):
    skip_without_its_extra(path)
    nst.export_fast(path, WAVE)
    assert not (tmp_path / "fast.styles.json").exists()
    found = RUNTIMES[path](path, PHOTOS[0])
    np.testing.assert_allclose(found, expected(PHOTOS[0]), atol=1e-4)


# Two odd sizes whose long edge has the 512 pixels of a painting; and the least.
PAINTINGS = [
    np.random.default_rng(k).random((1, *shape, 3)).astype("float32")
    for k, shape in enumerate([(512, 77), (131, 512), (16, 512)])
]


@pytest.mark.parametrize("path", RUNTIMES)
def test_an_exported_predictor_tells_the_librarys_style_at_any_size(path):
    skip_without_its_extra(path)
    nst.export_predictor(path)
    for painting in PAINTINGS:
        (found,), style = of_predictor(path, painting), nst.predict_style(painting)
        scale = np.abs(style).max()
        np.testing.assert_allclose(found / scale, style / scale, atol=1e-4)


def test_a_predictor_takes_several_paintings():
    both = np.concatenate([PAINTINGS[0], PAINTINGS[0][:, ::-1] ** 2])
    one, other = exported_predictor()([both]).numpy()
    scale = np.abs(one).max()
    assert np.abs(one - other).max() > 0.01 * scale
    np.testing.assert_allclose(
        one / scale, nst.predict_style(both[:1]) / scale, atol=1e-5
    )


def test_the_exported_picture_is_clipped_and_of_each_of_a_batch():
    model = exported_model(nst.style_vector(WAVE) * 30)
    both = np.concatenate([PHOTOS[0], PHOTOS[0][:, ::-1]])
    pictures = model([both]).numpy()
    assert pictures.shape == both.shape
    assert pictures.min() == 0 and pictures.max() == 1
    np.testing.assert_allclose(pictures[:1], model([PHOTOS[0]]), atol=1e-5)


def test_an_export_is_written_over_an_older_one_only(tmp_path):
    for style in (WAVE, "udnie"):
        nst.export_fast("folder", style)
    found = by_saved_model("folder", PHOTOS[0])
    picture = nst.fast_style_transfer(PHOTOS[0], "udnie", size=None).image
    np.testing.assert_allclose(found[0], picture, atol=1e-4)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match="mine is there, and no exported network"):
        nst.export_fast("mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("fast.pb", "should end in one of .keras, .tflite, .onnx"),
        ("nowhere/fast.onnx", "there is no folder nowhere"),
        ("nowhere/fast", "there is no folder nowhere"),
    ],
)
def test_a_place_that_cannot_be_is_said_beforehand(path, words):
    with pytest.raises(ValueError, match=words):
        nst.export_fast(path)


def test_onnx_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r"pip install \"nst_tf\[export\]\""):
        nst.export_fast("fast.onnx")


def test_nothing_is_left_of_an_export_that_failed(monkeypatch, tmp_path):
    def broken(*_, **__):
        raise OSError("no space left on device")

    before = {path.name for path in tmp_path.iterdir()}
    monkeypatch.setattr(keras.Model, "export", broken)
    with pytest.raises(OSError, match="no space left"):
        nst.export_fast("fast.tflite")
    assert {path.name for path in tmp_path.iterdir()} == before


def test_its_weights_are_the_networks():
    names = {w.path for w in fast_network().painter.weights}
    assert names <= {w.path for w in exported_model().weights}

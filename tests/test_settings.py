import json
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import nst_tf as nst
from nst_tf import settings as rules


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 31}, "size: 31; wanted a whole number, at least 32 pixels"),
        ({"size": []}, "size"),
        ({"size": [48, 32]}, "wanted sizes that grow"),
        ({"size": 48.5}, "size: 48.5"),
        ({"size": "48"}, "size: 48"),
        ({"steps": 0}, "steps: .*at least 1"),
        ({"size": [32, 48], "steps": [1, 2, 3]}, "3 numbers for 2 sizes"),
        ({"style_size": 8}, "style_size: 8; wanted"),
        ({"content_weight": -1}, "content_weight: -1; wanted"),
        ({"style_weight": float("nan")}, "style_weight: nan"),
        ({"tv_weight": "much"}, "tv_weight: much"),
        ({"content_weight": 0, "style_weight": 0}, "both zero"),
        ({"style_blend": [0.7, 0.3]}, "style_blend: 2 weights for 1 style images"),
        ({"style_blend": [-1]}, "style_blend"),
        ({"style_blend": [0]}, "style_blend"),
        ({"style_scale": [1, 2]}, "style_scale: 2 numbers for 1 style images"),
        ({"style_scale": 0}, r"style_scale: \[0\]; wanted positive numbers"),
        ({"style_scale": "big"}, "style_scale: .*; wanted positive numbers"),
        ({"style_scale": 0.05}, "at size 13; at least 16 x 16 are needed"),
        ({"content_layers": "conv4_2"}, "content_layers.*Did you mean 'block4_conv2'"),
        ({"style_layers": ["relu1_1"]}, "style_layers.*Did you mean 'block1_conv1'"),
        ({"style_layers": []}, "style_layers: none"),
        ({"content_layers": []}, "content_layers: none"),
        ({"style_layers": {"block1_conv1": 0}}, "style_layers: .*positive"),
        ({"network": ["vgg19"]}, "network: .* is none of"),
        ({"network": "vgg"}, r"network: 'vgg' is none of .*'vgg19'"),
        ({"pooling": "mean"}, "pooling: 'mean' is none of"),
        ({"padding": "same"}, r"padding: 'same' is none of \['reflect', 'zeros'\]"),
        ({"padding": None}, "padding: None is none of"),
        ({"weights": "no.h5"}, "there is no file no.h5"),
        ({"init": "zeros"}, "init: 'zeros' is none of"),
        ({"optimizer": ["adam"]}, "optimizer: .* is none of"),
        ({"optimizer": keras.optimizers.Adam(lambda: 0.1)}, "cannot be copied"),
        ({"optimizer": "sgd"}, r"optimizer: 'sgd' is none of \['adam', 'lbfgs'\]"),
        ({"normalize": "False"}, "normalize: 'False'; wanted True or False"),
        ({"normalize": 0}, "normalize: 0; wanted True or False"),
        ({"seed": "a"}, "seed: 'a'; wanted a whole number"),
        ({"seed": -1}, "seed: -1; wanted a whole number of at least 0"),
        ({"seed": 1.5}, "seed: 1.5; wanted"),
        ({"resume": "no.npz"}, "there is no file no.npz"),
        ({"resume": "photo.jpg"}, "photo.jpg is not a checkpoint"),
    ],
)
def test_a_wrong_setting_is_named(settings, message):
    def unreachable(result):
        raise AssertionError("a step was taken")

    with pytest.raises(ValueError, match=message):
        nst.style_transfer(
            "photo.jpg", "painting.jpg", callbacks=unreachable, **settings
        )


def test_callbacks_must_be_functions():
    with pytest.raises(ValueError, match="callbacks: .* wanted functions"):
        nst.style_transfer("photo.jpg", "painting.jpg", callbacks=["progress"])


FACTORIES = [
    nst.progress,
    nst.save_images,
    nst.animate,
    nst.checkpoint,
    nst.figures.live,
]


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda f: f.__name__)
def test_what_makes_a_callback_is_none_itself(factory):
    name = factory.__name__
    for callbacks in (factory, [print, factory]):
        with pytest.raises(ValueError, match=f"{name} is not called; wanted {name}"):
            nst.style_transfer("photo.jpg", "painting.jpg", callbacks=callbacks)


def test_a_model_must_give_a_dict():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.Conv2D(4, 3)(image), name="plain")
    with pytest.raises(ValueError, match="plain gives no dict"):
        nst.style_transfer("photo.jpg", "painting.jpg", network=model)


@pytest.mark.parametrize("name", ["style_blend", "style_scale"])
def test_a_style_has_its_own_blend_and_scale(name):
    with pytest.raises(ValueError, match=f"{name}: leave it out"):
        nst.style_transfer("photo.jpg", nst.Style("painting.jpg"), **{name: [1]})


def test_a_style_needs_pictures():
    with pytest.raises(ValueError, match="style_image: none"):
        nst.style_transfer("photo.jpg", [])


def test_one_thing_or_several_come_to_the_same():
    one = rules.check_network("vgg19", "block4_conv2", "block1_conv1")
    assert one == (["block4_conv2"], {"block1_conv1": 1.0})
    assert one == rules.check_network("vgg19", ("block4_conv2",), ["block1_conv1"] * 2)
    assert rules.check_sizes(64) == rules.check_sizes(np.array([64])) == [64]
    assert rules.check_steps(5, [32, 64]) == [5, 5]


def test_blends_sum_to_one():
    blend = rules.check_blend(np.array([3, 1], "float32"), ["a", "b"])
    assert blend == [0.75, 0.25] and rules.check_blend(None, "abcd") == [0.25] * 4


def test_every_setting_becomes_json(tiny_weights):
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 5))
    values = {
        "path": Path("a.png"),
        "picture": Image.new("RGB", (5, 7)),
        "array": np.zeros((2, 3, 3)),
        "number": np.float32(0.5),
        "tuple": (1, None, True),
        "optimizer": optimizer,
    }
    expected = {
        "path": "a.png",
        "picture": "picture 5 x 7",
        "array": "array (2, 3, 3)",
        "number": 0.5,
        "tuple": [1, None, True],
    }
    found = json.loads(json.dumps(rules.as_json(values)))
    assert found.pop("optimizer")["class_name"] == "Adam"
    assert found == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weights": None}, "weights: None; wanted the path"),
        ({"callbacks": 5}, r"callbacks: \[5\]; wanted functions"),
        ({"content_weight": 10**400}, "content_weight: 1000"),
        ({"seed": True}, "seed: True; wanted"),
        ({"size": np.array(5)}, "size: 5; wanted"),
    ],
)
def test_what_is_of_an_odd_type_is_told(wrong, message):
    with pytest.raises(ValueError, match=message):
        rules.check_settings(**(nst.style_transfer.__kwdefaults__ | wrong))


def test_single_numbers_may_be_arrays():
    sizes = {"size": np.array(48), "steps": np.array(3)}
    found = rules.check_settings(**(nst.style_transfer.__kwdefaults__ | sizes))
    assert (found.size, found.steps) == ([48], [3])

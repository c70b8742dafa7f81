"""The script that taught the slim network, on a network small enough to teach here."""

import importlib.util
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import nst_tf as nst
from nst_tf import features

spec = importlib.util.spec_from_file_location(
    "distill", features.WEIGHTS / "distill.py"
)
distill = importlib.util.module_from_spec(spec)
spec.loader.exec_module(distill)


@pytest.mark.parametrize("N", [3, 5])
def test_a_readout_has_the_losses_of_what_it_stands_for(N):
    """E s and sqrt(N / N_vgg) R s, with E = Q R: eq. 1 as a mean, and eq. 4."""
    rng = np.random.default_rng(0)
    E = rng.normal(size=(7, N))
    R = distill.shorten(E)
    assert R.shape == (N, N)
    s, t = rng.random((1, 4, 6, N)), rng.random((1, 5, 3, N))
    full = nst.layer_style_loss(s @ E.T, nst.mean_gram(t @ E.T))
    short = nst.layer_style_loss(s @ R.T, nst.mean_gram(t @ R.T))
    np.testing.assert_allclose(short, full, rtol=1e-5)  # losses are float32
    u = rng.random(s.shape)
    np.testing.assert_allclose(
        np.mean(((s - u) @ R.T) ** 2), np.mean(((s - u) @ E.T) ** 2), rtol=1e-9
    )


def test_short_floats_are_near_the_long_ones(tmp_path):
    model = features._network("vgg19_slim", "avg")
    model.save_weights(tmp_path / "a.weights.h5")
    before = [w.copy() for w in model.get_weights()]
    distill.squeeze(tmp_path / "a.weights.h5", bits=6)
    model.load_weights(tmp_path / "a.weights.h5")
    for found, wanted in zip(model.get_weights(), before, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=2**-6, atol=1e-7)


def test_crops_are_the_same_for_the_same_seed_and_epoch():
    pictures = [np.random.default_rng(0).integers(0, 256, (90, 70, 3), "uint8")]
    a, b, c = (distill.Crops([pictures], 2, seed, size=32) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a[1], b[1])
    assert not np.array_equal(a[0], a[1])
    assert not np.array_equal(a[1], c[1])
    a.epoch = 1
    assert not np.array_equal(a[1], b[1])
    assert a[0].shape == (4, 32, 32, 3)
    assert a[0].min() >= 0 and a[0].max() <= 1


@pytest.fixture
def school(tiny_weights, monkeypatch):
    """A tiny teacher, pictures, and a pupil as wide as its teacher."""
    tiny = features.NETWORKS["tiny"]
    monkeypatch.setitem(features.NETWORKS, "vgg19", tiny)
    monkeypatch.setitem(features.NETWORKS, "vgg19_slim", (*tiny[:4], tiny[4][:1]))
    monkeypatch.setenv("NST_TF_WEIGHTS", tiny_weights)
    model = features._network("tiny", "avg")
    features._load_weights(model, "tiny", tiny_weights)
    means = features.filter_means(model, "avg")
    monkeypatch.setattr(features, "filter_means", lambda model, pooling: means)


def teach(monkeypatch, *options):
    for folder, picture in (("photos", "photo.jpg"), ("paintings", "painting.jpg")):
        Path(folder).mkdir(exist_ok=True)
        for k in range(7):
            shutil.copy(picture, f"{folder}/{k}.jpg")
    command = ["distill.py", "photos", "paintings", "--run", "run", "--crops", "8"]
    monkeypatch.setattr(
        sys, "argv", [*command, "--batches", "2", "--size", "64", *options]
    )
    distill.main()
    return "run/vgg19_slim.weights.h5"


def style_losses(photo, painting, network, weights):
    names = nst.layer_names("vgg19_slim")
    model = nst.feature_extractor(names, network, weights=weights)
    P, S = model(photo), model(painting)
    return [nst.layer_style_loss(P[name], nst.mean_gram(S[name])) for name in names]


def test_a_pupil_as_wide_as_its_teacher_learns_all(
    school, photo, painting, monkeypatch
):
    path = teach(monkeypatch, "--first", "1", "--second", "1", "--rate", "1e-6")
    taught = style_losses(photo, painting, "vgg19_slim", path)
    np.testing.assert_allclose(
        taught, style_losses(photo, painting, "vgg19", "imagenet"), rtol=0.1
    )


def test_a_run_that_was_cut_off_goes_on(school, monkeypatch, capsys):
    teach(monkeypatch, "--first", "1", "--second", "1")
    assert "block1_conv1: error" in capsys.readouterr().out
    teach(monkeypatch, "--first", "1", "--second", "2")
    out = capsys.readouterr().out
    assert "error" not in out  # the first term is not repeated

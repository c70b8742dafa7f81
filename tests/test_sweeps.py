import concurrent.futures
import multiprocessing
import os
import signal
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import SHALLOW, TINY, TINY_NETWORK, transfer

import nst_tf as nst
from nst_tf.sweeps import _identity

GRID = {"content_weight": [0.001, 0.1], "seed": [0, 1, 2]}
FIXED = {"init": "noise"}
# Other processes do not know the tiny network.
ELSEWHERE = {"network": "vgg19_slim", "size": 48, "steps": 2}


def sweep(settings, *args, content="photo.jpg", style="painting.jpg", **fixed):
    """`nst.sweep` of the small world's pictures, by two layers of the tiny network."""
    quick = {k: value for k, value in (TINY | SHALLOW).items() if k not in settings}
    return nst.sweep(content, style, settings, *args, **(quick | fixed))


def test_every_combination_has_its_picture_in_its_place():
    paths = sweep(GRID, **FIXED)
    assert [len(row) for row in paths] == [3, 3]
    assert len({path for row in paths for path in row}) == 6
    for weight, row in zip(GRID["content_weight"], paths, strict=True):
        for seed, path in zip(GRID["seed"], row, strict=True):
            settings = nst.read_settings(path)
            assert (settings["content_weight"], settings["seed"]) == (weight, seed)
            assert settings["init"] == "noise"
            assert f"content_weight={weight}_seed={seed}" in path.name


def test_a_picture_of_a_sweep_is_that_of_the_same_transfer():
    ((path,),) = sweep({"seed": [3], "steps": [2]})
    result = transfer(seed=3, steps=2, **SHALLOW)
    np.testing.assert_allclose(nst.load_image(path)[0], result.image, atol=0.002)


def test_a_sweep_goes_on_where_it_stopped():
    paths = sweep(GRID, **FIXED)
    times = {path: path.stat().st_mtime_ns for row in paths for path in row}
    lost = paths[1][0]
    lost.unlink()
    assert sweep(GRID, **FIXED) == paths
    again = [path for path in times if path.stat().st_mtime_ns != times[path]]
    assert again == [lost]


def test_other_settings_or_pictures_have_other_names():
    one = {"seed": [0]}
    names = [
        sweep(one)[0],
        sweep(one, tv_weight=2.0)[0],
        sweep(one, style_scale=1.5)[0],
        sweep(one, content="painting.jpg", style="photo.jpg")[0],
        sweep(one, style=("painting.jpg", "photo.jpg"))[0],
    ]
    assert len(set(names)) == 5


def test_what_json_cannot_tell_apart_has_other_names_too():
    """Blends of a `Style`, start images, files of weights, networks of one name."""
    pictures = ["painting.jpg", "photo.jpg"]
    blends = [nst.Style(pictures, blend) for blend in ([1, 9], [9, 1])]
    blends += [nst.Style(pictures, [1, 9], scale=2)]
    names = [sweep({"seed": [0]}, style=style)[0] for style in blends]
    starts = [np.full((32, 48, 3), grey) for grey in (0.2, 0.7)]
    names += sweep({"init": starts})
    layers = list(SHALLOW.values())
    networks = [nst.feature_extractor(layers, **TINY_NETWORK) for _ in range(2)]
    kernel = networks[1].get_layer("block1_conv1").kernel
    kernel.assign(2 * kernel)
    grid = {"network": networks}
    names += sweep(grid, style_layers="block1_conv1")
    networks[1].save_weights("other.weights.h5")
    digests = [
        _identity("weights", path) for path in (TINY["weights"], "other.weights.h5")
    ]
    assert len(set(names)) == len(names) and digests[0] != digests[1]


def test_an_optimizer_that_is_made_again_has_the_same_name():
    """Keras calls two of a kind differently."""
    names = [
        sweep({"seed": [0]}, optimizer=keras.optimizers.SGD(rate))[0]
        for rate in (0.1, 0.1, 0.2)
    ]
    assert names[0] == names[1] != names[2]


def test_callbacks_only_watch():
    seen = []
    watched = {"callbacks": lambda result: seen.append(result)}
    paths = sweep({"seed": [0]}, **watched)
    assert seen
    assert sweep({"seed": [0]}) == paths


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"sede": [0]}, "'sede' is none of"),
        ({"seed": []}, "seed has no values"),
        ({"resume": ["run.npz"]}, "'resume' is none of"),
        ({"callbacks": [print]}, "callbacks are the same for all"),
        ({"pooling": ["avg", "mxa"]}, "'mxa' is none of"),
        ({"network": ["vgg19_slim"], "normalize": [False]}, "is always normalised"),
        ({"size": [48, [64, 32]]}, "wanted sizes that grow"),
        ({"weights": ["no.h5"]}, "there is no file no.h5"),
    ],
)
def test_mistakes_are_told_before_anything_is_painted(settings, message):
    with pytest.raises(ValueError, match=message):
        sweep(settings)
    assert not Path("sweep").exists()


def test_a_setting_is_either_fixed_or_not():
    with pytest.raises(ValueError, match="seed has values, and is given as fixed"):
        sweep({"seed": [0]}, seed=1)


def test_a_setting_that_was_stopped_leaves_no_file():
    def stop(result):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep({"seed": [0]}, callbacks=stop)
    assert list(Path("sweep").iterdir()) == []


def test_a_map_that_does_not_wait_is_found_out():
    with pytest.raises(ValueError, match="returned before the pictures"):
        sweep(GRID, map=lambda f, jobs: [])


def test_the_pictures_of_a_sweep_leave_nothing_behind(live_tensors):
    counts = []

    def counted(paint, jobs):
        for job in jobs:
            yield paint(job)
            counts.append(live_tensors())

    sweep({"seed": range(5)}, map=counted)
    assert len(counts) == 5 and counts[1:] == counts[1:2] * 4


def test_sweeps_leave_nothing_behind(live_tensors):
    """Not even what a style knows of each of its layers, which one sweep keeps."""
    counts = []
    for seed in range(3):
        sweep({"style_layers": ["block1_conv1", "block2_conv1"]}, seed=seed)
        counts.append(live_tensors())
    assert counts[1] == counts[2]


def test_threads_may_share_the_work():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        paths = sweep(GRID, map=pool.map, **FIXED)
    again = sweep(GRID, "again", **FIXED)
    for one, other in zip(sum(paths, []), sum(again, []), strict=True):
        np.testing.assert_array_equal(nst.load_image(one), nst.load_image(other))


def test_processes_may_share_the_work():
    spawn = multiprocessing.get_context("spawn")  # a fork of TensorFlow hangs
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
        paths = nst.sweep(
            "photo.jpg", "painting.jpg", {"seed": [0, 1]}, map=pool.map, **ELSEWHERE
        )
    assert all(nst.read_settings(path)["size"] == [48] for path in paths)


def pause(result):
    """Slow enough to be killed on the way, and says by whom it is painted."""
    Path(f"painted_by_{os.getpid()}").touch()
    time.sleep(0.5)


def test_a_worker_that_dies_costs_its_one_setting():
    """Dask, two processes; one is killed while it paints, and its setting run again."""
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None)
    settings = {"seed": [0, 1, 2, 3]}
    with cluster, distributed.Client(cluster) as client:
        with concurrent.futures.ThreadPoolExecutor(1) as side:
            sweep = side.submit(
                nst.sweep,
                Path("photo.jpg").resolve(),
                Path("painting.jpg").resolve(),
                settings,
                Path("sweep").resolve(),
                map=client.get_executor().map,
                callbacks=pause,
                **ELSEWHERE,
            )
            deadline = time.monotonic() + 60
            while not (started := list(Path().glob("painted_by_*"))):
                assert time.monotonic() < deadline and not sweep.done()
                time.sleep(0.05)
            os.kill(int(started[0].name.split("_")[-1]), signal.SIGKILL)
            paths = sweep.result(timeout=120)
    assert [nst.read_settings(path)["seed"] for path in paths] == [0, 1, 2, 3]
    assert len(list(Path().glob("painted_by_*"))) >= 2  # the dead one, and another

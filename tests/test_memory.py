"""Cgroups and cards are made up: no test needs a container or a GPU."""

import ctypes
import mmap

import psutil
import pytest
import tensorflow as tf

from nst_tf import memory

MACHINE = 1000  # bytes that it has available
NONE = 2**63 - 4096  # version 1 without a limit
V2 = "0::/box/inner\n"
V1 = "9:name=systemd:/\n5:cpu,cpuacct:/other\n4:memory:/box/inner\n0::/\n"


@pytest.fixture
def free(tmp_path, monkeypatch):
    """What is free in cgroups that are given as `{file: contents}`."""
    available = type("", (), {"available": MACHINE})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: available)

    def measure(membership, files):
        for name, contents in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            raw = isinstance(contents, bytes)
            path.write_bytes(contents if raw else f"{contents}\n".encode())
        (tmp_path / "membership").write_text(membership)
        return memory.free_memory(tmp_path / "cgroup", tmp_path / "membership")

    return measure


def v2(folder, limit, used, stat=""):
    return {
        f"{folder}/memory.max": limit,
        f"{folder}/memory.current": used,
        f"{folder}/memory.stat": stat,
    }


def v1(folder, limit, used, stat=""):
    return {
        f"memory/{folder}/memory.limit_in_bytes": limit,
        f"memory/{folder}/memory.usage_in_bytes": used,
        f"memory/{folder}/memory.stat": stat,
    }


# The container


def test_a_cgroup_leaves_its_limit_less_what_it_uses(free):
    assert free(V2, v2("box/inner", 700, 300)) == 400


def test_a_limit_may_be_that_of_a_parent(free):
    files = v2("box/inner", "max", 100) | v2("box", 500, 350)
    assert free(V2, files) == 150


def test_the_tightest_of_several_limits_counts(free):
    files = v2("box/inner", 700, 300) | v2("box", 900, 600)
    assert free(V2, files) == 300


def test_max_is_no_limit(free):
    assert free(V2, v2("box/inner", "max", 300)) == MACHINE


def test_a_limit_above_the_machines_memory_is_none(free):
    assert free(V2, v2("box/inner", 5000, 300)) == MACHINE


def test_where_a_cgroup_is_slowed_down_is_a_limit_too(free):
    files = v2("box/inner", 700, 300) | {"box/inner/memory.high": 600}
    assert free(V2, files) == 300


def test_files_in_memory_are_free(free):
    stat = "anon 100\nfile 200\ninactive_file 150\nactive_file 40\n"
    assert free(V2, v2("box/inner", 700, 300, stat)) == 700 - (300 - 150 - 40)


def test_no_more_than_the_limit_is_free(free):
    assert free(V2, v2("box/inner", 700, 300, "inactive_file 900")) == 700


def test_a_full_cgroup_has_nothing_free(free):
    assert free(V2, v2("box/inner", 700, 701)) == 0


def test_the_limit_of_a_container_that_sees_itself_as_the_root(free):
    assert free("0::/\n", v2(".", 700, 300)) == 400


def test_the_limit_of_a_container_that_is_told_a_folder_of_its_host(free):
    assert free("0::/docker/0123abc\n", v2(".", 700, 300)) == 400
    assert free("4:memory:/docker/0123abc\n", v1(".", 600, 300)) == 300


def test_other_cgroups_have_no_say(free):
    files = v2("box/inner", 700, 300) | v2("box/other", 200, 100) | v2("bo", 1, 0)
    assert free(V2, files) == 400


def test_version_1(free):
    assert free(V1, v1("box/inner", 700, 300)) == 400
    assert free(V1, v1("box", 500, 350) | v1("box/inner", NONE, 100)) == 150


def test_version_1_without_a_limit(free):
    assert free(V1, v1("box/inner", NONE, 300) | v1(".", NONE, 900)) == MACHINE


def test_in_version_1_the_files_of_all_cgroups_below_are_free(free):
    stat = "inactive_file 1\nactive_file 2\ntotal_inactive_file 50\ntotal_active_file 7"
    assert free(V1, v1("box/inner", 700, 300, stat)) == 700 - (300 - 57)


def test_only_the_folder_of_the_memory_controller_counts_in_version_1(free):
    assert free(V1, v1("other", 100, 0)) == MACHINE


@pytest.mark.parametrize("folder", ["unified/box/inner", "box/inner"])
def test_version_2_may_limit_memory_beside_version_1(free, folder):
    files = v1("box", NONE, 300) | v2(folder, 700, 300)
    assert free("5:cpu:/\n" + V2, files) == 400


def test_without_cgroups_the_machine_counts(free, tmp_path):
    assert free("", {}) == MACHINE
    nowhere = tmp_path / "nowhere"
    assert memory.free_memory(nowhere, nowhere / "cgroup") == MACHINE


def test_the_root_counts_when_nobody_knows_which_cgroups_hold_the_process(free):
    assert free("", v2(".", 700, 300)) == 400


@pytest.mark.parametrize(
    "garbage", ["", "7e2", "many", "9" * 5000, b"\xff\xfe\x00", "max max"]
)
def test_a_limit_that_cannot_be_read_is_none(free, garbage):
    assert free(V2, v2("box/inner", garbage, 300)) == MACHINE


@pytest.mark.parametrize("garbage", ["", "many", b"\xff\xfe\x00"])
def test_the_limit_holds_when_what_is_used_cannot_be_read(free, garbage):
    assert free(V2, v2("box/inner", 700, garbage)) == 700


@pytest.mark.parametrize("garbage", ["inactive_file", "inactive_file x y", b"\xff 1"])
def test_no_file_is_free_when_their_sizes_cannot_be_read(free, garbage):
    assert free(V2, v2("box/inner", 700, 300, garbage)) == 400


@pytest.mark.parametrize("line", ["0:", "::::", "0::///", "0::/../..", "0::/a\0b", "x"])
def test_odd_memberships_do_no_harm(free, line):
    assert free(line + "\n", v2(".", 700, 300)) == 400


def test_a_folder_in_place_of_a_file_does_no_harm(free):
    assert free(V2, {"box/inner/memory.max/file": "1"}) == MACHINE


# The card


@pytest.fixture
def card(monkeypatch):
    """The second card, of 240 bytes, is TensorFlow's, which has taken 90 of them."""

    class CUDA:
        size, code = 240, 0

        def cuInit(self, flags):
            return self.code

        def cuDeviceGet(self, device, number):
            device._obj.value = 10 + number
            return self.code

        def cuDeviceTotalMem_v2(self, size, device):
            size._obj.value = {11: self.size}[device.value]
            return self.code

    cuda = CUDA()
    second = tf.config.PhysicalDevice("/physical_device:GPU:1", "GPU")
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [second])
    info = {"GPU:0": {"current": 90, "peak": 200}}
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", info.__getitem__)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: cuda)
    return cuda


def test_of_a_card_what_tensorflow_has_not_taken_is_free(free, card):
    assert free(V2, v2("box/inner", 700, 650)) == 240 - 90


def test_of_a_full_card_nothing_is_free(free, card):
    card.size = 80
    assert free("", {}) == 0


def test_a_driver_that_fails_leaves_the_machines_number(free, card):
    card.code = 100  # CUDA_ERROR_NO_DEVICE
    assert free("", {}) == MACHINE


@pytest.mark.parametrize("error", [OSError, AttributeError])
def test_a_card_without_its_driver_leaves_the_machines_number(
    free, card, monkeypatch, error
):
    def missing(name):
        raise error("libcuda.so.1")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert free("", {}) == MACHINE


@pytest.mark.parametrize(
    "error", [ValueError(), RuntimeError(), tf.errors.InternalError(None, None, "")]
)
def test_a_card_that_tensorflow_does_not_count_leaves_the_machines_number(
    free, card, monkeypatch, error
):
    def unknown(device):
        raise error

    monkeypatch.setattr(tf.config.experimental, "get_memory_info", unknown)
    assert free("", {}) == MACHINE


def test_a_card_that_is_hidden_is_not_touched(free, card, monkeypatch):
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: [])
    monkeypatch.setattr(ctypes, "CDLL", None)
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", None)
    assert free("", {}) == MACHINE


# The process


def test_memory_of_this_process_is_what_it_has_touched():
    with mmap.mmap(-1, 50_000_000) as pages:
        before = memory.resident_memory()
        pages.write(bytes(20_000_000))
        assert 15e6 < memory.resident_memory() - before < 45e6

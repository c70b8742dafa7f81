"""How much memory is free: on the machine, in its container, on the card."""

import ctypes
import math
import re
from itertools import accumulate
from operator import truediv
from pathlib import Path

import psutil
import tensorflow as tf

CGROUPS = Path("/sys/fs/cgroup")  # where Linux keeps the limits of containers
MEMBERSHIP = Path("/proc/self/cgroup")  # which cgroups hold this process
# Where limits of memory may lie, by the controllers that a line of MEMBERSHIP names:
# version 2 names none, and has a folder of its own where version 1 is there too.
MOUNTS = {"": (".", "unified"), "memory": ("memory",)}
LIMITS = "memory.max", "memory.high", "memory.limit_in_bytes"
USED = "memory.current", "memory.usage_in_bytes"
CACHE = "active_file", "inactive_file"  # Linux counts both as available


# The process


def resident_memory():
    """Bytes of RAM that this process holds now."""
    return psutil.Process().memory_info().rss


# The container


def _text(path):
    try:
        return path.read_text()
    except (OSError, ValueError):  # there is none, or it is not text
        return ""


def _number(text, otherwise):
    try:
        return int(text)
    except ValueError:
        return otherwise


def _file_cache(folder):
    """Bytes of files that a cgroup keeps in memory; the kernel gives them back."""
    found = dict(re.findall(r"^(\w+) (\d+)$", _text(folder / "memory.stat"), re.M))
    # Version 1 also has totals, which include the cgroups below.
    sizes = [found.get(f"total_{name}", found.get(name, "")) for name in CACHE]
    return sum(_number(size, 0) for size in sizes)


def _left(folder):
    """Bytes that a cgroup has left; infinity if it has no limit."""
    limit = min(_number(_text(folder / name), math.inf) for name in LIMITS)
    used = max(_number(_text(folder / name), 0) for name in USED)
    return limit - max(0, used - _file_cache(folder))


def _cgroups(root, membership):
    """Folders of the cgroups that hold this process, from the root to its own.

    All of them count, as each may have a limit. A container may name a folder of its
    host, which does not exist here: its limit is at the root.
    """
    own = re.findall(r"^\d+:(.*?):/(.*)$", _text(membership), re.M)
    for controllers, path in own or [("", ""), ("memory", "")]:
        for controller in controllers.split(","):
            for mount in MOUNTS.get(controller, ()):
                yield from accumulate(path.split("/"), truediv, initial=root / mount)


# The card


def _card_size(number):
    """Bytes of the NVIDIA card with this number; None if its driver does not say.

    TensorFlow knows what it has taken of a card, but not how large the card is.
    Nothing is started on it.
    """
    device, size = ctypes.c_int(), ctypes.c_size_t()
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
        failed = (
            cuda.cuInit(0)
            or cuda.cuDeviceGet(ctypes.byref(device), number)
            or cuda.cuDeviceTotalMem_v2(ctypes.byref(size), device)
        )
    except (OSError, AttributeError):  # no driver, or one without these functions
        return None
    return None if failed else size.value


def _card_memory():
    """Bytes of its card that TensorFlow has not taken; None without a card."""
    cards = tf.config.get_visible_devices("GPU")
    if not cards:
        return None
    size = _card_size(int(cards[0].name.split(":")[-1]))
    if size is None:
        return None
    try:
        return size - tf.config.experimental.get_memory_info("GPU:0")["current"]
    except (ValueError, RuntimeError, tf.errors.OpError):
        return None


# All of them


def free_memory(root=CGROUPS, membership=MEMBERSHIP):
    """Bytes that a step may take.

    With a GPU that TensorFlow may use, what it has not taken of the card; what other
    programs hold there is not known. Otherwise the least of what the machine has
    available and what each cgroup of this process has left: those are the limits of
    containers and batch systems. Files that the kernel keeps in memory count as free.

    Args:
        root: the folder where the cgroups are mounted.
        membership: the file that names those of this process.

    Example:

    >>> free_memory() > 0
    True
    """
    card = _card_memory()
    if card is not None:
        return max(0, card)
    left = [_left(folder) for folder in _cgroups(root, membership)]
    return max(0, min(psutil.virtual_memory().available, *left))

"""Two ways to move the pixels inside their box [0, 1], behind one signature.

    for losses, state in descend(loss, start, steps): ...
    for losses, state in lbfgs(loss, start, steps): ...

`loss` is a function: image -> {"content", "style", "tv", "total"} (any dict of scalars
with a "total" will do). `start` is the first image, `(1, H, W, 3)`, or the `state` of
an earlier run, which then goes on as if it had never stopped. `state["image"]` is the
picture so far; the other entries, all arrays or lists of arrays, are what the method
remembers.
"""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from nst_tf.first_guess import of_pictures
from nst_tf.losses import Array

Loss = Callable[[Array], dict[str, tf.Tensor]]
Start: TypeAlias = Array | dict[str, Any]  # an image, or the state of an earlier run
Step = tuple[dict[str, float], dict[str, Any]]  # losses, and the state after it

ARMIJO = 1e-4  # share of the promised decrease that a move has to reach
SHORTEST = 2.0**-10  # moves shorter than this share of a step are not tried
CURVATURE = 1e-10  # least s.y / y.y of a move that is worth remembering
MEMORY = 10  # moves; of big pictures fewer,
MEMORY_BYTES = 1.5e9  # so that they take no more than this


def _as_state(start):
    return dict(start) if isinstance(start, dict) else {"image": start}


def _compiled(function, *arguments):
    """One `tf.function` with the first arguments filled in."""
    return tf.function(functools.partial(function, *arguments), autograph=False)


def _floats(losses):
    return {name: float(value) for name, value in losses.items()}


def loss_and_gradient(
    loss: Loss, image: Array
) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    """The losses of an image, and the gradient of their total.

    A loss with its own `loss_and_gradient(image)`, such as `TiledLoss`, computes both
    itself.

    Raises:
        ValueError: the total does not depend on the image.
    """
    if not isinstance(image, tf.Variable):
        image = tf.convert_to_tensor(image)
    if hasattr(loss, "loss_and_gradient"):
        return loss.loss_and_gradient(image)
    with tf.GradientTape() as tape:
        tape.watch(image)
        losses = loss(image)
    gradient = tape.gradient(losses["total"], image)
    if gradient is None:
        raise ValueError(
            "loss: no gradient leads from its total to the image; usually NumPy, "
            "tf.stop_gradient or a constant is in between"
        )
    return losses, gradient


# Gradient descent by a Keras optimizer


def train_step(
    loss: Loss, image: tf.Variable, optimizer: keras.optimizers.Optimizer
) -> dict[str, tf.Tensor]:
    """One step of gradient descent on the pixels of a `tf.Variable`, kept in [0, 1].

    Returns:
        The losses of the image that the step started from.
    """
    losses, gradient = loss_and_gradient(loss, image)
    # The losses are means, so that a pixel's gradient shrinks as the picture grows.
    # Times the number of pixels it has one scale at all sizes, above Adam's epsilon.
    pixels = image.shape[1] * image.shape[2]
    optimizer.apply_gradients([(pixels * gradient, image)])
    image.assign(tf.clip_by_value(image, 0.0, 1.0))
    return losses


def _copy(optimizer):
    """A Keras optimizer with the same settings, which has moved nothing yet.

    Its sum over replicas is left out, as there is only one: it is a custom gradient,
    which TensorFlow keeps for the life of the process, and with it the graph of the
    whole step.
    """
    copy = type(optimizer).from_config(optimizer.get_config())
    inner = copy
    while inner is not None:  # one may scale the loss for another
        inner._all_reduce_sum_gradients = lambda gradients: gradients
        inner = getattr(inner, "inner_optimizer", None)
    return copy


def _restore(optimizer, image, state):
    """Gives an optimizer its memory back; moments of another size are resized."""
    optimizer.build([image])
    for i, variable in enumerate(optimizer.variables):
        value = state.get(f"variable{i}", variable)
        if tuple(variable.shape) == image.shape and value.shape != image.shape:
            # Bilinear weights are positive, so that squares stay positive.
            value = tf.image.resize(value, image.shape[1:3], antialias=True)
        if np.shape(value) == tuple(variable.shape):  # else it stays as built
            variable.assign(value)


def descend(
    loss: Loss,
    start: Start,
    steps: int,
    optimizer: keras.optimizers.Optimizer | None = None,
) -> Iterator[Step]:
    """Gradient descent on the pixels, clipped to [0, 1] after every step.

    Args:
        loss: image -> dict of scalars, one of them "total".
        start: `(1, H, W, 3)` image, or the state of an earlier run. A state whose image
            was resized will do: the optimizer's moments are resized too.
        steps: how many.
        optimizer: a Keras optimizer; it is copied, not changed. Adam's rate is in units
            of the pixels' range. Default: Adam(0.02), a step of 5 grey values of 255.

    Yields:
        `(losses, state)` after every step: the losses of the image that the step
        started from, as floats, and the state after it.
    """
    state = _as_state(start)
    optimizer = _copy(optimizer or keras.optimizers.Adam(0.02))
    image = tf.Variable(state["image"], dtype=tf.float32)
    _restore(optimizer, image, state)
    step = _compiled(train_step, loss, image, optimizer)
    for _ in range(steps):
        losses = _floats(step())
        state = {"image": tf.identity(image)}
        for i, variable in enumerate(optimizer.variables):
            state[f"variable{i}"] = tf.identity(variable)
        yield losses, state


# L-BFGS in a box


def _dot(a, b):
    return float(np.vdot(a, b))


def _free(image, gradient):
    """One where a pixel may follow its gradient, zero where the box holds it back."""
    held = ((image <= 0) & (gradient > 0)) | ((image >= 1) & (gradient < 0))
    return np.float32(~held)


def _direction(gradient, free, moves, changes, first_guess):
    """Minus the inverse Hessian times the gradient, both for the free pixels only.

    The two-loop recursion (Nocedal and Wright 2006, algorithm 7.4) with s the earlier
    moves and y the changes of the gradient that they made. The last pair scales the
    first guess. A step that leaves out the held pixels descends in the box
    (two-metric projection, Bertsekas 1982).

    In NumPy, whose sums and products of pictures cost a tenth of TensorFlow's.
    """
    r = gradient * free
    if not moves:
        return -r
    pairs = [(s, y, _dot(s, y)) for s, y in zip(moves, changes, strict=True)]
    alphas = []
    for s, y, sy in reversed(pairs):
        alphas.append(_dot(s, r) / sy)
        r -= np.float32(alphas[-1]) * y
    s, y, sy = pairs[-1]
    guess = first_guess(s, y) if first_guess else np.copy
    r = guess(r)
    r *= np.float32(sy / _dot(y, guess(y)))
    for (s, y, sy), alpha in zip(pairs, reversed(alphas), strict=True):
        r += np.float32(alpha - _dot(y, r) / sy) * s
    return -r * free


def _enough(state, trial):
    """The largest loss at which a trial is accepted (Armijo); NaN never is."""
    promised = _dot(state["gradient"], trial - state["image"])
    return state["total"] + ARMIJO * min(promised, 0.0)  # clipping may flip its sign


def _aim(state, first_step, first_guess):
    """Points the state at its next trial; length 0 means that there is none."""
    gradient, moves, changes = (state[n] for n in ("gradient", "moves", "changes"))
    free = _free(state["image"], gradient)
    direction = _direction(gradient, free, moves, changes, first_guess)
    somewhere = bool(direction.any())
    if somewhere and not state["moves"]:
        direction *= np.float32(first_step / np.abs(direction).max())
    return state | {"direction": direction, "length": float(somewhere)}


def _accept(state, trial, losses, gradient, memory):
    """The trial becomes the image; the move to it is remembered."""
    if "gradient" in state:
        move, change = trial - state["image"], gradient - state["gradient"]
        if _dot(move, change) > CURVATURE * _dot(change, change):
            moves = [*state["moves"], move][-memory:]
            changes = [*state["changes"], change][-memory:]
            state = state | {"moves": moves, "changes": changes}
    return state | losses | {"image": trial, "gradient": gradient}


def _shorten(state, aim):
    """After a bad trial: half the length; when it is too short, forget and restart."""
    if state["length"] > SHORTEST:
        return state | {"length": state["length"] / 2}
    if state["moves"]:
        return aim(state | {"moves": [], "changes": []})
    return state | {"length": 0.0}


def memory_for(shape):
    """How many moves are remembered for an image of a shape, each with its change.

    >>> memory_for((1, 3072, 4096, 3))
    4
    """
    bytes_each = 2 * 4 * math.prod(shape)
    return max(3, min(MEMORY, int(MEMORY_BYTES / bytes_each)))


def lbfgs(
    loss: Loss,
    start: Start,
    steps: int,
    memory: int | None = None,
    first_step: float = 0.3,
    first_guess: Callable | None = of_pictures,
) -> Iterator[Step]:
    """L-BFGS in the box [0, 1], with a projected, backtracking line search.

    Pixels on the edge of the box that are pushed outwards are left out of the
    quasi-Newton step, and the step is clipped to the box (projected Newton, Bertsekas
    1982). So the method finds blacks and whites, which are lost if a free L-BFGS is
    clipped at the end.

    What it knows about pictures is in its first guess of the inverse Hessian, which is
    usually a number: see `nst_tf.first_guess`.

    Args:
        loss: image -> dict of scalars, one of them "total".
        start: `(1, H, W, 3)` image, or the state of an earlier run. If its image was
            resized, the memory is dropped.
        steps: how many evaluations of the loss and its gradient.
        memory: how many earlier moves shape the next one. Default: 10, or as many as
            1.5 GB hold.
        first_step: the largest change of a pixel in the first move, before there is a
            memory.
        first_guess: `(move, change) -> (step -> step)`, the inverse Hessian before
            anything is remembered, up to a factor; None for a number.

    Yields:
        `(losses, state)` after every evaluation: the image with the lowest loss so far,
        and its losses. Ends early when no move lowers the loss any more.

    Example:

    >>> def loss(image):
    ...     return {"total": tf.reduce_mean(tf.square(image - 0.25))}
    >>> for losses, state in lbfgs(loss, np.zeros((1, 2, 3, 3)), steps=20):
    ...     pass
    >>> float(state["image"].max())
    0.25
    """
    state = _as_state(start)
    image = np.asarray(state["image"], "float32")
    if "gradient" not in state or state["gradient"].shape != image.shape:
        state = {"direction": np.zeros_like(image), "length": 1.0}
        state |= {"moves": [], "changes": []}
    state["image"] = image
    state |= {"moves": list(state["moves"]), "changes": list(state["changes"])}

    memory = memory or memory_for(image.shape)
    aim = functools.partial(_aim, first_step=first_step, first_guess=first_guess)
    evaluate = _compiled(loss_and_gradient, loss)
    for _ in range(steps):
        move = np.float32(state["length"]) * state["direction"]
        trial = np.clip(state["image"] + move, 0, 1)
        losses, gradient = evaluate(tf.constant(trial))
        losses, gradient = _floats(losses), gradient.numpy()
        if not np.isfinite(gradient).all():
            losses["total"] = np.nan
        if "gradient" not in state or losses["total"] <= _enough(state, trial):
            state = aim(_accept(state, trial, losses, gradient, memory))
        else:
            state = _shorten(state, aim)
        state |= {"converged": not state["length"]}
        yield {name: state[name] for name in losses}, state
        if state["converged"]:
            return


OPTIMIZERS = {"adam": descend, "lbfgs": lbfgs}

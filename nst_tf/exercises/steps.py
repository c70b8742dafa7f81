"""The check of a train step: who moves the picture, by how much, and what comes back.

Two optimizers with drawn rates take several steps each. Plain gradient descent shows
the gradient itself, `(before - after) / rate`; Adam shows that the optimizer handed in
is the one that moves the picture.
"""

import keras
import numpy as np
import tensorflow as tf

from nst_tf import optimizers
from nst_tf.exercises.mistakes import CLOSE, same
from nst_tf.exercises.questions import Asking, check_of
from nst_tf.exercises.students import Problem, a_number, safely

STEPS = 4
RETURNS = ("loss", None)


class _Descent:
    """A picture, its loss, and an optimizer which the student's function is given.

    Beside it a twin is moved as is right.
    """

    def __init__(self, rng, kind, rate, shape):
        self.start, self.goal = _start_and_goal(rng, shape)
        self.steep = rng.uniform(0.5, 2.0, shape).astype("float32")
        self.image, self.twin = tf.Variable(self.start), tf.Variable(self.start)
        self.optimizer, self.other = kind(rate), kind(rate)
        self.optimizer.build([self.image])
        self.other.build([self.twin])
        self.rate, self.weight, self.runs = rate, tf.Variable(1.0), 0
        self.pictures, self.returned, self.counted = [self.start], [], []

        def loss(x):
            self.runs += 1
            return self.weight * tf.reduce_sum(self.steep * tf.square(x - self.goal))

        self.loss = loss  # one object, which a `tf.function` knows again

    def gradient(self, x):
        return 2 * self.steep * (x - self.goal)

    def loss_of(self, x):
        return float(np.sum(self.steep * (x - self.goal) ** 2))

    def step(self, student):
        """The student's function moves the picture, and we the twin."""
        before = self.runs
        self.returned.append(student.run((self.image, self.loss, self.optimizer)))
        self.counted.append(self.runs - before)
        self.pictures.append(self.image.numpy())
        gradient = tf.constant(self.gradient(self.twin.numpy()))
        self.other.apply_gradients([(gradient, self.twin)])
        self.twin.assign(tf.clip_by_value(self.twin, 0.0, 1.0))

    def differs_again(self, student):
        """Whether the first step, made once more, goes elsewhere."""
        self.image.assign(self.start)
        student.run((self.image, self.loss, self.optimizer))
        return not np.allclose(self.image, self.pictures[1], atol=1e-6)


def _start_and_goal(rng, shape):
    """A picture, and that of least loss, which draws the first row out of [0, 1]."""
    start = rng.uniform(0.2, 0.8, shape).astype("float32")
    goal = rng.uniform(0.1, 0.9, shape).astype("float32")
    start[0, 0, :2], goal[0, 0, :2] = 0.0, -1.0
    start[0, 0, 2:], goal[0, 0, 2:] = 1.0, 2.0
    return start, goal


# What became of the gradient


def _norm(x):
    return np.sqrt(np.sum(x * x))


GRADIENTS = {  # what moved the picture, of all gradients up to this step
    "only the sign of the gradient is used": lambda gs: np.sign(gs[-1]),
    "the gradient is divided by its norm": lambda gs: gs[-1] / _norm(gs[-1]),
    "the gradient is divided by its mean absolute value": (
        lambda gs: gs[-1] / np.abs(gs[-1]).mean()
    ),
    "the gradient is divided by its largest value": (
        lambda gs: gs[-1] / np.abs(gs[-1]).max()
    ),
    "the gradient is divided by its standard deviation": lambda gs: (
        gs[-1] / gs[-1].std()
    ),
    "the gradient is divided by the number of pixels": (
        lambda gs: gs[-1] / (gs[-1].size / 3)
    ),
    "the gradient is divided by the number of its entries": (
        lambda gs: gs[-1] / gs[-1].size
    ),
    "the gradient is rounded": lambda gs: np.round(gs[-1]),
    "the gradient is cut to [-1, 1]": lambda gs: np.clip(gs[-1], -1, 1),
    "its mean is subtracted from the gradient": lambda gs: gs[-1] - gs[-1].mean(),
    "the gradient is averaged over colours": (
        lambda gs: np.zeros_like(gs[-1]) + gs[-1].mean(-1, keepdims=True)
    ),
    "the gradient is averaged over the picture": (
        lambda gs: np.zeros_like(gs[-1]) + gs[-1].mean()
    ),
    "the gradient of the first step is used again": lambda gs: gs[0],
    "the gradient of the step before is used": lambda gs: gs[-2 if len(gs) > 1 else -1],
    "the gradients of all steps so far are averaged": lambda gs: np.mean(gs, axis=0),
    "the gradients of all steps so far are summed up": lambda gs: np.sum(gs, axis=0),
    "the gradients of this step and the one before are averaged": (
        lambda gs: np.mean(gs[-2:], axis=0)
    ),
    "the gradient is 1 everywhere: is it taken with respect to the loss?": (
        lambda gs: np.ones_like(gs[-1])
    ),
    "the square of the gradient is used": lambda gs: gs[-1] ** 2,
    "values below zero are missing in the gradient": lambda gs: np.maximum(gs[-1], 0),
}


def _moved(descent, k):
    """What a step took from the picture, over the rate, inside [0, 1] only."""
    before, after = descent.pictures[k : k + 2]
    inside = (after > 0) & (after < 1)
    return np.where(inside, (before - after) / descent.rate, 0.0), inside


def _agree(descent, moved, wanted):
    """Whether two gradients move pixels alike, but for rounding of the pixels."""
    least = 3e-7 / descent.rate
    return np.allclose(moved, wanted, rtol=CLOSE, atol=least)


def _is_stretched(descent, k, gradient):
    """Whether 0 and 1 are the least and the largest value after the step."""
    before, after = descent.pictures[k : k + 2]
    stepped = before - descent.rate * gradient
    stretched = (stepped - stepped.min()) / np.ptp(stepped)
    return np.allclose(after, stretched, atol=1e-5)


def _gradient_problem(descent, k):
    """Which mistake explains how far step k and the others went, in plain descent."""
    gradients = [descent.gradient(x) for x in descent.pictures[:-1]]
    moves = [_moved(descent, i) for i in range(STEPS)]
    ratios = [
        np.sum(m * g * inside) / np.sum(g * g * inside)
        for (m, inside), g in zip(moves, gradients, strict=True)
    ]
    for words, f in GRADIENTS.items():
        if all(
            _agree(descent, moved, f(gradients[: i + 1]) * inside)
            for i, (moved, inside) in enumerate(moves)
        ):
            return words
    moved, inside = moves[k]
    most = np.abs(moved).max()
    if _agree(descent, moved, np.clip(gradients[k], -most, most) * inside):
        return f"the gradient is cut to [-{most:.4g}, {most:.4g}]"
    if _is_stretched(descent, k, gradients[k]):
        return (
            "the picture is stretched from its least to its largest value; wanted "
            "tf.clip_by_value(image, 0.0, 1.0)"
        )
    if _agree(descent, moved, ratios[k] * gradients[k] * inside):
        if np.allclose(ratios, -1, rtol=1e-2):
            return "it is added where it should be subtracted, so that the loss grew"
        if np.allclose(ratios, ratios[k], rtol=1e-2):
            return f"the gradient is multiplied by {ratios[k]:.4g}"
        norms = [_norm(g) for g in gradients]
        if np.allclose(np.multiply(ratios, norms), ratios[k] * norms[k], rtol=1e-2):
            return f"the gradient is cut to the norm {ratios[k] * norms[k]:.4g}"
        return (
            f"the gradient is multiplied by {ratios[k]:.4g} in this step, and by "
            "another number in others"
        )
    return ""


# Questions


def _ask_step(asking, descent, k, name):
    """The picture moved, nothing else did, and it stayed in [0, 1]."""
    start, found = descent.pictures[k : k + 2]
    step = f"in step {k + 1} with {name} " if k else ""
    asking.ask(
        "moves",
        not np.array_equal(found, start),
        f"{step}the picture did not move: "
        + (
            "it moved in other steps; does it work at every second call only?"
            if k
            else "a variable moves by image.assign(...) or by the optimizer; "
            "image = ... only gives its name to something new"
        ),
    )
    asking.ask(
        "weights",
        float(descent.weight) == 1.0,
        "it changed a weight of the network: take the gradient with respect to the "
        "picture, not to trainable variables",
    )
    asking.ask(
        "range",
        found.min() >= 0 and found.max() <= 1,
        f"pixels went to {found.min():.3g} and {found.max():.3g}; wanted [0, 1]: "
        "after the step, image.assign(tf.clip_by_value(image, 0.0, 1.0))",
    )


def _ask_optimizer(asking, descent):
    """The optimizer that was handed in has counted the steps."""
    counted = int(descent.optimizer.iterations)
    asking.ask(
        "optimizer",
        counted > 0,
        "the optimizer that it is given is not used: optimizer.apply_gradients("
        "[(gradient, image)]) moves the picture",
    )
    asking.ask(
        "optimizer",
        counted == STEPS,
        f"the optimizer has counted {counted} steps in {STEPS} calls: is the gradient "
        + ("applied twice?" if counted > STEPS else "left out in some?"),
    )


def _ask_gradient(asking, descent):
    """In plain descent every step is the rate times the gradient."""
    for k in range(STEPS):
        moved, inside = _moved(descent, k)
        wanted = descent.gradient(descent.pictures[k]) * inside
        right = _agree(descent, moved, wanted)
        cause = "" if right else _gradient_problem(descent, k)
        if not (right or cause) and descent.differs_again(asking.student):
            cause = (
                "the same step from the same picture goes elsewhere the second time: "
                "it has random numbers in it, or keeps something"
            )
        came, due = (np.abs(x * descent.rate).max() for x in (moved, wanted))
        asking.ask(
            "value",
            right,
            f"in step {k + 1} with SGD pixels moved by up to {came:.4g}, wanted "
            f"{due:.4g}, the rate times the gradient"
            + (f": {cause}" if cause else "; it is not the gradient of this loss"),
        )


def _ask_adam(asking, descent):
    """Adam's own arithmetic moved the picture."""
    found, wanted = (x - descent.start for x in (descent.pictures[-1], descent.twin))
    asking.ask(
        "value",
        same(found, wanted.numpy()),
        f"right with SGD, but after {STEPS} steps of Adam pixels moved by "
        f"{np.abs(found).mean():.4g}, wanted {np.abs(wanted).mean():.4g}: is the "
        "picture moved by something else than the optimizer that is given, too?",
    )


def _ask_returned(asking, descent, needed):
    """The loss before each step; or nothing, if none is needed."""
    if not needed and all(value is None for value in descent.returned):
        return
    for k, value in enumerate(descent.returned):
        before, after = map(descent.loss_of, descent.pictures[k : k + 2])
        wanted = "wanted the loss before the step"
        try:
            found = a_number(value)
        except Problem as problem:
            said = str(problem)
            if safely(np.shape, value) == descent.start.shape:
                said = "it returned the picture or its gradient"
            raise Problem(f"{said}; {wanted}") from None
        cause = ": this is the loss after it" if same(found, after) else ""
        if k and same(found, descent.loss_of(descent.start)):
            cause = ": this is the loss before the first step"
        asking.ask(
            "returns",
            same(found, before),
            f"in step {k + 1} it returned {found:.6g}; {wanted}, {before:.6g}{cause}",
        )


@check_of(optimizers.train_step, gradient=False)
def check_train_step(
    asking: Asking,
    compiled: bool = True,
    returns: str | None = None,
    seed: int = 0,
) -> None:
    """Checks `f(image, loss, optimizer)`: one step of gradient descent on the pixels.

    Args:
        f: moves a `tf.Variable` picture once, with a Keras optimizer, so that the loss,
            a function of the picture, falls. Pixels stay in [0, 1].
        compiled: whether it has to be a `tf.function`.
        returns: `"loss"` if it has to return the loss that it had before the step; None
            if it may also return nothing.
        seed, own: see `help(nst.exercises.checks)`.

    Returns:
        A `Report`.

    Example:

    >>> @tf.function
    ... def step(image, loss, optimizer):
    ...     with tf.GradientTape() as tape:
    ...         value = loss(image)
    ...     optimizer.apply_gradients([(tape.gradient(value, image), image)])
    ...     image.assign(tf.clip_by_value(image, 0.0, 1.0))
    ...     return value
    >>> bool(check_train_step(step))
    True
    """
    if returns not in RETURNS:
        raise ValueError(f"returns: {returns!r} is none of {list(RETURNS)}")
    rng = np.random.default_rng(seed)
    rates = np.round(rng.uniform([0.03, 0.011], [0.08, 0.019]), 4)
    sgd = _Descent(rng, keras.optimizers.SGD, float(rates[0]), (1, 4, 6, 3))
    adam = _Descent(rng, keras.optimizers.Adam, float(rates[1]), (1, 5, 4, 3))
    student = asking.student
    student.first = sgd.image, sgd.loss, sgd.optimizer
    for descent in (sgd, adam):
        name = type(descent.optimizer).__name__
        for _ in range(STEPS):
            descent.step(student)
            asking.tick("type")
        for k in range(STEPS):
            _ask_step(asking, descent, k, name)
        _ask_optimizer(asking, descent)
        (_ask_gradient if descent is sgd else _ask_adam)(asking, descent)
    _ask_returned(asking, sgd, needed=returns == "loss")
    asking.ask(
        "compiled",
        not (compiled and sgd.counted[-1]),
        "every call runs all of its Python again: write @tf.function above it, "
        "which is several times as fast",
    )

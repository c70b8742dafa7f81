"""The train step: who moves the picture, by how much, and what comes back."""

import keras
import pytest
import tensorflow as tf

from nst_tf import optimizers
from nst_tf.exercises.steps import check_train_step


def descent(change=lambda g: g, value=lambda before, after: before):
    """A train step with another gradient, or another value."""

    def step(image, loss, optimizer):
        with tf.GradientTape() as tape:
            before = loss(image)
        gradient = change(tape.gradient(before, image))
        optimizer.apply_gradients([(gradient, image)])
        image.assign(tf.clip_by_value(image, 0.0, 1.0))
        return value(before, loss)

    return step


def own_sign(image, loss, optimizer):
    with tf.GradientTape() as tape:
        value = loss(image)
    move = optimizer.learning_rate * tf.sign(tape.gradient(value, image))
    image.assign(tf.clip_by_value(image - move, 0.0, 1.0))
    return value


def own_descent(image, loss, optimizer):
    with tf.GradientTape() as tape:
        value = loss(image)
    move = optimizer.learning_rate * tape.gradient(value, image)
    image.assign(tf.clip_by_value(image - move, 0.0, 1.0))
    optimizer.iterations.assign_add(1)
    return value


def kept():
    first = {}  # by shape

    def change(gradient):
        return first.setdefault(tuple(gradient.shape), gradient)

    return descent(change)


def every_second():
    calls = []

    def step(image, loss, optimizer):
        calls.append(1)
        return descent()(image, loss, optimizer) if len(calls) % 2 else loss(image)

    return step


def after(image, loss, optimizer):
    descent()(image, loss, optimizer)
    return loss(image)


def makes_adam(image, loss, optimizer):
    return descent()(image, loss, keras.optimizers.Adam(0.02))


def stretched(image, loss, optimizer):
    with tf.GradientTape() as tape:
        value = loss(image)
    optimizer.apply_gradients([(tape.gradient(value, image), image)])
    low, high = tf.reduce_min(image), tf.reduce_max(image)
    image.assign((image - low) / (high - low))
    return value


WRONG = [
    (descent(lambda g: 2 * g), "the gradient is multiplied by 2"),
    (descent(lambda g: g / 72), "is divided by the number of its entries"),
    (descent(tf.sign), "only the sign of the gradient"),
    (descent(tf.round), "the gradient is rounded"),
    (descent(lambda g: g / tf.norm(g)), "divided by its norm"),
    (descent(lambda g: tf.clip_by_norm(g, 2.0)), "cut to the norm 2"),
    (descent(lambda g: tf.clip_by_value(g, -1.0, 1.0)), "cut to [-1, 1]"),
    (descent(lambda g: tf.reduce_mean(g, -1, True) + 0 * g), "averaged over colours"),
    (descent(lambda g: g + 0.5), "it is not the gradient of this loss"),
    (descent(lambda g: tf.clip_by_value(g, -0.02, 0.02)), "cut to [-0.02, 0.02]"),
    (descent(tf.ones_like), "is it taken with respect to the loss?"),
    (descent(lambda g: g + tf.random.normal(g.shape)), "it has random numbers in it"),
    (stretched, "stretched from its least to its largest value"),
    (kept, "the gradient of the first step is used again"),
    (every_second, "it moved in other steps"),
    (own_sign, "the optimizer that it is given is not used"),
    (own_descent, "by something else than the optimizer"),
    (makes_adam, "the optimizer that it is given is not used"),
    (descent(value=lambda before, loss: None), "returned None"),
    (descent(value=lambda before, loss: before / 2), "wanted the loss before the step"),
    (after, "this is the loss after it"),
]


@pytest.mark.parametrize(("step", "words"), WRONG)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_mistake_of_a_step_is_told(step, words, seed):
    step = step() if step in (kept, every_second) else step
    report = check_train_step(step, compiled=False, returns="loss", seed=seed)
    assert words in report.problem, report


def test_a_step_may_return_nothing_or_the_loss_before_it():
    nothing = descent(value=lambda before, loss: None)
    assert check_train_step(nothing, compiled=False)
    assert "loss after it" in check_train_step(after, compiled=False).problem


def test_the_picture_is_no_loss():
    def picture(image, loss, optimizer):
        descent()(image, loss, optimizer)
        return image

    report = check_train_step(tf.function(picture))
    assert "it returned the picture" in report.problem


def test_an_optimizer_made_inside_is_told_with_its_line():
    report = check_train_step(tf.function(makes_adam))
    assert "only created once" in report.problem and "Adam(0.02)" in report.problem


@pytest.mark.parametrize("value", [lambda b, _: b, lambda b, _: tf.reshape(b, (1,))])
def test_the_loss_before_the_step_is_right(value):
    assert check_train_step(tf.function(descent(value=value)))


def test_the_step_of_the_library_is_recognised():
    def ours(image, loss, optimizer):
        losses = optimizers.train_step(
            lambda image: {
                "total": loss(image) / image[0, :, :, 0].shape.num_elements()
            },
            image,
            optimizer,
        )
        return losses["total"] * image[0, :, :, 0].shape.num_elements()

    report = check_train_step(tf.function(ours))
    assert report and "nst_tf's own train_step" in report.notes[0]
    assert not check_train_step(tf.function(ours), own=True)


def test_what_may_be_returned_is_known():
    with pytest.raises(ValueError, match="returns: 'picture' is none of"):
        check_train_step(descent(), returns="picture")

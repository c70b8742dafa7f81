import numpy as np
import pytest
import tensorflow as tf

import nst_tf as nst


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def gram_by_loops(F):
    G = np.zeros((F.shape[-1],) * 2)
    for i, j, h, w in np.ndindex(*G.shape, *F.shape[1:3]):
        G[i, j] += F[0, h, w, i] * F[0, h, w, j]
    return G


def test_content_loss_is_equation_1():
    F, P = normal(1, 2, 3, 4), normal(1, 2, 3, 4, seed=1)
    expected = sum((F[i] - P[i]) ** 2 for i in np.ndindex(F.shape)) / 2
    np.testing.assert_allclose(nst.content_loss(F, P), expected, rtol=1e-5)


def test_gradient_of_content_loss_is_equation_2():
    """F - P where F > 0, and 0 where the ReLU is shut."""
    x, P = tf.constant(normal(1, 2, 3, 4)), normal(1, 2, 3, 4, seed=1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = nst.content_loss(tf.nn.relu(x), P)
    F = np.maximum(x, 0)
    expected = np.where(F > 0, F - P, 0)
    np.testing.assert_allclose(tape.gradient(loss, x), expected, rtol=1e-5)


def test_gram_matrix_is_equation_3():
    F = normal(1, 2, 3, 4)
    np.testing.assert_allclose(nst.gram_matrix(F)[0], gram_by_loops(F), rtol=1e-5)


def test_gram_matrix_is_symmetric():
    G = nst.gram_matrix(normal(2, 3, 5, 4)).numpy()
    np.testing.assert_array_equal(G, G.transpose(0, 2, 1))


def test_gram_matrix_forgets_positions():
    F = normal(1, 3, 5, 4)
    order = np.random.default_rng(1).permutation(15)
    shuffled = F.reshape(1, 15, 4)[:, order].reshape(F.shape)
    np.testing.assert_allclose(
        nst.gram_matrix(shuffled), nst.gram_matrix(F), rtol=1e-5, atol=1e-6
    )


def test_gram_matrices_of_a_batch_do_not_mix():
    F = normal(2, 3, 5, 4)
    np.testing.assert_allclose(nst.gram_matrix(F)[1], nst.gram_matrix(F[1:])[0])


def test_layer_style_loss_is_equation_4_for_pictures_of_one_size():
    F, S = normal(1, 2, 3, 4), normal(1, 2, 3, 4, seed=1)
    M, N = 6, 4
    difference = gram_by_loops(F) - gram_by_loops(S)
    expected = np.sum(difference**2) / (4 * N**2 * M**2)
    loss = nst.layer_style_loss(F, nst.mean_gram(S))
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_layer_style_loss_does_not_see_how_large_the_painting_is():
    F = normal(1, 2, 3, 4)
    tiled = np.tile(F, (1, 2, 3, 1))
    loss = nst.layer_style_loss(F, nst.mean_gram(tiled))
    np.testing.assert_allclose(loss, 0, atol=1e-12)


def test_gradient_of_layer_style_loss_is_equation_6():
    """((F^T (G - A))^T) / (N^2 M^2), for features of M rows and N columns."""
    F, S = tf.constant(normal(1, 2, 3, 4)), normal(1, 2, 3, 4, seed=1)
    with tf.GradientTape() as tape:
        tape.watch(F)
        loss = nst.layer_style_loss(F, nst.mean_gram(S))
    M, N = 6, 4
    rows = F.numpy().reshape(M, N)
    difference = gram_by_loops(F.numpy()) - gram_by_loops(S)
    expected = (rows @ difference / (N**2 * M**2)).reshape(F.shape)
    np.testing.assert_allclose(tape.gradient(loss, F), expected, rtol=1e-4)


def test_style_loss_is_equation_5():
    features = {"a": normal(1, 2, 3, 4), "b": normal(1, 1, 2, 5, seed=1)}
    targets = {name: 0.5 * nst.mean_gram(F) for name, F in features.items()}
    layer_losses = {n: nst.layer_style_loss(features[n], targets[n]) for n in "ab"}
    expected = 0.3 * layer_losses["a"] + 0.7 * layer_losses["b"]
    loss = nst.style_loss(features, targets, {"a": 0.3, "b": 0.7})
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 5), (7, 2)])
def test_total_variation_of_a_checkerboard(shape):
    """Every one of the H(W-1) + (H-1)W neighbours differs by one, in three colours."""
    H, W = shape
    board = np.indices(shape).sum(axis=0) % 2
    image = np.repeat(board[None, :, :, None], 3, axis=3).astype("float32")
    expected = 3 * (H * (W - 1) + (H - 1) * W) / (H * W)
    np.testing.assert_allclose(nst.total_variation_loss(image), expected, rtol=1e-6)


# Batches and precision


def per_picture(loss, F):
    return np.mean([loss(F[k : k + 1]) for k in range(len(F))])


def test_every_loss_of_a_batch_is_the_mean_of_its_pictures():
    F, S = normal(3, 4, 5, 2), normal(1, 3, 7, 2, seed=1)
    A = nst.mean_gram(S)
    P = S[:, :, :5][:, [0, 1, 2, 0]]
    for loss in (
        lambda F: nst.content_loss(F, np.repeat(P, len(F), axis=0)),
        lambda F: nst.layer_style_loss(F, A),
        lambda F: nst.style_loss({"a": F}, {"a": A}, {"a": 0.3}),
        nst.total_variation_loss,
    ):
        np.testing.assert_allclose(loss(F), per_picture(loss, F), rtol=1e-5)


def test_the_total_of_a_batch_is_the_mean_of_its_pictures():
    """Each picture with its own photograph, all with one painting."""
    x, photos = (normal(3, 4, 5, 3, seed=s) for s in range(2))
    painting = normal(1, 6, 5, 3, seed=2)
    weights = 0.3, 10.0, 2.0
    both = total_loss(tf.constant(photos), painting, *weights)(tf.constant(x))
    alone = [
        total_loss(photos[k : k + 1], painting, *weights)(tf.constant(x[k : k + 1]))
        for k in range(3)
    ]
    for part in both:
        expected = np.mean([losses[part] for losses in alone])
        np.testing.assert_allclose(both[part], expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_losses_are_float32_whatever_the_features_are(dtype):
    """In half precision, sums over 90,000 positions would be infinite."""
    F, P = (tf.cast(100 * normal(1, 300, 300, 2, seed=s), dtype) for s in range(2))
    A = nst.mean_gram(P)
    assert nst.losses.gram_loss(tf.cast(A / 100, dtype), A).dtype == tf.float32
    image = tf.cast(np.random.default_rng(0).random((1, 300, 300, 3)), dtype)
    found = [
        nst.content_loss(F, P),
        nst.layer_style_loss(F, A),
        nst.total_variation_loss(image),
    ]
    exact = [
        nst.content_loss(*(tf.cast(x, tf.float32) for x in (F, P))),
        nst.layer_style_loss(tf.cast(F, tf.float32), A),
        nst.total_variation_loss(tf.cast(image, tf.float32)),
    ]
    assert [loss.dtype for loss in [A, *found]] == [tf.float32] * 4
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, exact)


def test_the_gram_matrix_has_second_derivatives():
    """The gradient of sum(G^2) is 4 F F^T F; its own is found too."""
    F = tf.constant(normal(1, 2, 3, 4))
    with tf.GradientTape() as outer:
        outer.watch(F)
        with tf.GradientTape() as inner:
            inner.watch(F)
            loss = tf.reduce_sum(tf.square(nst.gram_matrix(F)))
        first = inner.gradient(loss, F)
        length = tf.reduce_sum(tf.square(first))
    second = outer.gradient(length, F)
    X = F.numpy().reshape(6, 4)
    expected = 4 * X @ X.T @ X
    np.testing.assert_allclose(first[0].numpy().reshape(6, 4), expected, rtol=1e-4)
    small = 1e-3
    d = normal(1, 2, 3, 4, seed=1)

    def length_at(F):
        X = F.numpy().astype("float64").reshape(6, 4)
        return np.sum((4 * X @ X.T @ X) ** 2)

    slope = (length_at(F + small * d) - length_at(F - small * d)) / (2 * small)
    np.testing.assert_allclose(tf.reduce_sum(second * d), slope, rtol=1e-2)


# The total, on an "extractor" that can be computed by hand


def twice(image):
    return {"double": 2 * image, "same": image}


def total_loss(image, painting, content_weight, style_weight, tv_weight):
    targets = twice(image)["double"], nst.mean_gram(painting)
    return nst.TotalLoss(
        twice,
        {"double": targets[0]},
        {"same": targets[1]},
        {"same": 1.0},
        content_weight,
        style_weight,
        tv_weight,
    )


def test_total_loss_is_equation_7_with_a_mean_in_equation_1():
    target, painting, x = (normal(1, 3, 5, 3, seed=s) for s in range(3))
    losses = total_loss(target, painting, 0.1, 10.0, 3.0)(tf.constant(x))
    content = np.mean((2 * x - 2 * target) ** 2) / 2
    style = nst.layer_style_loss(x, nst.mean_gram(painting))
    tv = nst.total_variation_loss(x)
    np.testing.assert_allclose(losses["content"], content, rtol=1e-5)
    np.testing.assert_allclose(losses["style"], style, rtol=1e-5)
    np.testing.assert_allclose(
        losses["total"], 0.1 * content + 10 * style + 3 * tv, rtol=1e-5
    )


def test_content_part_does_not_grow_with_the_picture():
    small, offset = normal(1, 3, 5, 3), 0.25
    large = np.tile(small, (1, 2, 4, 1))
    parts = [total_loss(i, i, 1, 0, 0)(i + offset)["content"] for i in (small, large)]
    np.testing.assert_allclose(parts[0], parts[1], rtol=1e-5)


@pytest.mark.parametrize("part", ["content", "style", "tv"])
def test_a_part_without_weight_is_left_out(part):
    weights = {"content_weight": 1.0, "style_weight": 1.0, "tv_weight": 1.0}
    weights[f"{part}_weight"] = 0.0
    x = tf.constant(normal(1, 3, 5, 3))
    losses = total_loss(x + 1, x + 2, **weights)(x)
    others = [p for p in ("content", "style", "tv") if p != part]
    assert losses[part] == 0
    np.testing.assert_allclose(losses["total"], sum(losses[p] for p in others))

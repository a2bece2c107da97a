"""A CTR rocket in TensorFlow, timed step by step: one tf.function, touched rows updated in place."""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from worker import serve, threads

FEATURES, SIZE, BATCH, RATE, HINT = 8, 16, 1024, 0.01, 0.03
# Steps take them in turn, so that rows of the table are not all in the processor's cache.
BATCHES = 16

Layers = list[tuple[tf.Variable, tf.Variable]]


def layers(*sizes: int) -> Layers:
    return [
        (tf.Variable(tf.random.normal([before, after], 0, (2 / before) ** 0.5)), tf.Variable(tf.zeros([after])))
        for before, after in zip(sizes, sizes[1:])
    ]


def mlp(x: tf.Tensor, layers: Layers) -> tf.Tensor:
    for index, (kernel, bias) in enumerate(layers):
        x = x @ kernel + bias
        if index < len(layers) - 1:
            x = tf.nn.relu(x)
    return x[:, 0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    options = parser.parse_args()

    tf.config.threading.set_intra_op_parallelism_threads(threads())
    tf.config.threading.set_inter_op_parallelism_threads(threads())
    tf.random.set_seed(0)
    table = tf.Variable(tf.random.normal([options.rows, SIZE], 0, 0.01))
    light, booster = layers(FEATURES * SIZE, 64, 32, 1), layers(FEATURES * SIZE, 512, 256, 128, 1)
    trained = [table, *(variable for layer in [*light, *booster] for variable in layer)]
    batches = [
        (
            tf.random.uniform([BATCH, FEATURES], 0, options.rows, tf.int32),
            tf.cast(tf.random.uniform([BATCH], 0, 2, tf.int32), tf.float32),
        )
        for _ in range(BATCHES)
    ]
    count = 0

    @tf.function
    def train(ids: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            x = tf.reshape(tf.gather(table, ids), [BATCH, FEATURES * SIZE])
            teacher, logits = mlp(x, booster), mlp(x, light)
            loss = (
                tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, logits))
                + tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y, teacher))
                + HINT * tf.reduce_mean(tf.math.squared_difference(tf.stop_gradient(teacher), logits))
            )
        for variable, gradient in zip(trained, tape.gradient(loss, trained)):
            if isinstance(gradient, tf.IndexedSlices):
                variable.scatter_sub(tf.IndexedSlices(gradient.values * RATE, gradient.indices))
            else:
                variable.assign_sub(RATE * gradient)
        return loss

    def step() -> float:
        nonlocal count
        ids, y = batches[count % BATCHES]
        count += 1
        return float(train(ids, y))

    serve(step, f"TensorFlow {tf.__version__}", sum(int(tf.size(v)) for v in trained))


if __name__ == "__main__":
    main()

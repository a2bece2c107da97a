"""An epoch of clicks in TensorFlow: one tf.function with one table, of which a step updates the rows that it reads by Adam's rule, and all rows in memory before the clock starts."""

import os
import time
from typing import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

import clicks
from clicks import BATCH, BOOSTER, HINT, IDS, LIGHT, NUMBERS, RATE, ROWS, SIZE, WIDTH, Rows
from worker import threads

FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8


def mlp(hidden: tuple[int, ...]) -> list[tf.Variable]:
    variables = []
    for before, after in zip((WIDTH, *hidden), (*hidden, 1)):
        variables.append(tf.Variable(tf.random.normal([before, after], 0, (2 / before) ** 0.5)))
        variables.append(tf.Variable(tf.zeros([after])))
    return variables


def output(x: tf.Tensor, variables: list[tf.Variable]) -> tf.Tensor:
    for index in range(0, len(variables), 2):
        x = x @ variables[index] + variables[index + 1]
        if index < len(variables) - 2:
            x = tf.nn.relu(x)
    return x[:, 0]


def main() -> None:
    options = clicks.options()
    tf.config.threading.set_intra_op_parallelism_threads(threads())
    tf.config.threading.set_inter_op_parallelism_threads(threads())

    def epoch(rows: Rows, seed: int) -> tuple[float, Callable[[Rows], np.ndarray], int]:
        tf.random.set_seed(seed)
        numbers, ids, label = rows[0], rows[1].astype(np.int32), rows[2]
        table = tf.Variable(tf.random.normal([ROWS, SIZE], 0, 0.01))
        mean, square = tf.Variable(tf.zeros([ROWS, SIZE])), tf.Variable(tf.zeros([ROWS, SIZE]))
        nets = [mlp(LIGHT), *([mlp(BOOSTER)] if options.booster else [])]
        dense = [variable for net in nets for variable in net]
        moments = [(tf.Variable(tf.zeros_like(v)), tf.Variable(tf.zeros_like(v))) for v in dense]

        def outputs(numbers: tf.Tensor, ids: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
            found = tf.gather(table, ids)
            x = tf.concat([numbers, tf.reshape(found, [-1, IDS * SIZE])], 1)
            return found, [output(x, net) for net in nets]

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, NUMBERS], tf.float32),
                tf.TensorSpec([None, IDS], tf.int32),
                tf.TensorSpec([None], tf.float32),
                tf.TensorSpec([], tf.float32),
                tf.TensorSpec([], tf.float32),
            ]
        )
        def train(numbers: tf.Tensor, ids: tf.Tensor, y: tf.Tensor, size: tf.Tensor, root: tf.Tensor) -> tf.Tensor:
            loss_of = tf.nn.sigmoid_cross_entropy_with_logits
            with tf.GradientTape() as tape:
                found, (light, *teacher) = outputs(numbers, ids)
                loss = tf.reduce_mean(loss_of(y, light))
                for logits in teacher:
                    loss += tf.reduce_mean(loss_of(y, logits))
                    loss += HINT * tf.reduce_mean(tf.math.squared_difference(tf.stop_gradient(logits), light))
            gradient, *gradients = tape.gradient(loss, [found, *dense])
            for variable, gradient_of, (first, second) in zip(dense, gradients, moments):
                first.assign(FIRST * first + (1 - FIRST) * gradient_of)
                second.assign(SECOND * second + (1 - SECOND) * tf.square(gradient_of))
                variable.assign_sub(size * first / (tf.sqrt(second) / root + EPSILON))
            touched, places = tf.unique(tf.reshape(ids, [-1]))
            summed = tf.math.unsorted_segment_sum(tf.reshape(gradient, [-1, SIZE]), places, tf.size(touched))
            first = FIRST * tf.gather(mean, touched) + (1 - FIRST) * summed
            second = SECOND * tf.gather(square, touched) + (1 - SECOND) * tf.square(summed)
            mean.scatter_update(tf.IndexedSlices(first, touched))
            square.scatter_update(tf.IndexedSlices(second, touched))
            table.scatter_sub(tf.IndexedSlices(size * first / (tf.sqrt(second) / root + EPSILON), touched))
            return loss

        order = np.random.default_rng(seed).permutation(len(label))
        start = time.perf_counter()
        for step, at in enumerate(range(0, len(label), BATCH), 1):
            chosen = order[at : at + BATCH]
            size, root = RATE / (1 - FIRST**step), (1 - SECOND**step) ** 0.5
            float(train(numbers[chosen], ids[chosen], label[chosen], np.float32(size), np.float32(root)))
        seconds = time.perf_counter() - start

        def logits(rows: Rows) -> np.ndarray:
            parts = range(0, len(rows[2]), BATCH)
            return np.concatenate(
                [outputs(rows[0][at : at + BATCH], rows[1][at : at + BATCH])[1][0].numpy() for at in parts]
            )

        count = sum(int(tf.size(variable)) for variable in [table, *dense])
        return seconds, logits, count

    clicks.race(epoch, options.rows, f"TensorFlow {tf.__version__}")


main()

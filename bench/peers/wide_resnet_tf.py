"""A rocket of wide residual nets in TensorFlow, timed step by step: its layout (NHWC), its kernels, one
tf.function a step."""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from worker import serve, threads

WIDTHS = (16, 32, 64)
RATE, MOMENTUM, DECAY, HINT = 0.1, 0.9, 5e-4, 0.03


class Variables:
    """The variables that are trained."""

    def __init__(self) -> None:
        self.trained: list[tf.Variable] = []

    def trainable(self, value: tf.Tensor) -> tf.Variable:
        self.trained.append(tf.Variable(value))
        return self.trained[-1]


class Convolution:
    """Without bias; zeros on both sides, as PyTorch and the authors pad."""

    def __init__(self, variables: Variables, size: int, before: int, after: int, stride: int = 1):
        deviation = (2 / (size * size * before)) ** 0.5
        self.kernel = variables.trainable(tf.random.normal([size, size, before, after], 0, deviation))
        self.stride = stride
        # "SAME" pads on one side only where the stride is 2. An op of its own then, as the convolution with
        # explicit padding is not among those that TensorFlow turns into bfloat16.
        self.pads = size == 3 and stride == 2

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        if self.pads:
            x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        return tf.nn.conv2d(x, self.kernel, self.stride, "VALID" if self.pads else "SAME")


class Norm:
    """TensorFlow's fused batch norm, with running statistics."""

    def __init__(self, variables: Variables, channels: int):
        self.scale = variables.trainable(tf.random.uniform([channels]))
        self.offset = variables.trainable(tf.zeros([channels]))
        self.mean = tf.Variable(tf.zeros([channels]), trainable=False)
        self.variance = tf.Variable(tf.ones([channels]), trainable=False)

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=self.scale,
            offset=self.offset,
            mean=self.mean,
            variance=self.variance,
            epsilon=1e-5,
            exponential_avg_factor=0.1 if training else 1.0,
            is_training=training,
        )
        if training:
            self.mean.assign(mean)
            self.variance.assign(variance)
        return y


class Block:
    """A pre-activation block; each net runs it with batch norms of its own."""

    def __init__(self, variables: Variables, before: int, after: int, stride: int, nets: list[str]):
        self.conv1 = Convolution(variables, 3, before, after, stride)
        self.conv2 = Convolution(variables, 3, after, after)
        self.shortcut = Convolution(variables, 1, before, after, stride) if before != after else None
        self.norm1 = {net: Norm(variables, before) for net in nets}
        self.norm2 = {net: Norm(variables, after) for net in nets}

    def __call__(self, x: tf.Tensor, net: str, training: bool) -> tf.Tensor:
        active = tf.nn.relu(self.norm1[net](x, training))
        y = self.conv2(tf.nn.relu(self.norm2[net](self.conv1(active), training)))
        return y + (x if self.shortcut is None else self.shortcut(active))


class Rocket:
    """Interval sharing: the light net runs the first blocks of each group; bottom: the first two groups."""

    def __init__(self, variables: Variables, sharing: str, light: int, booster: int, width: int, nets: list[str]):
        channels = [16, *(width * w for w in WIDTHS)]
        blocks = (booster - 4) // 6
        self.taken = [blocks, blocks, 0] if sharing == "bottom" else [(light - 4) // 6] * 3
        self.stem = Convolution(variables, 3, 3, 16)
        self.groups = [
            [
                Block(
                    variables,
                    channels[g] if b == 0 else channels[g + 1],
                    channels[g + 1],
                    2 if g > 0 and b == 0 else 1,
                    [net for net in nets if net == "booster" or b < self.taken[g]],
                )
                for b in range(blocks if "booster" in nets else self.taken[g])
            ]
            for g in range(3)
        ]
        last = {"booster": channels[3], "light": channels[2 if sharing == "bottom" else 3]}
        self.norm = {net: Norm(variables, last[net]) for net in nets}
        self.head = {
            net: (
                variables.trainable(tf.random.normal([last[net], 10], 0, (2 / last[net]) ** 0.5)),
                variables.trainable(tf.zeros([10])),
            )
            for net in nets
        }

    def entrance(self, x: tf.Tensor) -> tf.Tensor:
        """The first convolution, which both nets share."""
        return self.stem(x)

    def logits(self, x: tf.Tensor, net: str, training: bool) -> tf.Tensor:
        for group, taken in zip(self.groups, self.taken):
            for block in group[: taken if net == "light" else None]:
                x = block(x, net, training)
        x = tf.reduce_mean(tf.nn.relu(self.norm[net](x, training)), [1, 2])
        kernel, bias = self.head[net]
        return x @ kernel + bias


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sharing", default="interval")
    parser.add_argument("--light", type=int, default=16)
    parser.add_argument("--booster", type=int, default=40)
    parser.add_argument("--width", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--task", choices=["step", "alone", "infer-light", "infer-booster"], default="step")
    parser.add_argument("--mode", choices=["function", "mixed-bfloat16"], default="function")
    options = parser.parse_args()

    tf.config.threading.set_intra_op_parallelism_threads(threads())
    tf.config.threading.set_inter_op_parallelism_threads(threads())
    if options.mode == "mixed-bfloat16":
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
    tf.random.set_seed(0)
    infers = options.task.startswith("infer")
    nets = {"step": ["light", "booster"], "alone": ["light"]}.get(
        options.task, [options.task.removeprefix("infer-")]
    )
    variables = Variables()
    rocket = Rocket(variables, options.sharing, options.light, options.booster, options.width, nets)
    x = tf.random.normal([options.batch, 32, 32, 3])
    y = tf.random.uniform([options.batch], 0, 10, tf.int32)
    slots = [] if infers else [tf.Variable(tf.zeros_like(v)) for v in variables.trained]

    @tf.function
    def train(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            stem = rocket.entrance(x)
            logits = [rocket.logits(stem, net, True) for net in nets]
            loss = tf.add_n([
                tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, z)) for z in logits
            ])
            if len(logits) == 2:
                light, booster = logits
                hint = tf.reduce_sum(tf.math.squared_difference(tf.stop_gradient(booster), light))
                loss += HINT * hint / options.batch
        for variable, slot, gradient in zip(variables.trained, slots, tape.gradient(loss, variables.trained)):
            tf.raw_ops.ResourceApplyMomentum(
                var=variable.handle,
                accum=slot.handle,
                lr=RATE,
                grad=gradient + DECAY * variable,
                momentum=MOMENTUM,
            )
        return loss

    def step() -> float:
        return float(train(x, y))

    def inference():
        @tf.function
        def forward(x: tf.Tensor) -> tf.Tensor:
            return rocket.logits(rocket.entrance(x), nets[0], False)

        # Weights become constants of the graph, as in a net that ships.
        frozen = convert_variables_to_constants_v2(forward.get_concrete_function(x))
        return lambda: read(frozen(x))

    def read(results: list[tf.Tensor]) -> None:
        results[0].numpy()

    parameters = sum(int(tf.size(v)) for v in variables.trained)
    serve(inference() if infers else step, f"TensorFlow {tf.__version__}", None if infers else parameters)


if __name__ == "__main__":
    main()

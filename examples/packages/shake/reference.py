"""The constants of mod_test.ts and of tests/examples/shake_test.ts, computed by PyTorch in float64.

The losses are written from the authors' code of SHAKE (github.com/lliai/SHAKE, the function
train_distill of shake/helper/loops.py, without the normalization of logits) and from the abstract of
Li and Jin (NeurIPS 2022); the head from the class Shake of shake/models/util.py, with a linear layer
of its own.

    python reference.py

prints the constants. It needs PyTorch. Values of variables and outputs are those of `wave()`.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

torch.set_default_dtype(torch.float64)

TEMPERATURE, UNITS, ROWS = 4, 3, 4
LABEL = torch.tensor([0, 2, 1, 1])


def wave(shape: list[int], seed: float, scale: float) -> torch.Tensor:
    """Numbers between −scale and scale, in the order of the last axis."""
    size = math.prod(shape)
    return torch.tensor([scale * math.sin(1.7 * i + seed) for i in range(size)]).reshape(shape)


def kl(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """The divergence of the student from the teacher, times T²; DistillKL of the authors."""
    return (
        F.kl_div(
            F.log_softmax(student / TEMPERATURE, 1),
            F.softmax(teacher / TEMPERATURE, 1),
            reduction="batchmean",
        )
        * TEMPERATURE**2
    )


def shake(head: torch.Tensor, teacher: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
    """The losses between the head, the teacher, the student, and the label."""
    return (
        kl(student, head.detach())
        + kl(head, student.detach())
        + F.mse_loss(head, teacher.detach())
        + F.cross_entropy(head, LABEL)
    )


def rounded(tensor: torch.Tensor) -> list[float]:
    """The numbers with seven digits."""
    return [float(f"{x:.7g}") for x in tensor.detach().flatten()]


def convolution(size: int, start: int, end: int, stride: int, seed: float) -> nn.Sequential:
    """A convolution, batch norm in training, and relu."""
    layer = nn.Conv2d(start, end, size, stride, size // 2, bias=False)
    layer.weight.data = wave([size, size, start, end], seed, 0.5).permute(3, 2, 0, 1).contiguous()
    norm = nn.BatchNorm2d(end)
    norm.weight.data = 1 + wave([end], seed + 0.5, 0.5)
    norm.bias.data = wave([end], seed + 0.7, 0.2)
    return nn.Sequential(layer, norm, nn.ReLU())


teacher = wave([ROWS, UNITS], 1, 3)
student = wave([ROWS, UNITS], 2, 2).requires_grad_()

# A head that reads a vector.
features = wave([ROWS, 5], 3, 1)
kernel, bias = wave([5, UNITS], 4, 1).requires_grad_(), wave([UNITS], 5, 1).requires_grad_()
loss = shake(features @ kernel + bias, teacher, student)
by_student, by_kernel, by_bias = torch.autograd.grad(loss, [student, kernel, bias])
print("loss", rounded(loss))
print("gradient by the student", rounded(by_student))
print("gradient by the kernel", rounded(by_kernel))
print("gradient by the bias", rounded(by_bias))

# A head that fuses maps of 8 × 8, 4 × 4, and 4 × 4.
maps = [
    wave([ROWS, 8, 8, 2], 6, 1).permute(0, 3, 1, 2),
    wave([ROWS, 4, 4, 3], 7, 1).permute(0, 3, 1, 2),
    wave([ROWS, 4, 4, 4], 8, 1).permute(0, 3, 1, 2),
]
x = convolution(3, 2, 3, 2, 10)(maps[0]) + convolution(1, 3, 3, 1, 11)(maps[1])
x = convolution(3, 3, 4, 1, 12)(x) + convolution(1, 4, 4, 1, 13)(maps[2])
x = convolution(3, 4, 4, 1, 14)(x).mean((2, 3))
print("logits of maps", rounded(x @ wave([4, UNITS], 4, 1) + wave([UNITS], 5, 1)))

"""The constants of mod_test.ts: logits and gradients of a small net, computed by PyTorch in float64.

The net is written from figure 3 and section 3 of Howard et al. (2017), arXiv:1704.04861: a 3 × 3
convolution, then blocks of a depthwise and a pointwise convolution, each with batch norm and relu,
average pooling, and a linear head.

    python reference.py

prints the constants. It needs PyTorch. Values of variables and images are those of `wave()`.
"""

import math

import torch
from torch import nn

torch.set_default_dtype(torch.float64)

STEM, BLOCKS, UNITS = 4, [(6, 2), (5, 1)], 3


def wave(shape: list[int], seed: int, scale: float) -> torch.Tensor:
    """Numbers between −scale and scale, in the order of the last axis."""
    size = math.prod(shape)
    return torch.tensor([scale * math.sin(1.7 * i + seed) for i in range(size)]).reshape(shape)


def convolution(size: int, start: int, end: int, stride: int, groups: int, seed: int):
    """A convolution without bias, batch norm, and relu. Kernels are [height, width, in, out]."""
    layer = nn.Conv2d(start, end, size, stride, size // 2, groups=groups, bias=False)
    if groups == 1:
        kernel = wave([size, size, start, end], seed, 0.5).permute(3, 2, 0, 1)
    else:
        kernel = wave([size, size, start, 1], seed, 0.5).permute(2, 3, 0, 1)
    layer.weight.data = kernel.contiguous()
    norm = nn.BatchNorm2d(end, eps=1e-5)
    norm.weight.data = 1 + wave([end], seed + 1, 0.5)
    norm.bias.data = wave([end], seed + 2, 0.2)
    return [layer, norm, nn.ReLU()]


parts = convolution(3, 2, STEM, 1, 1, 10)
channels = STEM
for index, (count, stride) in enumerate(BLOCKS):
    parts += convolution(3, channels, channels, stride, channels, 20 + 10 * index)
    parts += convolution(1, channels, count, 1, 1, 25 + 10 * index)
    channels = count
head = nn.Linear(channels, UNITS)
head.weight.data = wave([channels, UNITS], 90, 0.5).T.contiguous()
head.bias.data = wave([UNITS], 91, 0.2)
net = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)

images = wave([2, 8, 8, 2], 5, 1).permute(0, 3, 1, 2)
net.eval()
print("evaluation", [float(f"{x:.6g}") for x in net(images).detach().flatten()])
net.train()
logits = net(images)
print("training", [float(f"{x:.6g}") for x in logits.detach().flatten()])
(logits * wave([2, UNITS], 3, 1)).sum().backward()
for name, layer in [("stem", parts[0]), ("block1 depthwise", parts[3]), ("block2 pointwise", parts[12])]:
    gradient = layer.weight.grad
    print("gradient", name, float(f"{gradient.norm():.6g}"), float(f"{gradient.sum():.6g}"))

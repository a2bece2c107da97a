"""A rocket of wide residual nets in PyTorch, timed step by step.

Prints `ready` after the warm-up; then, for each line with a number N on standard input, runs N steps and
prints their milliseconds as a JSON list.
"""

import argparse
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

WIDTHS = (16, 32, 64)


class Block(nn.Module):
    """A pre-activation block; the light net runs it with batch norms of its own."""

    def __init__(self, before: int, after: int, stride: int, light: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(before, after, 1, stride, bias=False) if before != after else None
        nets = ("booster", "light") if light else ("booster",)
        self.norm1 = nn.ModuleDict({net: nn.BatchNorm2d(before) for net in nets})
        self.norm2 = nn.ModuleDict({net: nn.BatchNorm2d(after) for net in nets})

    def forward(self, x: torch.Tensor, net: str) -> torch.Tensor:
        active = F.relu(self.norm1[net](x))
        y = self.conv2(F.relu(self.norm2[net](self.conv1(active))))
        return y + (x if self.shortcut is None else self.shortcut(active))


class Rocket(nn.Module):
    """Interval sharing: the light net runs the first blocks of each group; bottom: the first two groups."""

    def __init__(self, sharing: str, light: int, booster: int, width: int):
        super().__init__()
        channels = [16, *(width * w for w in WIDTHS)]
        blocks = (booster - 4) // 6
        self.taken = [blocks, blocks, 0] if sharing == "bottom" else [(light - 4) // 6] * 3
        self.stem = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.groups = nn.ModuleList(
            nn.ModuleList(
                Block(
                    channels[g] if b == 0 else channels[g + 1],
                    channels[g + 1],
                    2 if g > 0 and b == 0 else 1,
                    b < self.taken[g],
                )
                for b in range(blocks)
            )
            for g in range(3)
        )
        last = {"booster": channels[3], "light": channels[2 if sharing == "bottom" else 3]}
        self.norm = nn.ModuleDict({net: nn.BatchNorm2d(size) for net, size in last.items()})
        self.head = nn.ModuleDict({net: nn.Linear(size, 10) for net, size in last.items()})

    def forward(self, x: torch.Tensor, net: str) -> torch.Tensor:
        x = self.stem(x)
        for group, taken in zip(self.groups, self.taken):
            for block in group[: taken if net == "light" else None]:
                x = block(x, net)
        x = F.relu(self.norm[net](x)).mean((2, 3))
        return self.head[net](x)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sharing", default="interval")
    parser.add_argument("--light", type=int, default=16)
    parser.add_argument("--booster", type=int, default=40)
    parser.add_argument("--width", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--task", choices=["step", "alone", "infer-light", "infer-booster"], default="step")
    parser.add_argument("--mode", choices=["default", "channels-last", "compiled", "autocast"], default="default")
    options = parser.parse_args()

    torch.manual_seed(0)
    model = Rocket(options.sharing, options.light, options.booster, options.width)
    x, y = torch.randn(options.batch, 3, 32, 32), torch.randint(0, 10, (options.batch,))
    if options.mode != "default":
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    forward = torch.compile(model) if options.mode == "compiled" else model
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=options.mode == "autocast")
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9, weight_decay=5e-4)

    def step() -> None:
        with autocast:
            light = forward(x, "light")
            booster = forward(x, "booster") if options.task == "step" else None
        light = light.float()
        loss = F.cross_entropy(light, y)
        if booster is not None:
            booster = booster.float()
            hint = ((booster.detach() - light) ** 2).sum() / options.batch
            loss = loss + F.cross_entropy(booster, y) + 0.03 * hint
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    def infer() -> None:
        with torch.inference_mode(), autocast:
            forward(x, options.task.removeprefix("infer-")).sum().item()

    run = infer if options.task.startswith("infer") else step
    if run is infer:
        model.eval()
    for _ in range(5):
        run()
    print("ready", flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1000)
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main()

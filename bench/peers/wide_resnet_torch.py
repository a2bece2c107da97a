"""A rocket of wide residual nets in PyTorch, timed step by step."""

import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch._inductor import config as inductor_config

from worker import serve, threads

WIDTHS = (16, 32, 64)


class Block(nn.Module):
    """A pre-activation block; each net runs it with batch norms of its own."""

    def __init__(self, before: int, after: int, stride: int, nets: tuple[str, ...]):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(before, after, 1, stride, bias=False) if before != after else None
        self.norm1 = nn.ModuleDict({net: nn.BatchNorm2d(before) for net in nets})
        self.norm2 = nn.ModuleDict({net: nn.BatchNorm2d(after) for net in nets})

    def forward(self, x: torch.Tensor, net: str) -> torch.Tensor:
        active = F.relu(self.norm1[net](x))
        y = self.conv2(F.relu(self.norm2[net](self.conv1(active))))
        return y + (x if self.shortcut is None else self.shortcut(active))


class Rocket(nn.Module):
    """Interval sharing: the light net runs the first blocks of each group; bottom: the first two groups."""

    def __init__(self, sharing: str, light: int, booster: int, width: int, nets: tuple[str, ...]):
        super().__init__()
        self.nets = nets
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
                    tuple(net for net in nets if net == "booster" or b < self.taken[g]),
                )
                for b in range(blocks if "booster" in nets else self.taken[g])
            )
            for g in range(3)
        )
        last = {"booster": channels[3], "light": channels[2 if sharing == "bottom" else 3]}
        self.norm = nn.ModuleDict({net: nn.BatchNorm2d(last[net]) for net in nets})
        self.head = nn.ModuleDict({net: nn.Linear(last[net], 10) for net in nets})
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight)

    def logits(self, x: torch.Tensor, net: str) -> torch.Tensor:
        x = self.stem(x)
        for group, taken in zip(self.groups, self.taken):
            for block in group[: taken if net == "light" else None]:
                x = block(x, net)
        x = F.relu(self.norm[net](x)).mean((2, 3))
        return self.head[net](x)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The logits of all nets."""
        return [self.logits(x, net) for net in self.nets]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sharing", default="interval")
    parser.add_argument("--light", type=int, default=16)
    parser.add_argument("--booster", type=int, default=40)
    parser.add_argument("--width", type=int, default=1)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--task", choices=["step", "alone", "infer-light", "infer-booster"], default="step")
    parser.add_argument(
        "--mode",
        choices=["default", "channels-last", "compiled", "bfloat16", "compiled-bfloat16"],
        default="default",
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    options = parser.parse_args()

    torch.set_num_threads(threads())
    torch.manual_seed(0)
    torch.set_default_device(options.device)
    infers = options.task.startswith("infer")
    nets = {"step": ("light", "booster"), "alone": ("light",)}.get(
        options.task, (options.task.removeprefix("infer-"),)
    )
    model = Rocket(options.sharing, options.light, options.booster, options.width, nets)
    model.train(not infers)
    x, y = torch.randn(options.batch, 3, 32, 32), torch.randint(0, 10, (options.batch,))
    if options.mode != "default":
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    if options.mode.startswith("compiled") and infers:
        # Weights become constants of the compiled code, as in a net that ships: batch norms are folded.
        inductor_config.freezing = True
    forward = torch.compile(model) if options.mode.startswith("compiled") else model
    autocast = torch.autocast(options.device, torch.bfloat16, enabled=options.mode.endswith("bfloat16"))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9, weight_decay=5e-4)

    def step() -> float:
        with autocast:
            logits = forward(x)
        logits = [z.float() for z in logits]
        loss = sum(F.cross_entropy(z, y) for z in logits)
        if len(logits) == 2:
            light, booster = logits
            loss = loss + 0.03 * ((booster.detach() - light) ** 2).sum() / options.batch
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    def infer() -> None:
        with torch.inference_mode(), autocast:
            forward(x)[0].cpu().numpy()

    parameters = sum(p.numel() for p in model.parameters())
    serve(infer if infers else step, f"PyTorch {torch.__version__.split('+')[0]}", None if infers else parameters)


if __name__ == "__main__":
    main()

"""Weights of PyTorch modules as safetensors files, and the logits that they give.

    python tests/reference/pretrained.py

writes pretrained_wrn.safetensors, a WRN-10-1 in float16 with the names of the Rocket Launching
authors' modules, pretrained_mlp.safetensors, a small net whose tensors are of four types, and
pretrained.jsonl with the logits. The modules see a few batches before, so that running statistics
are not those of the start. Logits are computed in float64 from the values that the files hold.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

import values

HERE = Path(__file__).parent
ROWS = 4


class Block(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(before)
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        same = before == after
        self.shortcut = None if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = F.relu(self.bn1(x))
        second = self.conv2(F.relu(self.bn2(self.conv1(first))))
        return second + (x if self.shortcut is None else self.shortcut(first))


class Group(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(Block(before, after, stride))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


class WideResnet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, 1, 1, bias=False)
        self.block1 = Group(16, 16, 1)
        self.block2 = Group(16, 32, 2)
        self.block3 = Group(32, 64, 2)
        self.bn1 = nn.BatchNorm2d(64)
        self.fc = nn.Linear(64, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.block3(self.block2(self.block1(self.conv1(image.permute(0, 3, 1, 2)))))
        return self.fc(F.relu(self.bn1(x)).mean((2, 3)))


def images(name: str) -> torch.Tensor:
    return torch.from_numpy(values.uniform(name, [ROWS, 8, 8, 1], 0, 1)).double()


def logits(module: nn.Module) -> list[list[float]]:
    with torch.no_grad():
        return module.double().eval()(images("pretrained/image")).tolist()


def main() -> None:
    torch.manual_seed(1)
    wrn = WideResnet().double()
    for batch in range(5):
        wrn(images(f"pretrained/batch{batch}"))
    wrn = wrn.half()
    save_file(wrn.state_dict(), HERE / "pretrained_wrn.safetensors")

    mlp = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10))
    types = {
        "1.weight": torch.float32,
        "1.bias": torch.float64,
        "3.weight": torch.bfloat16,
        "3.bias": torch.float16,
    }
    state = {name: value.to(types[name]) for name, value in mlp.state_dict().items()}
    save_file(state, HERE / "pretrained_mlp.safetensors")
    mlp.load_state_dict({name: value.double() for name, value in state.items()})

    lines = [{"wrn": logits(wrn)}, {"mlp": logits(mlp)}]
    rounded = [
        {name: [[float(f"{v:.7g}") for v in row] for row in rows] for name, rows in line.items()}
        for line in lines
    ]
    (HERE / "pretrained.jsonl").write_text("".join(json.dumps(line) + "\n" for line in rounded))


if __name__ == "__main__":
    main()

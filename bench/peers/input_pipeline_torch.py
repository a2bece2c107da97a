"""The input pipeline in torchvision: a step takes 16 batches of 128 images, normalized, mirrored and cropped at random.

Two workers of a DataLoader make the batches. `--mode pil` transforms PIL images one by one, as the CIFAR data sets of
torchvision have them; `--mode tensor` transforms tensors one by one with torchvision.transforms.v2.
"""

import argparse

import numpy as np
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import v2
from worker import serve

MEAN, STD = [125.3 / 255, 123.0 / 255, 113.9 / 255], [63.0 / 255, 62.1 / 255, 66.7 / 255]


class Images(Dataset):
    """Random images in memory."""

    def __init__(self, rows: int, mode: str):
        pixels = np.random.default_rng(1).integers(0, 256, (rows, 32, 32, 3), np.uint8)
        self.mode = mode
        self.pixels = pixels if mode == "pil" else torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
        self.transform = (
            transforms.Compose(
                [
                    transforms.RandomHorizontalFlip(),
                    transforms.RandomCrop(32, padding=4, padding_mode="reflect"),
                    transforms.ToTensor(),
                    transforms.Normalize(MEAN, STD),
                ]
            )
            if mode == "pil"
            else v2.Compose(
                [
                    v2.RandomHorizontalFlip(),
                    v2.RandomCrop(32, padding=4, padding_mode="reflect"),
                    v2.ToDtype(torch.float32, scale=True),
                    v2.Normalize(MEAN, STD),
                ]
            )
        )

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        pixels = self.pixels[row]
        return self.transform(Image.fromarray(pixels) if self.mode == "pil" else pixels), row % 10


def batches(loader: DataLoader):
    while True:
        yield from loader


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=["pil", "tensor"], default="pil")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--batches", type=int, default=16)
    parser.add_argument("--rows", type=int, default=50000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()

    torch.manual_seed(0)
    data = Images(options.rows, options.mode)
    loader = DataLoader(
        data, options.batch, shuffle=True, num_workers=options.workers, persistent_workers=options.workers > 0
    )
    stream = batches(loader)

    def step() -> None:
        for _ in range(options.batches):
            images, _ = next(stream)
            images[0, 0, 0, 0].item()

    serve(step, f"torchvision {torchvision.__version__}")


if __name__ == "__main__":
    main()

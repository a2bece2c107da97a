"""Decodes a picture many times with Pillow, as the data sets of torchvision do, with one thread.

A step decodes `--images` images and copies their pixels into one array.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from worker import serve


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", default="32.jpg")
    parser.add_argument("--images", type=int, default=1000)
    options = parser.parse_args()
    data = (Path(__file__).parent.parent / "images" / options.file).read_bytes()
    height, width = np.asarray(Image.open(io.BytesIO(data))).shape[:2]
    pixels = np.empty((options.images, height, width, 3), np.uint8)

    def step() -> None:
        for image in range(options.images):
            pixels[image] = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    serve(step, f"Pillow {PIL.__version__}")


if __name__ == "__main__":
    main()

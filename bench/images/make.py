"""Writes the pictures of the rows decode-…: smooth shapes with the grain of a photo.

Run it with Pillow and numpy: python make.py
"""

from pathlib import Path

import numpy as np
from PIL import Image

random = np.random.default_rng(3)
for size in (32, 224):
    y, x = np.mgrid[0:size, 0:size] / size
    waves = [
        np.sin(2 * np.pi * (a * x + b * y) + c)
        for a, b, c in random.uniform(-3, 3, (3, 3))
    ]
    pixels = 128 + 80 * np.stack(waves, 2) + random.normal(0, 6, (size, size, 3))
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    folder = Path(__file__).parent
    image.save(folder / f"{size}.jpg", quality=85)
    image.save(folder / f"{size}.png")

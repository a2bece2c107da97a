"""Writes svhn_32x32.mat: three images and labels in the layout of SVHN, by SciPy's own writer."""

import io
import pathlib

import numpy as np
import scipy.io

row, column, channel, image = np.indices((32, 32, 3, 3))
pixels = (7 * row + 13 * column + 71 * channel + 31 * image) % 256
content = io.BytesIO()
scipy.io.savemat(
    content,
    {"X": pixels.astype(np.uint8), "y": np.array([[1], [10], [3]], np.uint8)},
    do_compression=True,
)
data = bytearray(content.getvalue())
# The header tells the time of writing; so that another day gives the same file, it does not here.
data[:116] = b"MATLAB 5.0 MAT-file, by SciPy".ljust(116)
pathlib.Path(__file__).with_name("svhn_32x32.mat").write_bytes(data)

"""Small images for the example caffe_features.py: digits of scikit-learn, each somewhere in a larger image, as PNG files."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

SIZE = 12
"""Height and width of an image."""
SCALE = 1 / 255


def moved_digits(which: Collection[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, SIZE, SIZE) of whole numbers 0..255, and the digits that they show, in random order."""
    rng = np.random.default_rng(seed)
    pixels, labels = load_digits(return_X_y=True)
    rows = rng.permutation(np.flatnonzero(np.isin(labels, list(which))))
    images = np.zeros((len(rows), SIZE, SIZE), np.uint8)
    corners = rng.integers(0, SIZE - 8 + 1, (len(rows), 2))
    for image, row, (down, across) in zip(images, rows, corners, strict=True):
        image[down : down + 8, across : across + 8] = pixels[row].reshape(8, 8) * (255 / 16)
    return images, labels[rows]


def write_pngs(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """One file for each image, in a folder for each label: Spark reads ``label`` from the folders' names."""
    for k, (image, label) in enumerate(zip(images, labels, strict=True)):
        own = folder / f"label={label}"
        own.mkdir(parents=True, exist_ok=True)
        (own / f"{k}.png").write_bytes(_png(image))


def _png(gray: np.ndarray) -> bytes:
    height, width = gray.shape
    lines = b"".join(b"\0" + line.tobytes() for line in gray)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )

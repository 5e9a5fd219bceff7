"""Circles and squares in pictures of many sizes, in a folder for each class."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def draw_pictures(folder: str, count: int = 100) -> str:
    """That many of each class; returns the folder."""
    rng = np.random.default_rng(0)
    for name in ("circle", "square"):
        (Path(folder) / name).mkdir(parents=True, exist_ok=True)
        for k in range(count):
            height, width = map(int, rng.integers(24, 80, 2))
            picture = rng.integers(0, 60, (height, width, 3), np.uint8)
            radius = int(rng.integers(7, 10) * min(height, width) / 24)
            middle = width // 2, height // 2
            if name == "circle":
                cv2.circle(picture, middle, radius, (200, 220, 240), -1)
            else:
                corners = [(middle[0] - radius, middle[1] - radius), (middle[0] + radius, middle[1] + radius)]
                cv2.rectangle(picture, *corners, (200, 220, 240), -1)
            cv2.imwrite(f"{folder}/{name}/{k}.png", picture)
    return folder

"""Convolution: filters slide over images (LeCun et al., Proceedings of the IEEE 1998; Keras's Conv2D, Caffe's)."""

from __future__ import annotations

from dataclasses import dataclass

from spark_deepnet.layers._convolution import Convolution


@dataclass(frozen=True, repr=False)
class Conv2D(Convolution, kind="conv2d"):
    """y[h, w, f] = sum_ijc x[h s - top + i d, w s - left + j d, c] W[i, j, c, f] + b[f], x being 0 outside the image.

    x: (n, height, width, channels)   W: (kernel height, kernel width, channels / groups, filters)   b: (filters,)
    y: (n, (height + top + bottom - d (kernel height - 1) - 1) // s + 1, likewise across, filters)

    ``groups`` equal to the channels is the depthwise convolution of MobileNet (with filters a multiple of them).
    """

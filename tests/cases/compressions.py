"""The table of compressions: how near their sums are. A new compression adds its row here."""

from __future__ import annotations

from dataclasses import dataclass

from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.exchange.compressions.fp16 import FP16
from spark_deepnet.exchange.compressions.topk import TopK


@dataclass(frozen=True)
class CompressionCase:
    compression: Compression
    relative: float
    """The largest error of a sum, residuals included, as a part of the magnitudes that are added and of their sum."""
    absolute: float
    """And as a part of the largest magnitude."""


COMPRESSIONS = [
    # half of the last place: 2^-11 of a number, and 2^-39 of the message's largest where halves are subnormal
    CompressionCase(FP16(), 1.01 * 2**-11, 1.01 * 2**-37),
    CompressionCase(TopK(0.05), 1e-6, 1e-6),
    CompressionCase(TopK(1.0), 1e-6, 1e-6),
]
IDS = [repr(case.compression) for case in COMPRESSIONS]

"""All-reduce in half precision: half the bytes, two roundings of 2^-11 however many ranks there are.

Chosen between hosts where ``compression="fp16"`` allows it and it costs less."""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp, ldexp

import numpy as np

from spark_deepnet.exchange.channel import Channel, parts, pieces
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.exchange.cost import Cost
from spark_deepnet.kernels.half import add_half, from_half, largest_finite, to_half

HEADER_HALVES = 2
"""Halves that hold the float32 by which a message is to be multiplied."""
TOP_EXPONENT, MAX_SHIFT = 15, 126
"""The largest value of a message is scaled to below 2^15, half of what a half can hold; float32 has 2^126 and 2^-126."""


@dataclass(frozen=True, repr=False)
class FP16(Compression, kind="fp16"):
    """2 (P - 1) steps, (P - 1)/P N bytes a rank: the vector becomes the sum, rounded to halves of a common scale.

    Rank r receives chunk r from every rank, adds it up in float32 and sends the sum to every rank. It rounds its own copy
    too: all ranks end with the same bits. Every message is scaled by a power of 2, so that its largest finite value is
    near the top of the halves: nothing finite overflows, and what is below 2^-39 of the largest is lost. NaN and
    infinities stay what they are."""

    def cost(self, size: int, nbytes: int) -> Cost:
        return 2 * (size - 1), (size - 1) / size * nbytes + 2 * (size - 1) * 2 * HEADER_HALVES

    def run(
        self, channel: Channel, vector: np.ndarray, scratch: np.ndarray, residual: np.ndarray | None = None
    ) -> None:
        chunks = parts(vector, channel.size)
        halves = scratch.view(np.uint16)[: scratch.size // 2 * 4]
        outgoing, incoming = halves[: halves.size // 2], halves[halves.size // 2 :]
        count = pieces(max(chunk.size for chunk in chunks), outgoing[HEADER_HALVES:])
        for segments in zip(*(parts(chunk, count) for chunk in chunks), strict=True):
            _reduce_scatter(channel, segments, outgoing, incoming)
            _all_gather(channel, segments, outgoing, incoming)


def _reduce_scatter(
    channel: Channel, segments: tuple[np.ndarray, ...], outgoing: np.ndarray, incoming: np.ndarray
) -> None:
    """Add up the rank's own segment; the ranks' parts are added in the order of their distance."""
    rank, size = channel.rank, channel.size
    for step in range(1, size):
        to, from_ = (rank + step) % size, (rank - step) % size
        message = incoming[: HEADER_HALVES + segments[rank].size]
        channel.swap(to, _packed(segments[to], outgoing), from_, message)
        add_half(message[HEADER_HALVES:], message[:HEADER_HALVES].view(np.float32)[0], segments[rank])


def _all_gather(channel: Channel, segments: tuple[np.ndarray, ...], outgoing: np.ndarray, incoming: np.ndarray) -> None:
    """Overwrite every segment, the rank's own too, by the sum that its rank sends."""
    rank, size = channel.rank, channel.size
    own = _packed(segments[rank], outgoing)
    _unpack(own, segments[rank])
    for step in range(1, size):
        to, from_ = (rank + step) % size, (rank - step) % size
        message = incoming[: HEADER_HALVES + segments[from_].size]
        channel.swap(to, own, from_, message)
        _unpack(message, segments[from_])


def _packed(values: np.ndarray, out: np.ndarray) -> np.ndarray:
    """A message: the number by which halves are to be multiplied, then the halves."""
    _, exponent = frexp(largest_finite(values))
    shift = min(TOP_EXPONENT - exponent, MAX_SHIFT)
    message = out[: HEADER_HALVES + values.size]
    message[:HEADER_HALVES].view(np.float32)[0] = ldexp(1.0, -shift)
    to_half(values, ldexp(1.0, shift), message[HEADER_HALVES:])
    return message


def _unpack(message: np.ndarray, out: np.ndarray) -> None:
    from_half(message[HEADER_HALVES:], message[:HEADER_HALVES].view(np.float32)[0], out)

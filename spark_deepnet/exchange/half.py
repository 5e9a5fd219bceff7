"""All-reduce in half precision: half the bytes, two roundings of 2^-11 however many ranks there are.

Chosen between hosts where ``compression=Half()`` allows it and it costs less."""

from __future__ import annotations

from math import frexp, ldexp

import numpy as np

from spark_deepnet.exchange.channel import Channel, parts, pieces
from spark_deepnet.exchange.flat import Cost
from spark_deepnet.kernels.half import add_half, from_half, largest_finite, to_half

HEAD = 2  # halves' room for the float32 that a message is to be multiplied by
TOP, MOST = 15, 126
"""The largest value of a message is scaled to below 2^15, half of what a half can hold; float32 has 2^126 and 2^-126."""


class Half:
    """2 (P - 1) steps, (P - 1)/P N bytes a rank: the vector becomes the sum, rounded to halves of a common scale.

    Rank r hears chunk r from everyone, adds it up in float32 and tells everyone the sum, which it rounds for itself
    too: all ranks end with the same bits. Every message is scaled by a power of 2, so that its largest finite value is
    near the top of the halves: nothing finite overflows, and what is 2^-39 of the largest is lost. NaN and infinities
    stay what they are. Scratch vectors must be of one length on all ranks."""

    def cost(self, size: int, nbytes: int) -> Cost:
        """Steps and bytes, as above, with the scales."""
        return 2 * (size - 1), (size - 1) / size * nbytes + 2 * (size - 1) * 2 * HEAD

    def __call__(self, channel: Channel, vector: np.ndarray, scratch: np.ndarray) -> None:
        chunks = parts(vector, channel.size)
        room = scratch.view(np.uint16)[: scratch.size // 2 * 4]
        here, there = room[: room.size // 2], room[room.size // 2 :]
        count = pieces(max(chunk.size for chunk in chunks), here[HEAD:])
        for segments in zip(*(parts(chunk, count) for chunk in chunks), strict=True):
            _collect(channel, segments, here, there)
            _tell(channel, segments, here, there)


def _collect(channel: Channel, segments: tuple[np.ndarray, ...], here: np.ndarray, there: np.ndarray) -> None:
    """Add up the rank's own segment; the ranks' parts are added in the order of their distance."""
    rank, size = channel.rank, channel.size
    for step in range(1, size):
        to, from_ = (rank + step) % size, (rank - step) % size
        heard = there[: HEAD + segments[rank].size]
        channel.swap(to, _packed(segments[to], here), from_, heard)
        add_half(heard[HEAD:], heard[:HEAD].view(np.float32)[0], segments[rank])


def _tell(channel: Channel, segments: tuple[np.ndarray, ...], here: np.ndarray, there: np.ndarray) -> None:
    """Overwrite all segments, also the rank's own, by what their ranks say."""
    rank, size = channel.rank, channel.size
    said = _packed(segments[rank], here)
    _unpack(said, segments[rank])
    for step in range(1, size):
        to, from_ = (rank + step) % size, (rank - step) % size
        heard = there[: HEAD + segments[from_].size]
        channel.swap(to, said, from_, heard)
        _unpack(heard, segments[from_])


def _packed(values: np.ndarray, room: np.ndarray) -> np.ndarray:
    """A message: what halves are to be multiplied by, then the halves."""
    _, exponent = frexp(largest_finite(values))
    shift = min(TOP - exponent, MOST)
    message = room[: HEAD + values.size]
    message[:HEAD].view(np.float32)[0] = ldexp(1.0, -shift)
    to_half(values, ldexp(1.0, shift), message[HEAD:])
    return message


def _unpack(message: np.ndarray, out: np.ndarray) -> None:
    from_half(message[HEAD:], message[:HEAD].view(np.float32)[0], out)

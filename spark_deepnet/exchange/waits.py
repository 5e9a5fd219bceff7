"""Which rank an error names when a wait has lasted too long, by what the ranks say that they wait for.

A rank that waits knows only its peer, which may itself wait for another. Each rank counts its messages, so the
chain of those who wait ends at one of three: a rank that does not wait but works, two ranks of which one has sent what
the other never got, or a circle, in which nobody has sent what the next one waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

NOBODY = -1


class Wait(NamedTuple):
    """What a rank waits for."""

    sends_to: int
    receives_from: int
    """NOBODY where it waits for no message."""
    quiet: float
    """Seconds since it moved its last byte, where it waits."""
    sent: Sequence[int]
    """Messages to each rank, with the one on its way."""
    received: Sequence[int]
    """Messages from each rank that have come whole."""

    @property
    def peer(self) -> int:
        """The rank that it waits for."""
        return self.sends_to if self.receives_from == NOBODY else self.receives_from


class Cut(NamedTuple):
    """Two ranks that are alive, of which the second does not get what the first has sent."""

    sender: int
    receiver: int


class Works(NamedTuple):
    """A rank that waits for nobody, or moves bytes: others wait for it because it is slow."""

    rank: int


def cause(rank: int, wait: Wait, wait_of: Callable[[int], Wait | None], quiet: float) -> Cut | Works | None:
    """What the rank finally waits for; None where that is unknown. ``wait_of``: what another rank waits for, None where it
    does not answer; ``quiet``: seconds without a byte after which a wait counts as long."""
    seen = {rank}
    while (peer := wait.peer) != NOBODY:
        other = wait_of(peer)
        if other is None:
            return None
        if wait.receives_from == peer and other.sent[rank] > wait.received[peer]:
            return Cut(peer, rank)
        if other.peer == NOBODY or other.quiet < quiet:
            return Works(peer)
        if peer in seen:
            return None
        seen.add(peer)
        rank, wait = peer, other
    return None

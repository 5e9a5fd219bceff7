"""Who is to be named where a wait has lasted too long, by what the ranks say of their own waiting.

A rank that waits knows its peer alone, and that one may itself wait for another. Each rank counts its messages, so the
chain of those who wait ends at one of three: a rank that does not wait but works, two ranks of which one has sent what
the other never got, or a circle, in which nobody has sent what the next one waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

NOBODY = -1


class Wait(NamedTuple):
    """What a rank says of itself."""

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
        """Whom it waits for."""
        return self.sends_to if self.receives_from == NOBODY else self.receives_from


class Cut(NamedTuple):
    """Two ranks that live, of which the second does not get what the first has sent."""

    sender: int
    receiver: int


class Works(NamedTuple):
    """A rank that waits for nobody, or moves bytes: others wait for it because it is slow."""

    rank: int


def cause(rank: int, wait: Wait, told_by: Callable[[int], Wait | None], quiet: float) -> Cut | Works | None:
    """What the rank's wait is for in the end; None where nobody knows. told_by: what another rank says, None where it does
    not answer; quiet: seconds without a byte by which a wait is a long one."""
    seen = {rank}
    while (peer := wait.peer) != NOBODY:
        told = told_by(peer)
        if told is None:
            return None
        if wait.receives_from == peer and told.sent[rank] > wait.received[peer]:
            return Cut(peer, rank)
        if told.peer == NOBODY or told.quiet < quiet:
            return Works(peer)
        if peer in seen:
            return None
        seen.add(peer)
        rank, wait = peer, told
    return None

"""A wait for a peer: how long it may last, and whom to name when it is over."""

from __future__ import annotations

from collections.abc import Mapping

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.waits import Cut, cause

LEAST_PULSE = 2.0
"""Seconds that a rank has at least to show that it lives: it may be busy, or its machine."""
WITNESSES = 3
"""Pulses that those have who know more, after the deadline: they ask who lives, then others of the one that does not."""


def pulse_of(deadline: float) -> float:
    """Seconds in which a rank shows that it lives."""
    return max(LEAST_PULSE, deadline / 10)


class Vigil:
    """Begins with the wait. Whenever ``seconds`` have passed without a byte, ``check`` raises the error that ends the wait,
    or sets for how many more seconds it goes on."""

    def __init__(self, channel: Channel, peer: int) -> None:
        self.channel, self.peer = channel, peer
        self.seconds = channel.deadline
        self._waited = 0.0
        self._suspect: Cut | None = None
        self._again = False

    def check(self) -> None:
        """After so many more seconds without a byte."""
        channel, waited = self.channel, self._waited + self.seconds
        self._waited, self.seconds = waited, channel.deadline
        silence = channel.silence(self.peer, waited)
        if silence is not None:
            raise silence
        found = cause(channel.rank, channel.wait(), channel.told_by, channel.deadline / 2) or self._suspect
        if isinstance(found, Cut):
            self._look_twice(found, channel.cut(found, waited))
        elif waited >= channel.liveness_timeout:
            if found is None:
                self._look_twice(None, channel.late(self.peer, waited))
            else:
                raise channel.slow(found.rank, waited)

    def _look_twice(self, found: Cut | None, error: ExchangeError) -> None:
        """A message may just have left, a rank just have gone. Two that are cut apart say so themselves: who is not one of
        them gives them the time."""
        if self._again:
            raise error
        pulses = 1 if found is not None and self.channel.rank in found else WITNESSES
        self._suspect, self._again, self.seconds = found, True, pulses * pulse_of(self.channel.deadline)


def silent_error(channel: Channel, rank: int, waited: float, heard: Mapping[int, bool | None]) -> ExchangeError:
    """Of a rank that gives no sign of life; heard: whether it gives one to others; None of those who do not say."""
    start = f"rank {channel.rank} waited {waited:g} s for {channel.place(rank)}, which "
    witness = next((witness for witness, hears in heard.items() if hears), None)
    if witness is not None:
        return ExchangeError(
            f"{start}answers rank {witness} but not rank {channel.rank}; what cuts the two off from each other?"
        )
    unsure = heard and all(hears is None for hears in heard.values())
    return ExchangeError(f"{start}{'does not answer' if unsure else 'answers nobody'}; is it frozen or unreachable?")

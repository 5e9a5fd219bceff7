"""How long a wait for a peer may last, and which rank is named when it is over."""

from __future__ import annotations

from collections.abc import Mapping

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.waits import Cut, cause

MIN_PULSE_SECONDS = 2.0
"""The least time that a rank has to show that it is alive: it may be busy, or its machine."""
WITNESS_PULSES = 3
"""Pulses after the deadline in which ranks that know more can raise their own error first: they ask who is alive, then
ask others about the one that is not."""


def pulse_of(deadline: float) -> float:
    """Seconds in which a rank shows that it is alive."""
    return max(MIN_PULSE_SECONDS, deadline / 10)


class Watchdog:
    """Watches one wait. Whenever ``seconds`` have passed without a byte, ``check`` raises the error that ends the wait, or
    sets ``seconds`` for the next check."""

    def __init__(self, channel: Channel, peer: int) -> None:
        self.channel, self.peer = channel, peer
        self.seconds = channel.deadline
        self._waited = 0.0
        self._suspect: Cut | None = None
        self._again = False

    def check(self) -> None:
        """Decide, after ``seconds`` more without a byte."""
        channel, waited = self.channel, self._waited + self.seconds
        self._waited, self.seconds = waited, channel.deadline
        error = channel.unresponsive_error(self.peer, waited)
        if error is not None:
            raise error
        reason = cause(channel.rank, channel.wait(), channel.wait_of, channel.deadline / 2) or self._suspect
        if isinstance(reason, Cut):
            self._look_twice(reason, channel.cut_error(reason, waited))
        elif waited >= channel.liveness_timeout:
            if reason is None:
                self._look_twice(None, channel.timeout_error(self.peer, waited))
            else:
                raise channel.slow_error(reason.rank, waited)

    def _look_twice(self, suspect: Cut | None, error: ExchangeError) -> None:
        """Raise the error at the second check only: a message may just have left, or a rank just have ended. Two ranks that
        are cut off from each other raise their own error; the others give them the time for it."""
        if self._again:
            raise error
        pulses = 1 if suspect is not None and self.channel.rank in suspect else WITNESS_PULSES
        self._suspect, self._again, self.seconds = suspect, True, pulses * pulse_of(self.channel.deadline)


def cut_off_error(channel: Channel, rank: int, waited: float, others: int) -> ExchangeError:
    """The error where none of several other ranks shows a sign of life: the fault is more likely here than with all."""
    return ExchangeError(
        f"rank {channel.rank} waited {waited:g} s for {channel.place(rank)}, and none of the {others} other ranks answers; "
        f"is the host of rank {channel.rank} cut off from the network?"
    )


def no_answer_error(channel: Channel, rank: int, waited: float, heard: Mapping[int, bool | None]) -> ExchangeError:
    """The error for a rank without a sign of life. ``heard``: whether it answers others, None where they do not say."""
    start = f"rank {channel.rank} waited {waited:g} s for {channel.place(rank)}, which "
    witness = next((witness for witness, hears in heard.items() if hears), None)
    if witness is not None:
        return ExchangeError(
            f"{start}answers rank {witness} but not rank {channel.rank}; what cuts the two off from each other?"
        )
    unsure = heard and all(hears is None for hears in heard.values())
    return ExchangeError(f"{start}{'does not answer' if unsure else 'answers nobody'}; is it frozen or unreachable?")

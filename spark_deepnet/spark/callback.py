"""Callbacks: objects of the user's that hear on the driver how a fit goes, and may stop it. The methods are Keras's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spark_deepnet.errors import CallbackError, ParamError, near

_log = logging.getLogger(__name__)
METHODS = ("on_train_begin", "on_epoch_end", "on_job_end", "on_train_end")


class Callback:
    """A base that does nothing; any object with some of these methods is a callback as well.

    ``logs`` of an epoch is its row of the summary's history. Callbacks hear of epochs in their order, when the Spark job
    that trained them has ended; see ``DeepNetEstimator.setCallbacks``. The fit stops after the job if ``on_epoch_end`` or
    ``on_job_end`` returns True.
    """

    def on_train_begin(self, logs: Mapping[str, Any]) -> None:
        """Before the first job. logs: workers, modelBlocks, epochs (at most)."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> bool | None:
        """After an epoch, counted from 0."""

    def on_job_end(self, job: int, logs: Mapping[str, Any]) -> bool | None:
        """After a Spark job, counted from 0. logs: the number of epochs and steps so far."""

    def on_train_end(self, logs: Mapping[str, float]) -> None:
        """After the last job. logs: the last epoch's."""


def check_callbacks(callbacks: Sequence[Any]) -> tuple[Any, ...]:
    """The callbacks; ParamError where one has none of the methods."""
    for each in callbacks:
        if isinstance(each, type):
            raise ParamError(
                f"setCallbacks: expected objects, found the class {each.__name__}; write {each.__name__}()"
            )
        if not any(callable(getattr(each, name, None)) for name in METHODS):
            known = [name for name in dir(each) if name.startswith("on_")]
            hint = near(known[0], METHODS) if known else f"it needs one of {', '.join(METHODS)}"
            raise ParamError(f"setCallbacks: {type(each).__name__} has no method of a callback; {hint}")
    return tuple(callbacks)


class Callbacks:
    """Tells the callbacks of one fit what has happened since they last heard."""

    def __init__(self, callbacks: Sequence[Any] = ()) -> None:
        self.callbacks = callbacks
        self.epochs = 0
        """How many they have heard of."""
        self.stopped = False
        """Whether one of them wants the fit to end."""

    def begin(self, logs: Mapping[str, Any]) -> None:
        self._tell("on_train_begin", logs)

    def job_end(self, job: int, clock: Mapping[str, Any]) -> None:
        """After a job, or a round that may have ended epochs; clock: the fit's, with its history."""
        history = clock["history"]
        while self.epochs < len(history):
            self.epochs += 1
            self._tell("on_epoch_end", self.epochs - 1, history[self.epochs - 1])
        self._tell("on_job_end", job, {"epochs": len(history), "steps": clock["count"] - clock["started"]})

    def end(self, history: Sequence[Mapping[str, float]]) -> None:
        self._tell("on_train_end", history[-1] if history else {})

    def _tell(self, method: str, *values: Any) -> None:
        for each in self.callbacks:
            hook: Callable[..., Any] | None = getattr(each, method, None)
            if hook is None:
                continue
            *first, logs = values
            try:
                wants_end = hook(*first, dict(logs))
            except Exception as error:
                what = f"{type(error).__name__}: {error}".partition("\n")[0]
                raise CallbackError(
                    f"fit: {type(each).__name__}.{method} raised {what[:200]}; mend it, or fit without this callback"
                ) from error
            if wants_end is True and method in ("on_epoch_end", "on_job_end") and not self.stopped:
                _log.info("fit: %s.%s ends the fit", type(each).__name__, method)
                self.stopped = True

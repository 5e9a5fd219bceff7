"""Observers of all fits of this process, such as MLflow's autolog. One that fails is left out of the rest of the fit, with a
warning: a fit never ends because it was watched."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

_log = logging.getLogger(__name__)


class FitObserver(Protocol):
    """What one fit is watched by."""

    name: str
    """For warnings."""

    @property
    def callbacks(self) -> Sequence[Any]:
        """Callbacks of the fit, beside the user's own."""

    def fit_ended(self, model: Any) -> None:
        """With this model."""

    def fit_failed(self, error: BaseException) -> None:
        """With this error."""


OBSERVERS: dict[str, Callable[[Any], FitObserver]] = {}
"""By name: each makes the observer of a fit from its estimator, before any job."""


class Observers:
    """Those of one fit."""

    def __init__(self, estimator: Any) -> None:
        self._observers: list[FitObserver] = []
        for name, make in list(OBSERVERS.items()):
            self._guarded(name, partial(self._add, make, estimator))

    @property
    def callbacks(self) -> list[Any]:
        return [each for observer in self._observers for each in observer.callbacks]

    def fit_ended(self, model: Any) -> None:
        self._each("fit_ended", model)

    def fit_failed(self, error: BaseException) -> None:
        self._each("fit_failed", error)

    def _each(self, method: str, value: Any) -> None:
        for observer in self._observers:
            self._guarded(observer.name, partial(getattr(observer, method), value))

    def _add(self, make: Callable[[Any], FitObserver], estimator: Any) -> None:
        self._observers.append(make(estimator))

    def _guarded(self, name: str, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            warn_of_failure(name, error)


def warn_of_failure(name: str, error: Exception) -> None:
    """Log in one line what an observer could not do."""
    what = f"{type(error).__name__}: {error}".partition("\n")[0]
    _log.warning("fit: %s has failed, and the fit goes on without it: %s", name, what[:300])
    _log.debug("fit: %s", name, exc_info=error)


@contextmanager
def observed(estimator: Any) -> Iterator[Observers]:
    """The observers of a fit, which hear of an error that ends it."""
    observers = Observers(estimator)
    try:
        yield observers
    except BaseException as error:
        observers.fit_failed(error)
        raise

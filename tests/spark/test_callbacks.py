"""Callbacks: what they hear, how they stop a fit, and what an error in one does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from spark_deepnet import Callback
from spark_deepnet.errors import CallbackError, ParamError
from spark_deepnet.spark.callback import Callbacks
from tests.spark.data import blobs, estimator, frame, same


class Diary(Callback):
    """Writes down what it hears; stops at an epoch."""

    def __init__(self, until: int = 99) -> None:
        self.until, self.heard = until, list[Any]()

    def on_train_begin(self, logs: Mapping[str, Any]) -> None:
        self.heard.append(("begin", logs["workers"]))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> bool:
        self.heard.append((epoch, logs["loss"]))
        return epoch + 1 >= self.until

    def on_job_end(self, job: int, logs: Mapping[str, Any]) -> None:
        self.heard.append(("job", logs["epochs"]))

    def on_train_end(self, logs: Mapping[str, float]) -> None:
        self.heard.append(("end", logs["loss"]))


class Faulty:
    """Not a Callback, but a callback all the same."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        raise KeyError("a long\nstory")


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(spark, *blobs()).persist()


def clock(*losses: float) -> dict[str, Any]:
    return {"history": [{"loss": loss} for loss in losses], "count": 7, "started": 3}


def test_each_epoch_is_heard_once_and_in_order() -> None:
    diary = Diary(until=3)
    callbacks = Callbacks([diary, Faulty.__new__(Callback)])
    callbacks.begin({"workers": 2})
    callbacks.job_end(0, clock(3.0, 2.0))
    assert not callbacks.stopped
    callbacks.job_end(1, clock(3.0, 2.0, 1.0))
    callbacks.end(clock(3.0, 2.0, 1.0)["history"])
    epochs = [(0, 3.0), (1, 2.0), ("job", 2), (2, 1.0), ("job", 3)]
    assert diary.heard == [("begin", 2), *epochs, ("end", 1.0)]
    assert callbacks.stopped


def test_an_error_is_a_sentence_with_its_cause() -> None:
    with pytest.raises(
        CallbackError, match=r"^fit: Faulty\.on_epoch_end raised KeyError: 'a long.*; mend it"
    ) as raised:
        Callbacks([Faulty()]).job_end(0, clock(1.0))
    assert isinstance(raised.value.__cause__, KeyError)
    assert raised.value.__cause__.__traceback__ is not None


@pytest.mark.parametrize(
    ("callbacks", "every", "sentence"),
    [
        ([Diary], 0, r"found the class Diary; write Diary\(\)"),
        ([print], 0, "has no method of a callback; it needs one of on_train_begin, on_epoch_end"),
        ([type("Other", (), {"on_epoch_ends": print})()], 0, "Other has no method .*; did you mean 'on_epoch_end'"),
        (Diary(), 0, "expected a list of callbacks, found Diary"),
        ([], -1, "everyEpochs must be a whole number of 0 or more, found -1"),
    ],
)
def test_what_is_no_callback_is_refused(callbacks: Any, every: int, sentence: str) -> None:
    with pytest.raises(ParamError, match=f"^setCallbacks: .*{sentence}"):
        estimator().setCallbacks(callbacks, every)


@pytest.mark.sessions("classic", "connect")
@pytest.mark.parametrize("exchange", ["sockets", "spark"])
def test_a_callback_hears_every_epoch_and_stops_the_fit(rows: Any, exchange: str) -> None:
    params = {
        "exchange": exchange,
        "numTrainWorkers": 2,
        "batchSize": 20,
        "syncEvery": 1 if exchange == "sockets" else 2,
    }
    diary, stopping = Diary(), Diary(until=2)
    net = estimator(maxIter=4, **params)
    whole = net.setCallbacks([diary], everyEpochs=1).fit(rows)
    assert [each for each in diary.heard if isinstance(each[0], int)] == list(enumerate(whole.summary.objectiveHistory))
    assert (diary.heard[0], diary.heard[-1]) == (("begin", 2), ("end", whole.summary.objectiveHistory[-1]))
    if exchange == "sockets":
        assert whole.summary.jobs == 4
        assert same(whole, estimator(maxIter=4, **params).fit(rows))
    stopped = net.setCallbacks([stopping], everyEpochs=1).fit(rows)
    assert stopped.summary.totalIterations == 2
    if exchange == "sockets":
        assert same(stopped, estimator(maxIter=2, **params).fit(rows))
    assert net.copy().getCallbacks() == [stopping]


def test_an_error_in_a_callback_ends_the_fit_and_nothing_hangs(rows: Any) -> None:
    net = estimator(maxIter=2)
    with pytest.raises(CallbackError, match=r"Faulty\.on_epoch_end") as raised:
        net.setCallbacks([Faulty()], everyEpochs=1).fit(rows)
    assert isinstance(raised.value.__cause__, KeyError)
    assert net.setCallbacks([]).fit(rows).summary.totalIterations == 2

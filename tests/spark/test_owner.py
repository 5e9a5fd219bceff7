"""Two drivers do not write to one checkpointDir."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_deepnet.errors import ParamError
from spark_deepnet.spark.fit.owner import FOLDER, Owner, is_alive, start_time
from tests.spark.data import blobs, estimator, frame
from tests.spark.test_bad_input import check_sentence

HERE = platform.node()


@pytest.fixture
def other() -> Iterator[dict[str, Any]]:
    """Another process, as a driver tells of itself."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        yield {"fit": "another", "host": HERE, "pid": process.pid, "began": start_time(process.pid)}
    finally:
        process.kill()
        process.communicate()


def note(folder: Path, told: Any) -> None:
    (folder / FOLDER).mkdir(parents=True)
    (folder / FOLDER / "part-0.txt").write_text((told if isinstance(told, str) else json.dumps(told)) + "\n")


def test_who_lives_is_known_by_process_and_start(other: dict[str, Any]) -> None:
    assert is_alive(other)
    assert not is_alive(other | {"began": "1"}), "another process has the number now"
    assert not is_alive(other | {"host": "elsewhere"}), "who knows"
    assert not is_alive(other | {"pid": os.getpid(), "began": start_time(os.getpid())}), "our own"
    assert [told for told in ({}, other | {"pid": "12"}, other | {"pid": 2**30}) if is_alive(told)] == []


def test_a_folder_of_a_living_driver_is_refused(spark: Any, tmp_path: Path, other: dict[str, Any]) -> None:
    note(tmp_path, other)
    net = estimator(maxIter=2, checkpointInterval=1, checkpointDir=str(tmp_path))
    with pytest.raises(ParamError, match=f"another driver .process {other['pid']} on {HERE}. writes") as raised:
        net.fit(frame(spark, *blobs()))
    check_sentence(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == [FOLDER], "nothing else was written"


@pytest.mark.parametrize("damage", ["", "{", "5", "[]", "null", '{"fit": []}'])
def test_a_line_of_nobody_is_no_hindrance(spark: Any, tmp_path: Path, damage: str) -> None:
    note(tmp_path, damage)
    owner = Owner(spark, str(tmp_path))
    owner.claim()
    owner.check()
    owner.release()
    assert list(tmp_path.iterdir()) == []


def test_who_was_overtaken_finds_out_before_it_writes(spark: Any, tmp_path: Path) -> None:
    first, second = Owner(spark, str(tmp_path)), Owner(spark, str(tmp_path))
    first.claim()
    first.check()
    second.claim()  # of this process: not known to be another
    with pytest.raises(ParamError, match="has begun to write"):
        first.check()
    first.release()
    second.check()
    assert second.is_ours()

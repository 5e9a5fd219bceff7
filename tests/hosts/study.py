"""SparkNet's experiment on hosts: seconds of LeNet on MNIST to a fixed accuracy, beside what C, S and counted steps predict.

    python -m tests.hosts.study 2 --delay 5ms --rate 100mbit --data MNIST --out study.csv [--taus 1 10 50 auto] [--seed 0]

The number of steps to an accuracy of 0.96 was counted by examples/sparknet_study.py for each K and tau, in one process; a
fit here makes as many, and its time goes as it does on such a network. A row of the file is one fit; those that are already
there are skipped, so that a study can be made piece by piece."""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spark_deepnet.exchange.all_reduce import cost
from tests.hosts.link import Link, add_options
from tests.hosts.namespaces import ROOT, Hosts
from tests.hosts.spark_cluster import spark_on

DRIVER = Path(__file__).parent / "study_fits.py"
SAME = ("workers", "delay", "rate", "loss", "tau", "seed")
"""What names a row."""


def main() -> int:
    given = _parsed()
    link = Link(given.delay, given.rate, given.loss)
    cell = {"workers": given.workers, **asdict(link), "seed": given.seed}
    taus = [tau for tau in given.taus if not _is_there(given.out, {**cell, "tau": tau})]
    if not taus:
        return 0
    with (
        tempfile.TemporaryDirectory() as name,
        Hosts(given.workers + 1, link) as hosts,
        spark_on(hosts, Path(name)) as spark,
    ):
        arguments = [str(given.data.resolve()), str(given.workers), str(given.seed), *taus]
        command = spark.command(DRIVER, arguments, spark_driver_memory="3g")
        paths = os.pathsep.join([str(ROOT), str(ROOT / "examples")])
        with subprocess.Popen(command, env=spark.environment | {"PYTHONPATH": paths}, stdout=subprocess.PIPE,
                              stderr=(Path(name) / "driver").open("w"), text=True) as driver:  # fmt: skip
            assert driver.stdout is not None
            for line in driver.stdout:
                row = _predicted(cell | json.loads(line), link)
                print(row, flush=True)
                _append(given.out, row)
        if driver.returncode:
            print((Path(name) / "driver").read_text()[-3000:], file=sys.stderr)
    return driver.returncode


def _predicted(row: dict[str, Any], link: Link) -> dict[str, Any]:
    """The row, with the seconds of an exchange and of all that follow from its messages and bytes, and the steps' own."""
    messages, _ = cost((1,) * row["workers"], row["bytes"])
    exchange = messages * link.delay + link.seconds(row["bytes"]) if row["workers"] > 1 else 0.0
    seconds = row["steps"] * row["step"] + row["exchanges"] * exchange
    return row | {"exchangePredicted": round(exchange, 5), "predicted": round(seconds, 2)}


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts.study", description=__doc__.splitlines()[0])
    parser.add_argument(
        "workers", type=int, choices=(1, 2, 3, 5), help="hosts that train: those whose steps are counted"
    )
    add_options(parser)
    parser.add_argument("--data", type=Path, required=True, help="folder of MNIST's idx files")
    parser.add_argument("--out", type=Path, required=True, help="CSV file to which rows are added")
    parser.add_argument("--taus", nargs="+", default=["1", "10", "50", "auto"], help="values of syncEvery")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def _is_there(path: Path, row: dict[str, Any]) -> bool:
    if not path.exists():
        return False
    with path.open(newline="") as file:
        return any(all(kept[name] == str(row[name]) for name in SAME) for kept in csv.DictReader(file))


def _append(path: Path, row: dict[str, Any]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if is_new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    sys.exit(main())

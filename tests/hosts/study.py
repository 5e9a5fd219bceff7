"""SparkNet's experiment on hosts: seconds to a fixed accuracy, beside what C, S and counted steps predict.

    python -m tests.hosts.study 1 --data MNIST --out study.csv                                    # C, first
    python -m tests.hosts.study 4 --delay 5ms --rate 100mbit --data MNIST --out study.csv [--taus 1 10 50 auto] [--seeds 3]
    python -m tests.hosts.study --show --out study.csv                                            # the page's table

LeNet on MNIST; with --net cifar10 CIFAR-10 quick. The number of steps to the accuracy was counted by
examples/sparknet_study.py for each K and tau, in one process; a fit here makes as many, and its time goes as it does on such
a network. A row of the file is one fit; those that are there are skipped, so that a study can be made piece by piece.

A machine has fewer cores than the study has workers, so that their steps take longer than on hosts of their own. What they
would take there comes of three measured parts: C, a step of one worker that has a core to itself; S, an exchange between as
many ranks that do nothing else; and the exchanges that the fit has made."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from examples.study_rows import keep, kept
from spark_deepnet.errors import listed
from tests.hosts.link import Link, add_options
from tests.hosts.namespaces import ROOT, Hosts
from tests.hosts.ranks import results
from tests.hosts.spark_cluster import spark_on
from tests.hosts.study_table import told

DRIVER = Path(__file__).parent / "study_fits.py"
SAME = ("net", "workers", "delay", "rate", "loss", "tau", "seed")
"""What names a row."""
WEIGHTS = {"lenet": 431_080, "cifar10": 145_578}
SIZES = {"lenet": (1, 2, 3, 4, 5, 6, 10), "cifar10": (1, 2, 4, 6)}
"""Numbers of workers whose steps were counted."""
SUMS = 12
DEADLINE = 60.0


def main() -> int:
    given = _parsed()
    if given.show:
        print(told([row for row in kept(given.out) if row["net"] == given.net]))
        return 0
    link = Link(given.delay, given.rate, given.loss)
    cell = {"net": given.net, "workers": given.workers, **asdict(link)}
    wanted = [
        f"{tau}:{seed}"
        for seed in range(given.seeds if given.workers > 1 else 1)
        for tau in (given.taus if given.workers > 1 else ["1", "shared by 2", "shared by 4", "shared by 6"])
        if not _is_there(given.out, {**cell, "tau": tau, "seed": seed})
    ]
    return _fits(given, link, cell, wanted) if wanted else 0


def _fits(given: argparse.Namespace, link: Link, cell: dict[str, Any], wanted: list[str]) -> int:
    """Each row is kept as soon as it is made. What the driver says besides, as of a fit that failed, is passed on."""
    exchange = (
        max(rank["each"] for rank in results(link, given.workers, DEADLINE, SUMS, WEIGHTS[given.net]))
        if given.workers > 1
        else 0.0
    )
    with (
        tempfile.TemporaryDirectory() as name,
        Hosts(given.workers + 1, link) as hosts,
        spark_on(hosts, Path(name)) as spark,
    ):
        command = spark.command(
            DRIVER, [given.net, str(given.data.resolve()), str(given.workers), *wanted], spark_driver_memory="3g"
        )
        paths = os.pathsep.join([str(ROOT), str(ROOT / "examples")])
        with subprocess.Popen(command, env=spark.environment | {"PYTHONPATH": paths}, stdout=subprocess.PIPE,
                              stderr=(Path(name) / "driver").open("w"), text=True) as driver:  # fmt: skip
            assert driver.stdout is not None
            for line in driver.stdout:
                if line.startswith("{"):
                    row = cell | json.loads(line) | {"alone": round(exchange, 5)}
                    print(row, flush=True)
                    keep(given.out, [row])
                elif line.strip():
                    print(line, end="", file=sys.stderr)
        if driver.returncode:
            print((Path(name) / "driver").read_text()[-3000:], file=sys.stderr)
    return driver.returncode


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts.study", description=__doc__.splitlines()[0])
    parser.add_argument("workers", type=int, nargs="?", default=1, help="hosts that train")
    parser.add_argument("--net", choices=WEIGHTS, default="lenet", help="what is trained on --data")
    add_options(parser)
    parser.add_argument("--data", type=Path, help="folder of MNIST's idx files, or of CIFAR-10")
    parser.add_argument("--out", type=Path, required=True, help="CSV file to which rows are added")
    parser.add_argument("--taus", nargs="+", default=["1", "10", "50", "auto"], help="values of syncEvery")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print the table of what is in --out")
    given = parser.parse_args()
    if not given.show and given.data is None:
        parser.error("--data is needed: the folder of MNIST's idx files, or of CIFAR-10")
    if given.workers not in SIZES[given.net]:
        parser.error(
            f"the steps of {given.net} are counted for {listed(SIZES[given.net])} workers, not {given.workers}"
        )
    return given


def _is_there(path: Path, row: dict[str, Any]) -> bool:
    return any(all(other[name] == str(row[name]) for name in SAME) for other in kept(path))


if __name__ == "__main__":
    sys.exit(main())

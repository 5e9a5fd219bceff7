"""A rank on a host, without Spark: `python -m tests.hosts.rank RANK SIZE ADDRESS DEADLINE SUMS FLOATS` prints its address,
reads those of all as a line of JSON, sums, and prints what came of it as another."""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import numpy as np

from spark_deepnet.errors import ExchangeError
from spark_deepnet.exchange.all_reduce import AllReduce
from spark_deepnet.exchange.channel import Channel
from spark_deepnet.exchange.rendezvous import rendezvous

SECRET = b"a secret of 16 bytes or more"


def all_gather(text: str) -> list[str]:
    print(text, flush=True)
    return list(json.loads(sys.stdin.readline()))


def summed(channel: Channel, sums: int, floats: int) -> dict[str, Any]:
    """Whether all sums were right, and the median of the seconds of one."""
    all_reduce, right, seconds = AllReduce(channel), True, []
    for _ in range(sums):
        vector = np.full(floats, channel.rank + 1, np.float32)
        began = time.perf_counter()
        all_reduce(vector)
        seconds.append(time.perf_counter() - began)
        right &= bool((vector == sum(range(1, channel.size + 1))).all())
    return {"right": right, "each": statistics.median(seconds)}


def main() -> None:
    rank, size, address, deadline, sums, floats = sys.argv[1:]
    began = time.monotonic()
    try:
        with rendezvous(int(rank), int(size), address, all_gather, SECRET, "job", float(deadline)) as channel:
            words = summed(channel, int(sums), int(floats))
    except ExchangeError as error:
        words = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({**words, "seconds": time.monotonic() - began}), flush=True)


if __name__ == "__main__":
    main()

"""A process that scores images by GoogLeNet as a Spark worker does, and prints its peak memory:
``python tests/net/peak_of_scoring.py``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from spark_deepnet.data.schema import BYTES, Source
from spark_deepnet.losses.loss import Loss
from spark_deepnet.plan.architecture import Architecture, InputSpec
from spark_deepnet.score.output import Output
from spark_deepnet.score.score import ScorePlan, score

sys.path.insert(0, ".")
SHAPE, ROWS = (224, 224, 3), 40


def main() -> None:
    from tests.benchmarks.networks.table import NETWORKS

    layers = tuple(NETWORKS["GoogLeNet 224x224"].layers)
    net = Architecture(layers, (InputSpec(SHAPE),), Loss.of("softmax_cross_entropy"))
    (head,) = net.heads()
    weights = net.scores_net().layout.init_weights(1).tobytes()
    plan = ScorePlan(
        net, (Output.of(head.loss, head.units),), (Source(SHAPE, kind=BYTES),), "error", None, "1", weights
    )
    rows = np.random.default_rng(0).integers(0, 256, (ROWS, 224 * 224 * 3), np.uint8)
    frame = pd.DataFrame({plan.sources[0].columns[0]: [row.tobytes() for row in rows]})
    began = time.perf_counter()
    (found,) = score(plan, [frame])
    seconds = time.perf_counter() - began
    assert np.isfinite(np.stack(found.raw)).all()
    status = Path("/proc/self/status").read_text()  # ru_maxrss knows what the process was before it became Python
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    print(json.dumps({"peak": peak, "rows": len(found), "seconds": seconds}))


if __name__ == "__main__":
    main()

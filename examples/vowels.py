"""An LSTM on Japanese vowels: rows are sequences of different lengths, 7 to 29 steps of 12 numbers, from 9 speakers.

python examples/vowels.py                       # the data comes with sktime (pip install sktime)
"""

from __future__ import annotations

import argparse
from importlib.resources import files

import numpy as np
from example_data import frame, result, session

from spark_deepnet import DeepNetEstimator
from spark_deepnet.layers import LSTM, Bidirectional, Dense, Dropout

SCHEMA = "steps array<array<float>>, label double"


def vowels(part: str) -> dict[str, list[object]]:
    """TRAIN or TEST in sktime's format: channels separated by colons, the speaker 1..9 at the end."""
    text = files("sktime").joinpath(f"datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts").read_text()
    lines = text.partition("@data")[2].split()
    rows = [[np.array(channel.split(","), np.float32) for channel in line.split(":")[:-1]] for line in lines]
    steps = [[list(step) for step in np.stack(row, 1)] for row in rows]
    return {"steps": steps, "label": [float(line.rpartition(":")[2]) - 1 for line in lines]}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--epochs", type=int, default=40)
    options = arguments.parse_args()

    spark = session("vowels")
    train, test = (frame(spark, vowels(part), SCHEMA) for part in ("TRAIN", "TEST"))
    net = DeepNetEstimator(
        layers=[Bidirectional(LSTM(64)), Dropout(0.3), Dense(9, "softmax")],
        featuresCol="steps",
        learningRate=0.01,
        schedule="cosine",
        maxIter=options.epochs,
        batchSize=32,
        numTrainWorkers=2,
        showProgress=True,
    )
    print(result(net.fit(train), test))
    spark.stop()


if __name__ == "__main__":
    main()

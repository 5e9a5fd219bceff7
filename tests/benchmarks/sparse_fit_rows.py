"""A fit on hashed text beside PyTorch's EmbeddingBag with sparse gradients, which has its rows in memory: one thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.benchmarks.harness import Row, in_turns, paired_row, row
from tests.benchmarks.main_fit_rows import session

ROWS, FEATURES, WORDS, UNITS = 200_000, 1 << 18, 30, 64
VOCABULARY = 400_000
EPOCHS, BATCH, RATE = 10, 128, 0.1
FITS = 3
NAMES = ["sparse fit, 262,144 features", "sparse error, 262,144 features"]


def rows() -> Iterator[Row]:
    spark = session()
    try:
        yield from beside_torch(data(spark))
    finally:
        spark.stop()


def texts() -> tuple[np.ndarray, np.ndarray]:
    """Words by Zipf's law, as numbers, and labels that some of the words tell."""
    rng = np.random.default_rng(1)
    words = (rng.zipf(1.2, (ROWS, WORDS)) - 1) % VOCABULARY
    told = rng.normal(size=VOCABULARY)[words].sum(1)
    return words, (told + rng.normal(size=ROWS) > 0).astype(np.float64)


def data(spark: Any) -> Any:
    """Texts hashed into sparse vectors, cached."""
    import pandas as pd
    from pyspark.ml.feature import HashingTF

    words, labels = texts()
    frame = pd.DataFrame({"words": [[str(word) for word in text] for text in words], "label": labels})
    hashing = HashingTF(inputCol="words", outputCol="features", numFeatures=FEATURES)
    df = hashing.transform(spark.createDataFrame(frame)).select("features", "label").repartition(2).cache()
    df.count()
    return df


def beside_torch(df: Any) -> Iterator[Row]:
    from spark_deepnet import DeepNetEstimator
    from spark_deepnet.layers.dense import Dense

    net = DeepNetEstimator(
        layers=[Dense(UNITS, "relu"), Dense(2, "softmax")], solver="sgd", learningRate=RATE, maxIter=EPOCHS,
        batchSize=BATCH, numTrainWorkers=1, seed=1,
    )  # fmt: skip
    models: list[Any] = []
    peer = Peer(df)
    times = in_turns((lambda: models.append(net.fit(df)), peer.fit), FITS)
    yield paired_row(NAMES[0], "s", *times, f"PyTorch's EmbeddingBag, {EPOCHS} epochs", 1.0)
    wrong = models[-1].transform(df).where("prediction != label").count() / ROWS
    yield row(NAMES[1], "error", wrong, peer.error(), "PyTorch's error", 1.1)


class Peer:
    """The same network, steps and rows in PyTorch: an epoch's rows are put in order at once, a batch is a slice."""

    def __init__(self, df: Any) -> None:
        import torch
        from pyspark.sql import functions as F

        torch.set_num_threads(1)
        vector = F.unwrap_udt("features")
        found = df.select(vector["indices"].alias("indices"), vector["values"].alias("values"), "label").toPandas()
        lengths = found["indices"].map(len).to_numpy()
        self.starts = np.concatenate(([0], np.cumsum(lengths)))
        self.columns = np.concatenate(found["indices"].to_list()).astype(np.int32)
        self.values = np.concatenate(found["values"].to_list()).astype(np.float32)
        self.labels = found["label"].to_numpy(np.int64)
        self.net: Any = None

    def made(self) -> Any:
        import torch

        class Network(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.bag = torch.nn.EmbeddingBag(FEATURES, UNITS, mode="sum", sparse=True)
                self.bias = torch.nn.Parameter(torch.zeros(UNITS))
                self.top = torch.nn.Linear(UNITS, 2)
                torch.nn.init.xavier_uniform_(self.bag.weight)
                torch.nn.init.xavier_uniform_(self.top.weight)
                torch.nn.init.zeros_(self.top.bias)

            def forward(self, columns: Any, starts: Any, values: Any) -> Any:
                return self.top(torch.relu(self.bag(columns, starts, per_sample_weights=values) + self.bias))

        torch.manual_seed(1)
        return Network()

    def fit(self) -> None:
        import torch

        self.net = self.made()
        optimizer = torch.optim.SGD(self.net.parameters(), lr=RATE)
        rng = np.random.default_rng(1)
        for _ in range(EPOCHS):
            for *batch, labels in self.batches(rng.permutation(ROWS)):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(self.net(*batch), labels).backward()
                optimizer.step()

    def batches(self, order: np.ndarray) -> Iterator[tuple[Any, ...]]:
        import torch

        lengths = np.diff(self.starts)[order]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        entries = np.repeat(self.starts[:-1][order] - starts[:-1], lengths) + np.arange(starts[-1])
        columns, values = torch.from_numpy(self.columns[entries]), torch.from_numpy(self.values[entries])
        labels, is_input = torch.from_numpy(self.labels[order]), torch.from_numpy(starts.astype(np.int32))
        for a in range(0, ROWS, BATCH):
            b = min(a + BATCH, ROWS)
            batch = slice(int(starts[a]), int(starts[b]))
            yield columns[batch], is_input[a:b] - is_input[a], values[batch], labels[a:b]

    def error(self) -> float:
        import torch

        with torch.no_grad():
            wrong = sum(int((self.net(*x).argmax(1) != y).sum()) for *x, y in self.batches(np.arange(ROWS)))
        return wrong / ROWS

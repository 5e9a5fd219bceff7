"""A character model: an LSTM predicts every next character of a text; the target of each step is the next step.

python examples/characters.py                   # this package's own documents
python examples/characters.py --text FILE       # any text, gzipped or not, such as tinyshakespeare
"""

from __future__ import annotations

import argparse
import gzip
from pathlib import Path

import numpy as np
from example_data import frame, session
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.layers import LSTM, Dense, Embedding

STEPS = 100
SCHEMA = "tokens array<int>, next array<float>"


def text_of(path: Path | None) -> str:
    if path is None:
        here = Path(__file__).resolve().parent.parent
        return "".join(p.read_text() for p in sorted([*here.glob("docs/*.md"), *here.glob("spark_deepnet/**/*.py")]))
    return (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()


def stretches(spark: SparkSession, tokens: np.ndarray) -> DataFrame:
    """Stretches of 100 characters, and for each character the next one."""
    count = (len(tokens) - 1) // STEPS
    x = tokens[: count * STEPS].reshape(count, STEPS)
    y = tokens[1 : count * STEPS + 1].reshape(count, STEPS)
    return frame(spark, {"tokens": x.astype(np.int32), "next": y.astype(np.float32)}, SCHEMA)


def nats(model: DeepNetModel, df: DataFrame) -> float:
    """Mean -log p(next character) over all steps of a DataFrame."""
    loss = F.zip_with("probability", "next", lambda p, k: -F.log(p[k.cast("int")]))
    steps = model.transform(df).select(F.explode(loss).alias("nats"))
    return float(steps.agg(F.avg("nats")).head()[0])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--text", type=Path)
    arguments.add_argument("--epochs", type=int, default=12)
    arguments.add_argument("--units", type=int, default=192)
    options = arguments.parse_args()

    text = text_of(options.text)
    symbols = sorted(set(text))
    number = {symbol: i for i, symbol in enumerate(symbols)}
    tokens = np.array([number[c] for c in text])
    held = len(tokens) // 10  # the last tenth is held out
    spark = session("characters")
    train, test = stretches(spark, tokens[:-held]), stretches(spark, tokens[-held:])
    net = DeepNetEstimator(
        layers=[
            Embedding(len(symbols), 64),
            LSTM(options.units, sequences=True),
            Dense(len(symbols), "softmax"),
        ],
        featuresCol="tokens",
        labelCol="next",
        learningRate=0.004,
        schedule="cosine",
        clipNorm=1.0,
        maxIter=options.epochs,
        batchSize=64,
        numTrainWorkers=2,
        showProgress=True,
    )
    model = net.fit(train)
    print(f"{model.summary.seconds:.1f} s, {nats(model, test):.4f} nats a character on held-out text")
    spark.stop()


if __name__ == "__main__":
    main()

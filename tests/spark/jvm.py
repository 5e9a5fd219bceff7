"""How the suite's two dozen JVMs are started, which live for minutes. `python -m tests.spark.jvm` makes, where it is not
there yet, a file of Spark's classes as a JVM holds them, loaded and verified (class data sharing), which saves each of them
4 s of a core, and prints the options."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyspark

BRIEF = (
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m -Xms900m -Xmn256m -XX:MetaspaceSize=256m"
)
"""No second compiler, no threads that collect garbage; as much room for compiled code as with both compilers, or a session
of many tests would throw code away, and compile it anew, all the time; and for objects and classes from the start what such
sessions grow to, or they would collect garbage each time that they grow (6 % of a JVM's seconds in a few dozen tests)."""

CLASSES = Path(sys.prefix) / f"spark-{pyspark.__version__}.jsa"
LONGEST = 60.0  # seconds that a JVM may take to write them


def options() -> str:
    """Silent where the classes were written by another Java: they are loaded as ever then."""
    return f"{BRIEF} -XX:SharedArchiveFile={CLASSES} -Xlog:disable" if CLASSES.exists() else BRIEF


def write_classes() -> None:
    """Under another name until they are whole; nothing where this Java cannot write them."""
    part = CLASSES.with_suffix(f".{os.getpid()}")
    submitted = {"SPARK_SUBMIT_OPTS": f"{BRIEF} -XX:ArchiveClassesAtExit={part} -Xlog:disable"}
    command = [sys.executable, "-m", "tests.spark.jvm", "work"]
    done = subprocess.run(command, env=os.environ | submitted, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        _wait_for_the_end_of(int(done.stdout.split()[-1]))
    if part.exists():
        part.replace(CLASSES)


def _wait_for_the_end_of(process: int) -> None:
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)


def work() -> None:
    """What most tests have a JVM do; prints its number."""
    from pyspark.ml.linalg import Vectors
    from pyspark.sql import SparkSession

    from spark_deepnet import DeepNetEstimator, DeepNetModel

    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    rows = spark.createDataFrame([(Vectors.dense(i, 1.0), float(i % 2)) for i in range(20)], ["features", "label"])
    model = DeepNetEstimator(layers=[-1, 4, 2], maxIter=1, numTrainWorkers=2).fit(rows.cache())
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model")
        DeepNetModel.load(f"{folder}/model").transform(rows).groupBy("prediction").count().collect()
    print(spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid())
    spark.stop()


if __name__ == "__main__":
    if sys.argv[1:] == ["work"]:
        work()
    else:
        if not CLASSES.exists():
            write_classes()
        print(options())

"""Spark's daemon of Python workers with the packages imported that each worker would import anew behind its fork, for the
better part of a second of a core. Its folder stands on PYTHONPATH of the tests' sessions."""

import contextlib

from pyspark.daemon import manager

with contextlib.suppress(ImportError):  # a Python without the package, which some tests give to Spark
    import pyspark.worker  # noqa: F401

    import spark_deepnet.spark.fit.round_fit
    import spark_deepnet.spark.output_columns  # noqa: F401

if __name__ == "__main__":
    manager()

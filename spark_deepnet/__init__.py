"""Deep networks trained where the data already is: a Spark ML Estimator for clusters of CPUs."""

from typing import Any

__version__ = "0.1.0.dev0"
__all__ = ["Callback", "DeepNetEstimator", "DeepNetModel", "TokenIds", "wide_and_deep"]


def __getattr__(name: str) -> Any:
    """Opened at first use: a network without Spark does not import pyspark."""
    if name == "DeepNetEstimator":
        from spark_deepnet.spark.estimator import DeepNetEstimator

        return DeepNetEstimator
    if name == "Callback":
        from spark_deepnet.spark.callback import Callback

        return Callback
    if name == "DeepNetModel":
        from spark_deepnet.spark.model import DeepNetModel

        return DeepNetModel
    if name == "TokenIds":
        from spark_deepnet.spark.token_ids import TokenIds

        return TokenIds
    if name == "wide_and_deep":
        from spark_deepnet.spark.wide_and_deep import wide_and_deep

        return wide_and_deep
    raise AttributeError(f"module 'spark_deepnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

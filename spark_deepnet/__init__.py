"""Deep networks trained where the data already is: a Spark ML Estimator for clusters of CPUs."""

from typing import Any

__version__ = "0.1.0.dev0"
__all__ = ["Callback", "DeepNetEstimator", "DeepNetModel", "RandomSearch", "RandomSearchModel", "TokenIds"]


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
    if name == "RandomSearch":
        from spark_deepnet.spark.tuning.random_search import RandomSearch

        return RandomSearch
    if name == "RandomSearchModel":
        from spark_deepnet.spark.tuning.search_model import RandomSearchModel

        return RandomSearchModel
    if name == "TokenIds":
        from spark_deepnet.spark.token_ids import TokenIds

        return TokenIds
    raise AttributeError(f"module 'spark_deepnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

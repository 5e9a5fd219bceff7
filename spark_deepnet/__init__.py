"""Deep networks trained where the data already is: a Spark ML Estimator for clusters of CPUs."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0.dev0"
__all__ = [
    "Callback",
    "DeepNetEstimator",
    "DeepNetModel",
    "RandomSearch",
    "RandomSearchModel",
    "TokenIds",
    "wide_and_deep",
]
_HOMES = {
    "Callback": "spark.callback",
    "DeepNetEstimator": "spark.estimator",
    "DeepNetModel": "spark.model",
    "RandomSearch": "spark.tuning.random_search",
    "RandomSearchModel": "spark.tuning.search_model",
    "TokenIds": "spark.token_ids",
    "wide_and_deep": "spark.wide_and_deep",
}


def __getattr__(name: str) -> Any:
    """Opened at first use: a network without Spark does not import pyspark."""
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'spark_deepnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

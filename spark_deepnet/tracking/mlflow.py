"""MLflow: fits as runs, and models that MLflow logs, serves and scores without a Spark session.

>>> from spark_deepnet.tracking import mlflow as deepnet_mlflow
>>> deepnet_mlflow.autolog()  # every fit is a run from now on
>>> info = deepnet_mlflow.log_model(model, "digits")  # doctest: +SKIP
"""

from __future__ import annotations

from spark_deepnet.tracking._mlflow_models import _load_pyfunc, load_model, log_model, save_model
from spark_deepnet.tracking._mlflow_runs import MLflow, autolog

__all__ = ["MLflow", "autolog", "load_model", "log_model", "save_model", "_load_pyfunc"]

"""The package mlflow, imported at first use."""

from __future__ import annotations

from typing import Any

from spark_deepnet.errors import MissingPackageError


def mlflow_package() -> Any:
    """The package; MissingPackageError where it is not installed."""
    try:
        import mlflow
    except ImportError as error:
        raise MissingPackageError(
            f"MLflow: runs and models are logged with the package mlflow, which does not import ({error}): "
            f'pip install "spark_deepnet[mlflow]"'
        ) from None
    return mlflow

"""Models as MLflow's: of the flavour spark, which PipelineModel loads, and of python_function, which needs no session."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from spark_deepnet import __version__
from spark_deepnet.errors import ParamError
from spark_deepnet.spark.model import DeepNetModel
from spark_deepnet.spark.pandas_scoring import score_pandas
from spark_deepnet.spark.weights.local import SPARK_VERSION, load_pipeline, save_pipeline
from spark_deepnet.tracking._mlflow_package import mlflow_package

LOADER = "spark_deepnet.tracking.mlflow"
SPARK_FLAVOR, FOLDER, MODULES = "spark", "sparkml", "modules"


def save_model(
    model: DeepNetModel,
    path: str | os.PathLike[str],
    mlflow_model: Any = None,
    pip_requirements: Sequence[str] | None = None,
    modules: Sequence[str] = (),
    **options: Any,
) -> None:
    """Save a model to a folder of this machine in MLflow's form, without a Spark job.

    pip_requirements: what it needs where it is served; None: this version of spark_deepnet. modules: those with layers of
    your own, which a pyfunc imports when it is loaded. options: those of ``mlflow.pyfunc.save_model``, such as signature,
    input_example, metadata, and code_paths, which brings the files of such modules. ParamError where it is no
    DeepNetModel, SizeError where its weights stay on storage.
    """
    if not isinstance(model, DeepNetModel):
        raise ParamError(
            f"save_model: expected a DeepNetModel, found {type(model).__name__}; mlflow.spark saves pipelines with other "
            f"stages"
        )
    mlflow = mlflow_package()
    described = mlflow.models.Model() if mlflow_model is None else mlflow_model
    data = f"data/{FOLDER}"
    described.add_flavor(
        SPARK_FLAVOR, pyspark_version=SPARK_VERSION, model_data=data, code=None,
        model_class="pyspark.ml.pipeline.PipelineModel",
    )  # fmt: skip
    needed = [f"spark_deepnet=={__version__}"] if pip_requirements is None else list(pip_requirements)
    with tempfile.TemporaryDirectory() as folder:
        save_pipeline(model, Path(folder) / FOLDER)
        mlflow.pyfunc.save_model(
            os.fspath(path), loader_module=LOADER, data_path=f"{folder}/{FOLDER}", mlflow_model=described,
            pip_requirements=needed, model_config={MODULES: list(modules)}, **options,
        )  # fmt: skip


def log_model(
    model: DeepNetModel, name: str = "model", registered_model_name: str | None = None, **options: Any
) -> Any:
    """Log a model to the active run, or to a new one; returns MLflow's ModelInfo, whose ``model_uri`` ``load_model``,
    ``mlflow.spark.load_model`` and ``mlflow.pyfunc.load_model`` take.

    options: those of ``mlflow.models.Model.log`` (run_id, params, tags, ...) and of ``save_model``.
    """
    mlflow = mlflow_package()
    flavor = sys.modules[LOADER] if LOADER in sys.modules else sys.modules[__name__]
    return mlflow.models.Model.log(
        artifact_path=None,
        name=name,
        flavor=flavor,
        model=model,
        registered_model_name=registered_model_name,
        **options,
    )


def load_model(model_uri: str, modules: Iterable[str] = ()) -> DeepNetModel:
    """The model that was logged or saved at an address of MLflow's, without a Spark session; modules: as of
    ``DeepNetModel.load``."""
    folder = mlflow_package().artifacts.download_artifacts(model_uri)
    model: DeepNetModel = load_pipeline(DeepNetModel, Path(folder) / "data" / FOLDER, list(modules))
    return model


def _load_pyfunc(path: str, model_config: Mapping[str, Any] | None = None) -> Any:
    """What ``mlflow.pyfunc.load_model`` gives to the user; path: of the folder that PipelineModel saved."""
    return PandasModel(load_pipeline(DeepNetModel, path, list((model_config or {}).get(MODULES, ()))))


class PandasModel:
    """Scores pandas frames as ``transform`` scores DataFrames."""

    def __init__(self, model: DeepNetModel) -> None:
        self.model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """model_input: a frame with the model's feature columns; or for a model of one features column an array, or a list,
        of rows. Returns a frame of prediction, probability and rawPrediction, by the names that the model's Params give."""
        return score_pandas(self.model, self._frame(model_input))

    def _frame(self, model_input: Any) -> pd.DataFrame:
        if isinstance(model_input, pd.DataFrame):
            return model_input
        if isinstance(model_input, dict):
            return pd.DataFrame({name: list(cells) for name, cells in model_input.items()})
        return pd.DataFrame({self.model.getFeaturesCol(): list(model_input)})

    def get_raw_model(self) -> DeepNetModel:
        """The DeepNetModel."""
        return self.model

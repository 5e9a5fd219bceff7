"""Spark's daemon of Python workers with what each worker would import and load anew behind its fork, for the better part of
a second of a core: the packages, numba's own registries, and the kernels of the small network that most tests fit. Its
folder stands on PYTHONPATH of the tests' sessions."""

import contextlib

from pyspark.daemon import manager


def load_kernels() -> None:
    """By a step over a few rows of zeros."""
    from threadpoolctl import threadpool_limits

    from spark_deepnet.data.schema import Columns, Source, Target
    from spark_deepnet.layers import Dense
    from spark_deepnet.losses import SoftmaxCrossEntropy
    from spark_deepnet.plan.architecture import Architecture, InputSpec
    from spark_deepnet.plan.plan import Recipe, TrainPlan
    from spark_deepnet.train.warm_up import warm_up

    net = Architecture(
        (Dense(5, "sigmoid").to_json(), Dense(3).to_json()), (InputSpec((4,)),), SoftmaxCrossEntropy().to_json()
    )
    recipe = Recipe(net, "adam", "constant", 0.1, 1000, 1, 0)
    columns = Columns((Source((4,)),), (Target(label="label", classes=3),))
    with threadpool_limits(1):
        warm_up(TrainPlan(recipe, columns, 1, "", b""))


with contextlib.suppress(ImportError):  # a Python without the package, which some tests give to Spark
    import pyspark.worker  # noqa: F401

    import spark_deepnet.spark.fit.round_fit
    import spark_deepnet.spark.output_columns  # noqa: F401

    load_kernels()

if __name__ == "__main__":
    manager()

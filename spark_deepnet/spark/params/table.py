"""All Params, in the order in which help shows them."""

from __future__ import annotations

from typing import Any

from pyspark.ml.param import Param, Params

from spark_deepnet.spark.params.cluster import CLUSTER
from spark_deepnet.spark.params.columns import COLUMNS
from spark_deepnet.spark.params.converters import Plain
from spark_deepnet.spark.params.declaration import UNSET
from spark_deepnet.spark.params.training import TRAINING

DECLARATIONS = {declared.name: declared for declared in (*TRAINING, *COLUMNS, *CLUSTER)}
DEFAULTS = {name: declared.default for name, declared in DECLARATIONS.items() if declared.default is not UNSET}


def param(name: str) -> Param[Any]:
    """The Param as an attribute of a class."""
    declared = DECLARATIONS[name]
    return Param(Params._dummy(), name, declared.doc, Plain(declared.convert))


def with_descriptions(text: str) -> str:
    """A docstring with a list of all Params added."""
    lines = [text.rstrip(), "", "Parameters", "----------"]
    for name, declared in DECLARATIONS.items():
        default = "unset" if declared.default is UNSET else repr(declared.default)
        lines += [f"{name} : {declared.type}, default {default}", f"    {declared.doc}"]
    return "\n".join(lines)

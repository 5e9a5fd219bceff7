"""Run by a process of its own: loads a PipelineModel on a classic session, saves it elsewhere, and prints its scores.

python resave.py FROM TO ROWS
"""

from __future__ import annotations

import json
import sys

from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

if __name__ == "__main__":
    found, made, rows = sys.argv[1:]
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    model = PipelineModel.load(found)
    model.write().overwrite().save(made)
    scored = model.transform(spark.read.parquet(rows)).orderBy("number").collect()
    print(json.dumps([list(row.rawPrediction) for row in scored]))
    spark.stop()

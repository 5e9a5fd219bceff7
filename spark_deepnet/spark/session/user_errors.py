"""Errors of Spark that the user can mend, by their marks, in our words."""

from __future__ import annotations

import re
import sys

from spark_deepnet.errors import ClusterError

NO_SLOTS = "SPARK-24819"
"""Spark's mark of a barrier job that asks for more slots than there are now."""
_MISSING_MODULE = re.compile(r"No module named '([\w.]+)'")


def user_error(text: str) -> ClusterError | None:
    """The error to raise for a text of Spark with one of the marks; None where it has none."""
    missing = _MISSING_MODULE.search(text)
    for mark, sentence in USER_ERRORS:
        if mark in text:
            version = ".".join(map(str, sys.version_info[:2]))
            module = missing[1] if missing else ""
            return ClusterError(sentence.format(python=sys.executable, version=version, module=module))
    return None


USER_ERRORS = (
    (
        "No module named '",
        "fit: the workers' Python has no module {module}; install spark_deepnet, with what it needs, on every executor "
        "and set PYSPARK_PYTHON to that Python before the session starts (on this machine: {python})",
    ),
    (
        "PYTHON_VERSION_MISMATCH",
        "fit: the workers run another Python version than the driver's {version}; set PYSPARK_PYTHON to a Python "
        "{version} on every executor before the session starts (on this machine: {python})",
    ),
    (
        NO_SLOTS,
        "fit: numTrainWorkers is more than the slots of the cluster, and all workers must run at once; ask for fewer, "
        "or add cores or executors",
    ),
    (
        "SPARK-24942",
        "fit: spark.dynamicAllocation.enabled is true, but all workers of a fit must run at once; set it to false for "
        "this application",
    ),
    (
        "spark.driver.maxResultSize",
        "fit: what workers send to the driver, above all the model's weights, is larger than spark.driver.maxResultSize; "
        "raise it before the session starts",
    ),
    (
        "TaskResultLost",
        "fit: what a worker sent to the driver was lost on its way; it is larger than spark.driver.maxResultSize, or its "
        "executor has died: raise the former before the session starts, or give executors more memory",
    ),
    (
        "No space left on device",
        "fit: a disk is full, of an executor (spark.local.dir) or of checkpointDir; free some space, and fit again",
    ),
)
"""Mark -> sentence."""

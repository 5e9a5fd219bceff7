"""Spark's own errors in one sentence of ours."""

from __future__ import annotations

import logging
import re
import sys

from spark_deepnet.errors import ClusterError, DeepNetError

_log = logging.getLogger(__name__)
_PYTHON = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception|Interrupt)): (.+)$", re.MULTILINE)

_MISSING = re.compile(r"No module named '([\w.]+)'")


def said_by_spark(error: Exception) -> Exception:
    """What to raise instead of an error of Spark: its whole text goes to the log."""
    if isinstance(error, DeepNetError):
        return error
    _log.debug("the Spark job failed", exc_info=error)
    text = str(error)
    missing = _MISSING.search(text)
    for mark, sentence in _KNOWN:
        if mark in text:
            version = ".".join(map(str, sys.version_info[:2]))
            module = missing[1] if missing else ""
            return ClusterError(sentence.format(python=sys.executable, version=version, module=module))
    if not ("PythonException" in text or "Traceback" in text or "barrier" in text.lower() or "Job aborted" in text):
        return error  # not of our making: a query of the user's that cannot be analysed, a lost connection
    found = _PYTHON.findall(text.partition("\n\tat ")[0])
    cause = f"{found[-1][0]}: {found[-1][1]}" if found else first_line(error)
    return ClusterError(
        f"fit: a worker failed and Spark gave up after its retries; the first cause it names is {cause}"
    )


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


_KNOWN = (
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
        "SPARK-24819",
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
        "fit: the model's weights are larger than spark.driver.maxResultSize; raise it before the session starts",
    ),
)

"""What a session's settings say, by Spark's own names and words for sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from spark_deepnet.errors import ClusterError

Settings = Mapping[str, str]


def is_true(settings: Settings, key: str) -> bool:
    return settings.get(key, "").lower() == "true"


def number(settings: Settings, key: str, default: int) -> int:
    return int(settings.get(key) or default)


def configured_slots(settings: Settings) -> int | None:
    """Tasks that can run at once on a local master or a fixed number of executors; None where settings do not say."""
    cpus = number(settings, "spark.task.cpus", 1)
    master = settings.get("spark.master", "")
    if match := re.fullmatch(r"local-cluster\[\s*(\d+)\s*,\s*(\d+)\s*,.*", master):
        return int(match[1]) * (int(match[2]) // cpus)
    if match := re.fullmatch(r"local\[\s*(\d+)\s*(,.*)?\]", master):
        return int(match[1]) // cpus
    if master == "local":
        return 1
    executors, cores = settings.get("spark.executor.instances"), settings.get("spark.executor.cores")
    return int(executors) * (int(cores) // cpus) if executors and cores else None


def bytes_of(size: str) -> int:
    """The bytes of a size as Spark writes it: 512 (MiB), 800m, 2g, 2gb, 1024b."""
    match = re.fullmatch(r"(\d+)\s*(b|[kmgtp]b?)?", size.strip().lower())
    if match is None:
        raise ClusterError(
            f"a setting of Spark's memory must be a number with b, k, m, g, t or p, as in '512m', found {size!r}"
        )
    return int(match[1]) << 10 * "bkmgtp".index((match[2] or "m")[0])

"""Texts as MLflow's servers take them: names of metrics, and values of params."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_NAME = 250
"""Characters of a metric's name."""
MAX_VALUE = 500
"""Characters of a param's value that every server takes; new ones take 6,000."""
_FORBIDDEN = re.compile(r"[^\w.\- ]")


def metric_names(names: Iterable[str]) -> dict[str, str]:
    """Each measure -> a name that MLflow takes: letters of any language, digits, and _.- and blanks; others become "_", and
    of names that would then be one the later get a number."""
    given: dict[str, str] = {}
    for name in names:
        plain = _FORBIDDEN.sub("_", name)[:MAX_NAME].strip() or "_"
        plain, number = "_" if set(plain) <= {"."} else plain, 2
        own = plain
        while own in given.values():
            own = f"{plain[: MAX_NAME - 8]}_{number}"
            number += 1
        given[name] = own
    return given


def param_value(text: str) -> str:
    """The text, or its beginning."""
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 3]}..."

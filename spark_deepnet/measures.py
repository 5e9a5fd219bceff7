"""The names of an epoch's measures: which are of training rows, and what the same is called of validation rows."""

from __future__ import annotations

from collections.abc import Iterable

VALIDATION = "validation"
SPEEDS = ("seconds", "rowsPerSecond")
"""Measures of an epoch that say nothing of the network."""


def of_rows(rows: str, measure: str) -> str:
    """validation, loss -> validationLoss; "", loss -> loss."""
    return rows + measure[0].upper() + measure[1:] if rows else measure


def validation_name(name: str) -> str:
    """loss -> validationLoss, age_loss (of the output age) -> age_validationLoss."""
    output, _, measure = name.rpartition("_")
    return f"{output}_" * bool(output) + of_rows(VALIDATION, measure)


def paired(names: Iterable[str]) -> dict[str, str | None]:
    """Each measure of training rows -> the same of validation rows, where there is one. A measure of validation rows that
    has no partner stands for itself."""
    known = list(dict.fromkeys(names))
    pairs = {name: validation_name(name) if validation_name(name) in known else None for name in known}
    partners = set(pairs.values())
    return {name: validation for name, validation in pairs.items() if name not in partners}

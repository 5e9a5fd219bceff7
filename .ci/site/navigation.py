"""The order of the site's pages, under their captions; a page without a place fails the build."""

from __future__ import annotations

NAVIGATION = {
    "Start": ["install", "quickstart", "coming_from", "troubleshooting", "gallery"],
    "How-to": ["howto/index"],
    "How it works": [
        "training", "defaults", "networks", "models", "tracking", "formats", "exchange", "model_parallelism", "performance",
        "security", "scaling", "sparknet_study", "evidence",
    ],
    "Reference": ["estimator", "api/index"],
    "The project": ["architecture", "contributing", "changelog"],
}  # fmt: skip


def toctrees() -> str:
    """The navigation as the end of the start page."""
    parts = []
    for caption, pages in NAVIGATION.items():
        parts += ["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", ""]
    return "\n".join(parts)

"""Sphinx's configuration of the documentation site, whose source `stage.py` puts together."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT)]

from docstrings import as_rst  # noqa: E402 - beside this file

import spark_deepnet  # noqa: E402

project = "spark_deepnet"
release = spark_deepnet.__version__
copyright = "the authors of spark_deepnet"
extensions = ["sphinx.ext.autodoc", "myst_parser", "sphinx_copybutton"]
nitpicky = True
nitpick_ignore_regex = [(r"py:(class|data|obj|exc)", r".*")]  # annotations, which name types of other packages

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 4
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = f"spark_deepnet {release}"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False


def _docstring(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = as_rst("\n".join(lines)).splitlines()


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", _docstring)

"""The notebook, run as a person runs it: its progress bar, tables and pictures."""

from __future__ import annotations

import base64
import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "watching_a_fit.ipynb"
REASON = "nbclient and ipykernel are absent: pip install nbclient ipykernel"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The code cells, run; a copy of the notebook with what they gave is kept where NOTEBOOK_COPY says."""
    nbformat = pytest.importorskip("nbformat", reason=REASON)
    nbclient = pytest.importorskip("nbclient", reason=REASON)
    pytest.importorskip("ipykernel", reason=REASON)
    pytest.importorskip("matplotlib", reason='matplotlib is absent: pip install "spark_deepnet[plot]"')
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    environment = {k: v for k, v in os.environ.items() if k not in ("MPLBACKEND", "PYTHONPATH")}
    kernels = folder / "kernels" / "python3"  # this very Python's
    kernels.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernels / "kernel.json").write_text(
        f'{{"argv": {argv!r}, "display_name": "", "language": "python"}}'.replace("'", '"')
    )
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", store_widget_state=True, coalesce_streams=True
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        client.execute(cwd=str(folder), env=environment)
    if copy := os.environ.get("NOTEBOOK_COPY"):
        nbformat.write(notebook, copy)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(cell: Any, kind: str) -> list[Any]:
    """What a cell displayed in this form."""
    return [output.data[kind] for output in cell.outputs if kind in output.get("data", {})]


def cell_of(cells: list[Any], text: str) -> Any:
    (cell,) = [cell for cell in cells if text in cell.source]
    return cell


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::Warning")  # of nbclient and its parts
def test_the_notebook_shows_progress_tables_and_pictures(cells: list[Any]) -> None:
    fit = cell_of(cells, "net.fit(train)")
    progress = "".join(output.get("text", "") for output in fit.outputs) + "".join(outputs(fit, "text/plain"))
    assert "epoch" in progress
    assert "(val " in progress
    for text in ("\nnet", "net.fit(train)", "model.summary", "model.evaluate(test)"):
        (html,) = outputs(next(cell for cell in cells if text in cell.source), "text/html")
        assert "<table>" in html
    for text, least in (("summary.plot", 500), ("plotConfusionMatrix", 400), ("net.draw", 150)):
        (png,) = outputs(cell_of(cells, text), "image/png")
        width, height = struct.unpack(">II", base64.b64decode(png)[16:24])
        assert min(width, height) >= 150
        assert max(width, height) >= least
    assert not [output for cell in cells for output in cell.outputs if output.output_type == "error"]

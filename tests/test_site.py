"""The documentation site: it builds without a warning, dead links fail it, and a browser shows and searches its pages."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",
    "--virtual-time-budget=10000",
]
pytestmark = pytest.mark.slow
SHOWN = {
    "index.html": ("A driver sends plan and rows", "DeepNetEstimator", "quick start", "Troubleshooting"),
    "howto/early_stopping.html": ("Early stopping and learning curves", "patience", "learning_curve.svg"),
    "api/layers/Conv2D.html": ("kernel_size", "filters slide over images", "depthwise", "sum_ijc"),
    "api/params.html": ("learningRate", "modelBlocks", "setPatience", "validationFraction"),
    "search.html?q=early+stopping": ("Early stopping and learning curves",),
    "search.html?q=class+weights": ("Classify a table: strings, feature scaling, class weights",),
    "search.html?q=Databricks": ("Install",),
    "search.html?q=learning+curve": ("Early stopping and learning curves",),
    "search.html?q=feature+scaling": ("Classify a table: strings, feature scaling, class weights",),
    "search.html?q=MLflow": ("Track fits with MLflow",),
    "search.html?q=notebook": ("Quick start",),
    "search.html?q=clipNorm": ("Params",),
}
"""Page -> words that a browser shows."""


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-E",
        "-W",
        "--keep-going",
        "-c",
        str(ROOT / ".ci" / "site"),
        source,
        site,
    ]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "source"
    subprocess.run([sys.executable, str(ROOT / ".ci" / "site" / "stage.py"), str(folder)], check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def site(source: Path) -> Path:
    done = build(source, source.parent / "site")
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip()
    return source.parent / "site"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Gives what a browser makes of a page."""
    if CHROMIUM is None:
        pytest.skip("no chromium here: on Debian apt-get install chromium")
    profile = tmp_path_factory.mktemp("profile")

    def dom(url: str) -> str:
        command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", "--dump-dom", url]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout

    return dom


@pytest.mark.parametrize("page", SHOWN)
def test_a_page_is_shown_with_its_words(site: Path, browser: Callable[[str], str], page: str) -> None:
    shown = browser(f"{site.as_uri()}/{page}")
    article = shown[shown.index("<article") : shown.index("</article>")]
    text = html.unescape(re.sub(r"<(?!img)[^>]*>", "", article))
    missing = [words for words in SHOWN[page] if words not in text]
    assert not missing


def test_pictures_are_there(site: Path) -> None:
    assert {"architecture.svg", "learning_curve.svg", "replicas_blocks.svg", "terminal.svg"} <= {
        f.name for f in (site / "_images").iterdir()
    }


def test_dead_links_and_unknown_places_fail_the_build(site: Path, source: Path, tmp_path: Path) -> None:
    copy = tmp_path / "source"
    copy.mkdir()
    (copy / "index.md").write_text(
        "# Page\n\n[a](nothing.md), [b](#nowhere), {doc}`missing`, {ref}`unknown`\n", encoding="utf-8"
    )
    done = build(copy, tmp_path / "site")
    assert done.returncode != 0
    assert all(word in done.stderr for word in ("nothing.md", "nowhere", "missing", "unknown"))

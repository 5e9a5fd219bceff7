"""Puts the site's source together: docs/, the pages of the checkout's root, and those that are made from the code.

python .ci/site/stage.py FOLDER
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from navigation import toctrees

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import reference  # noqa: E402 - it imports the package

OUTSIDE = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages of the root -> where links to them lead on the site."""


def stage(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder)
    for page in folder.rglob("*.md"):
        page.write_text(
            relinked(page.read_text(encoding="utf-8"), len(page.relative_to(folder).parts) - 1), encoding="utf-8"
        )
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        (folder / OUTSIDE[name]).write_text(relinked(text, 0), encoding="utf-8")
    _append(folder / "index.md", toctrees())
    howtos = re.findall(r"\]\((\w+)\.md\)", (folder / "howto/index.md").read_text(encoding="utf-8"))
    _append(folder / "howto/index.md", "\n".join(["```{toctree}", ":hidden:", "", *dict.fromkeys(howtos), "```"]))
    for path, text in reference.pages().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def _append(page: Path, text: str) -> None:
    page.write_text(f"{page.read_text(encoding='utf-8')}\n{text}\n", encoding="utf-8")


def relinked(text: str, depth: int) -> str:
    """A page whose links to files of the root lead to pages of the site; the licence is none."""
    for name, page in OUTSIDE.items():
        text = re.sub(rf"\]\((?:\.\./)*{re.escape(name)}", f"]({'../' * depth}{page}", text)
    return re.sub(r"\[([^\]]+)\]\((?:\.\./)*LICENSE\)", r"\1", text)


if __name__ == "__main__":
    stage(Path(sys.argv[1]))

"""What pages say of the code is so: messages exist, names exist, and the words that people search by lead to a page."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SEARCHED = (
    "early stopping",
    "learning curve",
    "class weight",
    "notebook",
    "Databricks",
    "MLflow",
    "feature scaling",
    "overfitting",
    "out of memory",
    "cross-validation",
    "Kubernetes",
    "YARN",
    "fine-tuning",
    "foreachBatch",
    "time series",
)
MESSAGES = re.findall(r"^### `(.+)`$", (DOCS / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)
QUOTED = [
    message
    for page in sorted(DOCS.glob("howto/*.md"))
    for message in re.findall(r"^- \*\*`([^`]+)`\*\*", page.read_text(encoding="utf-8"), re.MULTILINE)
]
"""In the how-to pages, in bold."""


@cache
def sentences() -> str:
    """All texts of the package, those with values in them in pieces, as `plain` has them."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in sorted((ROOT / "spark_deepnet").rglob("*.py"))]
    texts = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return plain("\n".join(text for text in texts if isinstance(text, str)))


@pytest.mark.parametrize("message", dict.fromkeys([*MESSAGES, *QUOTED]))
def test_a_message_of_the_page_is_one_of_the_package(message: str) -> None:
    pieces = [piece for piece in re.split(r"\.\.\.", message) if len(piece.strip()) > 4]
    assert pieces
    missing = [piece for piece in pieces if plain(piece) not in sentences()]
    assert not missing


def plain(text: str) -> str:
    """Without what differs between the pieces of a text and the text: places of values, spaces and quotes."""
    return re.sub(r"\{[^}]*\}|[\s'\"]", "", text)


def test_the_start_page_has_the_readmes_example() -> None:
    code = re.compile(r"```python\n(.*?)```", re.DOTALL)
    assert code.findall((DOCS / "index.md").read_text(encoding="utf-8")) == code.findall(
        (ROOT / "README.md").read_text(encoding="utf-8")
    )


def test_thirty_messages_are_explained() -> None:
    assert len(MESSAGES) >= 30


@pytest.mark.parametrize("words", SEARCHED)
def test_words_that_people_search_by_lead_to_a_page(words: str) -> None:
    pages = [*DOCS.glob("*.md"), *DOCS.glob("howto/*.md")]
    assert [page.name for page in pages if words.lower() in page.read_text(encoding="utf-8").lower()]


def test_names_in_the_tables_of_other_libraries_exist() -> None:
    """Those on the right, called or with a capital."""
    text = (DOCS / "coming_from.md").read_text(encoding="utf-8")
    right = " ".join(line.split(" | ")[1] for line in text.splitlines() if line.startswith("| ") and " | " in line[2:])
    names = set(re.findall(r"\b([A-Z]\w+)\(", right)) - {
        "DeepNetEstimator",
        "CountVectorizer",
        "RegexTokenizer",
        "TokenIds",
    }
    assert [name for name in sorted(names) if not known(name)] == []


def known(name: str) -> bool:
    for family in ("layers", "losses", "schedules", "optimizers", "metrics"):
        try:
            getattr(import_module(f"spark_deepnet.{family}"), name)
        except (AttributeError, ValueError):
            continue
        return True
    return False


def test_the_notebook_is_the_quick_start_with_its_outputs() -> None:
    notebook = json.loads((ROOT / "examples" / "quickstart.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    page = re.findall(r"```python\n(.*?)```", (DOCS / "quickstart.md").read_text(encoding="utf-8"), re.DOTALL)
    assert ["".join(cell["source"]) for cell in code] == [block.strip() for block in page]
    printed = "".join(text for cell in code for output in cell["outputs"] for text in output.get("text", []))
    assert all(words in printed for words in ("accuracy: 0.9", "epochs, ", "probability"))
    assert not re.search("(/root|/work|/home|/tmp)/", json.dumps(notebook))

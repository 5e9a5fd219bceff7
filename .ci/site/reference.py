"""The reference pages: the classes of the package, the members of its families, and all Params."""

from __future__ import annotations

import dataclasses
import inspect
from importlib import import_module

from docstrings import as_rst

from spark_deepnet.registry import class_in, modules_of
from spark_deepnet.spark.params.declaration import UNSET, Declaration
from spark_deepnet.spark.params.table import DECLARATIONS

FAMILIES = {
    "layers": "Layers",
    "losses": "Losses",
    "metrics": "Metrics",
    "optimizers": "Optimizers",
    "schedules": "Learning-rate schedules",
    "initializers": "Initializers",
}
CLASSES = {
    "DeepNetEstimator": ("spark.estimator", "Trains a network: `fit` returns a `DeepNetModel`."),
    "DeepNetModel": ("spark.model", "A trained network: `transform` scores a DataFrame."),
    "TrainingSummary": ("spark.summary", "How a fit went: `model.summary`."),
    "ClassificationSummary": ("spark.evaluation.classes", "What `model.evaluate` returns for classes."),
    "BinaryClassificationSummary": ("spark.evaluation.classes", "What `model.evaluate` returns for two classes."),
    "MultilabelSummary": ("spark.evaluation.labels", "What `model.evaluate` returns for several labels."),
    "RegressionSummary": ("spark.evaluation.numbers", "What `model.evaluate` returns for numbers."),
    "TokenIds": ("spark.token_ids", "Turns words into token ids."),
    "Callback": ("spark.callback", "Hears on the driver how a fit goes."),
}
WITH_PARAMS = {
    "DeepNetEstimator": "`fit(dataset, params=None)`, `fitMultiple(dataset, paramMaps)`",
    "DeepNetModel": "`transform(dataset, params=None)`",
}
"""Classes whose setters and getters are on the page of Params -> their calls from Spark ML."""
SHARED = """
## Shared with all of Spark ML

{calls}, `copy(extra)`, `explainParams()`, `explainParam(name)`, `getOrDefault(name)`, `isSet(name)`, `hasParam(name)`,
`clear(param)`, `write()`, `save(path)`, `read()`, `load(path)`, and `setX(value)` and `getX()` for every [Param](params.md).
"""


def pages() -> dict[str, str]:
    """Path -> text of every page."""
    made = {"api/index.md": _index(), "api/params.md": _params(), "api/errors.md": _errors()}
    made |= {f"api/{name}.md": _class(name) for name in CLASSES}
    made |= {f"api/layers/{name}.md": _member(each, "#") for name, each in members("layers").items()}
    made["api/layers/index.md"] = _layers()
    return made | {f"api/{family}.md": _family(family) for family in FAMILIES if family != "layers"}


def members(family: str) -> dict[str, type]:
    """Name -> class, by name."""
    package = f"spark_deepnet.{family}"
    modules = [import_module(f"{package}.{module}") for module in modules_of(package)]
    classes = [getattr(module, class_in(module)) for module in modules]
    return {each.__name__: each for each in sorted(classes, key=lambda each: each.__name__) if vars(each).get("kind")}


def _index() -> str:
    lines = ["# API reference", "", "`from spark_deepnet import ...`", "", "| class | |", "|---|---|"]
    lines += [f"| [{name}]({name}.md) | {text} |" for name, (_, text) in CLASSES.items()]
    lines += ["", "[All Params](params.md) of estimator and model, [all errors](errors.md), and the families:", ""]
    lines += [
        "| family | members |",
        "|---|---|",
        f"| [Layers](layers/index.md) | {_links('layers', 'layers/{}.md')} |",
    ]
    others = {family: title for family, title in FAMILIES.items() if family != "layers"}
    lines += [f"| [{title}]({family}.md) | {_links(family, family + '.md#{}')} |" for family, title in others.items()]
    paths = ["params", *CLASSES, "errors", "layers/index", *others]
    return "\n".join([*lines, "", _toctree(paths)])


def _links(family: str, page: str) -> str:
    return ", ".join(f"[{name}]({page.format(name if '#' not in page else name.lower())})" for name in members(family))


def _toctree(paths: list[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", "", *paths, "```"])


def _class(name: str) -> str:
    module, text = CLASSES[name]
    lines = [f"# {name}", "", text, "", "```{eval-rst}", f".. autoclass:: spark_deepnet.{module}.{name}"]
    if name not in WITH_PARAMS:
        return "\n".join([*lines, "   :members:", "   :inherited-members:", "```"])
    signature = "(**params)" if name == "DeepNetEstimator" else "()"
    lines[-1] += signature
    lines += [
        "   :members:",
        "   :exclude-members: summary_, architecture, class_names, file_values, stored, check_thresholds",
        "```",
    ]
    return "\n".join([*lines, SHARED.format(calls=WITH_PARAMS[name])])


def _params() -> str:
    lines = [
        "# Params",
        "",
        "Every Param is a keyword of `DeepNetEstimator(...)`, and has a setter and a getter. [The estimator]"
        "(../estimator.md) groups them, [how a fit runs](../training.md) explains how they act together.",
    ]
    for declared in DECLARATIONS.values():
        lines += ["", f"## {declared.name}", "", _facts(declared), "", "```{eval-rst}", as_rst(declared.doc), "```"]
    return "\n".join(lines)


def _facts(declared: Declaration) -> str:
    default = "Unset by default" if declared.default is UNSET else f"Default `{declared.default!r}`"
    kind = "" if declared.type == "Any" else f" (`{declared.type}`)"
    allowed = f"; must be {declared.allowed.words}" if declared.allowed else ""
    return f"{default}{kind}{allowed}. `set{declared.title}`, `get{declared.title}`."


def _errors() -> str:
    lines = [
        "# Errors",
        "",
        "Every message is one sentence: where it happened, what was found, what would be right. "
        "[Troubleshooting](../troubleshooting.md) goes through those that are met most.",
        "",
        "```{eval-rst}",
        ".. automodule:: spark_deepnet.errors",
        "   :noindex:",
        "   :members:",
        "   :exclude-members: listed, near, check_numbers, MANY, NEAR_CUTOFF",
        "   :show-inheritance:",
        "```",
    ]
    return "\n".join(lines)


def _layers() -> str:
    lines = ["# Layers", "", "`from spark_deepnet.layers import ...`", "", "| layer | |", "|---|---|"]
    lines += [f"| [{name}]({name}.md) | {_source(each)} |" for name, each in members("layers").items()]
    return "\n".join([*lines, "", _toctree(list(members("layers")))])


def _source(each: type) -> str:
    """The first line of its file."""
    return str(import_module(each.__module__).__doc__).split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def _family(family: str) -> str:
    names = members(family)
    kinds = ", ".join(f"`{vars(each)['kind']}`" for each in names.values())
    head = f"# {FAMILIES[family]}\n\n`from spark_deepnet.{family} import ...`, or by name: {kinds}."
    return "\n\n".join([head, *(_member(each, "##") for each in names.values())])


def _member(each: type, sharp: str) -> str:
    """Source, fields and formula, and what the fields mean that it shares with its kin."""
    module = each.__module__
    lines = [f"{sharp} {each.__name__}", "", "```{eval-rst}", as_rst(str(import_module(module).__doc__)), ""]
    lines += [f".. autoclass:: {module}.{each.__name__}({_fields(each)})", ""]
    for base in each.__mro__[1:]:
        if _explains_fields(base):
            lines += [as_rst(inspect.getdoc(base) or ""), ""]
    return "\n".join([*lines, f'As JSON: ``{{"kind": "{vars(each)["kind"]}", ...}}``', "```"])


def _explains_fields(base: type) -> bool:
    """Whether it is a base that members share, with fields that its docstring explains."""
    shared = base.__module__.rpartition(".")[2].startswith("_") and base.__name__ != "Layer"
    own = [hint for hint in vars(base).get("__annotations__", {}).values() if "ClassVar" not in str(hint)]
    return shared and bool(base.__doc__) and bool(own)


def _fields(each: type) -> str:
    """As the constructor takes them."""
    fields = dataclasses.fields(each) if dataclasses.is_dataclass(each) else ()
    return ", ".join(f"{field.name}{_default(field)}" for field in fields)


def _default(field: dataclasses.Field[object]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f"={field.default_factory()!r}"
    return "" if field.default is dataclasses.MISSING else f"={field.default!r}"

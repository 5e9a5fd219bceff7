"""One file per member; ``from spark_deepnet.metrics import Name`` loads the file of that name."""

from typing import Any

from spark_deepnet.registry import class_from_folder, names_in_folder


def __getattr__(name: str) -> Any:
    return class_from_folder(__name__, name)


def __dir__() -> list[str]:
    return names_in_folder(__name__)

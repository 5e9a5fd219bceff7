"""One file a member; ``from spark_deepnet.layers import Name`` opens the file that bears the name."""

from typing import Any

from spark_deepnet.registry import class_from_folder, names_in_folder


def __getattr__(name: str) -> Any:
    return class_from_folder(__name__, name)


def __dir__() -> list[str]:
    return names_in_folder(__name__)

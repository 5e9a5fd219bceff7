"""``python -m spark_deepnet.compile`` fills the cache for later processes, those of an image of a cluster too."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import spark_deepnet
from spark_deepnet import compile as command
from spark_deepnet.errors import ClusterError
from spark_deepnet.kernels.cache import KernelCache
from spark_deepnet.kernels.jit import JIT, kernel

compiled = pytest.mark.skipif(not JIT, reason="numba is switched off")
FIT = """
import json
from spark_deepnet import compile as command
from spark_deepnet.kernels.cache import KernelCache
command.train(command.EXAMPLES["attention"]()[0])
print(json.dumps([KernelCache.misses, command.CACHE_DIR]))
"""


def python(installed: Path, cache: Path, *arguments: str) -> str:
    """What a new process prints that has the package from a folder, and its kernels in another."""
    others = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"}
    env = others | {"PYTHONPATH": str(installed), "NUMBA_CACHE_DIR": str(cache), "XDG_CACHE_HOME": str(cache / "own")}
    done = subprocess.run([sys.executable, *arguments], env=env, cwd=installed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A copy of the package as pip installs it, compiled for attention, whose files then get times of whole seconds."""
    installed, cache = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("cache")
    source = Path(spark_deepnet.__file__).parent
    shutil.copytree(source, installed / "spark_deepnet", ignore=shutil.ignore_patterns("__pycache__"))
    said = python(installed, cache, "-m", "spark_deepnet.compile", "attention")
    assert "attention: 0 kernels" not in said
    for path in installed.rglob("*.py"):
        os.utime(path, (int(path.stat().st_mtime), int(path.stat().st_mtime)))
    return installed, cache


@pytest.mark.long
@compiled
def test_a_fit_of_an_image_compiles_nothing(image: tuple[Path, Path]) -> None:
    misses, folder = json.loads(python(*image, "-c", FIT))
    assert misses == 0
    assert Path(folder).parent == image[1]


@pytest.mark.long
@compiled
def test_kernels_that_changed_are_compiled_again(image: tuple[Path, Path], tmp_path: Path) -> None:
    installed, cache = image
    shutil.copytree(installed, tmp_path, dirs_exist_ok=True)
    with (tmp_path / "spark_deepnet" / "kernels" / "stable.py").open("a") as file:
        file.write("# changed\n")
    misses, _ = json.loads(python(tmp_path, cache, "-c", FIT))
    assert misses > 0


def doubled(x):  # type: ignore[no-untyped-def]
    return x + x


@compiled
def test_what_a_folder_cannot_take_goes_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_only, own = tmp_path / "read only", tmp_path / "own"

    def told() -> Any:
        function = kernel(doubled)
        function._cache = KernelCache(doubled, (str(read_only), str(own)))  # type: ignore[attr-defined]
        return function

    def refuse(path: str, *_: Any, **__: Any) -> None:
        if str(path).startswith(str(read_only)):
            raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "makedirs", refuse)
    own_folder = Path(KernelCache(doubled, (str(own),)).cache_path)
    own_folder.mkdir(parents=True)
    first, second = told(), told()
    assert first(2) == second(3) - 2 == 4
    assert [sum(f.stats.cache_hits.values()) for f in (first, second)] == [0, 1]
    assert not read_only.exists()
    assert list(own_folder.glob("*.nbc"))


def test_an_unknown_network_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["dence"])
    assert "there is no 'dence'; choose from dense, images, sequences, attention" in capsys.readouterr().err


@pytest.mark.parametrize("name", command.EXAMPLES)
def test_every_example_is_a_network(name: str) -> None:
    for example in command.EXAMPLES[name]():
        assert command.plan_of(example).recipe.scores_net().nodes


@pytest.mark.skipif(JIT, reason="numba is not switched off")
def test_without_a_compiler_it_says_so() -> None:
    with pytest.raises(ClusterError, match="NUMBA_DISABLE_JIT"):
        command.main(["dense"])

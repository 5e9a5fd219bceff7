"""A saved model is data: whatever a stranger writes into its files, loading ends soon, in a sentence, and runs nothing."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.ml import Pipeline, PipelineModel

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.errors import ModelFormatError, ParamError
from spark_deepnet.layers import Dense
from spark_deepnet.layers.layer import Layer
from tests.cases.hostile_models import MODULES, PARAMS, SHAPES, SIZES, Hostile
from tests.spark.data import blobs, estimator, frame, same
from tests.spark.test_bad_input import check_sentence

SOON = 20.0  # seconds of this process
MUCH = 300  # MiB
OWN = """
from dataclasses import dataclass
from spark_deepnet.layers.relu import Relu

@dataclass(frozen=True, repr=False)
class Own(Relu, kind="hostile_own"):
    pass
"""


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(spark, *blobs(30)).cache()


@pytest.fixture(scope="module")
def model(rows: Any) -> Any:
    return estimator(layers=[Dense(5, "relu"), Dense(3, "softmax")], maxIter=1).fit(rows)


@pytest.fixture(scope="module")
def saved(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved")
    model.save(f"{path}/model")
    estimator().save(f"{path}/net")
    for crc in path.rglob(".*.crc"):
        crc.unlink()
    return path


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def part(folder: Path) -> Path:
    return max(folder.glob("part-*"), key=lambda file: file.stat().st_size)


def rewrite(stage: Path, values: dict[str, Any]) -> None:
    file = part(stage / "metadata")
    file.write_text(json.dumps(json.loads(file.read_text()) | values) + "\n")


def check_refused(load: Callable[[], Any], num_stats: str = "") -> None:
    began, held = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelFormatError, match="load: ") as raised:
        load()
    check_sentence(raised.value)
    assert num_stats in str(raised.value)
    assert time.process_time() - began < SOON
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held < MUCH << 10
    assert not {"evil_module", "this_exits"} & set(sys.modules)


@pytest.mark.parametrize("hostile", MODULES[::4] + PARAMS + SHAPES[::6] + SIZES, ids=lambda hostile: hostile.name)
def test_hostile_metadata_is_refused(copy: Path, hostile: Hostile) -> None:
    rewrite(copy / "model", hostile.values)
    check_refused(lambda: DeepNetModel.load(f"{copy}/model"), hostile.num_stats)


@pytest.mark.parametrize("hostile", PARAMS[::2], ids=lambda hostile: hostile.name)
def test_so_is_an_estimators(copy: Path, hostile: Hostile) -> None:
    rewrite(copy / "net", hostile.values)
    check_refused(lambda: DeepNetEstimator.load(f"{copy}/net"), hostile.num_stats)


LINES = {
    "nothing": "",
    "an empty line": "\n",
    "text": "model\n",
    "a number": "5\n",
    "null": "null\n",
    "a list": "[]\n",
    "an object": "{}\n",
    "nesting": "[" * 100_000 + "\n",
    "nested objects": '{"class":' * 100_000 + "\n",
    "20 MiB": '{"class": "' + "x" * (20 << 20) + '"}\n',
    "bytes": "\0\1\2\n",
}


@pytest.mark.parametrize("line", LINES)
def test_odd_metadata_is_refused(copy: Path, line: str) -> None:
    name, cls = ("net", DeepNetEstimator) if list(LINES).index(line) % 3 else ("model", DeepNetModel)
    part(copy / name / "metadata").write_text(LINES[line])
    check_refused(lambda: cls.load(f"{copy}/{name}"))


def changed(column: str, change: Callable[[list[Any]], list[Any]]) -> Callable[[Path], None]:
    def write(file: Path) -> None:
        table = pq.read_table(file)
        at, field = table.column_names.index(column), table.schema.field(column)
        values = change(table.column(column).to_pylist())
        pq.write_table(table.set_column(at, field, pa.array(values, field.type)), file, compression="none")

    return write


def rehashed(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Data with checksums that are right."""

    def write(file: Path) -> None:
        table = pq.read_table(file).to_pylist()
        told = [row | {"data": change(row["data"])} for row in table]
        told = [row | {"sha256": hashlib.sha256(row["data"]).hexdigest()} for row in told]
        pq.write_table(pa.Table.from_pylist(told, pq.read_schema(file)), file, compression="none")

    return write


def zeros(codec: str, size: int) -> Callable[[Path], None]:
    """Some kilobytes that are gigabytes."""

    def write(file: Path) -> None:
        table = pq.read_table(file).slice(0, 1).to_pylist()
        large = [row | {"data": bytes(size)} for row in table]
        pq.write_table(pa.Table.from_pylist(large, pq.read_schema(file)), file, compression=codec, use_dictionary=False)

    return write


def numbers(value: float) -> Callable[[bytes], bytes]:
    return lambda data: np.float32(value).tobytes() + data[4:]


FILES: dict[str, Callable[[Path], None]] = {
    "NaN": rehashed(numbers(float("nan"))),
    "infinite": rehashed(numbers(float("-inf"))),
    "a chunk of one byte": rehashed(lambda data: data[:1]),
    "a chunk of no bytes": rehashed(lambda data: b""),
    "a chunk too long": rehashed(lambda data: data + b"\0" * 4),
    "a chunk far too long": rehashed(lambda data: data + bytes(8 << 20)),
    "shapes that are null": changed("shape", lambda v: [None] * len(v)),
    "shapes that are huge": changed("shape", lambda v: [[1 << 30] * 3] * len(v)),
    "shapes without end": changed("shape", lambda v: [[1] * 10**6] * len(v)),
    "names without end": changed("name", lambda v: ["x" * 10**7] * len(v)),
    "names that are null": changed("name", lambda v: [None] * len(v)),
    "parts below none": changed("part", lambda v: [-1] * len(v)),
    "checksums that are null": changed("sha256", lambda v: [None] * len(v)),
    "data that is null": changed("data", lambda v: [None] * len(v)),
    "a million rows": lambda file: pq.write_table(pa.concat_tables([pq.read_table(file)] * 300_000), file),
    "zeros under gzip": zeros("gzip", 64 << 20),
    "zeros under zstd": zeros("zstd", 400 << 20),
    "zeros under brotli": zeros("brotli", 16 << 20),
    "text": lambda file: file.write_text("x" * 9999),
    "a footer of text": lambda file: file.write_bytes(file.read_bytes()[:-300] + b"x" * 296 + b"PAR1"),
    "other columns": lambda file: pq.write_table(pa.table({"x": list(range(99))}), file, compression="none"),
}


@pytest.mark.parametrize("damage", FILES)
def test_hostile_weights_are_refused(copy: Path, damage: str) -> None:
    FILES[damage](part(copy / "model" / "data"))
    check_refused(lambda: DeepNetModel.load(f"{copy}/model"))


def test_so_are_those_in_a_pipeline(rows: Any, model: Any, tmp_path: Path) -> None:
    Pipeline(stages=[model]).fit(rows).save(f"{tmp_path}/pipeline")
    (stage,) = (tmp_path / "pipeline" / "stages").iterdir()
    for crc in stage.rglob(".*.crc"):
        crc.unlink()
    rewrite(stage, MODULES[0].values)
    check_refused(lambda: PipelineModel.load(f"{tmp_path}/pipeline"), "'evil_module'")


def own(model: Any, folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model with a layer of a module that nobody has imported, and the module."""
    (folder / "hostile_own_module.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder))
    net = [Dense(3, "softmax").to_json(), {"kind": "layers.hostile_own.v1", "module": "hostile_own_module"}]
    file = part(folder / "copy" / "model" / "metadata")
    told = json.loads(file.read_text())
    told["architecture"]["layers"] = [*told["architecture"]["layers"][:-1], *net]
    file.write_text(json.dumps(told) + "\n")
    return str(folder / "copy" / "model")


def test_modules_that_are_allowed_are_imported(
    model: Any, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own(model, tmp_path, OWN, monkeypatch)
    try:
        check_refused(lambda: DeepNetModel.load(path), "load with modules=['hostile_own_module']")
        for wrong in ("other", 5, [5], [""]):
            with pytest.raises((ParamError, TypeError, ModelFormatError)):
                DeepNetModel.load(path, modules=wrong)
        found = DeepNetModel.load(path, modules=["hostile_own_module"])
        assert found.net.nodes[-1].layer.kind == "hostile_own"
        again = DeepNetModel.read().modules(["hostile_own_module"]).load(path)
        assert same(found, again)
        assert same(DeepNetModel.load(path), found), "it is imported already"
    finally:
        sys.modules.pop("hostile_own_module", None)
        Layer._book.pop("hostile_own", None)


@pytest.mark.parametrize("text", ["raise SystemExit(0)", "import sys; sys.exit()", "1 / 0", "import no_such", "x ="])
def test_what_an_allowed_module_raises_is_told(
    model: Any, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = own(model, tmp_path, text, monkeypatch)
    check_refused(lambda: DeepNetModel.load(path, modules=["hostile_own_module"]), "'hostile_own_module'")


def test_models_of_formats_1_and_2_are_loaded(model: Any, copy: Path) -> None:
    file, line = part(copy / "model" / "data"), part(copy / "model" / "metadata")
    told = json.loads(line.read_text())
    del told["save"], told["data"], told["summary"]
    line.write_text(json.dumps(told | {"format": 2}) + "\n")
    loaded = DeepNetModel.load(f"{copy}/model")
    assert same(loaded, model)
    assert not loaded.hasSummary
    with pytest.raises(RuntimeError, match="summary"):
        _ = loaded.summary
    del told["blocks"]
    line.write_text(json.dumps(told | {"format": 1}) + "\n")
    for file in (copy / "model" / "data").glob("part-*"):
        pq.write_table(pq.read_table(file).drop_columns(["block"]), file, compression="snappy")
    assert same(DeepNetModel.load(f"{copy}/model"), model)

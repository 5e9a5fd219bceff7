"""Folders of any name: what is written there is found again, or the name is refused before anything is written."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.ml import PipelineModel

from spark_deepnet import DeepNetEstimator, DeepNetModel
from spark_deepnet.errors import DeepNetError, ModelFormatError, ParamError, SaveError
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.spark.fit.checkpoints import FOLDER, Checkpoints
from spark_deepnet.spark.session.paths import check_path, folder_identity, unescaped
from tests.spark.data import blobs, estimator, frame, same
from tests.spark.test_bad_input import check_sentence

NAMES = ["a[b]", "a{b,c} d", "{", "a[", "a*?", "a\\[b", "%20 ü日本 #?", "a:b", "_hidden", "'\"$~;!]}"]
REFUSED = ["ck:x", "ck:x/y", "s3a:bucket", "a\nb", "a/b\x00", "", " ", "/tmp/a:b[c]", "file:/a:[", None, 5, b"/a"]
TAKEN = ["/a", "/a/b:c", "a", "./ck:x", "file:/a", "file:///a", "hdfs://host:8020/a[b]", "s3a://bucket/a b", "dbfs:/a"]


@pytest.mark.parametrize("path", REFUSED)
def test_a_path_that_cannot_be_read_again_is_refused(path: Any) -> None:
    for error in SaveError, ParamError, ModelFormatError:
        with pytest.raises(error, match="here: "):
            check_path(path, "here", error)


@pytest.mark.parametrize("path", TAKEN)
def test_others_are_taken(path: str) -> None:
    assert check_path(path, "here", ParamError) == path


def test_wildcards_that_were_escaped_for_spark() -> None:
    assert unescaped(r"/a\[b\]/c\\d/\e") == r"/a[b]/c\d/\e"


@pytest.fixture(scope="module")
def rows(spark: Any) -> Any:
    return frame(spark, *blobs(30)).cache()


@pytest.fixture(scope="module")
def pair(rows: Any) -> Any:
    return estimator(maxIter=1).fit(rows), estimator(maxIter=1, seed=1).fit(rows)


def around(folder: Path) -> None:
    """Neighbours that a pattern would take as well."""
    for name in ("ab", "a", "b", "acb", "abc", "a1"):
        (folder / name / "data").mkdir(parents=True)
        (folder / name / "metadata").mkdir()
        (folder / name / "metadata" / "part-0.txt").write_text("5\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_found_again(pair: Any, tmp_path: Path, name: str) -> None:
    check_found(pair, tmp_path, name)


@pytest.mark.sessions("connect")
@pytest.mark.parametrize("name", NAMES[::4])
def test_and_over_connect(pair: Any, tmp_path: Path, name: str) -> None:
    check_found(pair, tmp_path, name)


def check_found(pair: Any, tmp_path: Path, name: str) -> None:
    around(tmp_path)
    first, second = pair
    path = f"{tmp_path}/{name}"
    first.save(path)
    assert same(DeepNetModel.load(path), first)
    with pytest.raises(SaveError, match="exists already"):
        second.save(path)
    second.write().overwrite().save(f"file://{path}/")
    assert same(DeepNetModel.load(path), second)
    assert sorted(p.name.partition("-")[0] for p in (tmp_path / name).iterdir()) == ["data", "metadata"]


def test_so_is_an_estimator_and_one_in_a_pipeline(pair: Any, tmp_path: Path) -> None:
    path = f"{tmp_path}/a[b] {{c}}"
    estimator().save(path)
    assert DeepNetEstimator.load(path).getLayers() == estimator().getLayers()
    PipelineModel([pair[0]]).save(f"{path}/pipeline")
    escaped = str(tmp_path) + r"/a\[b\] \{c\}/pipeline"  # Spark reads a Pipeline's own path as a pattern
    assert same(PipelineModel.load(escaped).stages[0], pair[0])


@pytest.mark.parametrize("path", [path for path in REFUSED if path])
def test_nothing_is_written_or_trained_where_a_path_is_refused(
    rows: Any, pair: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    net = estimator()
    acts = [lambda: pair[0].save(path), lambda: pair[0].write().overwrite().save(path), lambda: DeepNetModel.load(path)]
    if isinstance(path, str) and path.strip():
        monkeypatch.setattr(Checkpoints, "__enter__", None)
        acts += [lambda: net.copy({net.checkpointDir: path}).fit(rows), lambda: net.save(path)]
    for act in acts:
        with pytest.raises(DeepNetError) as raised:
            act()
        check_sentence(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a[b] {*", "ü:x"])
def test_a_fit_resumes_in_a_folder_of_any_name(rows: Any, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    net = estimator(maxIter=2, checkpointInterval=1, checkpointDir=str(folder))
    save = Checkpoints.save

    def saved(self: Checkpoints, state: Any, plan: TrainPlan, epoch: int) -> None:
        save(self, state, plan, epoch)
        raise DeepNetError("broken off")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(DeepNetError, match="broken off"):
        patch.setattr(Checkpoints, "save", saved)
        net.fit(rows)
    assert [p.name for p in (folder / FOLDER).iterdir()] == ["1"]
    assert net.fit(rows).summary.jobs == 1, "the second half alone"
    assert list(folder.iterdir()) == []


@pytest.mark.sessions("classic", "connect")
def test_a_folder_is_one_under_all_its_names(spark: Any) -> None:
    same_folder = ["/f/g", "/f/g/", "file:/f/g", "file:///f/g", "/f/h/../g", "/f//g"]
    assert len({folder_identity(spark, path) for path in same_folder}) == 1
    assert len({folder_identity(spark, path) for path in ("/f", "/g", "/f/f", "f")}) == 4


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"this user may not mount a small file system: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def files(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.sessions("classic", slowly="connect")
def test_a_full_disk_does_not_lose_the_old_model(rows: Any, pair: Any, disk: Path) -> None:
    pair[0].save(f"{disk}/model")
    before = files(disk)
    large = estimator(layers=[4, 60_000, 3], maxIter=1).fit(rows)
    for _ in range(2):  # what the first leaves does not hinder the second
        with pytest.raises(SaveError, match=r"No space left on device; what was there before is kept") as raised:
            large.write().overwrite().save(f"{disk}/model")
        check_sentence(raised.value)
        assert same(DeepNetModel.load(f"{disk}/model"), pair[0])
    assert {name: data for name, data in files(disk).items() if "_SUCCESS" not in name} == {
        name: data for name, data in before.items() if "_SUCCESS" not in name
    }
    with pytest.raises(SaveError, match="No space left on device"):
        large.save(f"{disk}/large")
    assert not (disk / "large").exists()
    (disk / "kept" / ".git").mkdir(parents=True)
    with pytest.raises(SaveError, match="No space left on device"):
        large.save(f"{disk}/kept")
    assert [p.name for p in (disk / "kept").iterdir()] == [".git"], "what is not ours stays"
    # Spark's writers that failed may hold files open that are gone, and so their space, until they are collected
    subprocess.run(["mount", "-o", "remount,size=16m", disk], check=True)
    pair[1].write().overwrite().save(f"{disk}/model")
    assert same(DeepNetModel.load(f"{disk}/model"), pair[1])


@pytest.mark.sessions("classic", slowly="connect")
def test_nor_does_a_read_only_one(pair: Any, disk: Path) -> None:
    pair[0].save(f"{disk}/model")
    estimator().save(f"{disk}/net")
    before = files(disk)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    acts = [
        lambda: pair[1].write().overwrite().save(f"{disk}/model"),
        lambda: pair[1].save(f"{disk}/other"),
        lambda: pair[1].write().overwrite().save(f"{disk}/other"),
        lambda: estimator().write().overwrite().save(f"{disk}/net"),
        lambda: PipelineModel([pair[1]]).stages[0].write().overwrite().save(f"{disk}/model"),
    ]
    for act in acts:
        with pytest.raises(SaveError, match=r"save: .* could not be written: ") as raised:
            act()
        check_sentence(raised.value)
    assert files(disk) == before
    assert same(DeepNetModel.load(f"{disk}/model"), pair[0])


def test_leftovers_of_earlier_tries_do_not_hinder(spark: Any, pair: Any, tmp_path: Path) -> None:
    path = tmp_path / "model"
    (path / "data" / "_temporary" / "0").mkdir(parents=True)
    spark.range(3).write.parquet(f"{path}/data-0123456789abcdef")
    pair[0].save(str(path))  # that try had no metadata, so there is no model to be replaced
    assert same(DeepNetModel.load(str(path)), pair[0])
    pair[1].write().overwrite().save(str(path))
    assert same(DeepNetModel.load(str(path)), pair[1])
    assert len(list(path.glob("data*"))) <= 2
    with pytest.raises(SaveError, match="exists already"):
        pair[0].save(str(path))


def test_of_two_lines_of_metadata_the_later_save_counts(pair: Any, tmp_path: Path) -> None:
    """As where the driver died behind the new line, before the old one was removed."""
    path = tmp_path / "model"
    pair[0].save(str(path))
    old = {file.name: file.read_bytes() for file in (path / "metadata").glob("part-*")}
    weights = {file: file.read_bytes() for file in (path / "data").rglob("*") if file.is_file()}
    pair[1].write().overwrite().save(str(path))
    for name, text in old.items():
        (path / "metadata" / name).write_bytes(text)
    (path / "data").mkdir(exist_ok=True)
    for file, data in weights.items():
        file.write_bytes(data)
    assert same(DeepNetModel.load(str(path)), pair[1])
    pair[0].write().overwrite().save(str(path))
    assert same(DeepNetModel.load(str(path)), pair[0])
    assert len(list((path / "metadata").glob("part-*"))) == 1


def test_what_fails_is_told_by_its_deepest_cause(pair: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (f"{tmp_path}/file/model", "nofs://host/model", "/proc/model"):
        for writer in (pair[0].write(), pair[0].write().overwrite()):
            with pytest.raises(SaveError, match="save: ") as raised:
                writer.save(path)
            check_sentence(raised.value)
            assert "An error occurred" not in str(raised.value)

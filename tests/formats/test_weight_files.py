"""Files of weights that cannot be taken over are refused in a sentence; layers and arrays are matched or named."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from spark_deepnet.errors import FormatError
from spark_deepnet.formats import keras, torch
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.gru import GRU
from spark_deepnet.layers.instance_norm import InstanceNorm
from spark_deepnet.layers.lstm import LSTM
from tests.formats.test_caffe_fuzz import mutated, peak_bytes, survives
from tests.formats.weight_files import archive, legacy_h5, safetensors, weights_h5

W, B = np.arange(12, dtype=np.float32).reshape(4, 3), np.ones(3, np.float32)
LAYERS = [Dense(3)]
GROUPS = {"layers/dense": [W, B]}


def read(path: Path, layers: Any = LAYERS, shape: Any = (4,), **options: Any) -> dict[str, np.ndarray]:
    reader = torch if path.suffix == ".safetensors" else keras
    return reader.weights(path, layers, shape, **options)


def refused(path: Path, says: str, **options: Any) -> str:
    with pytest.raises(FormatError, match=says) as error:
        read(path, **options)
    assert len(str(error.value)) < 3000
    return str(error.value)


def with_link(file: h5py.File) -> None:
    file["layers/dense/vars/0"] = h5py.SoftLink("/elsewhere")


def with_external_link(file: h5py.File) -> None:
    file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/other.h5", "/x")


def with_external_numbers(file: h5py.File) -> None:
    file.create_dataset("layers/dense/vars/0", (4, 3), "f4", external=[("/etc/passwd", 0, 48)])


def with_virtual_numbers(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4, 3), "f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "x", (4, 3))
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def with_an_unknown_filter(file: h5py.File) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((4, 3))
    plist.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
    space, group = h5py.h5s.create_simple((4, 3)), file.require_group("layers/dense/vars")
    h5py.h5d.create(group.id, b"0", h5py.h5t.IEEE_F32LE, space, plist)


def without_numbers(file: h5py.File) -> None:
    file.create_dataset("layers/dense/vars/0", (4, 3), "f4", chunks=(4, 3))


def of_ten_to_twelve(file: h5py.File) -> None:
    file.create_dataset("layers/dense/vars/0", (10**6, 10**6), "f4", chunks=(10, 10))


def in_a_circle(file: h5py.File) -> None:
    file["layers/dense/vars/0"] = W
    file["layers/again"] = file["layers"]


def of_texts(file: h5py.File) -> None:
    file["layers/dense/vars/0"] = np.full((4, 3), b"no")


def nested_deeply(file: h5py.File) -> None:
    file["/".join(["a"] * 40) + "/vars/0"] = W


HDF5: dict[Callable[[h5py.File], None], str] = {
    with_link: r"layers/dense/vars/0 is a link to '/elsewhere'; links are not followed",
    with_external_link: r"is a link to '/etc/other.h5'",
    with_external_numbers: r"in another file",
    with_virtual_numbers: r"in another file",
    with_an_unknown_filter: r"filter 32015; read are gzip",
    without_numbers: r"needs 48 bytes, the file has 0",
    of_ten_to_twelve: r"nothing in the file fits layer 'dense'.*\(1000000, 1000000\)",
    in_a_circle: r"in the file twice",
    of_texts: r"type \|S2, expected floats",
    nested_deeply: r"nested deeper than 32",
}


@pytest.mark.parametrize("change", HDF5, ids=lambda change: change.__name__)
def test_an_hdf5_file_is_refused(change: Callable[[h5py.File], None], tmp_path: Path) -> None:
    path = tmp_path / "net.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/1"] = B
        change(file)
    refused(path, HDF5[change])


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/").replace("_", "."), content)
    return out.getvalue()


def header(entries: dict[str, Any], data: bytes = b"") -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


KERAS_FILES = {
    "empty": (b"", r"that is empty"),
    "text": (b"hello", r"expected a file of Keras.*not HDF5"),
    "pickle": (pickle.dumps({}), r"pickle"),
    "git-lfs": (b"version https://git-lfs.github.com/spec/v1\n", r"git lfs pull"),
    "safetensors": (header({"__metadata__": {}}), r"safetensors"),
    "PyTorch's zip": (zipped(archive__data_pkl=b"x"), r"PyTorch's pickle.*save_file.*formats.torch.weights"),
    "another zip": (zipped(a_txt=b"x"), r"found a.txt"),
    "config that is no JSON": (zipped(config_json=b"{", model_weights_h5=b"x"), r"damaged|no JSON"),
    "weights that are no HDF5": (zipped(config_json=b"{}", model_weights_h5=b"x" * 99), r"the HDF5 file is damaged"),
    "cut archive": (zipped(config_json=b"{}", model_weights_h5=b"x")[:60], r"ZIP archive is damaged"),
}
TORCH_FILES = {
    "empty": (b"", r"expected a safetensors file, found a file that is empty"),
    "pickle": (pickle.dumps({}), r"pickles .*any code.*safetensors.torch.save_file\(model.state_dict\(\)"),
    "zip of PyTorch": (zipped(archive__data_pkl=b"x"), r"pickles .*any code"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", r"formats.keras.weights"),
    "index": (b'{"weight_map": {}}', r"index of several parts"),
    "header too long": (struct.pack("<Q", 10**7) + b"{}", r"damaged"),
    "shape of 10^12": (
        header({"w": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4]}}, b"1234"),
        r"damaged",
    ),
    "cut off": (header({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"1234"), r"damaged"),
    "eight bits": (
        header(
            {
                "a.weight": {"dtype": "F8_E5M2", "shape": [3, 4], "data_offsets": [0, 12]},
                "a.bias": {"dtype": "F8_E5M2", "shape": [3], "data_offsets": [12, 15]},
            },
            bytes(15),
        ),
        r"type F8_E5M2; read are F64, F32, F16, BF16",
    ),
}


@pytest.mark.parametrize("name", KERAS_FILES)
def test_what_is_no_file_of_keras_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.h5"
    path.write_bytes(KERAS_FILES[name][0])
    refused(path, KERAS_FILES[name][1])


@pytest.mark.parametrize("name", TORCH_FILES)
def test_what_is_no_safetensors_file_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(TORCH_FILES[name][0])
    refused(path, TORCH_FILES[name][1])


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".pkl"])
def test_pickles_are_refused_whatever_is_in_them(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"anything")
    with pytest.raises(FormatError, match=r"pickles.*could run any code.*save_file"):
        torch.weights(path, LAYERS, (4,))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "none.h5", r"cannot be read: No such file")
    refused(tmp_path / "none.safetensors", r"cannot be read: No such file")
    refused(tmp_path, r"cannot be read: Is a directory")


@pytest.mark.parametrize(("package", "suffix"), [("h5py", ".h5"), ("safetensors", ".safetensors")])
def test_a_missing_package_is_named(package: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"net{suffix}"
    if package == "h5py":
        weights_h5(path, GROUPS)
    else:
        safetensors(path, {"a.weight": W.T, "a.bias": B})
    monkeypatch.setitem(sys.modules, package, None)
    refused(path, r"pip install \"spark_deepnet\[(keras|safetensors)\]\"")


def test_all_that_does_not_match_is_listed(tmp_path: Path) -> None:
    path = weights_h5(tmp_path / "a.weights.h5", GROUPS | {"layers/dense_1": [W.T, np.ones(4)]}, {"layers/dense": "fc"})
    text = refused(path, "the weights are not those of the layers", layers=[Dense(3), Dense(5), BatchNorm()])
    for part in (
        r"'dense_2' (dense) with (3, 5), (5,)",
        "'batch_norm' (batch_norm)",
        "'dense_1' with (3, 4), (4,)",
        "skip=",
    ):
        assert part in text
    assert set(read(path, [Dense(3), Dense(5)], skip=("dense_2", "dense_1"))) == {"dense/W", "dense/b"}


def test_names_say_which_belong_together(tmp_path: Path) -> None:
    two = {"a.weight": W.T[:, :3], "a.bias": B, "head.weight": 2 * W.T[:, :3], "head.bias": B}
    path = safetensors(tmp_path / "a.safetensors", two)
    layers = [Dense(3), Dense(3)]
    refused(path, r"unclear which of 'a', 'head' belongs to which of 'dense', 'dense_2'", layers=layers, shape=(3,))
    named = read(path, layers, (3,), names={"dense": "head"})
    np.testing.assert_array_equal(named["dense/W"], two["head.weight"].T)
    np.testing.assert_array_equal(named["dense_2/W"], two["a.weight"].T)
    equal = read(path, [Dense(3, name="head"), Dense(3, name="a")], (3,))
    np.testing.assert_array_equal(equal["head/W"], two["head.weight"].T)
    refused(
        path, r"no layer with weights is called 'dens'; did you mean", layers=layers, shape=(3,), names={"dens": "a"}
    )
    refused(path, r"the file has no 'heat'; did you mean 'head'", layers=layers, shape=(3,), names={"dense": "heat"})
    refused(path, r"given to two layers", layers=layers, shape=(3,), names={"dense": "a", "dense_2": "a"})
    refused(path, r"does not fit 'a'", layers=[Dense(2), Dense(3)], shape=(3,), names={"dense": "a", "dense_2": "head"})
    refused(path, r"skip: neither layers nor file have 'b'", layers=layers, shape=(3,), skip=("b",))


def test_modules_of_equal_shapes_go_by_their_numbers(tmp_path: Path) -> None:
    square = np.eye(3, dtype=np.float32)
    arrays = {f"{k}.{name}": k * array for k in (0, 2, 10) for name, array in (("weight", square), ("bias", B))}
    path = safetensors(tmp_path / "a.safetensors", arrays)
    read_arrays = read(path, [Dense(3), Dense(3), Dense(3)], (3,))
    assert [read_arrays[f"{name}/b"][0] for name in ("dense", "dense_2", "dense_3")] == [0, 2, 10]


def test_layouts_that_have_no_layer_say_why(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kernels = [rng.normal(size=shape) for shape in ((4, 9), (3, 9))]
    early = legacy_h5(tmp_path / "a.h5", {"g": {f"g/{k}:0": a for k, a in enumerate([*kernels, np.ones(9)])}})
    refused(early, r"reset_after=False", layers=[GRU(3)], shape=(5, 4))
    cudnn = legacy_h5(tmp_path / "b.h5", {"g": {f"g/{k}:0": a for k, a in enumerate([*kernels, np.ones(18)])}})
    refused(cudnn, r"CuDNN", layers=[GRU(3)], shape=(5, 4))
    wide = [np.ones((4, 12)), np.ones((3, 12)), np.ones(24)]
    cudnn = legacy_h5(tmp_path / "c.h5", {"g": {f"g/{k}:0": a for k, a in enumerate(wide)}})
    refused(cudnn, r"CuDNN", layers=[LSTM(3)], shape=(5, 4))


def test_what_the_config_tells_is_held_against_the_layers(tmp_path: Path) -> None:
    groups = {"layers/batch_normalization": [B, B, B, B]}
    path = archive(tmp_path / "a.keras", groups, [("BatchNormalization", {"name": "n", "epsilon": 1e-5})])
    refused(path, r"'batch_norm' has epsilon=0.001, 'n' has 1e-05", layers=[BatchNorm()], shape=(3,))
    assert set(read(path, [BatchNorm(epsilon=1e-5)], (3,))) >= {"batch_norm/gamma"}
    groups = {"layers/group_normalization": [B, B]}
    path = archive(tmp_path / "c.keras", groups, [("GroupNormalization", {"name": "n", "groups": 1, "epsilon": 1e-3})])
    refused(path, r"a GroupNormalization of 1 groups; here each channel", layers=[InstanceNorm()], shape=(2, 3))
    path = archive(tmp_path / "d.keras", groups, [("GroupNormalization", {"name": "n", "groups": 3, "epsilon": 1e-3})])
    assert set(read(path, [InstanceNorm()], (2, 3))) == {"instance_norm/gamma", "instance_norm/beta"}
    path = archive(tmp_path / "b.keras", GROUPS, [("Lambda", {"name": "half"}), ("Dense", {"name": "fc"})])
    refused(path, r"Lambda, 'half', whose code is not run")


def test_torch_s_epsilon_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = safetensors(tmp_path / "a.safetensors", {"n.running_mean": B, "n.running_var": B})
    read(path, [BatchNorm(scale=False, center=False)], (3,))
    assert "'batch_norm' (0.001) is not PyTorch's default, 1e-05" in caplog.text
    caplog.clear()
    read(path, [BatchNorm(scale=False, center=False, epsilon=1e-5)], (3,))
    assert not caplog.text


def test_numbers_of_half_precision_are_read(tmp_path: Path) -> None:
    bits = (np.array([[1, 2, 3, 4]] * 3, np.float32).view(np.uint32) >> 16).astype("<u2")
    entry = {"dtype": "BF16", "shape": [3, 4], "data_offsets": [0, 24]}
    path = tmp_path / "a.safetensors"
    path.write_bytes(header({"a.weight": entry}, bits.tobytes()))
    np.testing.assert_array_equal(read(path, [Dense(3, bias=False)])["dense/W"][:, 0], [1, 2, 3, 4])
    path = safetensors(tmp_path / "b.safetensors", {"a.weight": W.T.astype(np.float16), "a.bias": B.astype(np.float64)})
    np.testing.assert_array_equal(read(path)["dense/W"], W)
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.ascontiguousarray(bits.T)
        file["layers/dense/vars/0"].attrs["dtype"] = "bfloat16"
    np.testing.assert_array_equal(read(path, [Dense(3, bias=False)])["dense/W"][:, 0], [1, 2, 3, 4])


@pytest.mark.parametrize("attribute", ["layer_names", "weight_names", "model_config", "name"])
@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_a_text_that_cannot_be_where_it_is_said_to_be_is_refused(attribute: str, version: str, tmp_path: Path) -> None:
    """Before the library makes room for it, or looks for it for ever."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=version) as file:
        own = file.create_group("layers/dense/vars") if attribute == "name" else file
        own.attrs[attribute] = "a text" if attribute in ("model_config", "name") else [b"first", b"a text"]
        own["0"] = W
    data, read_before = bytearray(path.read_bytes()), peak_bytes()
    at = data.find(attribute.encode() + b"\0")
    value = data.find(struct.pack("<I", 6), at + len(attribute))
    data[value + 3] = 0x40
    path.write_bytes(data)
    damaged = data.copy()
    damaged[value + 3] = 0
    heap = data.find(b"GCOL") + 16
    while struct.unpack_from("<H", damaged, heap)[0]:
        heap += 16 + -(-struct.unpack_from("<Q", damaged, heap + 8)[0] // 8) * 8
    damaged[heap + 8 : heap + 16] = bytes(8)  # what is free, of which the library waits for the end
    path.write_bytes(damaged)
    refused(path, f"the texts of attribute '{attribute}' overlap")
    path.write_bytes(data)
    refused(path, f"attribute '{attribute}' has a text of {0x40000006} bytes, of {len(data)}")
    assert peak_bytes() - read_before < 100 << 20


def test_what_is_no_weight_is_left_out(tmp_path: Path) -> None:
    """Optimizers, counters of dropout's seeds and of metrics."""
    others = {"optimizer": [np.ones(())], "layers/dropout/seed_generator": [np.ones(2, np.uint32)], "metrics/mean": [B]}
    np.testing.assert_array_equal(read(weights_h5(tmp_path / "a.weights.h5", GROUPS | others))["dense/W"], W)


def test_models_in_models_are_read(tmp_path: Path) -> None:
    path = weights_h5(tmp_path / "a.weights.h5", {"layers/functional/layers/dense": [W, B]})
    np.testing.assert_array_equal(read(path)["dense/W"], W)
    inner = {"block/one/kernel:0": W, "block/one/bias:0": B, "block/two/kernel:0": W[:3], "block/two/bias:0": B}
    own = read(legacy_h5(tmp_path / "a.h5", {"block": inner}, whole=False), [Dense(3), Dense(3)])
    np.testing.assert_array_equal(own["dense_2/W"], W[:3])


def test_compressed_numbers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/dense/vars/0", data=W, compression="gzip", shuffle=True, fletcher32=True)
        file.create_dataset("layers/dense/vars/1", data=B, compression="lzf")
    np.testing.assert_array_equal(read(path)["dense/W"], W)


def fuzz(folder: Path, count: int, seed: int) -> None:
    """Damage each kind of file in turn."""
    layers = [Dense(3, name="own"), BatchNorm(epsilon=1e-5)]
    norm = {"gamma": B, "beta": B, "mean": B, "variance": B}
    groups = GROUPS | {"layers/batch_normalization": list(norm.values())}
    configs: list[tuple[str, dict[str, Any]]] = [("Dense", {"name": "own"}), ("BatchNormalization", {"epsilon": 1e-5})]
    legacy = {"own": {"own/kernel:0": W, "own/bias:0": B}, "n": {f"n/{key}:0": a for key, a in norm.items()}}
    state = {"0.weight": W.T, "0.bias": B, "1.weight": B, "1.bias": B, "1.running_mean": B, "1.running_var": B}
    paths = [
        weights_h5(folder / "a.weights.h5", groups),
        legacy_h5(folder / "a.h5", legacy),
        archive(folder / "a.keras", groups, configs),
        safetensors(folder / "a.safetensors", state),
    ]
    good = {path: path.read_bytes() for path in paths}
    for path in paths:
        assert len(read(path, layers)) == 6
    rng, before = np.random.default_rng(seed), peak_bytes()
    for k in range(count):
        path = paths[k % 4]
        damaged = mutated(good[path], rng)
        path.write_bytes(damaged)
        survives(lambda: read(path, layers), damaged)  # noqa: B023
    assert peak_bytes() - before < 1 << 30


def test_some_damaged_files(tmp_path: Path) -> None:
    fuzz(tmp_path, 400, seed=0)


@pytest.mark.slow
def test_ten_thousand_damaged_files(tmp_path: Path) -> None:
    fuzz(tmp_path, int(os.environ.get("FUZZ", "10000")), seed=1)

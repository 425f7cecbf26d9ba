"""Callables and ONNX files become designs that compute the same, with modules, repeats and unknown operators."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import load_file

from designer.check import check
from designer.cli import main
from designer.document import Design
from designer.errors import UserError
from designer.reader import read_design
from designer.render import Rendering, load_model, render
from designer.sources.onnx.source import read_onnx
from designer.sources.pytorch.inputs import resolve
from designer.sources.pytorch.worker import run
from tests.importers import networks

ROOT = Path(__file__).parents[2]


def model_of(document: dict[str, Any], weights: Path) -> tuple[Design, Rendering, torch.nn.Module]:
    """Check, render and load a design with its weights."""
    design = read_design(document)
    errors = [one.message for one in check(design).diagnostics if one.severity == "error"]
    assert not errors, errors
    rendering = render(design)
    model = load_model(rendering)().eval()
    model.load_state_dict(load_file(weights), strict=True)
    return design, rendering, model


def trace(name: str, weights: Path) -> dict[str, Any]:
    question = {"source": f"tests.importers.networks:{name}", "folder": str(ROOT), "weights": str(weights)}
    return run(question)


def test_a_transformer_keeps_its_modules_and_folds_its_blocks(tmp_path: Path):
    found = trace("transformer", tmp_path / "w.safetensors")
    assert found["unknown"] == []
    design, rendering, model = model_of(found["document"], tmp_path / "w.safetensors")
    main_nodes = design.main_definition.nodes
    assert main_nodes["blocks"].call == "Block" and main_nodes["blocks"].repeat == 3
    assert {"Transformer", "Block", "Attention", "BlockMlp", "BlockAda"} == set(design.definitions)
    assert {"blocks.2.attn.qkv.weight", "pos.value", "patch.bias"} <= model.state_dict().keys()
    assert [one.name for one in rendering.inputs] == ["x", "t", "y"]
    module, inputs = networks.transformer()
    with torch.no_grad():
        assert torch.allclose(model(*inputs), module(*inputs), atol=1e-5)
        more = (torch.randn(5, 3, 16, 16), torch.rand(5), torch.zeros(5, dtype=torch.int64))
        assert torch.allclose(model(*more), module(*more), atol=1e-5)


def test_a_convolutional_network_shares_what_it_calls_twice_at_any_size(tmp_path: Path):
    torch.manual_seed(0)
    found = trace("Convolutional", tmp_path / "w.safetensors")
    design, _, model = model_of(found["document"], tmp_path / "w.safetensors")
    shared = [node for node in design.main_definition.nodes.values() if node.instance == "down"]
    assert len(shared) == 2 and {node.call for node in shared} == {"ConvBlock"}
    torch.manual_seed(0)
    module = networks.Convolutional().eval()
    for shape in ((2, 3, 32, 32), (3, 3, 16, 24)):
        x = torch.randn(shape)
        with torch.no_grad():
            assert torch.allclose(model(x), module(x), atol=1e-5)


def test_masks_positions_parts_and_video_hold_at_any_size(tmp_path: Path):
    found = trace("assorted", tmp_path / "w.safetensors")
    assert found["unknown"] == []
    _, _, model = model_of(found["document"], tmp_path / "w.safetensors")
    module, _ = networks.assorted()
    for sizes in ((2, 3, 8, 5), (3, 4, 6, 7)):
        inputs = networks.assorted_inputs(*sizes)
        with torch.no_grad():
            for got, wanted in zip(model(*inputs), module(*inputs), strict=True):
                assert torch.allclose(got, wanted, atol=1e-5)


def test_an_operator_without_block_is_listed_and_stands_in_the_design(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    design = tmp_path / "design.json"
    assert main(["import", "tests.importers.networks:Sorted", "-o", str(design), "--json"]) == 1
    said = capsys.readouterr()
    assert "no block stands for the operator aten.sort.default at sort" in said.err
    assert json.loads(said.out)["unknown"] == ["aten.sort.default at sort"]
    nodes = json.loads(design.read_text())["definitions"]["Sorted"]["nodes"]
    assert nodes["fc"]["call"] == "Linear" and nodes["aten_sort_default"]["call"] == "AtenSortDefault"
    assert main(["check", str(design)]) == 1
    assert "AtenSortDefault" in capsys.readouterr().err


def test_batch_normalisation_keeps_its_stored_statistics(tmp_path: Path):
    found = trace("Normalised", tmp_path / "w.safetensors")
    _, _, model = model_of(found["document"], tmp_path / "w.safetensors")
    assert "norm.running_var" in model.state_dict()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("tests.importers.networks:NUMBER", "is a int; expected a module class"),
        ("tests.importers.networks:Absent", "has no 'Absent'"),
        ("tests.importers.absent:Net", "the module 'tests.importers.absent' cannot be imported"),
        ("tests.importers.networks:needs_argument", "cannot be called without arguments"),
        ("tests.importers.networks:Failing", "no inputs were found on which Failing.forward(x) runs"),
    ],
)
def test_callables_that_cannot_be_used_are_named(tmp_path: Path, source: str, message: str):
    with pytest.raises(UserError) as error:
        run({"source": source, "folder": str(ROOT), "weights": str(tmp_path / "w.safetensors")})
    assert message in str(error.value)


def test_inputs_are_found_from_names_and_layers():
    _, (inputs, _) = resolve(networks.Transformer, "networks:Transformer")
    assert [tuple(one.shape) for one in inputs] == [(2, 3, 16, 16), (2,), (2,)]


def test_an_exported_onnx_file_keeps_modules_and_repeats(tmp_path: Path):
    module, inputs = networks.transformer()
    path = tmp_path / "transformer.onnx"
    batch = {0: torch.export.Dim("B")}
    names = ["x", "t", "y"]
    torch.onnx.export(
        module.eval(),
        inputs,
        path,
        dynamo=True,
        verbose=False,
        input_names=names,
        dynamic_shapes=(batch,) * 3,
    )
    imported, unknown = read_onnx(path, tmp_path / "w.safetensors")
    assert unknown == []
    design, rendering, model = model_of(imported.document, tmp_path / "w.safetensors")
    assert design.main_definition.nodes["blocks"].repeat == 2  # the exporter shares one operator of the first
    assert [one.name for one in rendering.inputs] == names
    with torch.no_grad():
        assert torch.allclose(model(*inputs), module(*inputs), atol=1e-5)


def small_onnx(path: Path, *, location: str = "", operator: str = "Relu") -> None:
    """Write y = operator(x W + b), its weight inside the file or at `location`."""
    weight = helper.make_tensor("fc.weight", TensorProto.FLOAT, [4, 3], np.ones(12, dtype=np.float32))
    if location:
        weight.ClearField("float_data")
        weight.data_location = TensorProto.EXTERNAL
        entry = weight.external_data.add()
        entry.key, entry.value = "location", location
    bias = helper.make_tensor("fc.bias", TensorProto.FLOAT, [3], np.ones(3, dtype=np.float32))
    nodes = [
        helper.make_node("MatMul", ["x", "fc.weight"], ["h"], name="/net/fc/MatMul"),
        helper.make_node("Add", ["h", "fc.bias"], ["g"], name="/net/fc/Add"),
        helper.make_node(operator, ["g"], ["y"], name="/net/act/Op"),
    ]
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
        for name, size in (("x", 4), ("y", 3))
    ]
    graph = helper.make_graph(nodes, "net", ports[:1], ports[1:], [weight, bias])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)


def test_an_onnx_file_is_imported_with_its_weights(tmp_path: Path, capsys):
    path, design, out = (tmp_path / name for name in ("net.onnx", "design.json", "w.safetensors"))
    small_onnx(path)
    assert main(["import", str(path), "-o", str(design), "--weights-out", str(out)]) == 0
    _, rendering, model = model_of(json.loads(design.read_text()), out)
    assert rendering.inputs[0].shape == ("batch", 4)
    assert sorted(model.state_dict()) == ["net.fc.bias", "net.fc.weight"]
    assert torch.equal(model(torch.ones(2, 4)), torch.full((2, 3), 5.0))


def test_an_unknown_onnx_operator_is_listed(tmp_path: Path, capsys):
    path, design = tmp_path / "net.onnx", tmp_path / "design.json"
    small_onnx(path, operator="Hardmax")
    assert main(["import", str(path), "-o", str(design)]) == 1
    assert "the operator Hardmax at net.act//net/act/Op" in capsys.readouterr().err
    assert "OnnxHardmax" in design.read_text()


@pytest.mark.parametrize("location", ["/etc/hostname", "../outside.bin", "link.bin"])
def test_external_data_outside_the_folder_is_refused(tmp_path: Path, location: str):
    (tmp_path / "outside.bin").write_bytes(bytes(48))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
    small_onnx(folder / "net.onnx", location=location)
    with pytest.raises(UserError, match="outside the file's folder"):
        read_onnx(folder / "net.onnx", tmp_path / "w.safetensors")


def test_external_data_in_the_folder_is_read(tmp_path: Path):
    (tmp_path / "data.bin").write_bytes(np.ones(12, dtype=np.float32).tobytes())
    small_onnx(tmp_path / "net.onnx", location="data.bin")
    read_onnx(tmp_path / "net.onnx", tmp_path / "w.safetensors")
    assert load_file(tmp_path / "w.safetensors")["net.fc.weight"].sum() == 12


@pytest.mark.parametrize("content", [b"", b"not an ONNX file", b"\x08\x08"])
def test_what_is_no_onnx_file_is_named(tmp_path: Path, content: bytes):
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(UserError, match="not an ONNX file"):
        read_onnx(tmp_path / "net.onnx", tmp_path / "w.safetensors")

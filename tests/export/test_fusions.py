"""Which operators run as one kernel, and the variant for CUDA: checked in structure, and in meaning by a stand-in."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from designer.cli import main
from designer.document import save
from designer.errors import UserError
from designer.export import export_onnx
from designer.export.cuda import CONTRIB, CUDA_FILE
from designer.presets import build


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory):
    """The folder and report of `designer export --provider cuda` of a U-Net, and what was said."""
    root = tmp_path_factory.mktemp("cuda")
    save(build("ddpm-tiny"), root / "design.json")
    arguments = [str(root / "design.json"), "--provider", "cuda", "-o", str(root / "out"), "--json"]
    assert main(["export", *arguments]) == 0
    return root / "out", json.loads((root / "out" / "export.json").read_text())


def operators(path: Path) -> Counter[str]:
    return Counter(node.op_type for node in onnx.load(str(path)).graph.node)


def test_what_runs_as_one_kernel_is_reported(export) -> None:
    folder, report = export
    found = {one["kind"]: (one["expected"], one["matched"]) for one in report["fusions"]}
    has = operators(folder / "model.onnx")
    assert found["attention"] == (has["Attention"],) * 2 and has["Attention"] > 0
    assert found["SiLU"][0] == found["SiLU"][1] > 0
    assert found["group norm"] == (has["GroupNormalization"], 0)  # the CPU has no kernel for it
    assert sorted(one.name for one in folder.iterdir()) == [
        "design.json", "export.json", CUDA_FILE, "model.onnx", "serving", "source",
    ]  # fmt: skip


def test_every_group_norm_and_attention_is_kept_or_fused(export) -> None:
    folder, report = export
    before, after = operators(folder / "model.onnx"), operators(folder / CUDA_FILE)
    cuda = report["cuda"]
    assert cuda["matched"] == cuda["expected"] == before["GroupNormalization"] == after["GroupNorm"]
    assert after["GroupNormalization"] == 0 and after["Attention"] == before["Attention"]
    assert 0 < cuda["with_silu"] == before["Sigmoid"] - after["Sigmoid"]
    model = onnx.load(str(folder / CUDA_FILE))
    onnx.checker.check_model(model, full_check=True)
    assert (CONTRIB, 1) in {(one.domain, one.version) for one in model.opset_import}
    # ONNX Runtime takes the operator's types and attributes, and then has no CPU kernel for it
    with pytest.raises(Exception, match=r"NOT_IMPLEMENTED.*GroupNorm\(1\)"):
        onnxruntime.InferenceSession(str(folder / CUDA_FILE), providers=["CPUExecutionProvider"])


def stand_in(node: onnx.NodeProto) -> onnx.FunctionProto:
    """Return com.microsoft.GroupNorm, as its documentation has it, in standard operators: for one set of attributes."""
    given = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    body = [
        helper.make_node("Transpose", ["x"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "GroupNormalization", ["first", "gamma", "beta"], ["normal"],
            num_groups=given["groups"], epsilon=given["epsilon"],
        ),
        helper.make_node("Transpose", ["normal"], ["linear"], perm=[0, 2, 3, 1]),
        helper.make_node("Sigmoid", ["linear"], ["gate"]),
        helper.make_node("Mul", ["linear", "gate"], ["y"]) if given["activation"] else
        helper.make_node("Identity", ["linear"], ["y"]),
    ]  # fmt: skip
    imports = [helper.make_opsetid("", 23)]
    return helper.make_function("stand.in", node.name, ["x", "gamma", "beta"], ["y"], body, imports)


def test_the_variant_computes_the_same(export, tmp_path: Path) -> None:
    folder, _ = export
    model = onnx.load(str(folder / CUDA_FILE))
    for node in model.graph.node:
        if node.op_type == "GroupNorm":
            model.functions.append(stand_in(node))
            node.op_type, node.domain = node.name, "stand.in"
            del node.attribute[:]
    model.opset_import.append(helper.make_opsetid("stand.in", 1))
    onnx.save(model, str(tmp_path / "model.onnx"))
    generator = np.random.default_rng(0)
    feeds = {"x": generator.standard_normal((2, 1, 16, 8), dtype=np.float32), "t": np.full(2, 5, np.float32)}
    answers = [
        onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, feeds)[0]
        for path in (folder / "model.onnx", tmp_path / "model.onnx")
    ]
    np.testing.assert_allclose(answers[1], answers[0], atol=1e-4)
    assert answers[0].std() > 0.01


def test_a_value_read_elsewhere_keeps_its_norm(tmp_path: Path) -> None:
    from designer.export.cuda import write_cuda_variant

    image = [helper.make_tensor_value_info(name, 1, ["B", 4, "H", "W"]) for name in ("x", "y", "normal")]
    tokens = [helper.make_tensor_value_info(name, 1, ["B", 4, "L"]) for name in ("s", "z")]
    ones = [numpy_helper.from_array(np.ones(4, np.float32), name) for name in ("gamma", "beta")]
    nodes = [
        helper.make_node("GroupNormalization", ["x", "gamma", "beta"], ["normal"], num_groups=2),
        helper.make_node("Sigmoid", ["normal"], ["gate"]),
        helper.make_node("Mul", ["normal", "gate"], ["y"]),
        helper.make_node("GroupNormalization", ["s", "gamma", "beta"], ["z"], num_groups=2),
    ]
    graph = helper.make_graph(nodes, "g", [image[0], tokens[0]], [image[1], image[2], tokens[1]], ones)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=11)
    onnx.save(made, str(tmp_path / "model.onnx"))
    found = write_cuda_variant(tmp_path / "model.onnx")
    assert (found.expected, found.matched, found.with_silu) == (2, 1, 0)  # three axes stay as they are
    assert operators(tmp_path / CUDA_FILE) == Counter(
        Transpose=2, GroupNorm=1, Sigmoid=1, Mul=1, GroupNormalization=1
    )


def test_another_provider_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="provider: received 'rocm'; expected one of cpu, cuda"):
        export_onnx(build("dit-tiny"), tmp_path, provider="rocm")

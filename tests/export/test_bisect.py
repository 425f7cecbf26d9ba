"""An export that differs names the first node that does, in the design's terms."""

from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

from designer.check import check
from designer.export.bisect import first_difference
from designer.export.exporter import example_inputs, export_model, load_weights
from designer.export.report import LIMITS
from designer.export.sizes import trace_point
from designer.origin import known_nodes
from designer.presets import build
from designer.render import load_model, render


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A small DiT, its export and what is known of it."""
    design = build("dit-tiny")
    rendering = render(design)
    model = load_model(rendering)().eval()
    load_weights(model, None)
    certificate = check(design).certificate
    axes = {one.name: {**vars(one), "residues": list(one.residues)} for one in certificate.axes}
    spec = {
        "inputs": rendering.to_json()["inputs"],
        "outputs": rendering.to_json()["outputs"],
        "axes": axes,
        "training": dict(design.training),
        "precision": "fp32",
        "design": {"name": design.name, "hash": design.hash(), "preset": design.preset},
    }
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    point = trace_point(axes, design.training["sample_shape"])
    _, traced = export_model(model, spec, point, path)
    known = known_nodes(rendering.source_map)
    return model, path, traced, example_inputs(spec, point, seed=7), known


@pytest.mark.parametrize(
    ("wrong", "node"),
    [("blocks.2.mlp.fc1.bias", "Mlp/fc1"), ("blocks.1.attn.proj.bias", "DiTBlock/attn")],
)
def test_the_first_node_that_differs_is_named(exported, tmp_path: Path, wrong: str, node: str) -> None:
    model, path, traced, inputs, known = exported
    damaged = onnx.load(str(path))
    for one in damaged.graph.initializer:
        if one.name == wrong:
            one.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(one) + 0.1, wrong))
    onnx.save(damaged, str(tmp_path / "model.onnx"))
    found = first_difference(model, tmp_path / "model.onnx", traced, inputs, known, LIMITS["fp32"], 0.01)
    assert found is not None and found.node == node
    assert wrong.startswith(found.module) and found.relative_l2 > 1e-3
    assert sorted(one.name for one in tmp_path.iterdir()) == ["model.onnx"]


def test_nothing_differs_in_a_sound_export(exported) -> None:
    model, path, traced, inputs, known = exported
    assert {one.module.split(".")[0] for one in traced} >= {"blocks", "t_embedder", "final_layer"}
    assert first_difference(model, path, traced, inputs, known, LIMITS["fp32"], 1e-4) is None

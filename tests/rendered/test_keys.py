"""Editing one part of a design leaves the state-dict keys of all other parts alone."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from designer.document import Design
from designer.operations import apply_operation, insertion
from designer.presets import build
from designer.render import load_model, render


def keys(design: Design) -> dict[str, tuple[int, ...]]:
    """The keys and shapes of a design's state dict."""
    with torch.device("meta"):
        model = load_model(render(design))()
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


def changed(design: Design, definition: str, node: str, param: str, value: Any) -> Design:
    """The design with one parameter of one node changed."""
    return apply_operation(
        design, {"op": "set", "definition": definition, "node": node, "param": param, "value": value}
    )


@pytest.mark.parametrize(
    ("preset", "definition", "node", "param", "value", "part"),
    [
        ("ddpm-tiny", "EmbeddingMLP", "fc1", "out_features", "2*temb_channels", "time_mlp"),
        ("ddpm-tiny", "UNet", "mid", "num_groups", 4, "none"),  # no shape depends on it
        ("dit-tiny", "Mlp", "fc1", "out_features", "3*hidden_size", "mlp"),
        ("sdxl-tiny", "FeedForward", "gate", "out_features", "2*hidden_size", "ff"),
        (
            "flux-tiny",
            "MlpBranch",
            "fc1",
            "out_features",
            "2*hidden_size",
            "blocks",
        ),  # called in many places,
    ],
)
def test_a_parameter_changes_shapes_of_its_own_part_only(
    preset: str, definition: str, node: str, param: str, value: Any, part: str
) -> None:
    before, after = (
        keys(one) for one in (build(preset), changed(build(preset), definition, node, param, value))
    )
    assert before.keys() == after.keys()
    different = {name for name in before if before[name] != after[name]}
    assert bool(different) == (part != "none")
    assert all(part in name.split(".") for name in different)


@pytest.mark.parametrize(
    ("preset", "definition", "target", "call", "params"),
    [
        ("ddpm-tiny", "ResBlock", "conv2.x", "Conv2d", {"out_channels": "out_channels"}),
        ("ddpm-tiny", "UNet", "conv_out.x", "Conv2d", {"out_channels": "channels"}),
        ("dit-tiny", "DiTBlock", "mlp.x", "Linear", {"out_features": "hidden_size"}),
        ("sd3-tiny", "MMDiT", "final_layer.x", "Linear", {"out_features": "hidden_size"}),
    ],
)
def test_an_inserted_node_leaves_every_other_key(
    preset: str, definition: str, target: str, call: str, params: dict[str, Any]
) -> None:
    before = after = build(preset)
    for operation in insertion(before.definitions[definition], target, call, "extra", ("x", "out"), **params):
        after = apply_operation(after, operation)
    old, new = keys(before), keys(after)
    assert old.items() <= new.items()
    assert new.keys() - old.keys()
    assert all("extra" in name.split(".") for name in new.keys() - old.keys())


def test_the_order_of_nodes_and_edges_in_the_document_changes_no_key() -> None:
    design = build("dit-tiny")
    definitions = {
        name: replace(one, nodes=dict(reversed(one.nodes.items())), edges=tuple(reversed(one.edges)))
        for name, one in reversed(design.definitions.items())
    }
    assert keys(replace(design, definitions=definitions)) == keys(design)

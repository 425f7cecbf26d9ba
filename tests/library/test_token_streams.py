"""Blocks of the library with one or two token streams: each validates, renders, runs and trains on its own."""

from typing import Any

import pytest
import torch

from designer.check import check
from designer.library import composites, definitions
from designer.library.token_streams import COMPOSITES
from designer.reader import read_design
from designer.render import load_model, render

SIZES = {
    "B": 2, "N": 6, "M": 3, "T": 5, "H": 2, "W": 3, "hidden_size": 48, "half_head": 1, "cond_size": 8, "channels": 4,
}  # fmt: skip


@pytest.mark.parametrize("name", [one.name for one in COMPOSITES])
def test_composite_stands_alone(name: str) -> None:
    definition = composites()[name].definition
    shapes = {
        port["name"]: [SIZES[token] for token in port["shape"].split()] for port in definition["inputs"]
    }
    params: dict[str, Any] = {"num_heads": 24} if "num_heads" in definition["parameters"] else {}
    params |= {"head_size": 16, "kernel": 1} if "head_size" in definition["parameters"] else {}
    ports = [{**port, "shape": " ".join(map(str, shapes[port["name"]]))} for port in definition["inputs"]]
    main = {
        "inputs": ports,
        "outputs": [
            {"name": one["name"], "role": "any", "from": ["block", one["name"]]}
            for one in definition["outputs"]
        ],
        "nodes": {"block": {"call": name, "params": params}},
        "edges": [[port["name"], f"block.{port['name']}"] for port in ports],
    }
    document = {
        "format": "diffusion-design", "format_version": 1, "name": name, "main": "Main",
        "definitions": {"Main": main, **definitions(name)},
    }  # fmt: skip
    design = read_design(document)
    report = check(design)
    assert report.ok, [one.message for one in report.diagnostics]
    model = load_model(render(design))()
    found = model(*(torch.randn(shape) for shape in shapes.values()))
    outputs = found if isinstance(found, tuple) else (found,)
    assert [list(one.shape) for one in outputs] == [
        [SIZES[token] for token in one["shape"].split()] for one in definition["outputs"]
    ]
    sum(one.square().sum() for one in outputs).backward()
    assert all(one.grad is not None for one in model.parameters())

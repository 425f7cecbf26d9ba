"""`designer import` of diffusers model folders, as people call it: design, weights, and the same output."""

import json
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from safetensors.torch import load_file

from designer.cli import main
from designer.render import load_model
from tests.parity.harness import (
    TOLERANCE,
    configurations,
    difference,
    flat_inputs,
    leaves,
    randomize,
    tensor_of,
)


@pytest.mark.parametrize(
    ("source", "shard"), [("SD3Transformer2DModel", "200KB"), ("UNet2DConditionModel", "10GB")]
)
def test_a_model_folder_becomes_a_design_that_computes_the_same(
    tmp_path: Path, capsys: Any, source: str, shard: str
):
    one = configurations(source)[-1]
    torch.manual_seed(0)
    reference = randomize(getattr(diffusers, source)(**one["kwargs"]).eval())
    reference.save_pretrained(tmp_path / "model", max_shard_size=shard)
    assert len(list((tmp_path / "model").glob("*.safetensors"))) > 1 or shard == "10GB"
    design, weights = tmp_path / "design.json", tmp_path / "weights.safetensors"
    command = ["import", str(tmp_path / "model"), "-o", str(design), "--weights-out", str(weights)]
    assert main([*command, "--weights", str(tmp_path / "model")]) == 0
    capsys.readouterr()
    assert main(["render", str(design), "-o", str(tmp_path / "code"), "--json"]) == 0
    rendered = json.loads(capsys.readouterr().out)
    model = load_model(tmp_path / "code", rendered["class"])().eval()
    model.load_state_dict(load_file(weights), strict=True)
    values = {name: tensor_of(value) for name, value in one["inputs"].items()}
    with torch.no_grad():
        wanted = list(leaves(reference(**values, return_dict=False)))
        found = list(leaves(model(*(flat_inputs(values)[each["name"]] for each in rendered["inputs"]))))
    assert difference(found, wanted) <= TOLERANCE


def test_every_listed_class_has_an_importer():
    from designer.importers import importers

    listed = {
        "UNet2DModel", "UNet2DConditionModel", "UNetSpatioTemporalConditionModel", "ControlNetModel", "T2IAdapter",
        "DiTTransformer2DModel", "PixArtTransformer2DModel", "SD3Transformer2DModel", "HunyuanDiT2DModel",
        "FluxTransformer2DModel", "CogVideoXTransformer3DModel", "WanTransformer3DModel", "LatteTransformer3DModel",
        "UVit2DModel",
    }  # fmt: skip
    assert listed <= importers().keys()

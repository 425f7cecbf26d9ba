"""Surgery on designs: places, untouched keys, and whether the output is unchanged, measured by running both."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from designer.check import check
from designer.cli import main
from designer.document import Design, load, save
from designer.errors import UserError
from designer.presets import build
from designer.reader import read_design
from designer.render import load_model, render
from designer.surgery import PARTS, insert
from designer.surgery.compare import compare
from tests.importers.test_protocol import document


def keys(design: Design) -> set[str]:
    with torch.device("meta"):
        return set(load_model(render(design))().state_dict())


@pytest.mark.parametrize("kind", ["gate", "layer-scale", "adapter", "skip-transform"])
@pytest.mark.parametrize(
    ("preset", "at"),
    [
        ("dit-tiny", "DiTBlock/attn.out"),  # out of a node, in a repeated block
        ("dit-tiny", "DiTBlock/adaln.c"),  # into a node: a vector
        ("ddpm-tiny", "UpBlock/skip"),  # an input of a definition that is called at many widths
    ],
)
def test_a_part_is_inserted_and_the_other_keys_stay(kind: str, preset: str, at: str):
    before = build(preset)
    inserted = insert(before, kind, at)
    assert check(inserted.design).ok
    assert keys(before) < keys(inserted.design)
    assert inserted.nodes == (f"{at.partition('/')[0]}/{PARTS[kind].node}",)


def test_a_part_can_be_inserted_twice_and_before_an_output():
    once = insert(build("ddpm-tiny"), "gate", "UNet/conv_out.out").design
    twice = insert(once, "gate", "UNet/mid.x").design
    assert {"gate", "gate_2"} <= set(twice.main_definition.nodes)
    assert twice.main_definition.outputs[0].source == "gate.x"
    assert [name for name in twice.definitions if name.startswith("LearnedGate")] == ["LearnedGateMap"]


def test_a_part_for_sampling_marks_the_design():
    design = insert(build("ddpm-tiny"), "freeu-skip", "UpBlock/skip").design
    assert design.training["sampling_only"] and check(design).ok


@pytest.mark.parametrize(
    ("kind", "at", "message"),
    [
        ("gat", "DiTBlock/attn.x", "no part is named 'gat'; did you mean 'gate'?"),
        ("gate", "DitBlock/attn.x", "no definition is named 'DitBlock'; did you mean 'DiTBlock'?"),
        ("gate", "DiTBlock/attn.y", "nothing is connected at 'attn.y' of DiTBlock; near it: attn.x"),
        ("qk-norm", "DiTBlock/attn", "needs a node with the inputs q and k; DiTBlock has none"),
    ],
)
def test_places_that_do_not_exist_are_named(kind: str, at: str, message: str):
    with pytest.raises(UserError) as error:
        insert(build("dit-tiny"), kind, at)
    assert message in str(error.value)


def test_the_command_keeps_weights_and_says_that_nothing_changed(tmp_path: Path, capsys):
    torch.manual_seed(0)
    design = read_design(document(6))
    weights = {"qkv.weight": torch.randn(18, 6), "qkv.bias": torch.randn(18)}
    save(design, tmp_path / "before.json")
    save_file(weights, tmp_path / "before.safetensors")
    files = [
        str(tmp_path / name)
        for name in ("before.json", "after.json", "before.safetensors", "after.safetensors")
    ]
    command = [
        "surgery",
        files[0],
        "--insert",
        "adapter",
        "--at",
        "Toy/qkv.x",
        "--set",
        "hidden=3",
        "-o",
        files[1],
    ]
    assert main([*command, "--weights", files[2], "--weights-out", files[3], "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["inserted"] == ["Toy/adapter"] and report["unchanged"] and report["max_abs_difference"] == 0
    assert report["kept"] == 2 and len(report["new"]) == 4
    model = load_model(render(load(files[1])))()
    model.load_state_dict(load_file(files[3]), strict=True)
    assert torch.equal(model.qkv.weight, weights["qkv.weight"])


def test_a_norm_changes_the_output_and_is_said_to():
    before = build("latte-tiny")
    name = next(n for n, one in before.definitions.items() if "attend.q" in one.sources)
    inserted = insert(before, "qk-norm", f"{name}/attend")
    assert inserted.nodes == (f"{name}/norm_q", f"{name}/norm_k")
    found = compare(before, inserted.design)
    assert not found.unchanged and found.max_abs_difference > 0 and found.weights == "weights drawn at random"

"""The importer protocol, with an importer of one small class: arguments, rules, weights, parity."""

from typing import Any

import pytest
import torch

from designer.errors import UserError
from designer.importers import Config, Imported, Importer, Rule, convert_config
from designer.importers.weights import convert
from designer.reader import read_design
from designer.render import load_model, render


def document(width: int) -> dict[str, Any]:
    """A linear layer between two activations."""
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "Toy",
        "main": "Toy",
        "parameters": {"width": width},
        "definitions": {
            "Toy": {
                "parameters": {"width": {"type": "int", "default": 4, "help": "features"}},
                "inputs": [{"name": "sample", "role": "tokens", "shape": "B N width"}],
                "outputs": [
                    {"name": "out", "role": "tokens", "shape": "B N 3*width", "from": ["qkv", "out"]}
                ],
                "nodes": {"qkv": {"call": "Linear", "params": {"out_features": "3*width"}}},
                "edges": [["sample", "qkv.x"]],
            }
        },
    }


def toy(config: Config) -> Imported:
    """Import the toy class, whose source keeps query, key and value apart."""
    width = config.take("width", 4, minimum=1)
    config.take("kind", "plain", choices=("plain",))
    config.refuse("dropout", 0.0, "dropout is not imported")
    rules = tuple(Rule(rf"to_{name}\.(weight|bias)", r"qkv.\1", part=(k, 3)) for k, name in enumerate("qkv"))
    return Imported(document(width), (*rules, Rule("steps", "")))


KNOWN = {"Toy": Importer("Toy", toy)}


def source(width: int = 4) -> dict[str, torch.Tensor]:
    tensors = {f"to_{name}.weight": torch.randn(width, width, 1, 1) for name in "kqv"}
    return {**tensors, **{f"to_{name}.bias": torch.randn(width) for name in "kqv"}, "steps": torch.zeros(())}


def test_arguments_and_weights_of_a_class_become_a_working_model():
    imported = convert_config({"_class_name": "Toy", "_diffusers_version": "0.1", "width": 6}, KNOWN)
    model = load_model(render(read_design(imported.document)))()
    shapes = {name: tuple(one.shape) for name, one in model.state_dict().items()}
    weights = source(6)
    model.load_state_dict(convert(imported.rules, weights, shapes), strict=True)
    x = torch.randn(2, 3, 6)
    wanted = [x @ weights[f"to_{n}.weight"][:, :, 0, 0].T + weights[f"to_{n}.bias"] for n in "qkv"]
    assert torch.allclose(model(x), torch.cat(wanted, dim=-1), atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"_class_name": "Toi"}, "_class_name: 'Toi' has no importer; did you mean Toy?"),
        ({}, 'names no class; expected "_class_name"'),
        ({"_class_name": "Toy", "width": "6"}, "Toy: the argument 'width' is '6': expected an integer"),
        ({"_class_name": "Toy", "width": True}, "'width' is True: expected an integer"),
        ({"_class_name": "Toy", "width": 0}, "'width' is 0: expected at least 1"),
        ({"_class_name": "Toy", "kind": "odd"}, "'kind' is 'odd': expected one of 'plain'"),
        ({"_class_name": "Toy", "dropout": 0.1}, "'dropout' is 0.1: dropout is not imported; only 0.0"),
        ({"_class_name": "Toy", "widht": 6}, "no such argument; did you mean 'width'?"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(arguments: dict[str, Any], message: str):
    with pytest.raises(UserError) as error:
        convert_config(arguments, KNOWN)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"to_q.weight": None}, "qkv.weight: only to_k.weight, to_v.weight was given"),
        ({"to_q.bias": None, "to_k.bias": None, "to_v.bias": None}, "qkv.bias: is missing"),
        ({"extra": torch.zeros(2)}, "extra: is left over (the model has no extra)"),
        ({"to_v.bias": torch.zeros(5)}, "qkv.bias: expected [12]"),
    ],
)
def test_weights_that_do_not_fit_are_named(change: dict[str, Any], message: str):
    rules = convert_config({"_class_name": "Toy"}, KNOWN).rules
    tensors = {name: one for name, one in {**source(), **change}.items() if one is not None}
    with pytest.raises(UserError) as error:
        convert(rules, tensors, {"qkv.weight": (12, 4), "qkv.bias": (12,)})
    assert message in str(error.value)


def test_an_order_swaps_the_chunks_of_a_tensor():
    tensors = {"norm.weight": torch.arange(6)}
    found = convert((Rule("norm.weight", "ada.weight", order=(1, 0)),), tensors, {"ada.weight": (6, 1)})
    assert found["ada.weight"].flatten().tolist() == [3, 4, 5, 0, 1, 2]

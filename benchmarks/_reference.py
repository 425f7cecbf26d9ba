"""The reference configurations as callables: `designer import benchmarks._reference:model_12`.

Each gives the class of diffusers with random weights, and inputs of the described shapes for a batch of two.
"""

import json
from typing import Any

import diffusers
import torch
from torch import nn

from tests.parity.harness import CONFIGURATIONS, has_dict, randomize, tensor_of

LISTED: list[dict[str, Any]] = json.loads(CONFIGURATIONS.read_text(encoding="utf-8"))["configs"]


def model(one: dict[str, Any]) -> tuple[nn.Module, dict[str, Any]]:
    """Return the network of a configuration and inputs for it."""
    torch.manual_seed(0)
    module = randomize(getattr(diffusers, one["constructor"])(**one["kwargs"]).eval())
    values = {name: tensor_of(value) for name, value in one["inputs"].items() if value is not None}
    plain = {"return_dict": False} if has_dict(module) else {}
    return module, {**values, **plain}


def __getattr__(name: str) -> Any:
    prefix, _, number = name.partition("_")
    if prefix != "model" or not number.isdigit() or int(number) >= len(LISTED):
        raise AttributeError(name)
    return lambda: model(LISTED[int(number)])

"""Conditional U-Net, ControlNet and T2I-Adapter equal diffusers' with the same weights."""

from typing import Any

import pytest

from tests.parity.harness import TOLERANCE, compare, configurations

CLASSES = ("UNet2DConditionModel", "ControlNetModel", "T2IAdapter")


@pytest.mark.parametrize("configuration", configurations(*CLASSES), ids=lambda one: one["id"])
def test_configuration_equals_diffusers(configuration: dict[str, Any]) -> None:
    parity = compare(configuration["constructor"], configuration["kwargs"], configuration["inputs"])
    assert parity.parameters == configuration["param_count"]
    assert parity.error < TOLERANCE

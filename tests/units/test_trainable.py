"""The summary counts as trainable exactly what a run trains: neither frozen blocks nor frozen parts of the design."""

from dataclasses import replace

import pytest

from designer import build
from designer.origin import known_nodes
from designer.render import load_model, render
from designer.summary import summarize
from designer.train.freezing import freeze


@pytest.mark.parametrize(
    ("preset", "frozen", "trainable"),
    [
        ("dit-tiny", [], []),  # the table of positions alone is frozen
        ("dit-tiny", ["DiT/blocks"], []),
        ("sc-tuner-tiny", ["UNet"], ["SCTuner"]),
        ("csc-tuner-tiny", ["UNet"], ["CSCTuner", "HintNetwork"]),
        ("sd-controlnet-tiny", ["ControlledUNet/unet"], []),
        ("sd-controlnet-tiny", ["UNet"], ["TransformerBlock/attn1", "ResBlock/conv1"]),
        ("adm-tiny", ["ResBlock"], []),  # rendered as several classes
    ],
)
def test_trainable_is_what_a_run_trains(preset: str, frozen: list[str], trainable: list[str]) -> None:
    design = build(preset)
    training = {"frozen": frozen, "trainable": trainable, "moves_base": True}
    design = replace(design, training={**design.training, **training})
    rendering = render(design)
    model = load_model(rendering)()
    freeze(model, known_nodes(rendering.source_map), frozen, trainable)
    summary = summarize(design)
    assert summary.parameters == sum(one.numel() for one in model.parameters())
    assert summary.trainable == sum(one.numel() for one in model.parameters() if one.requires_grad)
    assert bool(frozen) == (summary.trainable < summarize(build(preset)).trainable)

"""The contract of a preset: it checks without an error, has the published count, renders to source that parses."""

import ast

import pytest

from designer.check import check
from designer.document import dumps, loads
from designer.presets import Preset, presets
from designer.render import render
from designer.summary import summarize

# Presets that get advice: their own authors later changed what it names, or found the alternative better.
ADVISED = {
    # The authors freeze the network; the tiny sizes have no trained weights to keep and are trained whole.
    "csc-tuner-tiny": {"A034"},
    "sc-tuner-tiny": {"A034"},
    "sd-controlnet-tiny": {"A034"},
    "dit-xl-2-adaln": {"A003", "A006", "A007"},  # adaLN-Zero is better: Peebles & Xie 2023, figure 5
    "dit-xl-2-in-context": {"A003", "A006"},  # likewise
    "dit-xl-2-cross-attention": {"A003", "A006", "A036"},  # likewise
    "gaussian-set": {"A006"},  # 12 blocks, info
    "ncsnpp-celebahq-256": {"A047"},  # EDM added the scaling of the input: Karras et al. 2022, section 5
    "ncsnpp-tiny": {"A047"},  # likewise
    "sd3-medium": {"A037"},  # SD3.5 added QK-norm
}

each = pytest.mark.parametrize("preset", presets(), ids=lambda preset: preset.id)


@each
def test_preset_is_sound_and_has_the_published_count(preset: Preset) -> None:
    report = check(preset.design)
    assert report.ok, [one.message for one in report.diagnostics]
    assert {one.code for one in report.diagnostics} == ADVISED.get(preset.id, set())
    assert preset.title and preset.summary and preset.reference
    if preset.published is not None:
        assert summarize(preset.design).parameters == preset.published


@each
def test_preset_round_trips_and_renders(preset: Preset) -> None:
    assert loads(dumps(preset.design)).hash() == preset.design.hash()
    rendering = render(preset.design)
    tree = ast.parse(rendering.files["model.py"])
    assert rendering.class_name in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


def test_every_family_has_a_tiny_size() -> None:
    families = {preset.family for preset in presets()}
    tiny = {preset.family for preset in presets() if "tiny" in preset.id}
    assert families == tiny


def test_ids_are_unique() -> None:
    assert len({preset.id for preset in presets()}) == len(presets())

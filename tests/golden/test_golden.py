"""Golden files: what a preset renders to, byte for byte (`make regen` writes them anew)."""

from pathlib import Path

import pytest

from designer.presets import presets
from designer.regen import GOLDENS
from designer.render import render

ROOT = Path(__file__).resolve().parents[2]
CHOSEN = [preset for preset in presets() if preset.id in GOLDENS or "tiny" in preset.id]


@pytest.mark.parametrize("preset", CHOSEN, ids=lambda preset: preset.id)
def test_rendering_is_as_recorded(preset) -> None:
    recorded = (ROOT / "tests" / "golden" / f"{preset.id}.py.golden").read_text(encoding="utf-8")
    assert render(preset.design).files["model.py"] == recorded

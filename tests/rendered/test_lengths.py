"""Rendered files have no more lines than the authors' own for the same network, or docs/style.md says why."""

import json

import pytest

from benchmarks.style import LONGER, NETWORKS, PAGE, RECORD, Network, ours


@pytest.mark.parametrize("network", NETWORKS, ids=lambda one: one.preset)
def test_rendered_code_is_not_longer_than_the_original(network: Network) -> None:
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))["networks"][network.preset]
    mine, theirs = ours(network), recorded["figures"]
    assert (mine.lines > theirs["lines"]) == (network.preset in LONGER)
    assert mine.median < theirs["median"] and mine.p90 < theirs["p90"]
    if "diffusers" in recorded:
        assert mine.lines < recorded["diffusers"]["lines"] / 2
    assert f"`{network.preset}` | {mine.lines} |" in PAGE.read_text(encoding="utf-8"), (
        "run python -m benchmarks style"
    )

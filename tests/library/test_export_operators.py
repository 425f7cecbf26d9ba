"""The teaching networks export to ONNX with free sizes and agree with PyTorch."""

from pathlib import Path
from typing import Any

import pytest

from designer.reader import read_design
from designer.teaching import fusion_unet, residual_transformer

pytestmark = pytest.mark.slow


def _sampling(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "training": {**document["training"], "sampling_only": True}}


@pytest.mark.parametrize(
    "document",
    [
        fusion_unet(gate_s="SNRGate", fuse="VPAdd", transform_d="GroupNorm", transform_s="BandSplit"),
        fusion_unet(fuse="AttentionFusion", gate_s="HyperGate", bound_s="DoubleSigmoidBound"),
        fusion_unet(fuse="ChannelShuffleFusion", gate_s="ProductGate"),
        _sampling(fusion_unet(transform_s="FreSca", transform_d="FreeUBackboneByLevel")),
        residual_transformer(core="CosineAttention", head_gate="HeadGate", qk_norm="RMSNorm"),
        residual_transformer(core="WindowAttention", expand="SwiGLU", activation="Identity"),
        residual_transformer(core="NeighbourhoodAttention", feed_forward="MixtureOfExperts"),
        residual_transformer(
            attention="GroupedAttention", gate="SNRResidualGate", modulator="AdaLNModulation"
        ),
    ],
    ids=["vp", "attention", "shuffle", "fresca", "cosine", "window", "neighbourhood", "grouped"],
)
def test_exports_agree_with_torch(document: dict[str, Any], tmp_path: Path) -> None:
    from designer.export import export_onnx

    report = export_onnx(read_design(document), tmp_path)
    assert report.ok, report.text()

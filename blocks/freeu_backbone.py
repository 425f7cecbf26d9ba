"""FreeU on the trunk: the first half of its channels, amplified while sampling."""

import torch
from torch import Tensor

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="FreeUBackbone",
        title="FreeU, backbone",
        family="Transform",
        tags=("inference_only", "scale"),
        kind="function",
        target="freeu_backbone",
        summary="Multiplies the first half of the trunk's channels by a factor above 1.",
        glyph="≈",
        inputs=(Port("x", "map", "B channels H W"),),
        outputs=(Port("out", "map", "B channels H W"),),
        params=(
            Param(
                "factor",
                "float",
                1.5,
                minimum=0.0,
                positional=True,
                omit=None,
                help="b; 1.5 and 1.6 in SD 1.5",
            ),
        ),
        constraints=(
            Constraint("channels % 2 == 0", "{channels} channels have no first half; use an even number"),
        ),
        work="x_numel/2",
        formula="d[: C/2] ← b·d[: C/2]",
        reference="Si et al. 2023, arXiv:2309.11497",
        article="6",
        stability=Stability(
            "dominance of skips in sampling with a trained U-Net", "a constant factor on half of the channels"
        ),
        examples=(Example({"x": (2, 4, 3, 3)}, {}),),
    ),
    BlockSpec(
        name="FreeUBackboneAdaptive",
        title="FreeU, backbone by content",
        family="Transform",
        tags=("inference_only", "scale"),
        kind="function",
        target="freeu_backbone_adaptive",
        summary="Multiplies the first half of the trunk's channels, most where the mean of the channels is high.",
        glyph="≈",
        inputs=(Port("x", "map", "B channels H W"),),
        outputs=(Port("out", "map", "B channels H W"),),
        params=(
            Param(
                "factor", "float", 1.5, minimum=0.0, positional=True, omit=None, help="b, reached where m = 1"
            ),
        ),
        constraints=(
            Constraint("channels % 2 == 0", "{channels} channels have no first half; use an even number"),
        ),
        saved=("x", "3*x_numel/channels + 3*B"),
        formula="d[: C/2] ← ((b − 1)m + 1)·d[: C/2], m = mean over channels, scaled to [0, 1] in each sample",
        reference="Si et al. 2023, arXiv:2309.11497 (published code)",
        article="6",
        stability=Stability(
            "dominance of skips in sampling with a trained U-Net",
            "a factor between 1 and b for each pixel, structure kept",
        ),
        examples=(Example({"x": (2, 4, 3, 3)}, {}),),
    ),
)


def freeu_backbone(x: Tensor, factor: float) -> Tensor:
    """Amplify the first half of the channels: [B, C, H, W] → [B, C, H, W] (Si et al. 2023)."""
    first, rest = x.chunk(2, dim=1)
    return torch.cat([factor * first, rest], dim=1)


def freeu_backbone_adaptive(x: Tensor, factor: float) -> Tensor:
    """Amplify the first half of the channels by place: [B, C, H, W] → [B, C, H, W] (Si et al. 2023)."""
    mean = x.mean(dim=1, keepdim=True)  # [B, 1, H, W]
    low, high = mean.amin(dim=(2, 3), keepdim=True), mean.amax(dim=(2, 3), keepdim=True)
    first, rest = x.chunk(2, dim=1)
    return torch.cat([((factor - 1) * (mean - low) / (high - low) + 1) * first, rest], dim=1)

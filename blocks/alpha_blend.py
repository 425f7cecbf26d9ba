"""Mixing of a spatial and a temporal branch (AlphaBlender): fixed, learned, learned but off for images."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Gate, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="FixedBlend",
        title="Blend, fixed",
        family="Video",
        tags=("add", "blend"),
        kind="expression",
        target="torch.lerp({temporal}, {spatial}, {alpha})",
        summary="Mixes the spatial and the temporal branch by a constant.",
        glyph="◧",
        inputs=(Port("spatial", "any", "*S"), Port("temporal", "any", "*S")),
        outputs=(Port("out", "same:spatial", "*S"),),
        params=(Param("alpha", "float", 0.5, minimum=0.0, maximum=1.0, help="weight of the spatial branch"),),
        formula="y = α s + (1 − α) t",
        reference="Blattmann et al. 2023, arXiv:2304.08818, section 3.1",
        article="2.5.1",
        stability=Stability(
            "the amplitude of the mixture",
            "a convex combination never exceeds its inputs",
            bounded=True,
            weights={"spatial": "alpha", "temporal": "1 - alpha"},
        ),
        examples=(Example({"spatial": (2, 3, 4), "temporal": (2, 3, 4)}, {"alpha": 0.25}),),
    ),
    BlockSpec(
        name="LearnedBlend",
        title="Blend, learned",
        family="Video",
        tags=("add", "blend"),
        kind="module",
        target="LearnedBlend",
        summary="Mixes the spatial and the temporal branch by one learned number between 0 and 1.",
        glyph="◧",
        inputs=(Port("spatial", "any", "*S"), Port("temporal", "any", "*S")),
        outputs=(Port("out", "same:spatial", "*S"),),
        params=(Param("start", "float", 0.5, help="the number before the sigmoid at start"),),
        parameters="1",
        state={"mix_factor": "1"},
        saved=("spatial", "temporal", "1"),
        formula="y = σ(m) s + (1 − σ(m)) t",
        reference="Blattmann et al. 2023, arXiv:2304.08818, section 3.1",
        article="2.5.1",
        stability=Stability(
            "the amplitude of the mixture",
            "a convex combination never exceeds its inputs; the sigmoid bounds it",
            bounded=True,
            weights={"spatial": "1/(1 + exp(-start))", "temporal": "1 - 1/(1 + exp(-start))"},
        ),
        examples=(Example({"spatial": (2, 3, 4), "temporal": (2, 3, 4)}, {"start": 0.0}),),
    ),
    BlockSpec(
        name="FrameBlendWeight",
        title="Blend weight of each frame",
        family="Video",
        tags=("gate",),
        gate=Gate(
            granularity="scalar",
            low="0",
            high="1",
            sources=("condition",),
            learned=True,
            initial="1/(1 + exp(-start))",
        ),
        kind="module",
        target="FrameBlendWeight",
        summary="How much of the spatial branch each frame keeps: a learned number for videos, all for single images.",
        glyph="◧",
        inputs=(Port("image_only", "toggle", "B T", help="not 0 for frames that are single images"),),
        outputs=(Port("weight", "gate", "B*T"),),
        params=(Param("start", "float", 0.5, help="the number before the sigmoid at start"),),
        parameters="1",
        state={"mix_factor": "1"},
        saved=("1 + image_only_numel/4",),
        formula="α = 1 for images, else σ(m)",
        reference="Blattmann et al. 2023, arXiv:2311.15127",
        article="2.5.1",
        stability=Stability(
            "joint training on images and videos",
            "the sigmoid bounds the mixture; images leave the temporal layers untouched",
            bounded=True,
        ),
        examples=(Example({"image_only": (2, 3)}, {}), Example({"image_only": (2, 3)}, {"start": 0.0})),
    ),
    BlockSpec(
        name="BlendFrames",
        title="Blend frames",
        family="Video",
        tags=("add", "blend", "gating"),
        kind="function",
        target="blend_frames",
        summary="Mixes the spatial and the temporal branch of each frame by the frame's weight.",
        glyph="◧",
        inputs=(
            Port("spatial", "any", "frames *S"),
            Port("temporal", "any", "frames *S"),
            Port("weight", "gate", "frames", help="weight of the spatial branch"),
        ),
        outputs=(Port("out", "same:spatial", "frames *S"),),
        saved=("spatial if weight", "temporal if weight", "weight", "weight_numel"),
        work="2*spatial_numel",
        formula="y = α s + (1 − α) t",
        reference="Blattmann et al. 2023, arXiv:2304.08818, section 3.1",
        article="2.5.1",
        stability=Stability(
            "the amplitude of the mixture",
            "with a weight in [0, 1] a convex combination: it never exceeds its inputs",
            weights={"spatial": "weight", "temporal": "1 - weight"},
        ),
        examples=(
            Example({"spatial": (6, 4, 5), "temporal": (6, 4, 5), "weight": (6,)}, {}),
            Example({"spatial": (6, 4, 5, 7), "temporal": (6, 4, 5, 7), "weight": (6,)}, {}),
        ),
    ),
)


class LearnedBlend(nn.Module):
    """Learned mixture of two branches of one shape (Blattmann et al. 2023)."""

    def __init__(self, start: float = 0.5) -> None:
        super().__init__()
        self.mix_factor = nn.Parameter(torch.tensor([start]))

    def forward(self, spatial: Tensor, temporal: Tensor) -> Tensor:
        return torch.lerp(temporal, spatial, self.mix_factor.sigmoid())


class FrameBlendWeight(nn.Module):
    """Weight of the spatial branch: image_only [B, T], not 0 for single images → [B·T] (SVD 2023)."""

    def __init__(self, start: float = 0.5) -> None:
        super().__init__()
        self.mix_factor = nn.Parameter(torch.tensor([start]))

    def forward(self, image_only: Tensor) -> Tensor:
        return torch.where(image_only.bool(), 1.0, self.mix_factor.sigmoid()).flatten()


def blend_frames(spatial: Tensor, temporal: Tensor, weight: Tensor) -> Tensor:
    """Mix frames [B·T, ...] by a weight per frame [B·T]: weight · spatial + (1 - weight) · temporal."""
    weight = weight.view(-1, *[1] * (spatial.ndim - 1))
    return weight * spatial + (1 - weight) * temporal

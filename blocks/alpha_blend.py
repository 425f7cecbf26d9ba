"""Mixing of a spatial and a temporal branch (AlphaBlender): fixed, learned, and learned but off for images."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="FixedBlend",
        title="Blend, fixed",
        family="Video",
        tags=("add",),
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
            "the amplitude of the mixture", "a convex combination never exceeds its inputs", bounded=True
        ),
        examples=(Example({"spatial": (2, 3, 4), "temporal": (2, 3, 4)}, {"alpha": 0.25}),),
    ),
    BlockSpec(
        name="LearnedBlend",
        title="Blend, learned",
        family="Video",
        tags=("add",),
        kind="module",
        target="LearnedBlend",
        summary="Mixes the spatial and the temporal branch by one learned number between 0 and 1.",
        glyph="◧",
        inputs=(Port("spatial", "any", "*S"), Port("temporal", "any", "*S")),
        outputs=(Port("out", "same:spatial", "*S"),),
        params=(Param("start", "float", 0.5, help="the number before the sigmoid at start"),),
        parameters="1",
        formula="y = σ(m) s + (1 − σ(m)) t",
        reference="Blattmann et al. 2023, arXiv:2304.08818, section 3.1",
        article="2.5.1",
        stability=Stability(
            "the amplitude of the mixture",
            "a convex combination never exceeds its inputs; the sigmoid bounds it",
            bounded=True,
        ),
        examples=(Example({"spatial": (2, 3, 4), "temporal": (2, 3, 4)}, {"start": 0.0}),),
    ),
    BlockSpec(
        name="VideoBlend",
        title="Blend, learned, images spatial only",
        family="Video",
        tags=("add",),
        kind="module",
        target="VideoBlend",
        summary="Mixes the spatial and the temporal branch by a learned number; frames that are single images stay spatial.",
        glyph="◧",
        inputs=(
            Port("spatial", "any", "B*T *S"),
            Port("temporal", "any", "B*T *S"),
            Port("image_only", "any", "B T", help="not 0 for frames that are single images"),
        ),
        outputs=(Port("out", "same:spatial", "B*T *S"),),
        params=(Param("start", "float", 0.5, help="the number before the sigmoid at start"),),
        parameters="1",
        formula="y = α s + (1 − α) t, α = 1 for images, else σ(m)",
        reference="Blattmann et al. 2023, arXiv:2311.15127",
        article="2.5.1",
        stability=Stability(
            "joint training on images and videos",
            "a convex combination never exceeds its inputs; images leave the temporal layers untouched",
            bounded=True,
        ),
        examples=(
            Example({"spatial": (6, 4, 5), "temporal": (6, 4, 5), "image_only": (2, 3)}, {}),
            Example(
                {"spatial": (6, 4, 5, 7), "temporal": (6, 4, 5, 7), "image_only": (2, 3)}, {"start": 0.0}
            ),
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


class VideoBlend(nn.Module):
    """Learned mixture of frames [B·T, ...]; frames with image_only [B, T] ≠ 0 stay spatial (SVD 2023)."""

    def __init__(self, start: float = 0.5) -> None:
        super().__init__()
        self.mix_factor = nn.Parameter(torch.tensor([start]))

    def forward(self, spatial: Tensor, temporal: Tensor, image_only: Tensor) -> Tensor:
        alpha = torch.where(image_only.bool(), 1.0, self.mix_factor.sigmoid()).flatten()
        return torch.lerp(temporal, spatial, alpha.view(-1, *[1] * (spatial.ndim - 1)))

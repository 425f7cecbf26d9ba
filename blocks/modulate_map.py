"""Adaptive group normalisation of a map: scale and shift of each channel by the condition."""

from torch import Tensor

from designer.spec import BlockSpec, Example, Port, Stability

SPEC = BlockSpec(
    name="ModulateMap",
    title="Scale and shift a map",
    family="Modulation",
    tags=("modulation", "scale_shift"),
    kind="function",
    target="modulate_map",
    summary="Multiplies and shifts each channel of a normalised map: the AdaGN of Improved DDPM and ADM.",
    glyph="◑",
    inputs=(
        Port("x", "map", "B channels H W"),
        Port("embedding", "vector", "B 2*channels", help="scales, then shifts"),
    ),
    outputs=(Port("out", "map", "B channels H W"),),
    saved=("x if embedding", "embedding_numel/2"),
    work="x_numel",
    formula="y = GN(h) ⊙ (1 + s) + b, [s, b] = W·SiLU(e)",
    reference="Nichol & Dhariwal 2021, arXiv:2102.09672; Dhariwal & Nichol 2021, arXiv:2105.05233",
    article="2.1.4, 2.2.3",
    stability=Stability(
        "the amplitude of each channel at each noise level",
        "acts on normalised features; with 1 + s the features survive s = 0",
    ),
    examples=(Example({"x": (2, 3, 4, 5), "embedding": (2, 6)}, {}),),
)


def modulate_map(x: Tensor, embedding: Tensor) -> Tensor:
    """Modulate a map [B, C, H, W] by scales and shifts [B, 2C] (Dhariwal & Nichol 2021, section 3.1)."""
    scale, shift = embedding[:, :, None, None].chunk(2, dim=1)
    return x * (1 + scale) + shift

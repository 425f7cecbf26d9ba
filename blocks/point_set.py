"""Point sets, such as 3D Gaussians: features of each point as tokens, without any order."""

from designer.spec import BlockSpec, Example, Port, Stability

SPECS = (
    BlockSpec(
        name="PointsToTokens",
        title="Points as tokens",
        family="Tokens",
        kind="expression",
        target="{x}.transpose(1, 2)",
        summary="Makes a token of each point of a set.",
        tags=("reshape",),
        glyph="⁘",
        inputs=(Port("x", "any", "B C N"),),
        outputs=(Port("out", "tokens", "B N C"),),
        views={"out": "x"},
        formula="[B, C, N] → [B, N, C]",
        reference="Nichol et al. 2022, arXiv:2212.08751",
        article="2.5.2",
        stability=Stability(
            "", "moves values; no position is added, so the order of the points is free", gain="1"
        ),
        examples=(Example({"x": (2, 14, 5)}, {}),),
    ),
    BlockSpec(
        name="TokensToPoints",
        title="Tokens as points",
        family="Tokens",
        kind="expression",
        target="{x}.transpose(1, 2)",
        summary="Makes a point of each token.",
        tags=("reshape",),
        glyph="⁘",
        inputs=(Port("x", "tokens", "B N C"),),
        outputs=(Port("out", "points", "B C N"),),
        views={"out": "x"},
        formula="[B, N, C] → [B, C, N]",
        reference="Nichol et al. 2022, arXiv:2212.08751",
        article="2.5.2",
        stability=Stability("", "moves values, changes none", gain="1"),
        examples=(Example({"x": (2, 5, 14)}, {}),),
    ),
)

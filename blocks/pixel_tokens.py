"""The pixels of a map as tokens, and back."""

from designer.spec import BlockSpec, Example, Port, Stability

SPECS = (
    BlockSpec(
        name="MapToTokens",
        title="Pixels to tokens",
        family="Tokens",
        tags=("reshape",),
        kind="expression",
        target="{x}.flatten(2).transpose(1, 2)",
        summary="Each pixel of a map becomes a token.",
        glyph="▤",
        inputs=(Port("x", "map", "B channels H W"),),
        outputs=(Port("tokens", "tokens", "B H*W channels"),),
        views={"tokens": "x"},
        formula="[B, C, H, W] → [B, HW, C]",
        reference="Rombach et al. 2022, arXiv:2112.10752",
        article="2.3.2",
        stability=Stability("", "moves values, changes none", gain="1"),
        examples=(Example({"x": (2, 3, 4, 5)}, {}),),
    ),
    BlockSpec(
        name="TokensToMap",
        title="Tokens to pixels",
        family="Tokens",
        tags=("reshape",),
        kind="expression",
        target="torch.unflatten({tokens}.transpose(1, 2), 2, {like}.shape[-2:])",
        summary="Tokens become the pixels of a map with the height and width of another.",
        glyph="▦",
        inputs=(
            Port("tokens", "tokens", "B H*W channels"),
            Port("like", "map", "B any H W", help="a map of the wanted height and width"),
        ),
        outputs=(Port("out", "map", "B channels H W"),),
        views={"out": "tokens"},
        formula="[B, HW, C] → [B, C, H, W]",
        reference="Rombach et al. 2022, arXiv:2112.10752",
        article="2.3.2",
        stability=Stability("", "moves values, changes none", gain="1"),
        examples=(Example({"tokens": (2, 20, 3), "like": (2, 6, 4, 5)}, {}),),
    ),
)

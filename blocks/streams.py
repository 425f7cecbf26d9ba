"""Two streams of tokens, such as text and image: joined for attention, parted afterwards."""

from torch import Tensor

from designer.spec import BlockSpec, Example, Port, Stability

SPECS = (
    BlockSpec(
        name="ConcatTokens",
        title="Concatenate tokens",
        family="Fusion",
        kind="expression",
        target="torch.cat([{a}, {b}], dim=-2)",
        summary="Joins two streams along the tokens; features, and heads where there are any, must agree.",
        tags=("concat",),
        glyph="⧺",
        inputs=(Port("a", "any", "*S M features"), Port("b", "any", "*S N features")),
        outputs=(Port("out", "same:a", "*S M+N features"),),
        formula="y = [a; b] along the tokens",
        reference="Esser et al. 2024, arXiv:2403.03206",
        article="12.1, 13",
        stability=Stability("", "moves values, changes none"),
        examples=(
            Example({"a": (2, 3, 4), "b": (2, 5, 4)}, {}),
            Example({"a": (2, 3, 5, 4), "b": (2, 3, 2, 4)}, {}),
        ),
    ),
    BlockSpec(
        name="SplitTokens",
        title="Split tokens",
        family="Fusion",
        kind="function",
        target="split_tokens",
        summary="Parts tokens into the first ones, as many as a reference stream has, and the rest.",
        tags=("reshape",),
        glyph="⫶",
        inputs=(
            Port("x", "tokens", "B T features"),
            Port("like", "tokens", "B M other", help="the stream that was joined first"),
        ),
        outputs=(Port("first", "tokens", "B M features"), Port("rest", "tokens", "B T-M features")),
        views={"first": "x", "rest": "x"},
        formula="y₁ = x[:M], y₂ = x[M:]",
        reference="Esser et al. 2024, arXiv:2403.03206",
        article="12.1, 13",
        stability=Stability("", "moves values, changes none"),
        examples=(Example({"x": (2, 7, 4), "like": (2, 3, 6)}, {}),),
    ),
)


def split_tokens(x: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Part tokens [B, T, D] into the first M, for `like` [B, M, *], and the rest: [B, M, D], [B, T - M, D]."""
    length = like.shape[1]
    return x[:, :length], x[:, length:]

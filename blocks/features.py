"""Features of vectors and tokens, joined or flattened."""

from designer.spec import BlockSpec, Example, Port, Stability

SPECS = (
    BlockSpec(
        name="ConcatFeatures",
        title="Concatenate features",
        family="Conditioning",
        tags=("concat",),
        kind="expression",
        target="torch.cat([{a}, {b}], dim=-1)",
        summary="Joins vectors or tokens along the features: two text encoders (SDXL), pooled text and sizes.",
        glyph="⧺",
        inputs=(Port("a", "any", "*S a_features"), Port("b", "any", "*S b_features")),
        outputs=(Port("out", "same:a", "*S a_features+b_features"),),
        formula="y = [a; b] along the features",
        reference="Podell et al. 2023, arXiv:2307.01952",
        article="2.3.3",
        stability=Stability("", "moves values, changes none; streams of unlike scale stay unlike"),
        examples=(
            Example({"a": (2, 5, 3), "b": (2, 5, 4)}, {}),
            Example({"a": (2, 3), "b": (2, 4)}, {}),
        ),
    ),
    BlockSpec(
        name="FlattenFeatures",
        title="Flatten features",
        family="Conditioning",
        tags=("reshape",),
        kind="expression",
        target="{x}.flatten(1)",
        summary="Several embeddings of one sample as one vector.",
        glyph="▭",
        inputs=(Port("x", "any", "B count features"),),
        outputs=(Port("out", "vector", "B count*features"),),
        formula="[B, n, d] → [B, n·d]",
        reference="Podell et al. 2023, arXiv:2307.01952",
        article="2.3.3",
        stability=Stability("", "moves values, changes none", gain="1"),
        examples=(Example({"x": (2, 3, 4)}, {}),),
    ),
)

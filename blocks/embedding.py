"""A table of learned vectors."""

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="Embedding",
    title="Embedding table",
    family="Conditioning",
    tags=("embedding",),
    kind="torch",
    target="nn.Embedding",
    summary="A learned vector for each index: a class without the dropout of guidance, or a whole timestep.",
    glyph="#",
    inputs=(Port("index", "any", "*S", dtype="int64"),),
    outputs=(Port("out", "vector", "*S embedding_dim"),),
    params=(
        Param(
            "num_embeddings",
            "int",
            1000,
            minimum=1,
            positional=True,
            omit=None,
            help="how many indices there are",
        ),
        Param("embedding_dim", "int", minimum=1, positional=True, help="size of the vectors"),
    ),
    parameters="num_embeddings*embedding_dim",
    state={"weight": "num_embeddings embedding_dim"},
    saved=("index",),
    formula="e = E[index]",
    reference="Dhariwal & Nichol 2021, arXiv:2105.05233",
    article="2.2.3",
    stability=Stability("", "starts at unit variance: as strong as the time embedding that it joins"),
    examples=(Example({"index": (4,)}, {"num_embeddings": 10, "embedding_dim": 8}),),
)

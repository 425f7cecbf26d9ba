"""Two sequences that lie one after the other in the batch, such as a first and a last image, as one."""

from designer.spec import BlockSpec, Constraint, Example, Port, Stability

SPEC = BlockSpec(
    name="JoinPairs",
    title="Join pairs of sequences",
    family="Tokens",
    tags=("reshape",),
    kind="expression",
    target="torch.unflatten({x}, 0, (-1, 2)).flatten(1, 2)",
    summary="Joins the tokens of two images a sample, which follow each other in the batch.",
    glyph="⧺",
    inputs=(Port("x", "tokens", "images N features"),),
    outputs=(Port("out", "tokens", "images//2 2*N features"),),
    constraints=(Constraint("images % 2 == 0", "{images} images are no pairs"),),
    views={"out": "x"},
    formula="[2·B, N, D] → [B, 2·N, D]",
    reference="Wan Team 2025, arXiv:2503.20314",
    article="2.5.1",
    stability=Stability("", "moves values, changes none", gain="1"),
    examples=(Example({"x": (4, 3, 5)}, {}),),
)

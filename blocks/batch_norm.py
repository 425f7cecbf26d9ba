"""Batch normalisation: here so that designs with it can be read, checked and mended."""

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="BatchNorm",
    title="Batch normalisation",
    family="Normalisation",
    kind="torch",
    target="nn.BatchNorm2d",
    summary="Normalises each channel over the batch; a denoiser may not have it (rule A029).",
    tags=("norm", "batch_statistics"),
    glyph="≋",
    inputs=(Port("x", "map", "B num_features H W"),),
    outputs=(Port("out", "same:x", "B num_features H W"),),
    params=(
        Param("num_features", "int", inferred=True, minimum=1, positional=True, help="channels of the input"),
        Param("eps", "float", 1e-5, minimum=0.0, help="added to the variance"),
    ),
    parameters="2*num_features",
    state={
        "weight": "num_features",
        "bias": "num_features",
        "running_mean": "num_features",
        "running_var": "num_features",
        "num_batches_tracked": "",
    },
    saved=("x", "2*num_features"),
    formula="y = γ (x − μ_batch)/√(σ²_batch + ε) + β",
    reference="Ioffe & Szegedy 2015, arXiv:1502.03167",
    article="IV",
    stability=Stability(
        "amplitude of each channel",
        "statistics of a batch mix noise levels, and small batches make them noise: GroupNorm instead",
        gain="1 / q",
        bounded=True,
    ),
    examples=(Example({"x": (2, 3, 4, 4)}, {}),),
)

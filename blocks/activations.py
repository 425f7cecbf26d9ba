"""Pointwise activations."""

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="SiLU",
        title="SiLU",
        family="Activation",
        tags=("activation",),
        kind="expression",
        target="F.silu({x})",
        summary="x · sigmoid(x), the activation of most diffusion networks.",
        glyph="ʃ",
        inputs=(Port("x", "any", "*S"),),
        outputs=(Port("out", "same:x", "*S"),),
        formula="y = x · σ(x)",
        reference="Elfwing et al. 2017, arXiv:1702.03118",
        article="2.1.4",
        stability=Stability("", "smooth, non-saturating for x > 0"),
        examples=(Example({"x": (2, 3, 4)}, {}),),
    ),
    BlockSpec(
        name="GELU",
        title="GELU",
        family="Activation",
        tags=("activation",),
        kind="expression",
        target="F.gelu({x}, approximate={approximate})",
        summary="x · Φ(x); the tanh form is the one of DiT.",
        glyph="ʃ",
        inputs=(Port("x", "any", "*S"),),
        outputs=(Port("out", "same:x", "*S"),),
        params=(
            Param(
                "approximate", "str", "tanh", choices=("none", "tanh"), help="exact (none) or the tanh form"
            ),
        ),
        formula="y = x · Φ(x)",
        reference="Hendrycks & Gimpel 2016, arXiv:1606.08415",
        article="12.2",
        stability=Stability("", "smooth, non-saturating for x > 0"),
        examples=(Example({"x": (2, 3, 4)}, {}), Example({"x": (2, 3)}, {"approximate": "none"})),
    ),
)

"""Skip features of a reference run put in the place of one's own: training-free editing."""

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="SkipSwap",
        title="Skip injection: swap",
        family="Transform",
        tags=("inference_only",),
        kind="expression",
        target="{reference}",
        summary="Replaces the skip by that of a reference image at the same timestep.",
        glyph="⇄",
        inputs=(Port("x", "any", "*S"), Port("reference", "any", "*S", help="the skip of the reference")),
        outputs=(Port("out", "same:x", "*S"),),
        views={"out": "reference"},
        formula="φ(s) = s_ref",
        reference="Schaerf et al. 2025, arXiv:2501.14524 (SkipInject)",
        article="6, 8",
        stability=Stability(
            "", "replaces instead of adding: no path for the gradient of the skip, sampling only"
        ),
        examples=(Example({"x": (2, 3, 4, 4), "reference": (2, 3, 4, 4)}, {}),),
    ),
    BlockSpec(
        name="SkipMix",
        title="Skip injection: mix",
        family="Transform",
        tags=("inference_only",),
        kind="expression",
        target="torch.lerp({x}, {reference}, {strength})",
        summary="A mean of the skip and that of a reference image at the same timestep.",
        glyph="⇄",
        inputs=(Port("x", "any", "*S"), Port("reference", "any", "*S", help="the skip of the reference")),
        outputs=(Port("out", "same:x", "*S"),),
        params=(Param("strength", "float", 0.5, minimum=0.0, maximum=1.0, help="share of the reference, λ"),),
        formula="φ(s) = (1 − λ)s + λ s_ref",
        reference="Schaerf et al. 2025, arXiv:2501.14524 (SkipInject)",
        article="6, 8",
        stability=Stability(
            "", "a convex mean: within the range of the two skips; sampling only", bounded=True
        ),
        examples=(
            Example({"x": (2, 3, 4, 4), "reference": (2, 3, 4, 4)}, {}),
            Example({"x": (2, 3, 4, 4), "reference": (2, 3, 4, 4)}, {"strength": 0.2}),
        ),
    ),
    BlockSpec(
        name="SkipResidual",
        title="Skip injection: residual",
        family="Transform",
        tags=("inference_only",),
        kind="expression",
        target="{x} + {strength} * ({reference} - {x})",
        summary="Moves the skip towards that of a reference image, or past it for strengths above 1.",
        glyph="⇄",
        inputs=(Port("x", "any", "*S"), Port("reference", "any", "*S", help="the skip of the reference")),
        outputs=(Port("out", "same:x", "*S"),),
        params=(Param("strength", "float", 0.5, minimum=0.0, help="how far to move, λ"),),
        work="x_numel",
        formula="φ(s) = s + λ(s_ref − s)",
        reference="Schaerf et al. 2025, arXiv:2501.14524 (SkipInject)",
        article="6, 8",
        stability=Stability("", "equals the mix for λ in [0, 1]; λ above 1 extrapolates; sampling only"),
        examples=(
            Example({"x": (2, 3, 4, 4), "reference": (2, 3, 4, 4)}, {}),
            Example({"x": (2, 3, 4, 4), "reference": (2, 3, 4, 4)}, {"strength": 1.2}),
        ),
    ),
)

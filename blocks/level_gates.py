"""Weights of a skip that depend on its level alone: plain numbers, prescribed rather than learned.

Level 1 is the shallowest skip (highest resolution), as in ScaleLong; the article's ℓ grows with depth too.
"""

import math

from designer.spec import BlockSpec, Constraint, Example, Gate, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="UnitGate",
        title="No weight",
        family="Gate",
        tags=("gate",),
        gate=Gate(granularity="scalar", low="1", high="1", sources=("level",), initial="1"),
        kind="expression",
        target="1.0",
        summary="The weight 1: the naive fusion.",
        glyph="1",
        inputs=(),
        outputs=(Port("out", "gate", ""),),
        formula="w = 1",
        reference="Ronneberger et al. 2015, arXiv:1505.04597",
        article="4",
        stability=Stability("", "none: the stream enters at its own amplitude", gain="1", bounded=True),
        examples=(Example({}, {}),),
    ),
    BlockSpec(
        name="ConstantGate",
        title="Constant weight",
        family="Gate",
        tags=("gate",),
        gate=Gate(granularity="scalar", low="value", high="value", sources=("level",), initial="value"),
        kind="expression",
        target="{value}",
        summary="A number; an expression of the level, the index or the channels is allowed.",
        glyph="κ",
        inputs=(),
        outputs=(Port("out", "gate", ""),),
        params=(
            Param(
                "value",
                "float",
                0.7071067811865476,
                help="the weight; 1/√2 keeps the variance of a sum of two",
            ),
        ),
        formula="w = κ",
        reference="Song et al. 2021, arXiv:2011.13456",
        article="5.2",
        stability=Stability(
            "the amplitude of a skip", "a fixed share of the skip at every noise level", bounded=True
        ),
        examples=(Example({}, {"value": 0.5}),),
    ),
    BlockSpec(
        name="ExponentialGate",
        title="Weight that decays with depth",
        family="Gate",
        tags=("gate",),
        gate=Gate(
            granularity="scalar",
            low="0",
            high="kappa",
            sources=("level",),
            initial="kappa * rate**level",
        ),
        kind="function",
        target="exponential_gate",
        summary="κ₀·r^ℓ: small for deep skips, large for shallow ones.",
        glyph="κ",
        inputs=(),
        outputs=(Port("out", "gate", ""),),
        params=(
            Param(
                "level",
                "int",
                1,
                minimum=0,
                positional=True,
                omit=None,
                help="level of the skip, 1 the shallowest",
            ),
            Param("kappa", "float", 1.0, minimum=0.0, help="weight at level 0, κ₀"),
            Param(
                "rate", "float", 0.7, minimum=0.0, maximum=1.0, help="factor from one level to the next, r"
            ),
        ),
        formula="w = κ₀ · r^ℓ",
        reference="Huang et al. 2023, arXiv:2310.13545",
        article="5.2",
        stability=Stability(
            "semantic interference of deep skips", "deep-small, shallow-large; never above κ₀", bounded=True
        ),
        examples=(Example({}, {"level": 2}), Example({}, {"level": 3, "kappa": 0.9, "rate": 0.5})),
    ),
    BlockSpec(
        name="ScaleLongConstant",
        title="ScaleLong, constant scaling",
        family="Gate",
        tags=("gate",),
        gate=Gate(
            granularity="scalar",
            low="0",
            high="1",
            sources=("level",),
            initial="kappa**(level - 1)",
        ),
        kind="function",
        target="scale_long_constant",
        summary="κ^(i−1) for the i-th skip from the top: the shallowest keeps weight 1.",
        glyph="κ",
        inputs=(),
        outputs=(Port("out", "gate", ""),),
        params=(
            Param(
                "level",
                "int",
                1,
                minimum=1,
                positional=True,
                omit=None,
                help="number of the skip, 1 the shallowest",
            ),
            Param("kappa", "float", 0.7, minimum=0.0, maximum=1.0, help="factor from one skip to the next"),
        ),
        formula="w = κ^(i−1)",
        reference="Huang et al. 2023, arXiv:2310.13545, section 4.1",
        article="5.2",
        stability=Stability(
            "oscillation of features and gradients through long skips",
            "bounds Σκ_i², on which the range of the features depends "
            "(measured: no difference in loss where GroupNorm follows)",
            bounded=True,
        ),
        examples=(Example({}, {"level": 1}), Example({}, {"level": 3, "kappa": 0.8})),
    ),
    BlockSpec(
        name="RationalGate",
        title="Weight that decays as 1/ℓ",
        family="Gate",
        tags=("gate",),
        gate=Gate(
            granularity="scalar",
            low="0",
            high="kappa",
            sources=("level",),
            initial="kappa / (1 + decay * level)",
        ),
        kind="function",
        target="rational_gate",
        summary="κ₀/(1 + λℓ): a gentler decay than the exponential one.",
        glyph="κ",
        inputs=(),
        outputs=(Port("out", "gate", ""),),
        params=(
            Param(
                "level",
                "int",
                1,
                minimum=0,
                positional=True,
                omit=None,
                help="level of the skip, 1 the shallowest",
            ),
            Param("kappa", "float", 1.0, minimum=0.0, help="weight at level 0, κ₀"),
            Param("decay", "float", 0.5, minimum=0.0, help="how fast the weight falls, λ"),
        ),
        formula="w = κ₀ / (1 + λℓ)",
        reference="Huang et al. 2023, arXiv:2310.13545",
        article="5.2",
        stability=Stability(
            "semantic interference of deep skips", "deep-small, shallow-large; never above κ₀", bounded=True
        ),
        examples=(Example({}, {"level": 2}), Example({}, {"level": 4, "kappa": 0.9, "decay": 1.0})),
    ),
    BlockSpec(
        name="SigmoidLevelGate",
        title="Weight with a transition depth",
        family="Gate",
        tags=("gate",),
        gate=Gate(
            granularity="scalar",
            low="0",
            high="1",
            sources=("level",),
            initial="1 / (1 + exp(-slope * (level - center)))",
        ),
        kind="function",
        target="sigmoid_level_gate",
        summary="σ(a(ℓ − b)): a smooth switch around depth b; a < 0 closes deep skips.",
        glyph="κ",
        inputs=(),
        outputs=(Port("out", "gate", ""),),
        params=(
            Param(
                "level",
                "int",
                1,
                minimum=0,
                positional=True,
                omit=None,
                help="level of the skip, 1 the shallowest",
            ),
            Param("slope", "float", -1.5, help="steepness a; negative for deep-small, shallow-large"),
            Param("center", "float", 2.5, help="level of weight 1/2, b"),
        ),
        formula="w = σ(a(ℓ − b))",
        reference="Huang et al. 2023, arXiv:2310.13545",
        article="5.2",
        stability=Stability(
            "semantic interference of deep skips",
            "deep-small needs a < 0; the article leaves the sign open, and a > 0 reverses the order",
            bounded=True,
        ),
        examples=(Example({}, {"level": 2}), Example({}, {"level": 4, "slope": -2.0, "center": 3.0})),
    ),
    BlockSpec(
        name="PiecewiseGate",
        title="Weight by stage",
        family="Gate",
        tags=("gate",),
        gate=Gate(
            granularity="scalar",
            low="min(shallow, middle, deep)",
            high="max(shallow, middle, deep)",
            sources=("level",),
            initial="shallow if level <= last_shallow else (middle if level <= last_middle else deep)",
        ),
        kind="function",
        target="piecewise_gate",
        summary="One weight for shallow, one for middle, one for deep levels.",
        glyph="κ",
        inputs=(),
        outputs=(Port("out", "gate", ""),),
        params=(
            Param(
                "level",
                "int",
                1,
                minimum=0,
                positional=True,
                omit=None,
                help="level of the skip, 1 the shallowest",
            ),
            Param("last_shallow", "int", 1, minimum=0, help="deepest level that counts as shallow"),
            Param("last_middle", "int", 2, minimum=0, help="deepest level that counts as middle"),
            Param("shallow", "float", 1.0, minimum=0.0, help="weight of shallow levels"),
            Param("middle", "float", 0.7, minimum=0.0, help="weight of middle levels"),
            Param("deep", "float", 0.5, minimum=0.0, help="weight of deep levels"),
        ),
        constraints=(
            Constraint(
                "last_shallow <= last_middle",
                "the shallow levels end at {last_shallow}, below the middle ones at {last_middle}",
            ),
        ),
        formula="w = κ_shallow, κ_middle or κ_deep by level",
        reference="Huang et al. 2023, arXiv:2310.13545",
        article="5.2",
        stability=Stability(
            "semantic interference of deep skips",
            "a number for each stage, the same at every noise level",
            bounded=True,
        ),
        examples=(Example({}, {"level": 1}), Example({}, {"level": 3, "deep": 0.3})),
    ),
    BlockSpec(
        name="SkipTuningGate",
        title="Skip-Tuning",
        family="Gate",
        tags=("gate", "inference_only"),
        gate=Gate(
            granularity="scalar",
            low="min(bottom, top)",
            high="max(bottom, top)",
            sources=("level",),
            initial="bottom + (top - bottom) * (levels - level) / (levels - 1)",
        ),
        kind="function",
        target="skip_tuning_gate",
        summary="Weights that grow linearly from the deepest skip to the shallowest; set after training.",
        glyph="ρ",
        inputs=(),
        outputs=(Port("out", "gate", ""),),
        params=(
            Param(
                "level",
                "int",
                1,
                minimum=1,
                positional=True,
                omit=None,
                help="number of the skip, 1 the shallowest",
            ),
            Param("levels", "int", 4, minimum=2, positional=True, omit=None, help="how many skips there are"),
            Param("bottom", "float", 0.8, minimum=0.0, help="weight of the deepest skip, ρ_bottom"),
            Param("top", "float", 1.0, minimum=0.0, help="weight of the shallowest skip, ρ_top"),
        ),
        constraints=(
            Constraint("level <= levels", "skip {level} of {levels} does not exist; level is at most levels"),
        ),
        formula="w = ρ_bottom + (ρ_top − ρ_bottom) · (L − i)/(L − 1)",
        reference="Ma et al. 2024, arXiv:2402.15170",
        article="8",
        stability=Stability(
            "few-step sampling of a trained U-Net",
            "rescales skips of a network that was trained with weight 1; the article's learned δ(z) is not what the "
            "paper does",
            bounded=True,
        ),
        examples=(
            Example({}, {"level": 4, "levels": 4}),
            Example({}, {"level": 2, "levels": 3, "bottom": 0.6}),
        ),
    ),
)


def exponential_gate(level: int, *, kappa: float = 1.0, rate: float = 0.7) -> float:
    """Weight of the skip of a level: κ₀ · r^ℓ (Huang et al. 2023)."""
    return kappa * rate**level


def scale_long_constant(level: int, *, kappa: float = 0.7) -> float:
    """Weight of the i-th skip from the top: κ^(i−1) (Huang et al. 2023, ScaleLong-CS)."""
    return kappa ** (level - 1)


def rational_gate(level: int, *, kappa: float = 1.0, decay: float = 0.5) -> float:
    """Weight of the skip of a level: κ₀ / (1 + λℓ)."""
    return kappa / (1 + decay * level)


def sigmoid_level_gate(level: int, *, slope: float = -1.5, center: float = 2.5) -> float:
    """Weight of the skip of a level: σ(a(ℓ − b))."""
    return 1 / (1 + math.exp(-slope * (level - center)))


def piecewise_gate(
    level: int,
    *,
    last_shallow: int = 1,
    last_middle: int = 2,
    shallow: float = 1.0,
    middle: float = 0.7,
    deep: float = 0.5,
) -> float:
    """Weight of the skip of a level: one constant for shallow, middle and deep levels."""
    if level <= last_shallow:
        return shallow
    return middle if level <= last_middle else deep


def skip_tuning_gate(level: int, levels: int, *, bottom: float = 0.8, top: float = 1.0) -> float:
    """Weight of the i-th of L skips, linear from the deepest to the shallowest (Ma et al. 2024)."""
    return bottom + (top - bottom) * (levels - level) / (levels - 1)

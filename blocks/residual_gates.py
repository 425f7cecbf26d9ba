"""Learned amplitudes of a residual branch: y = g ⊙ F(h), before it is added to the stream."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Gate, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="LayerScale",
        title="LayerScale",
        family="Residual",
        tags=("residual_gate", "gating", "gate"),
        gate=Gate(granularity="channel", learned=True, initial="init_value"),
        kind="module",
        target="LayerScale",
        summary="A learned factor for each feature, tiny at start.",
        glyph="γ",
        inputs=(Port("x", "any", "*S features"),),
        outputs=(Port("out", "same:x", "*S features"),),
        params=(
            Param("features", "int", inferred=True, minimum=1, positional=True, help="features of a token"),
            Param(
                "init_value",
                "float",
                1e-4,
                minimum=0.0,
                positional=True,
                omit=None,
                help="factor at start: 0.1 up to 18 blocks, 1e-5 up to 24, 1e-6 beyond",
            ),
        ),
        parameters="features",
        state={"gamma": "features"},
        saved=("x",),
        formula="y = γ ⊙ x, γ ∈ ℝᴰ, γ = ε at start",
        reference="Touvron et al. 2021, arXiv:2103.17239",
        article="10.2",
        stability=Stability(
            "growth of the residual stream over depth",
            "each block starts close to the identity "
            "(measured, 48 blocks without it .958–.997 normalised loss, with 1e-4 .807–.819)",
            gain="init_value**2",
        ),
        examples=(Example({"x": (2, 5, 4)}, {}), Example({"x": (2, 5, 4)}, {"init_value": 0.1})),
    ),
    BlockSpec(
        name="ReZero",
        title="ReZero",
        family="Residual",
        tags=("residual_gate", "gating", "gate"),
        gate=Gate(granularity="scalar", learned=True, initial="0"),
        kind="module",
        target="ReZero",
        summary="One learned factor for the whole branch, 0 at start.",
        glyph="α",
        inputs=(Port("x", "any", "*S"),),
        outputs=(Port("out", "same:x", "*S"),),
        parameters="1",
        state={"alpha": ""},
        saved=("x",),
        formula="y = α x, α = 0 at start",
        reference="Bachlechner et al. 2020, arXiv:2003.04887",
        article="10.3",
        stability=Stability(
            "the residual stream at the start of training",
            "the block is the identity at first; keep the branch's last layer at its usual start, for two zeros "
            "never learn",
            gain="0",
            zero_init=True,
        ),
        examples=(Example({"x": (2, 5, 4)}, {}),),
    ),
    BlockSpec(
        name="TanhGate",
        title="Bounded gate",
        family="Residual",
        tags=("residual_gate", "gating", "gate"),
        gate=Gate(granularity="channel", low="-1", high="1", learned=True, initial="0"),
        kind="module",
        target="TanhGate",
        summary="A learned factor in [−1, 1] for each feature, 0 at start.",
        glyph="α",
        inputs=(Port("x", "any", "*S features"),),
        outputs=(Port("out", "same:x", "*S features"),),
        params=(
            Param("features", "int", inferred=True, minimum=1, positional=True, help="features of a token"),
        ),
        parameters="features",
        state={"alpha": "features"},
        saved=("x", "features"),
        formula="y = tanh(α) ⊙ x, α = 0 at start",
        reference="Alayrac et al. 2022, arXiv:2204.14198",
        article="10.4",
        stability=Stability(
            "amplitude of a residual branch, early and late",
            "never amplifies; the block is the identity at first",
            gain="0",
            bounded=True,
            zero_init=True,
        ),
        examples=(Example({"x": (2, 5, 4)}, {}),),
    ),
    BlockSpec(
        name="SigmoidGate",
        title="Bounded gate, positive",
        family="Residual",
        tags=("residual_gate", "gating", "gate"),
        gate=Gate(
            granularity="channel", low="0", high="1", learned=True, initial="1 / (1 + exp(-init_logit))"
        ),
        kind="module",
        target="SigmoidGate",
        summary="A learned factor in [0, 1] for each feature.",
        glyph="α",
        inputs=(Port("x", "any", "*S features"),),
        outputs=(Port("out", "same:x", "*S features"),),
        params=(
            Param("features", "int", inferred=True, minimum=1, positional=True, help="features of a token"),
            Param(
                "init_logit",
                "float",
                -4.0,
                positional=True,
                omit=None,
                help="logit at start; −4 is a factor of 0.018",
            ),
        ),
        parameters="features",
        state={"alpha": "features"},
        saved=("x", "features"),
        formula="y = σ(α) ⊙ x, α = init_logit at start",
        reference="Srivastava et al. 2015, arXiv:1505.00387",
        article="10.4",
        stability=Stability(
            "amplitude of a residual branch, early and late",
            "never amplifies nor changes sign; a negative logit starts close to the identity",
            gain="(1 / (1 + exp(-init_logit)))**2",
            bounded=True,
        ),
        examples=(Example({"x": (2, 5, 4)}, {}), Example({"x": (2, 5, 4)}, {"init_logit": 0.0})),
    ),
    BlockSpec(
        name="TokenGate",
        title="Gate of each token",
        family="Residual",
        tags=("residual_gate", "gating", "gate"),
        gate=Gate(granularity="token", low="-1", high="1", sources=("trunk",), learned=True, initial="0"),
        kind="module",
        target="TokenGate",
        summary="Each token decides by how much its update counts, within [−1, 1]; 0 at start.",
        glyph="α",
        inputs=(Port("x", "tokens", "*S features"),),
        outputs=(Port("out", "tokens", "*S features"),),
        params=(
            Param("features", "int", inferred=True, minimum=1, positional=True, help="features of a token"),
        ),
        parameters="features + 1",
        state={"proj.weight": "1 features", "proj.bias": "1"},
        flops="2*x_numel",
        saved=("x", "x_numel/features"),
        formula="y = tanh(w·x + b) x, w = b = 0 at start",
        reference="Alayrac et al. 2022, arXiv:2204.14198",
        article="10.4",
        stability=Stability(
            "updates of single tokens",
            "reads what it gates, so it is bounded; the block is the identity at first",
            gain="0",
            bounded=True,
            zero_init=True,
        ),
        examples=(Example({"x": (2, 5, 4)}, {}),),
    ),
    BlockSpec(
        name="HeadGate",
        title="Gate of each head",
        family="Residual",
        tags=("residual_gate", "gating", "gate"),
        gate=Gate(granularity="head", low="0", high="2", learned=True, initial="1"),
        kind="module",
        target="HeadGate",
        summary="A learned factor in [0, 2] for each attention head, 1 at start; stands before the output projection.",
        glyph="α",
        inputs=(Port("x", "tokens", "B N features"),),
        outputs=(Port("out", "tokens", "B N features"),),
        params=(
            Param(
                "num_heads",
                "int",
                8,
                minimum=1,
                positional=True,
                omit=None,
                help="heads; must divide the features",
            ),
        ),
        constraints=(
            Constraint(
                "features % num_heads == 0",
                "{features} features cannot be split into {num_heads} heads; choose num_heads that divides them",
            ),
        ),
        parameters="num_heads",
        state={"alpha": "num_heads 1"},
        saved=("x", "2*num_heads"),
        formula="y_h = 2σ(α_h) x_h, α = 0 at start",
        reference="Michel et al. 2019, arXiv:1905.10650",
        article="10.4",
        stability=Stability(
            "single heads that saturate",
            "bounded factor of a head; starts as plain attention",
            gain="1",
            bounded=True,
        ),
        examples=(Example({"x": (2, 5, 8)}, {"num_heads": 2}), Example({"x": (2, 5, 8)}, {})),
    ),
    BlockSpec(
        name="DeepNormAdd",
        title="DeepNorm residual",
        family="Residual",
        tags=("add", "scale", "needs_norm"),
        kind="expression",
        target="{alpha} * {a} + {b}",
        summary="Amplifies the stream before the branch is added; a LayerNorm must follow (post-LN).",
        glyph="⊞",
        inputs=(Port("a", "any", "*S", help="the stream"), Port("b", "any", "*S", help="the branch")),
        outputs=(Port("out", "same:a", "*S"),),
        params=(Param("alpha", "float", 2.0, minimum=1.0, help="factor of the stream, (2N)^¼ for N blocks"),),
        work="a_numel",
        formula="x ← LN(αx + F(x)), α = (2N)^¼; weights of F × (8N)^−¼ at start",
        reference="Wang et al. 2022, arXiv:2203.00555",
        article="10.2, 11.3",
        stability=Stability(
            "post-LN transformers of great depth",
            "α > 1 favours the stream and the small start of the branch bounds the update; the article reads it as "
            "β = 1/√L on the branch, which is not DeepNorm",
            weights={"a": "alpha", "b": "1"},
        ),
        examples=(
            Example({"a": (2, 5, 4), "b": (2, 5, 4)}, {}),
            Example({"a": (2, 5, 4), "b": (2, 5, 4)}, {"alpha": 1.5}),
        ),
    ),
)


class LayerScale(nn.Module):
    """A learned factor for each feature: [*, D] → [*, D] (Touvron et al. 2021)."""

    def __init__(self, features: int, init_value: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((features,), init_value))

    def forward(self, x: Tensor) -> Tensor:
        return self.gamma * x


class ReZero(nn.Module):
    """One learned factor, 0 at start: [*] → [*] (Bachlechner et al. 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.alpha * x


class TanhGate(nn.Module):
    """A learned factor in [−1, 1] for each feature, 0 at start: [*, D] → [*, D] (Alayrac et al. 2022)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.alpha) * x


class SigmoidGate(nn.Module):
    """A learned factor in [0, 1] for each feature: [*, D] → [*, D]."""

    def __init__(self, features: int, init_logit: float) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.full((features,), init_logit))

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.alpha) * x


class TokenGate(nn.Module):
    """A factor in [−1, 1] that each token computes, 0 at start: [*, D] → [*, D]."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.proj = nn.Linear(features, 1)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.proj(x)) * x


class HeadGate(nn.Module):
    """A learned factor in [0, 2] for each head, 1 at start: [B, N, h·d] → [B, N, h·d]."""

    def __init__(self, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.alpha = nn.Parameter(torch.zeros(num_heads, 1))

    def forward(self, x: Tensor) -> Tensor:
        heads = torch.unflatten(x, -1, (self.num_heads, -1))  # [B, N, h, d]
        return (2 * torch.sigmoid(self.alpha) * heads).flatten(2)

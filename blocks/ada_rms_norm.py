"""RMS normalisation whose gain the condition sets."""

from torch import Tensor, nn

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPEC = BlockSpec(
    name="AdaRMSNorm",
    title="Adaptive RMS normalisation",
    family="Modulation",
    kind="module",
    target="AdaRMSNorm",
    summary="Divides each token by its root mean square and scales it by 1 + a projection of the condition.",
    tags=("norm", "modulation"),
    glyph="◑",
    inputs=(Port("x", "tokens", "B N hidden_size"), Port("c", "vector", "B cond_size")),
    outputs=(Port("out", "tokens", "B N hidden_size"),),
    params=(
        Param("hidden_size", "int", inferred=True, minimum=1, positional=True, help="features of a token"),
        Param("cond_size", "int", inferred=True, minimum=1, positional=True, help="size of the condition"),
        Param("eps", "float", 1e-6, minimum=0.0, help="added to the mean square"),
    ),
    parameters="hidden_size*cond_size",
    state={"gain.weight": "hidden_size cond_size"},
    flops="2*cond_size*hidden_size*B",
    saved=("x", "c", "x_numel + x_numel/hidden_size + B*hidden_size"),
    work="x_numel + B*hidden_size",
    formula="y = (1 + W c) ⊙ x/√(mean(x²) + ε), W = 0 at start",
    reference="Crowson et al. 2024, arXiv:2401.11605; Zhang & Sennrich 2019, arXiv:1910.07467",
    article="11.1, 11.3",
    stability=Stability(
        "amplitude of each token", "unit mean square before the gain; starts as a plain norm", gain="1 / q"
    ),
    examples=(Example({"x": (2, 5, 8), "c": (2, 6)}, {}),),
)


class AdaRMSNorm(nn.Module):
    """RMS norm with a conditioned gain: x [B, N, D], c [B, C] → [B, N, D] (Crowson et al. 2024)."""

    def __init__(self, hidden_size: int, cond_size: int, *, eps: float = 1e-6) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(hidden_size, eps=eps, elementwise_affine=False)
        self.gain = nn.Linear(cond_size, hidden_size, bias=False)
        nn.init.zeros_(self.gain.weight)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        x = self.norm(x) * (1 + self.gain(c)).unsqueeze(1)
        return x

"""Bounds η of a gate: from an unbounded logit to a weight, w = η(w̃)."""

import torch
from torch import Tensor

from designer.spec import BlockSpec, Example, Gate, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="SigmoidBound",
        title="Bound: sigmoid",
        family="Gate",
        tags=("gate",),
        gate=Gate(low="0", high="1"),
        kind="expression",
        target="torch.sigmoid({x})",
        summary="A weight in [0, 1]; 1/2 at logit 0.",
        glyph="η",
        inputs=(Port("x", "any", "B *S", help="the logit"),),
        outputs=(Port("out", "same:x", "B *S"),),
        formula="w = σ(w̃)",
        reference="Srivastava et al. 2015, arXiv:1505.00387",
        article="5.1",
        stability=Stability(
            "multiplicative feedback through a long skip",
            "never amplifies, slope at most 1/4; a logit that starts at 0 halves the skip (2σ keeps it whole)",
            bounded=True,
        ),
        examples=(Example({"x": (2, 3, 1, 1)}, {}),),
    ),
    BlockSpec(
        name="DoubleSigmoidBound",
        title="Bound: 2 × sigmoid",
        family="Gate",
        tags=("gate",),
        gate=Gate(low="0", high="2"),
        kind="expression",
        target="2 * torch.sigmoid({x})",
        summary="A weight in [0, 2]; 1 at logit 0, so that a zero-initialised gate changes nothing.",
        glyph="η",
        inputs=(Port("x", "any", "B *S", help="the logit"),),
        outputs=(Port("out", "same:x", "B *S"),),
        formula="w = 2σ(w̃)",
        reference="Srivastava et al. 2015, arXiv:1505.00387",
        article="5.1",
        stability=Stability(
            "multiplicative feedback through a long skip",
            "at most doubles, slope at most 1/2; starts at 1",
            bounded=True,
        ),
        examples=(Example({"x": (2, 3, 1, 1)}, {}),),
    ),
    BlockSpec(
        name="TanhBound",
        title="Bound: tanh",
        family="Gate",
        tags=("gate",),
        gate=Gate(low="-1", high="1"),
        kind="expression",
        target="torch.tanh({x})",
        summary="A weight in [−1, 1]; 0 at logit 0, so that the stream starts closed.",
        glyph="η",
        inputs=(Port("x", "any", "B *S", help="the logit"),),
        outputs=(Port("out", "same:x", "B *S"),),
        formula="w = tanh(w̃)",
        reference="Alayrac et al. 2022, arXiv:2204.14198",
        article="5.1, 10.4",
        stability=Stability(
            "multiplicative feedback through a long skip",
            "never amplifies, slope at most 1; starts at 0 for a zero logit",
            bounded=True,
        ),
        examples=(Example({"x": (2, 3, 1, 1)}, {}), Example({"x": (2, 6)}, {})),
    ),
    BlockSpec(
        name="SoftplusBound",
        title="Bound: softplus",
        family="Gate",
        tags=("gate",),
        gate=Gate(low="0", high="inf"),
        kind="expression",
        target="F.softplus({x})",
        summary="A positive weight; log 2 at logit 0.",
        glyph="η",
        inputs=(Port("x", "any", "B *S", help="the logit"),),
        outputs=(Port("out", "same:x", "B *S"),),
        formula="w = log(1 + e^w̃)",
        reference="Dugas et al. 2001",
        article="5.1",
        stability=Stability(
            "sign flips of a skip",
            "positive, slope at most 1, but without upper bound: large logits still amplify",
        ),
        examples=(Example({"x": (2, 3, 1, 1)}, {}),),
    ),
    BlockSpec(
        name="AroundOneBound",
        title="Bound: 1 + δ·tanh",
        family="Gate",
        tags=("gate",),
        gate=Gate(low="1 - delta", high="1 + delta"),
        kind="function",
        target="around_one",
        summary="A weight within δ of 1; 1 at logit 0.",
        glyph="η",
        inputs=(Port("x", "any", "B *S", help="the logit"),),
        outputs=(Port("out", "same:x", "B *S"),),
        params=(
            Param("delta", "float", 0.5, minimum=0.0, maximum=1.0, help="largest change of the weight, δ"),
        ),
        formula="w = 1 + δ·tanh(w̃)",
        reference="Ma et al. 2024, arXiv:2402.15170 (a small change of a trained skip)",
        article="5.1, 8",
        stability=Stability(
            "multiplicative feedback through a long skip",
            "a small correction of the naive weight; starts at 1",
            bounded=True,
        ),
        examples=(Example({"x": (2, 3, 1, 1)}, {}), Example({"x": (2, 3, 1, 1)}, {"delta": 0.1})),
    ),
)


def around_one(x: Tensor, *, delta: float = 0.5) -> Tensor:
    """A weight within δ of 1 from any logits: 1 + δ·tanh(x)."""
    return 1 + delta * torch.tanh(x)

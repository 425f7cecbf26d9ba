"""Weights that a small network learns from the condition, from the streams, or from both.

Those that put out logits start at 0 and want a bound behind them. Each call has weights of its own, which is
what an embedding of the level would give; calls of one instance share them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Gate, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="ScalarMLPGate",
        title="Learned weight, one number",
        family="Gate",
        tags=("gate",),
        gate=Gate(granularity="scalar", sources=("time", "condition"), learned=True, initial="0"),
        kind="module",
        target="ScalarMLPGate",
        summary="An MLP of the condition gives one logit for each sample.",
        glyph="ψ",
        inputs=(
            Port("x", "any", "B *S", help="what is weighted; gives the number of axes"),
            Port("c", "vector", "B cond_size", help="time embedding, condition, or both"),
        ),
        outputs=(Port("out", "gate", "B *ones(S)"),),
        params=(
            Param(
                "cond_size", "int", inferred=True, minimum=1, positional=True, help="size of the condition"
            ),
            Param(
                "hidden", "int", 32, minimum=1, positional=True, omit=None, help="hidden features of the MLP"
            ),
        ),
        parameters="hidden*(cond_size + 1) + hidden + 1",
        state={
            "fc1.weight": "hidden cond_size",
            "fc1.bias": "hidden",
            "fc2.weight": "1 hidden",
            "fc2.bias": "1",
        },
        flops="2*hidden*(cond_size + 1)*out_numel",
        saved=("c", "2*B*hidden"),
        formula="w̃ = W₂·SiLU(W₁c + b₁) + b₂, W₂ = b₂ = 0 at start",
        reference="Ha et al. 2016, arXiv:1609.09106; Peebles & Xie 2023, arXiv:2212.09748",
        article="5.2, 5.3",
        stability=Stability(
            "timestep and conditioning mismatch",
            "a logit without bound: put σ, 2σ or tanh behind it; the safest granularity",
            gain="0",
            zero_init=True,
        ),
        examples=(
            Example({"x": (2, 3, 4, 4), "c": (2, 6)}, {}),
            Example({"x": (2, 5, 3), "c": (2, 6)}, {"hidden": 8}),
        ),
    ),
    BlockSpec(
        name="ChannelMLPGate",
        title="Learned weight of each channel",
        family="Gate",
        tags=("gate",),
        gate=Gate(granularity="channel", sources=("time", "condition"), learned=True, initial="0"),
        kind="module",
        target="ChannelMLPGate",
        summary="An MLP of the condition gives one logit for each channel.",
        glyph="ψ",
        inputs=(
            Port("x", "map", "B channels H W", help="what is weighted; gives the channels"),
            Port("c", "vector", "B cond_size", help="time embedding, condition, or both"),
        ),
        outputs=(Port("out", "gate", "B channels 1 1"),),
        params=(
            Param(
                "cond_size", "int", inferred=True, minimum=1, positional=True, help="size of the condition"
            ),
            Param(
                "channels", "int", inferred=True, minimum=1, positional=True, help="channels of the stream"
            ),
            Param(
                "hidden", "int", 32, minimum=1, positional=True, omit=None, help="hidden features of the MLP"
            ),
        ),
        parameters="hidden*(cond_size + 1) + channels*(hidden + 1)",
        state={
            "fc1.weight": "hidden cond_size",
            "fc1.bias": "hidden",
            "fc2.weight": "channels hidden",
            "fc2.bias": "channels",
        },
        flops="2*hidden*(c_numel + out_numel)",
        saved=("c", "2*B*hidden"),
        formula="w̃ = W₂·SiLU(W₁c + b₁) + b₂ for each channel, W₂ = b₂ = 0 at start",
        reference="Ha et al. 2016, arXiv:1609.09106; Peebles & Xie 2023, arXiv:2212.09748",
        article="5.2, 5.3",
        stability=Stability(
            "timestep mismatch: detail channels can close in noise",
            "a logit without bound: put σ, 2σ or tanh behind it "
            "(measured: unbounded reached 34 with ρ_act 9.7, bounded 2.9, losses equal)",
            gain="0",
            zero_init=True,
        ),
        examples=(
            Example({"x": (2, 3, 4, 4), "c": (2, 6)}, {}),
            Example({"x": (2, 3, 4, 4), "c": (2, 6)}, {"hidden": 8}),
        ),
    ),
    BlockSpec(
        name="HyperGate",
        title="Hypernetwork gate",
        family="Gate",
        tags=("gate",),
        gate=Gate(granularity="channel", sources=("time", "condition", "skip"), learned=True, initial="0"),
        kind="module",
        target="HyperGate",
        summary="The condition writes the weights of a gate that reads the mean of each channel.",
        glyph="ψ",
        inputs=(
            Port("x", "map", "B channels H W"),
            Port("c", "vector", "B cond_size", help="time embedding, condition, or both"),
        ),
        outputs=(Port("out", "gate", "B channels 1 1"),),
        params=(
            Param(
                "cond_size", "int", inferred=True, minimum=1, positional=True, help="size of the condition"
            ),
            Param(
                "channels", "int", inferred=True, minimum=1, positional=True, help="channels of the stream"
            ),
        ),
        parameters="2*channels*(cond_size + 1)",
        state={"proj.weight": "2*channels cond_size", "proj.bias": "2*channels"},
        flops="4*cond_size*out_numel",
        saved=("c", "out_numel + c_numel"),
        formula="w̃ = a(c) ⊙ mean(x) + b(c), [a; b] = Wc + v, W = v = 0 at start",
        reference="Ha et al. 2016, arXiv:1609.09106",
        article="5.2",
        stability=Stability(
            "conditioning mismatch: the condition decides which content passes",
            "reads the stream that it weights, so it must be bounded: unbounded it diverges "
            "(measured: weights of 1e16 and NaN in 2 of 3 seeds)",
            gain="0",
            zero_init=True,
        ),
        examples=(Example({"x": (2, 3, 4, 4), "c": (2, 6)}, {}),),
    ),
    BlockSpec(
        name="ScaleLongLearned",
        title="ScaleLong, learned scaling",
        family="Gate",
        tags=("gate",),
        gate=Gate(granularity="channel", low="0", high="1", sources=("skip",), learned=True),
        kind="module",
        target="ScaleLongLearned",
        summary="Squeeze and excite: the mean of each channel decides its weight in [0, 1].",
        glyph="ψ",
        inputs=(Port("x", "map", "B channels H W"),),
        outputs=(Port("out", "gate", "B channels 1 1"),),
        params=(
            Param("channels", "int", inferred=True, minimum=1, positional=True, help="channels of the skip"),
            Param(
                "ratio", "int", 16, minimum=1, positional=True, omit=None, help="channels / hidden features"
            ),
        ),
        constraints=(
            Constraint(
                "channels % ratio == 0",
                "{channels} channels are not a multiple of the ratio {ratio}; lower ratio",
            ),
        ),
        parameters="2*channels*(channels//ratio)",
        state={"squeeze.weight": "channels//ratio channels", "excite.weight": "channels channels//ratio"},
        flops="4*(channels//ratio)*out_numel",
        saved=("out", "out_numel + out_numel/ratio"),
        work="2*out_numel",
        formula="w = σ(W₂ ReLU(W₁ mean(s)))",
        reference="Huang et al. 2023, arXiv:2310.13545, section 4.2; Hu et al. 2018, arXiv:1709.01507",
        article="5.2",
        stability=Stability(
            "oscillation of features and gradients through long skips",
            "calibrates each skip within [0, 1], by weights of its own or, in calls of one instance, shared; starts near 1/2",
            bounded=True,
        ),
        examples=(
            Example({"x": (2, 16, 4, 4)}, {}),
            Example({"x": (2, 8, 4, 3)}, {"ratio": 4}),
        ),
    ),
    BlockSpec(
        name="SpatialGate",
        title="Learned weight of each pixel",
        family="Gate",
        tags=("gate",),
        gate=Gate(granularity="spatial", sources=("trunk", "skip"), learned=True, initial="0"),
        kind="module",
        target="SpatialGate",
        summary="Both streams together give one logit for each pixel, as in Attention U-Net.",
        glyph="ψ",
        inputs=(
            Port("x", "map", "B channels H W", help="the stream that is weighted"),
            Port("other", "map", "B other_channels H W", help="the other stream"),
        ),
        outputs=(Port("out", "gate", "B 1 H W"),),
        params=(
            Param(
                "channels", "int", inferred=True, minimum=1, positional=True, help="channels of the stream"
            ),
            Param(
                "other_channels",
                "int",
                inferred=True,
                minimum=1,
                positional=True,
                help="channels of the other",
            ),
            Param("hidden", "int", 32, minimum=1, positional=True, omit=None, help="channels in between"),
        ),
        parameters="hidden*(channels + other_channels + 1) + hidden + 1",
        state={
            "proj_x.weight": "hidden channels 1 1",
            "proj_x.bias": "hidden",
            "proj_other.weight": "hidden other_channels 1 1",
            "proj.weight": "1 hidden 1 1",
            "proj.bias": "1",
        },
        flops="2*hidden*(channels + other_channels + 1)*out_numel",
        saved=("x", "other", "hidden*B*H*W"),
        work="3*hidden*B*H*W",
        formula="w̃ = W₃ ReLU(W₁x + W₂y + b) + b₃, W₃ = b₃ = 0 at start",
        reference="Oktay et al. 2018, arXiv:1804.03999",
        article="5.3",
        stability=Stability(
            "local routing, such as boundaries",
            "sharp masks amplify local gradients: bound it, and smooth it (Smooth a spatial gate)",
            gain="0",
            zero_init=True,
        ),
        examples=(
            Example({"x": (2, 3, 4, 4), "other": (2, 5, 4, 4)}, {}),
            Example({"x": (2, 3, 4, 4), "other": (2, 3, 4, 4)}, {"hidden": 8}),
        ),
    ),
    BlockSpec(
        name="FullGate",
        title="Learned weight of each element",
        family="Gate",
        tags=("gate",),
        gate=Gate(granularity="full", sources=("trunk", "skip"), learned=True, initial="0"),
        kind="module",
        target="FullGate",
        summary="Both streams together give a logit for every channel of every pixel.",
        glyph="ψ",
        inputs=(
            Port("x", "map", "B channels H W", help="the stream that is weighted"),
            Port("other", "map", "B other_channels H W", help="the other stream"),
        ),
        outputs=(Port("out", "gate", "B channels H W"),),
        params=(
            Param(
                "channels", "int", inferred=True, minimum=1, positional=True, help="channels of the stream"
            ),
            Param(
                "other_channels",
                "int",
                inferred=True,
                minimum=1,
                positional=True,
                help="channels of the other",
            ),
            Param("hidden", "int", 32, minimum=1, positional=True, omit=None, help="channels in between"),
        ),
        parameters="hidden*(channels + other_channels + 1) + channels*(hidden + 1)",
        state={
            "proj_x.weight": "hidden channels 1 1",
            "proj_x.bias": "hidden",
            "proj_other.weight": "hidden other_channels 1 1",
            "proj.weight": "channels hidden 1 1",
            "proj.bias": "channels",
        },
        flops="2*hidden*(x_numel + other_numel + out_numel)",
        saved=("x", "other", "hidden*B*H*W"),
        work="3*hidden*B*H*W",
        formula="w̃ = W₃ ReLU(W₁x + W₂y + b) + b₃ for each channel, W₃ = b₃ = 0 at start",
        reference="Oktay et al. 2018, arXiv:1804.03999",
        article="5.3",
        stability=Stability(
            "dense routing by place and channel",
            "the riskiest granularity, a local amplifier: bound it "
            "(measured: unbounded gave NaN in 2 of 3 seeds, bounded trained like the baseline)",
            gain="0",
            zero_init=True,
        ),
        examples=(
            Example({"x": (2, 3, 4, 4), "other": (2, 5, 4, 4)}, {}),
            Example({"x": (2, 3, 4, 4), "other": (2, 3, 4, 4)}, {"hidden": 8}),
        ),
    ),
)


class ScalarMLPGate(nn.Module):
    """A logit for each sample: x [B, …], c [B, D] → [B, 1, …], zero at start."""

    def __init__(self, cond_size: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(cond_size, hidden)
        self.fc2 = nn.Linear(hidden, 1)
        nn.init.zeros_(self.fc2.weight)
        nn.init.zeros_(self.fc2.bias)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        logit: Tensor = self.fc2(F.silu(self.fc1(c)))
        return logit.view(-1, *[1] * (x.ndim - 1))


class ChannelMLPGate(nn.Module):
    """A logit for each channel: x [B, C, H, W], c [B, D] → [B, C, 1, 1], zero at start."""

    def __init__(self, cond_size: int, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(cond_size, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        nn.init.zeros_(self.fc2.weight)
        nn.init.zeros_(self.fc2.bias)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        logit: Tensor = self.fc2(F.silu(self.fc1(c)))
        return logit[:, :, None, None]


class HyperGate(nn.Module):
    """A logit for each channel from its mean, by weights that c writes: → [B, C, 1, 1] (Ha et al. 2016)."""

    def __init__(self, cond_size: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Linear(cond_size, 2 * channels)
        nn.init.zeros_(self.proj.weight)
        nn.init.zeros_(self.proj.bias)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        factor, offset = torch.chunk(self.proj(c)[:, :, None, None], 2, dim=1)
        return factor * x.mean(dim=(2, 3), keepdim=True) + offset


class ScaleLongLearned(nn.Module):
    """A weight in [0, 1] for each channel: s [B, C, H, W] → [B, C, 1, 1] (Huang et al. 2023)."""

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // ratio, bias=False)
        self.excite = nn.Linear(channels // ratio, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3))  # [B, C]
        return torch.sigmoid(self.excite(F.relu(self.squeeze(means))))[:, :, None, None]


class SpatialGate(nn.Module):
    """A logit for each pixel from both streams: → [B, 1, H, W], zero at start (Oktay et al. 2018)."""

    def __init__(self, channels: int, other_channels: int, hidden: int) -> None:
        super().__init__()
        self.proj_x = nn.Conv2d(channels, hidden, 1)
        self.proj_other = nn.Conv2d(other_channels, hidden, 1, bias=False)
        self.proj = nn.Conv2d(hidden, 1, 1)
        for parameter in self.proj.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        logit: Tensor = self.proj(F.relu(self.proj_x(x) + self.proj_other(other)))
        return logit


class FullGate(nn.Module):
    """A logit for each element from both streams: → [B, C, H, W], zero at start (after Oktay et al. 2018)."""

    def __init__(self, channels: int, other_channels: int, hidden: int) -> None:
        super().__init__()
        self.proj_x = nn.Conv2d(channels, hidden, 1)
        self.proj_other = nn.Conv2d(other_channels, hidden, 1, bias=False)
        self.proj = nn.Conv2d(hidden, channels, 1)
        for parameter in self.proj.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        logit: Tensor = self.proj(F.relu(self.proj_x(x) + self.proj_other(other)))
        return logit

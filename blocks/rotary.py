"""Rotary positions in real arithmetic: angles along one, two or three axes, and the rotation itself."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="RotaryPosition1D",
        title="Rotary positions (1D)",
        family="Tokens",
        tags=("position",),
        kind="module",
        target="RotaryPosition1D",
        summary="Cosines and sines by which queries and keys are rotated: one angle a token and pair of features.",
        glyph="↻",
        inputs=(Port("like", "tokens", "B N C", help="gives the number of tokens"),),
        outputs=(Port("cos", "rotary", "N head_size//2"), Port("sin", "rotary", "N head_size//2")),
        params=(
            Param("head_size", "int", minimum=2, positional=True, help="features of a head; even"),
            Param("max_length", "int", 1024, minimum=1, positional=True, omit=None, help="most tokens"),
            Param("theta", "float", 10000.0, minimum=1.0, help="base of the wavelengths"),
        ),
        constraints=(
            Constraint("head_size % 2 == 0", "head_size {head_size} is odd; features are rotated in pairs"),
            Constraint("N <= max_length", "{N} tokens are more than the table of positions, {max_length}"),
        ),
        views={"cos": "self", "sin": "self"},
        formula="angle(n, k) = n · θ^(−2k/d)",
        reference="Su et al. 2021, arXiv:2104.09864",
        article="2.4.2",
        stability=Stability("", "fixed and bounded; logits depend on distances only", bounded=True),
        examples=(Example({"like": (2, 5, 6)}, {"head_size": 8, "max_length": 7}),),
    ),
    BlockSpec(
        name="RotaryPosition2D",
        title="Rotary positions (2D)",
        family="Tokens",
        tags=("position",),
        kind="module",
        target="RotaryPosition2D",
        summary="Cosines and sines by which queries and keys are rotated: some features by the row, some by the column.",
        glyph="↻",
        inputs=(Port("like", "map", "B C H W", help="the map that was cut into patches"),),
        outputs=(
            Port("cos", "rotary", "(H//patch_size)*(W//patch_size) (axes[0]+axes[1])//2"),
            Port("sin", "rotary", "(H//patch_size)*(W//patch_size) (axes[0]+axes[1])//2"),
        ),
        params=(
            Param(
                "axes", "list", positional=True, help="features of a head rotated by row and by column; even"
            ),
            Param("patch_size", "int", 2, minimum=1, positional=True, omit=None, help="side of a patch"),
            Param(
                "max_length", "int", 1024, minimum=1, positional=True, omit=None, help="most rows or columns"
            ),
            Param("theta", "float", 10000.0, minimum=1.0, help="base of the wavelengths"),
        ),
        constraints=(
            Constraint("len(axes) == 2", "axes {axes} must name two numbers of features: of row and column"),
            Constraint(
                "axes[0] % 2 == 0 and axes[1] % 2 == 0", "axes {axes} must be even: features form pairs"
            ),
            Constraint("H//patch_size <= max_length", "height {H} has more than {max_length} patches"),
            Constraint("W//patch_size <= max_length", "width {W} has more than {max_length} patches"),
        ),
        views={"sin": "cos"},
        formula="angle = [row · θ^(−2k/d_h); column · θ^(−2k/d_w)]",
        reference="Su et al. 2021, arXiv:2104.09864; Lu et al. 2024, arXiv:2402.12376",
        article="2.4.2",
        stability=Stability("", "fixed and bounded; logits depend on distances only", bounded=True),
        examples=(Example({"like": (2, 3, 8, 6)}, {"axes": [4, 6], "max_length": 5}),),
    ),
    BlockSpec(
        name="RotaryPosition3D",
        title="Rotary positions (3D)",
        family="Video",
        tags=("position",),
        kind="module",
        target="RotaryPosition3D",
        summary="Cosines and sines by which queries and keys are rotated: features share frame, row and column.",
        glyph="↻",
        inputs=(Port("like", "map", "B C T H W", help="the video that was cut into patches"),),
        outputs=(
            Port(
                "cos",
                "rotary",
                "(T//patch_size[0])*(H//patch_size[1])*(W//patch_size[2]) (axes[0]+axes[1]+axes[2])//2",
            ),
            Port(
                "sin",
                "rotary",
                "(T//patch_size[0])*(H//patch_size[1])*(W//patch_size[2]) (axes[0]+axes[1]+axes[2])//2",
            ),
        ),
        params=(
            Param(
                "axes",
                "list",
                positional=True,
                help="features of a head rotated by frame, row and column; even",
            ),
            Param(
                "patch_size",
                "list",
                [1, 2, 2],
                positional=True,
                omit=None,
                help="frames, rows and columns of a patch",
            ),
            Param(
                "max_length",
                "int",
                1024,
                minimum=1,
                positional=True,
                omit=None,
                help="most patches along one axis",
            ),
            Param("theta", "float", 10000.0, minimum=1.0, help="base of the wavelengths"),
        ),
        constraints=(
            Constraint("len(axes) == 3", "axes {axes} must name three numbers of features"),
            Constraint(
                "axes[0] % 2 == 0 and axes[1] % 2 == 0 and axes[2] % 2 == 0",
                "axes {axes} must be even: features form pairs",
            ),
            Constraint("T//patch_size[0] <= max_length", "{T} frames have more than {max_length} patches"),
            Constraint("H//patch_size[1] <= max_length", "height {H} has more than {max_length} patches"),
            Constraint("W//patch_size[2] <= max_length", "width {W} has more than {max_length} patches"),
        ),
        views={"sin": "cos"},
        formula="angle = [frame · θ^(−2k/d_t); row · θ^(−2k/d_h); column · θ^(−2k/d_w)]",
        reference="Su et al. 2021, arXiv:2104.09864; Wan Team 2025, arXiv:2503.20314",
        article="2.4.2, 2.5.1",
        stability=Stability("", "fixed and bounded; logits depend on distances only", bounded=True),
        examples=(
            Example({"like": (2, 3, 3, 8, 4)}, {"axes": [4, 2, 2], "max_length": 4}),
            Example({"like": (2, 3, 4, 4, 6)}, {"axes": [2, 4, 4], "patch_size": [2, 2, 3], "max_length": 5}),
        ),
    ),
    BlockSpec(
        name="ApplyRotary",
        title="Rotate queries or keys",
        family="Attention",
        tags=("position",),
        kind="function",
        target="apply_rotary",
        summary="Rotates each pair of neighbouring features of queries or keys by the angle of its position.",
        glyph="↻",
        inputs=(
            Port("x", "heads", "B heads N head_size"),
            Port("cos", "rotary", "N head_size//2"),
            Port("sin", "rotary", "N head_size//2"),
        ),
        outputs=(Port("out", "heads", "B heads N head_size"),),
        constraints=(
            Constraint(
                "head_size % 2 == 0", "the head size {head_size} is odd; features are rotated in pairs"
            ),
        ),
        saved=("x if cos", "cos if x", "sin if x"),
        work="x_numel",
        formula="(x_2k, x_2k+1) ← (x_2k cos − x_2k+1 sin, x_2k sin + x_2k+1 cos)",
        reference="Su et al. 2021, arXiv:2104.09864",
        article="2.4.2, 12.1",
        stability=Stability(
            "", "a rotation: norms, and so the scale of the logits, stay as they are", gain="1"
        ),
        examples=(Example({"x": (2, 3, 5, 8), "cos": (5, 4), "sin": (5, 4)}, {}),),
    ),
    BlockSpec(
        name="RotaryPair",
        title="Rotary positions that come in",
        family="Attention",
        tags=("position",),
        kind="function",
        target="rotary_pair",
        summary="Cosines and sines that the caller has computed, each written twice, as one number a pair of features.",
        glyph="↻",
        inputs=(Port("pair", "rotary", "N head_size", stack=True, help="cosines, then sines"),),
        outputs=(Port("cos", "rotary", "N head_size//2"), Port("sin", "rotary", "N head_size//2")),
        formula="cos_k = c_2k, sin_k = s_2k",
        reference="Yang et al. 2024, arXiv:2408.06072",
        article="2.4.2",
        stability=Stability("", "as bounded as what comes in"),
    ),
    BlockSpec(
        name="RotaryPrefix",
        title="Tokens without rotation in front",
        family="Attention",
        tags=("position",),
        kind="function",
        target="rotary_prefix",
        summary="Puts angles of 0 in front of rotary positions, for text tokens that are joined before the video's.",
        glyph="↻",
        inputs=(
            Port("cos", "rotary", "N pairs"),
            Port("sin", "rotary", "N pairs"),
            Port("context", "context", "B M C", help="the tokens that stay as they are: gives their number"),
        ),
        outputs=(Port("cos", "rotary", "M+N pairs"), Port("sin", "rotary", "M+N pairs")),
        formula="cos ← [1; cos], sin ← [0; sin]",
        reference="Yang et al. 2024, arXiv:2408.06072",
        article="2.4.2, 13",
        stability=Stability("", "fixed and bounded", bounded=True),
        examples=(Example({"cos": (5, 4), "sin": (5, 4), "context": (2, 3, 6)}, {}),),
    ),
)


def rotary_table(size: int, max_length: int, theta: float) -> Tensor:
    """Cosines and sines of positions 0 … max_length − 1 for `size` features → [2, max_length, size / 2]."""
    frequencies = theta ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    angles = torch.arange(max_length, dtype=torch.float64)[:, None] * frequencies
    return torch.stack([angles.cos(), angles.sin()]).float()


class RotaryPosition1D(nn.Module):
    """Rotary positions of tokens [B, N, C] → cos, sin [N, d / 2] (Su et al. 2021)."""

    table: Tensor

    def __init__(self, head_size: int, max_length: int, *, theta: float = 10000.0) -> None:
        super().__init__()
        self.register_buffer("table", rotary_table(head_size, max_length, theta), persistent=False)

    def forward(self, like: Tensor) -> tuple[Tensor, ...]:
        return self.table[:, : like.shape[1]].unbind(0)


class RotaryPosition2D(nn.Module):
    """Rotary positions of the patches of a map [B, C, H, W] → cos, sin [hw, d / 2] (Lu et al. 2024)."""

    rows: Tensor
    columns: Tensor

    def __init__(
        self, axes: Sequence[int], patch_size: int, max_length: int, *, theta: float = 10000.0
    ) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.register_buffer("rows", rotary_table(axes[0], max_length, theta), persistent=False)
        self.register_buffer("columns", rotary_table(axes[1], max_length, theta), persistent=False)

    def forward(self, like: Tensor) -> tuple[Tensor, ...]:
        h, w = like.shape[2] // self.patch_size, like.shape[3] // self.patch_size
        rows = self.rows[:, :h, None].expand(2, h, w, -1)
        columns = self.columns[:, None, :w].expand(2, h, w, -1)
        return torch.cat([rows, columns], dim=-1).flatten(1, 2).unbind(0)


class RotaryPosition3D(nn.Module):
    """Rotary positions of the patches of a video [B, C, T, H, W] → cos, sin [thw, d / 2] (Wan Team 2025)."""

    frames: Tensor
    rows: Tensor
    columns: Tensor

    def __init__(
        self, axes: Sequence[int], patch_size: Sequence[int], max_length: int, *, theta: float = 10000.0
    ) -> None:
        super().__init__()
        self.patch_size = tuple(patch_size)
        for name, size in zip(("frames", "rows", "columns"), axes, strict=True):
            self.register_buffer(name, rotary_table(size, max_length, theta), persistent=False)

    def forward(self, like: Tensor) -> tuple[Tensor, ...]:
        t, h, w = (size // patch for size, patch in zip(like.shape[2:], self.patch_size, strict=True))
        frames = self.frames[:, :t, None, None].expand(2, t, h, w, -1)
        rows = self.rows[:, None, :h, None].expand(2, t, h, w, -1)
        columns = self.columns[:, None, None, :w].expand(2, t, h, w, -1)
        return torch.cat([frames, rows, columns], dim=-1).flatten(1, 3).unbind(0)


def apply_rotary(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate pairs of features of queries or keys: x [B, heads, N, d], cos and sin [N, d / 2] (Su et al. 2021)."""
    first, second = torch.unflatten(x, -1, (-1, 2)).unbind(-1)
    rotated = torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1)
    return rotated.flatten(-2).type_as(x)


def rotary_pair(pair: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Cosines and sines [N, d], each number twice → cos, sin [N, d / 2]."""
    cos, sin = pair
    return cos[:, ::2], sin[:, ::2]


def rotary_prefix(cos: Tensor, sin: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
    """Angles of 0 for the tokens of context [B, M, C], before cos and sin [N, d / 2] → [M + N, d / 2]."""
    still = cos.new_zeros(context.shape[1], cos.shape[1])
    return torch.cat([still + 1, cos]), torch.cat([still, sin])

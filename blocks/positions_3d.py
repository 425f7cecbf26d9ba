"""Fixed sine-cosine positions of videos: of each patch, and of each frame."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="SinCosPosition3D",
        title="Sine-cosine positions (3D)",
        family="Video",
        tags=("position",),
        kind="function",
        target="sincos_position_3d",
        summary="Adds sine-cosine embeddings of frame, column and row: a quarter and twice three eighths of the features.",
        glyph="⌗",
        inputs=(
            Port("tokens", "tokens", "B N hidden_size"),
            Port("like", "map", "B C T H W", help="the video that was cut into patches"),
        ),
        outputs=(Port("out", "tokens", "B N hidden_size"),),
        params=(
            Param(
                "patch_size",
                "list",
                [1, 2, 2],
                positional=True,
                omit=None,
                help="frames, rows and columns of a patch",
            ),
            Param("spatial_scale", "float", 1.0, minimum=1e-6, help="rows and columns are divided by it"),
            Param("temporal_scale", "float", 1.0, minimum=1e-6, help="frames are divided by it"),
        ),
        constraints=(
            Constraint(
                "hidden_size % 16 == 0",
                "hidden_size {hidden_size} is not a multiple of 16 (sines and cosines of three axes, 2 : 3 : 3)",
            ),
            Constraint(
                "N == (T//patch_size[0])*(H//patch_size[1])*(W//patch_size[2])",
                "{N} tokens are not the patches of a video {T}×{H}×{W} at patch size {patch_size}",
            ),
        ),
        formula="h ← h + [sincos(frame/s_t); sincos(column/s); sincos(row/s)]",
        reference="Yang et al. 2024, arXiv:2408.06072",
        article="2.4.2, 2.5.1",
        stability=Stability("", "fixed and bounded, for any size of video", gain="1 + 1/(2*q)", bounded=True),
        examples=(
            Example({"tokens": (2, 24, 16), "like": (2, 3, 3, 8, 4)}, {}),
            Example(
                {"tokens": (2, 4, 32), "like": (2, 3, 2, 4, 4)},
                {"patch_size": [2, 2, 2], "spatial_scale": 1.875, "temporal_scale": 2.0},
            ),
        ),
    ),
    BlockSpec(
        name="FramePosition",
        title="Sine-cosine positions of frames",
        family="Video",
        tags=("position",),
        kind="module",
        target="FramePosition",
        summary="Adds a sine-cosine embedding of the frame; a single frame is an image and stays as it is.",
        glyph="⌗",
        inputs=(Port("x", "tokens", "B T hidden_size"),),
        outputs=(Port("out", "tokens", "B T hidden_size"),),
        params=(
            Param(
                "hidden_size", "int", inferred=True, minimum=2, positional=True, help="features of a token"
            ),
            Param(
                "num_frames",
                "int",
                16,
                minimum=1,
                maximum=4096,
                unit="frames",
                positional=True,
                omit=None,
                help="longest video",
            ),
        ),
        constraints=(
            Constraint("hidden_size % 2 == 0", "hidden_size {hidden_size} is odd (sine and cosine)"),
            Constraint("T <= num_frames", "{T} frames are more than the table of positions, {num_frames}"),
        ),
        formula="h_t ← h_t + sincos(t) if T > 1",
        reference="Ma et al. 2024, arXiv:2401.03048, section 3.3",
        article="2.4.2, 2.5.1",
        stability=Stability("", "fixed and bounded; images pass unchanged", gain="1 + 1/(2*q)", bounded=True),
        examples=(
            Example({"x": (2, 3, 8)}, {"num_frames": 4}),
            Example({"x": (2, 1, 8)}, {}),
        ),
    ),
)


def axis_sincos(positions: Tensor, size: int) -> Tensor:
    """Sines, then cosines of positions [n] → [n, size] (Vaswani et al. 2017)."""
    omega = 10000.0 ** (-torch.arange(size // 2, dtype=torch.float32, device=positions.device) / (size // 2))
    angles = positions[:, None] * omega
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def sincos_position_3d(
    tokens: Tensor,
    like: Tensor,
    patch_size: Sequence[int],
    *,
    spatial_scale: float = 1.0,
    temporal_scale: float = 1.0,
) -> Tensor:
    """Add positions to tokens [B, thw, D] of a video `like` [B, C, T, H, W] (Yang et al. 2024)."""
    scales = (temporal_scale, spatial_scale, spatial_scale)
    grid = [size // patch for size, patch in zip(like.shape[2:], patch_size, strict=True)]
    axes = [torch.arange(n, device=tokens.device) / scale for n, scale in zip(grid, scales, strict=True)]
    t, h, w = grid
    size = tokens.shape[-1]
    frames = axis_sincos(axes[0], size // 4)[:, None, None].expand(t, h, w, -1)
    columns = axis_sincos(axes[2], 3 * size // 8)[None, None, :].expand(t, h, w, -1)
    rows = axis_sincos(axes[1], 3 * size // 8)[None, :, None].expand(t, h, w, -1)
    return tokens + torch.cat([frames, columns, rows], dim=-1).flatten(0, 2).to(tokens.dtype)


class FramePosition(nn.Module):
    """Add fixed positions to frames [B, T, D], T ≤ num_frames; one frame is an image (Ma et al. 2024)."""

    table: Tensor

    def __init__(self, hidden_size: int, num_frames: int) -> None:
        super().__init__()
        positions = torch.arange(num_frames, dtype=torch.float32)
        self.register_buffer("table", axis_sincos(positions, hidden_size), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        places = torch.arange(x.shape[1], device=x.device)
        is_video = places[-1] > 0  # a tensor, so that one graph serves images and videos
        return x + self.table[: x.shape[1]] * is_video

"""A small diffusion U-Net as a rendering would hold it, sound and with known faults."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class TimestepEmbedder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: Tensor) -> Tensor:
        frequencies = torch.exp(-math.log(10000) * torch.arange(32, device=t.device) / 32)
        angles = t[:, None] * frequencies
        return self.mlp(torch.cat([angles.sin(), angles.cos()], dim=1))


class ResBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, embedding: int, norm: bool = True) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, inputs) if norm else nn.Identity()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time = nn.Linear(embedding, outputs)
        self.norm2 = nn.GroupNorm(8, outputs) if norm else nn.Identity()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor, temb: Tensor) -> Tensor:
        h = self.conv1(functional.silu(self.norm1(x))) + self.time(functional.silu(temb))[:, :, None, None]
        return self.shortcut(x) + self.conv2(functional.silu(self.norm2(h)))


class UNet(nn.Module):
    """1×16×16 images, two levels, concatenated skips."""

    def __init__(self, width: int = 24, channels: int = 1, norm: bool = True, skip_gain: float = 1.0) -> None:
        super().__init__()
        self.skip_gain = skip_gain
        self.time = TimestepEmbedder(4 * width)
        self.conv_in = nn.Conv2d(channels, width, 3, padding=1)
        self.down = nn.ModuleList(
            [ResBlock(width, width, 4 * width, norm), ResBlock(width, 2 * width, 4 * width, norm)]
        )
        self.pool = nn.AvgPool2d(2)
        self.mid = ResBlock(2 * width, 2 * width, 4 * width, norm)
        self.up = nn.ModuleList(
            [ResBlock(4 * width, width, 4 * width, norm), ResBlock(2 * width, width, 4 * width, norm)]
        )
        self.norm_out = nn.GroupNorm(8, width) if norm else nn.Identity()
        self.conv_out = nn.Conv2d(width, channels, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        temb = self.time(t)
        h = self.conv_in(x)
        skips = []
        for block in self.down:
            h = block(h, temb)
            skips.append(h)
            h = self.pool(h)
        h = self.mid(h, temb)
        for block in self.up:
            h = functional.interpolate(h, scale_factor=2.0)
            h = block(torch.cat([h, self.skip_gain * skips.pop()], dim=1), temb)
        return self.conv_out(functional.silu(self.norm_out(h)))


class NoNorm(UNet):
    """Neither norm nor loud skips."""

    def __init__(self) -> None:
        super().__init__(norm=False)


class AdditiveUNet(nn.Module):
    """1×16×16 images, three levels of two blocks; each skip is gated and added."""

    def __init__(self, norm: bool = True, gain: float = 1.0, gate: str = "none", width: int = 32) -> None:
        super().__init__()
        self.gain, self.gate = gain, gate
        self.time = TimestepEmbedder(4 * width)
        self.conv_in = nn.Conv2d(1, width, 3, padding=1)
        self.down = nn.ModuleList([ResBlock(width, width, 4 * width, norm) for _ in range(6)])
        self.mid = ResBlock(width, width, 4 * width, norm)
        self.up = nn.ModuleList([ResBlock(width, width, 4 * width, norm) for _ in range(6)])
        if gate != "none":
            self.gates = nn.ModuleList([nn.Conv2d(2 * width, width, 1) for _ in range(6)])
        self.norm_out = nn.GroupNorm(8, width) if norm else nn.Identity()
        self.conv_out = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        temb = self.time(t)
        h = self.conv_in(x)
        skips = []
        for i, block in enumerate(self.down):
            h = block(h, temb)
            skips.append(h)
            h = functional.avg_pool2d(h, 2) if i in (1, 3) else h
        h = self.mid(h, temb)
        for i, block in enumerate(self.up):
            h = functional.interpolate(h, scale_factor=2.0) if i in (2, 4) else h
            h = block(h + self.weighted(skips.pop(), h, i), temb)
        return self.conv_out(functional.silu(self.norm_out(h)))

    def weighted(self, skip: Tensor, h: Tensor, index: int) -> Tensor:
        if self.gate == "none":
            return self.gain * skip
        logits = self.gain * self.gates[index](torch.cat([h, skip], dim=1))
        return (logits if self.gate == "linear" else torch.sigmoid(logits)) * skip


class LoudSkip(AdditiveUNet):
    """Skips ten times too loud, normalised before use."""

    def __init__(self) -> None:
        super().__init__(gain=10.0)


class LoudSkipNoNorm(AdditiveUNet):
    """Skips ten times too loud, and nothing that normalises them."""

    def __init__(self) -> None:
        super().__init__(norm=False, gain=10.0)


class ContentGate(AdditiveUNet):
    """Each skip times a gate per value that the features decide: unbounded, with gain 10."""

    def __init__(self) -> None:
        super().__init__(norm=False, gain=10.0, gate="linear")


class BoundedContentGate(AdditiveUNet):
    """The same behind a sigmoid."""

    def __init__(self) -> None:
        super().__init__(norm=False, gain=10.0, gate="sigmoid")


class ConditionalUNet(UNet):
    """Class-conditional, with a vector whose role nobody knows."""

    def __init__(self) -> None:
        super().__init__()
        self.label = nn.Embedding(10, 96)
        self.vector = nn.Linear(12, 96)

    def forward(self, x: Tensor, t: Tensor, y: Tensor, v: Tensor) -> Tensor:
        return super().forward(x, t) + 0 * (self.label(y) + self.vector(v)).mean()

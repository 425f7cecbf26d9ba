"""Published networks of pixels written out once more, from the papers, as straight lines of PyTorch.

Nothing here knows of levels or classes: one flat list of skips, one function a family. Each function reads
the weights of a rendered model by name, asserts the shape that the paper gives them, and remembers which it
read, so that a test can say that all weights and no others take part.
"""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass
class Weights:
    """Named tensors, with the operations that read them."""

    tensors: dict[str, Tensor]
    read: set[str] = field(default_factory=set)

    def take(self, name: str, *shape: int) -> Tensor:
        """Return a tensor that must have this shape."""
        found = self.tensors[name]
        assert tuple(found.shape) == shape, (name, tuple(found.shape), shape)
        self.read.add(name)
        return found

    def conv(self, name: str, x: Tensor, out: int, size: int = 3, **options: int) -> Tensor:
        """Convolve; zeros keep the size unless a padding is given."""
        weight, bias = (
            self.take(f"{name}.weight", out, x.shape[1], size, size),
            self.take(f"{name}.bias", out),
        )
        return F.conv2d(x, weight, bias, **{"padding": size // 2, **options})

    def linear(self, name: str, x: Tensor, out: int, bias: bool = True) -> Tensor:
        """Apply an affine map."""
        weight = self.take(f"{name}.weight", out, x.shape[1])
        return x @ weight.T + (self.take(f"{name}.bias", out) if bias else 0)

    def norm(self, name: str, x: Tensor, groups: int, eps: float) -> Tensor:
        """Normalise groups of channels."""
        channels = x.shape[1]
        grouped = x.reshape(x.shape[0], groups, -1)
        mean, variance = grouped.mean(-1, keepdim=True), grouped.var(-1, keepdim=True, unbiased=False)
        flat = ((grouped - mean) / torch.sqrt(variance + eps)).reshape(x.shape)
        scale, shift = self.take(f"{name}.weight", channels), self.take(f"{name}.bias", channels)
        return flat * scale[:, None, None] + shift[:, None, None]


def swish(x: Tensor) -> Tensor:
    """The activation of all these networks."""
    return x * torch.sigmoid(x)


def sinusoids(t: Tensor, dim: int, order: str, divisor: int) -> Tensor:
    """Sines and cosines of t at dim/2 geometric frequencies."""
    frequencies = torch.tensor([10000.0 ** (-k / divisor) for k in range(dim // 2)])
    angles = torch.outer(t.float(), frequencies)
    waves = {"sin": angles.sin(), "cos": angles.cos()}
    return torch.cat([waves[name] for name in order.split()], dim=1)


# -- Improved DDPM and ADM --------------------------------------------------------------------------------


@dataclass
class ADM:
    """The numbers of a network of guided-diffusion."""

    image: int
    base: int
    multipliers: tuple[float, ...]
    blocks: int
    attention: tuple[int, ...]
    groups: int
    num_classes: int = 0
    heads: int = 0
    head_dim: int = 0
    legacy: bool = True
    updown: bool = True


def adm(net: ADM, w: Weights, x: Tensor, t: Tensor, y: Tensor | None, out: int) -> Tensor:
    """The U-Net of guided-diffusion: a flat list of blocks, each of which leaves a skip."""
    wide = 4 * net.base
    emb = sinusoids(t, net.base, "cos sin", net.base // 2)
    emb = w.linear("time_mlp.fc2", swish(w.linear("time_mlp.fc1", emb, wide)), wide)
    if y is not None:
        emb = emb + w.take("class_embed.weight", net.num_classes, wide)[y]

    def res(name: str, h: Tensor, channels: int, change: str = "") -> Tensor:
        short, h = h, swish(w.norm(f"{name}.norm1", h, net.groups, 1e-5))
        if change == "down":
            short, h = F.avg_pool2d(short, 2), F.avg_pool2d(h, 2)
        if change == "up":
            short, h = (one.repeat_interleave(2, 2).repeat_interleave(2, 3) for one in (short, h))
        h = w.conv(f"{name}.conv1", h, channels)
        both = w.linear(f"{name}.temb_proj", swish(emb), 2 * channels)[:, :, None, None]
        h = w.norm(f"{name}.norm2", h, net.groups, 1e-5) * (1 + both[:, :channels]) + both[:, channels:]
        h = w.conv(f"{name}.conv2", swish(h), channels)
        return h + (short if short.shape[1] == channels else w.conv(f"{name}.shortcut", short, channels, 1))

    def attend(name: str, h: Tensor) -> Tensor:
        batch, channels, height, width = h.shape
        heads = net.heads or channels // net.head_dim
        size = channels // heads
        qkv = w.conv(f"{name}.qkv", w.norm(f"{name}.norm", h, net.groups, 1e-5), 3 * channels, 1)
        if net.legacy:
            q, k, v = qkv.reshape(batch * heads, 3 * size, -1).split(size, dim=1)
        else:
            q, k, v = (one.reshape(batch * heads, size, -1) for one in qkv.chunk(3, dim=1))
        weight = torch.einsum("bct,bcs->bts", q * size**-0.25, k * size**-0.25).softmax(-1)
        a = torch.einsum("bts,bcs->bct", weight, v).reshape(batch, channels, height, width)
        return h + w.conv(f"{name}.proj", a, channels, 1)

    last = len(net.multipliers) - 1
    h = w.conv("conv_in", x, int(net.multipliers[0] * net.base))
    skips = [h]
    for level, factor in enumerate(net.multipliers):
        channels, attends = int(factor * net.base), net.image >> level in net.attention
        for block in range(net.blocks):
            h = res(f"down_{level}.blocks.{block}.res", h, channels)
            h = attend(f"down_{level}.blocks.{block}.attn", h) if attends else h
            skips.append(h)
        if level < last:
            name = f"down_{level}.down"
            h = res(name, h, channels, "down") if net.updown else w.conv(name, h, channels, stride=2)
            skips.append(h)
    h = res("mid.res1", h, h.shape[1])
    h = res("mid.res2", attend("mid.attn", h), h.shape[1])
    for level, factor in reversed(list(enumerate(net.multipliers))):
        channels, attends = int(factor * net.base), net.image >> level in net.attention
        for block in range(net.blocks + 1):
            name = f"up_{level}.blocks.{block}.block"
            h = res(f"{name}.res", torch.cat([h, skips.pop()], dim=1), channels)
            h = attend(f"{name}.attn", h) if attends else h
        if level and net.updown:
            h = res(f"up_{level}.up", h, channels, "up")
        elif level:
            h = w.conv(f"up_{level}.up.conv", h.repeat_interleave(2, 2).repeat_interleave(2, 3), channels)
    assert not skips
    return w.conv("conv_out", swish(w.norm("norm_out", h, net.groups, 1e-5)), out)


# -- EDM --------------------------------------------------------------------------------------------------


@dataclass
class EDM:
    """The numbers of a SongUNet."""

    filtered: bool
    base: int
    multipliers: tuple[int, ...]
    blocks: int
    attention: tuple[int, ...]
    num_classes: int = 0


def edm_scalings(sigma: Tensor) -> list[Tensor]:
    """c_skip, c_out, c_in of table 1 for data of standard deviation 0.5, and c_noise."""
    data = torch.tensor(0.5)
    skip = data**2 / (sigma**2 + data**2)
    return [
        *(one[:, None, None, None] for one in (skip, sigma * data / (sigma**2 + data**2).sqrt(), 1 / (data**2 + sigma**2).sqrt())),
        0.25 * sigma.log(),
    ]  # fmt: skip


def edm(net: EDM, w: Weights, x: Tensor, sigma: Tensor, y: Tensor | None, augment: Tensor | None) -> Tensor:
    """The preconditioned DDPM++ or NCSN++: filters as explicit sums over neighbours."""
    noisy = x
    c_skip, c_out, c_in, c_noise = edm_scalings(sigma)
    emb = _edm_embedding(net, w, c_noise, y, augment)
    taps = [1, 3, 3, 1] if net.filtered else [1, 1]
    filters = torch.tensor([[a * b for b in taps] for a in taps]) / sum(taps) ** 2
    edge = len(taps) // 2 - 1
    root = math.sqrt(0.5)

    def halve(h: Tensor, border: int = edge) -> Tensor:
        padded = F.pad(h, (border,) * 4)
        windows = padded.unfold(2, len(taps), 2).unfold(3, len(taps), 2)
        return (windows * filters).sum((-2, -1))

    def double(h: Tensor) -> Tensor:
        spread = h.new_zeros(*h.shape[:2], 2 * h.shape[2], 2 * h.shape[3])
        spread[:, :, ::2, ::2] = h
        before = len(taps) - 1 - edge
        windows = F.pad(spread, (before, edge) * 2).unfold(2, len(taps), 1).unfold(3, len(taps), 1)
        return 4 * (windows * filters).sum((-2, -1))

    def norm(name: str, h: Tensor) -> Tensor:
        return w.norm(name, h, min(32, h.shape[1] // 4), 1e-6)

    def block(name: str, h: Tensor, channels: int, change: str = "") -> Tensor:
        resample = {"": lambda one: one, "down": halve, "up": double}[change]
        short, h = resample(h), resample(swish(norm(f"{name}.norm1", h)))
        h = (
            w.conv(f"{name}.conv1", h, channels)
            + w.linear(f"{name}.temb_proj", emb, channels)[:, :, None, None]
        )
        h = w.conv(f"{name}.conv2", swish(norm(f"{name}.norm2", h)), channels)
        project = change or short.shape[1] != channels
        return (h + (w.conv(f"{name}.shortcut", short, channels, 1) if project else short)) * root

    def attend(name: str, h: Tensor) -> Tensor:
        batch, channels = h.shape[:2]
        qkv = w.conv(f"{name}.qkv", norm(f"{name}.norm", h), 3 * channels, 1)
        q, k, v = qkv.reshape(batch, channels, 3, -1).unbind(2)
        weight = torch.einsum("bcq,bck->bqk", q, k / math.sqrt(channels)).softmax(-1)
        a = torch.einsum("bqk,bck->bcq", weight, v).reshape(h.shape)
        return (h + w.conv(f"{name}.proj", a, channels, 1)) * root

    last = len(net.multipliers) - 1
    h = w.conv("network.conv_in", c_in * x, net.base)
    skips, aux = [h], c_in * x
    for level, factor in enumerate(net.multipliers):
        for index in range(net.blocks):
            h = block(f"network.down_{level}.blocks.{index}.res", h, factor * net.base)
            if level in net.attention:
                h = attend(f"network.down_{level}.blocks.{index}.attn", h)
            skips.append(h)
        if level < last:
            h = block(f"network.down_{level}.down", h, factor * net.base, "down")
            if net.filtered:
                name = f"network.down_{level}.from_image"
                weight = w.take(f"{name}.weight", factor * net.base, aux.shape[1], 3, 3)
                aux = halve(F.conv2d(aux, weight, padding=1 + edge), 0)
                aux = aux + w.take(f"{name}.bias", factor * net.base)[:, None, None]
                h = aux = (h + aux) / math.sqrt(2)
            skips.append(h)
    h = block("network.mid.res1", h, h.shape[1])
    h = block("network.mid.res2", attend("network.mid.attn", h), h.shape[1])
    for level, factor in reversed(list(enumerate(net.multipliers))):
        for index in range(net.blocks + 1):
            name = f"network.up_{level}.blocks.{index}.block"
            h = block(name, torch.cat([h, skips.pop()], dim=1), factor * net.base)
        if level in net.attention:
            h = attend(f"network.up_{level}.attn", h)
        if level:
            h = block(f"network.up_{level}.up", h, factor * net.base, "up")
    assert not skips
    h = w.conv("network.conv_out", swish(norm("network.norm_out", h)), noisy.shape[1])
    return c_skip * noisy + c_out * h


def _edm_embedding(net: EDM, w: Weights, c_noise: Tensor, y: Tensor | None, augment: Tensor | None) -> Tensor:
    wide = net.base * (2 if net.filtered else 1)
    if net.filtered:
        angles = torch.outer(c_noise, 2 * math.pi * w.take("network.embed.frequencies", wide // 2))
        emb = torch.cat([angles.sin(), angles.cos()], dim=1)
    else:
        emb = sinusoids(c_noise, wide, "sin cos", wide // 2 - 1)
    if y is not None:
        label = torch.eye(net.num_classes)[y] * math.sqrt(net.num_classes)
        emb = emb + w.linear("network.class_embed", label, wide)
    if augment is not None:
        emb = emb + w.linear("network.augment_embed", augment, wide, bias=False)
    emb = swish(w.linear("network.noise_mlp.fc1", emb, 4 * net.base))
    return swish(w.linear("network.noise_mlp.fc2", emb, 4 * net.base))


# -- EDM2 -------------------------------------------------------------------------------------------------


@dataclass
class EDM2:
    """The numbers of an EDM2 network."""

    base: int
    multipliers: tuple[int, ...]
    blocks: int
    attention: tuple[int, ...]
    head_dim: int
    num_classes: int


def unit(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Equation 30: divide by the root mean square over some axes, plus 1e-4."""
    return x / (x.square().mean(dims, keepdim=True).sqrt() + 1e-4)


def mp_silu(x: Tensor) -> Tensor:
    """Equation 81."""
    return swish(x) / 0.596


def blend(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Equation 88."""
    return ((1 - t) * a + t * b) / math.sqrt((1 - t) ** 2 + t**2)


def edm2(net: EDM2, w: Weights, x: Tensor, sigma: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The preconditioned EDM2 network and the log-variance of its loss."""
    c_skip, c_out, c_in, c_noise = edm_scalings(sigma)

    def conv(name: str, h: Tensor, out: int, size: int = 3) -> Tensor:
        weight = w.take(f"{name}.weight", out, h.shape[1], size, size)
        return F.conv2d(h, unit(weight, (1, 2, 3)) / math.sqrt(weight[0].numel()), padding=size // 2)

    def linear(name: str, h: Tensor, out: int) -> Tensor:
        weight = w.take(f"{name}.weight", out, h.shape[1])
        return h @ unit(weight, (1,)).T / math.sqrt(h.shape[1])

    def fourier(name: str, size: int) -> Tensor:
        frequencies, phases = w.take(f"{name}.frequencies", size), w.take(f"{name}.phases", size)
        return math.sqrt(2) * torch.cos(torch.outer(c_noise, frequencies) + phases)

    def attend(name: str, h: Tensor) -> Tensor:
        batch, channels = h.shape[:2]
        heads = channels // net.head_dim
        qkv = conv(f"{name}.qkv", h, 3 * channels, 1).reshape(batch, heads, net.head_dim, 3, -1)
        q, k, v = unit(qkv, (2,)).unbind(3)
        weight = torch.einsum("nhcq,nhck->nhqk", q, k / math.sqrt(net.head_dim)).softmax(-1)
        a = torch.einsum("nhqk,nhck->nhcq", weight, v).reshape(h.shape)
        return blend(h, conv(f"{name}.proj", a, channels, 1), 0.3)

    wide = max(net.multipliers) * net.base
    label = torch.eye(net.num_classes)[y] * math.sqrt(net.num_classes)
    emb = linear("network.noise_embed", fourier("network.fourier", net.base), wide)
    emb = mp_silu(blend(emb, linear("network.class_embed", label, wide), 0.5))

    def block(
        name: str, h: Tensor, channels: int, encoder: bool, attends: bool = False, change: str = ""
    ) -> Tensor:
        if change == "down":
            h = F.avg_pool2d(h, 2)
        if change == "up":
            h = h.repeat_interleave(2, 2).repeat_interleave(2, 3)
        if encoder:
            h = conv(f"{name}.shortcut", h, channels, 1) if h.shape[1] != channels else h
            h = unit(h, (1,))
        scale = linear(f"{name}.temb_proj", emb, channels) * w.take(f"{name}.temb_gain.gain") + 1
        r = mp_silu(conv(f"{name}.conv1", mp_silu(h), channels) * scale[:, :, None, None])
        r = conv(f"{name}.conv2", r, channels)
        if h.shape[1] != channels:
            h = conv(f"{name}.shortcut", h, channels, 1)
        h = blend(h, r, 0.3)
        return (attend(f"{name}.attn", h) if attends else h).clip(-256, 256)

    last = len(net.multipliers) - 1
    h = torch.cat([c_in * x, torch.ones_like(x[:, :1])], dim=1)
    h = conv("network.conv_in", h, net.base * net.multipliers[0])
    skips = [h]
    for level, factor in enumerate(net.multipliers):
        for index in range(net.blocks):
            name = f"network.down_{level}.blocks.{index}"
            h = block(name, h, factor * net.base, True, level in net.attention)
            skips.append(h)
        if level < last:
            h = block(f"network.down_{level}.down", h, factor * net.base, True, change="down")
            skips.append(h)
    h = block("network.mid.block1", h, h.shape[1], False, True)
    h = block("network.mid.block2", h, h.shape[1], False)
    for level, factor in reversed(list(enumerate(net.multipliers))):
        for index in range(net.blocks + 1):
            skip = skips.pop()
            na, nb = h.shape[1], skip.shape[1]
            c = math.sqrt((na + nb) / 0.5)
            h = torch.cat([h * (c * 0.5 / math.sqrt(na)), skip * (c * 0.5 / math.sqrt(nb))], dim=1)
            name = f"network.up_{level}.blocks.{index}.block"
            h = block(name, h, factor * net.base, False, level in net.attention)
        if level:
            h = block(f"network.up_{level}.up", h, factor * net.base, False, change="up")
    assert not skips
    h = conv("network.conv_out", h, x.shape[1]) * w.take("network.gain_out.gain")
    return c_skip * x + c_out * h, linear("uncertainty.proj", fourier("uncertainty.fourier", 128), 1)

"""HDiT against a straight-line implementation of the published network, neighbourhoods token by token."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from blocks.shifted_window import shifted_window_attention
from designer.presets import build
from designer.presets.hdit import hdit
from designer.reader import read_design
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, difference, randomize

TINY = {
    "image_channels": 1, "patch_size": 2, "widths": [32, 64], "depths": [2, 1], "head_size": 16, "kernel": 3, "cond_size": 32,
    "mapping_depth": 1, "sigma_data": 0.5,
}  # fmt: skip
HEAD, KERNEL, SIGMA_DATA = 16, 3, 0.5
Weights = dict[str, Tensor]


def rms(x: Tensor, gain: Tensor | float) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * gain


def geglu(w: Weights, name: str, x: Tensor) -> Tensor:
    value, gate = (x @ w[f"{name}.up.proj.weight"].T).chunk(2, dim=-1)
    return (value * F.gelu(gate)) @ w[f"{name}.down.weight"].T


def fourier(w: Weights, name: str, x: Tensor) -> Tensor:
    angles = 2 * math.pi * x @ w[f"{name}_embed.frequencies"].T
    return torch.cat([angles.cos(), angles.sin()], dim=-1) @ w[f"{name}_proj.weight"].T


def condition(w: Weights, sigma: Tensor, augment: Tensor) -> Tensor:
    name = "network.condition"
    c = fourier(w, f"{name}.time", (sigma.log() / 4)[:, None]) + fourier(w, f"{name}.augment", augment)
    c = rms(c, w[f"{name}.norm_in.weight"])
    for index in range(2):
        block = f"{name}.blocks.{index}"
        c = c + geglu(w, block, rms(c, w[f"{block}.norm.weight"]))
    return rms(c, w[f"{name}.norm_out.weight"])


def positions(height: int, width: int) -> Tensor:
    """Centres of the pixels [H, W, 2], the longer side from −1 to 1."""
    high, wide = height / max(height, width), width / max(height, width)
    rows = torch.linspace(-high, high, height + 1)
    columns = torch.linspace(-wide, wide, width + 1)
    rows, columns = (rows[1:] + rows[:-1]) / 2, (columns[1:] + columns[:-1]) / 2
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1)


def rotate(x: Tensor, heads: int) -> Tensor:
    """Rotate [B, H, W, heads, d]: the first quarter of the features of a head against the second."""
    place, pairs = positions(*x.shape[1:3]), HEAD // 8
    spaced = torch.linspace(math.log(math.pi), math.log(10 * math.pi), heads * pairs + 1)[:-1].exp()
    turned = x.clone()
    for head in range(heads):
        for pair in range(pairs):
            for axis in (0, 1):
                angle = place[..., axis] * spaced[pair * heads + head]
                first, second = axis * pairs + pair, (axis + 2) * pairs + pair
                a, b = x[..., head, first], x[..., head, second]
                turned[..., head, first] = a * angle.cos() - b * angle.sin()
                turned[..., head, second] = b * angle.cos() + a * angle.sin()
    return turned


def attention(w: Weights, name: str, x: Tensor, c: Tensor, local: bool) -> Tensor:
    """x [B, H, W, D]: each token attends to the 3 × 3 nearest ones, or to all."""
    batch, height, width, features = x.shape
    heads = features // HEAD
    gain = 1 + c @ w[f"{name}.norm.gain.weight"].T
    qkv = rms(x, gain[:, None, None]) @ w[f"{name}.qkv.qkv.weight"].T
    q, k, v = qkv.view(batch, height, width, 3, heads, HEAD).unbind(3)
    root = w[f"{name}.similarity.temperature"].sqrt()[:, None]
    q, k = (rotate(one * root / (one.square().sum(-1, keepdim=True) + 1e-6).sqrt(), heads) for one in (q, k))
    out = torch.zeros_like(q)
    for row in range(height):
        for column in range(width):
            top = min(max(row - KERNEL // 2, 0), height - KERNEL) if local else 0
            left = min(max(column - KERNEL // 2, 0), width - KERNEL) if local else 0
            area = (slice(None), slice(top, top + KERNEL if local else None), slice(left, left + KERNEL if local else None))  # fmt: skip
            logits = (k[area] * q[:, row, column][:, None, None]).sum(-1)
            weights = logits.flatten(1, 2).softmax(dim=1)
            out[:, row, column] = (weights[..., None] * v[area].flatten(1, 2)).sum(1)
    return x + out.flatten(3) @ w[f"{name}.proj.weight"].T


def level(w: Weights, name: str, x: Tensor, c: Tensor, depth: int, local: bool) -> Tensor:
    for index in range(depth):
        layer = f"network.{name}.layers.{index}"
        x = attention(w, f"{layer}.attn", x, c, local)
        gain = 1 + c @ w[f"{layer}.ff.norm.gain.weight"].T
        x = x + geglu(w, f"{layer}.ff", rms(x, gain[:, None, None]))
    return x


def merge(w: Weights, name: str, x: Tensor) -> Tensor:
    weight = w[f"network.{name}.proj.weight"]  # [D, C, 2, 2]
    squares = x.unflatten(2, (-1, 2)).unflatten(1, (-1, 2))  # [B, h, 2, w, 2, C]
    return torch.einsum("bhiwjc,dcij->bhwd", squares, weight)


def split(w: Weights, name: str, x: Tensor) -> Tensor:
    squares = torch.einsum("bhwd,dcij->bhiwjc", x, w[f"network.{name}.proj.weight"])
    return squares.flatten(3, 4).flatten(1, 2)


def straight(w: Weights, x: Tensor, sigma: Tensor, augment: Tensor) -> Tensor:
    """Crowson et al. 2024: the two levels of the tiny size, under EDM's preconditioning."""
    total = (sigma**2 + SIGMA_DATA**2)[:, None, None, None]
    c = condition(w, sigma, augment)
    h = merge(w, "patch_in", (x / total.sqrt()).permute(0, 2, 3, 1))
    skip = level(w, "down_0", h, c, 1, local=True)
    h = level(w, "middle", merge(w, "merge_0", skip), c, 2, local=False)
    h = torch.lerp(skip, split(w, "split_0", h), w["network.skip_0.weight"])
    h = rms(level(w, "up_0", h, c, 1, local=True), w["network.final_layer.norm.weight"])
    h = split(w, "final_layer.proj", h).permute(0, 3, 1, 2)
    return SIGMA_DATA**2 / total * x + sigma[:, None, None, None] * SIGMA_DATA / total.sqrt() * h


def test_same_output_as_the_published_network() -> None:
    torch.manual_seed(0)
    model = randomize(load_model(render(build("hdit-tiny")))().eval())
    for name, parameter in model.named_parameters():
        if name.endswith("temperature"):
            parameter.data.abs_()
    x, sigma, augment = torch.randn(2, 1, 12, 16), torch.tensor([0.05, 3.0]), torch.randn(2, 9)
    with torch.no_grad():
        found, wanted = model(x, sigma, augment), straight(model.state_dict(), x, sigma, augment)
    assert difference([found], [wanted]) < TOLERANCE


def test_shifted_windows_token_by_token() -> None:
    torch.manual_seed(0)
    height, width, window, shift = 6, 4, 2, 1
    q, k, v = torch.randn(3, 2, 3, height * width, 5)
    rows = (torch.arange(height * width) // width + shift) % height
    columns = (torch.arange(height * width) % width + shift) % width
    place = torch.stack([rows // window, columns // window, rows < shift, columns < shift])
    together = (place[:, :, None] == place[:, None]).all(0)
    logits = (q @ k.transpose(2, 3) / math.sqrt(5)).masked_fill(~together, -torch.inf)
    wanted = (logits.softmax(-1) @ v).transpose(1, 2).flatten(2)
    like = torch.zeros(2, 1, height, width)
    assert difference([shifted_window_attention(q, k, v, like, 1, window, shift)], [wanted]) < TOLERANCE


def test_windows_take_the_place_of_neighbourhoods() -> None:
    document = hdit({**TINY, "kernel": 2}, ("ShiftedWindowAttention", "DotProductAttention"), (0.0, 0.0), 16)
    model = load_model(render(read_design(document)))()
    shifts = [layer.attn.shift for layer in model.network.down_0.layers]
    assert shifts == [0, 1]
    assert model(torch.randn(2, 1, 16, 8), torch.ones(2), torch.zeros(2, 9)).shape == (2, 1, 16, 8)

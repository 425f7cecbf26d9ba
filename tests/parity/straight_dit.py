"""DiT as its paper says, one function after another: the four ways of conditioning, no classes, no designer."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = Mapping[str, Tensor]


def linear(w: Weights, name: str, x: Tensor) -> Tensor:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def layer_norm(x: Tensor, w: Weights | None = None, name: str = "", eps: float = 1e-6) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    x = (x - mean) / ((x - mean).pow(2).mean(-1, keepdim=True) + eps).sqrt()
    return x if w is None or f"{name}.weight" not in w else x * w[f"{name}.weight"] + w[f"{name}.bias"]


def heads(x: Tensor, count: int) -> Tensor:
    batch, length, width = x.shape
    return x.reshape(batch, length, count, width // count).permute(0, 2, 1, 3)


def softmax_attention(q: Tensor, k: Tensor, v: Tensor, count: int) -> Tensor:
    q, k, v = heads(q, count), heads(k, count), heads(v, count)
    weights = (q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])).softmax(-1)
    batch, _, length, size = q.shape
    return (weights @ v).permute(0, 2, 1, 3).reshape(batch, length, count * size)


def self_attention(w: Weights, name: str, x: Tensor, count: int) -> Tensor:
    q, k, v = linear(w, f"{name}.qkv", x).chunk(3, dim=-1)
    return linear(w, f"{name}.proj", softmax_attention(q, k, v, count))


def mlp(w: Weights, name: str, x: Tensor) -> Tensor:
    return linear(w, f"{name}.fc2", F.gelu(linear(w, f"{name}.fc1", x), approximate="tanh"))


def positions(width: int, height: int, columns: int) -> Tensor:
    """[height · columns, width]: sines and cosines of the column, then of the row."""
    table = torch.zeros(height, columns, width, dtype=torch.float64)
    quarter = width // 4
    for k in range(quarter):
        rate = 10000.0 ** (-k / quarter)
        for row in range(height):
            for column in range(columns):
                values = (
                    math.sin(column * rate),
                    math.cos(column * rate),
                    math.sin(row * rate),
                    math.cos(row * rate),
                )
                for part, value in enumerate(values):
                    table[row, column, part * quarter + k] = value
    return table.reshape(height * columns, width).float()


def timestep_vector(w: Weights, name: str, t: Tensor) -> Tensor:
    rates = torch.tensor([10000.0 ** (-k / 128) for k in range(128)])
    angles = t[:, None] * rates
    waves = torch.cat([angles.cos(), angles.sin()], dim=1)
    return linear(w, f"{name}.fc2", F.silu(linear(w, f"{name}.fc1", waves)))


def dit(
    w: Weights, x: Tensor, t: Tensor, y: Tensor, conditioning: str, depth: int, count: int, patch: int
) -> Tensor:
    """Return the prediction of a DiT whose weights are named as the design names them."""
    batch, _, height, width = x.shape
    rows, columns = height // patch, width // patch
    patches = F.unfold(x, patch, stride=patch).transpose(1, 2)  # [B, N, C · p · p]
    h = patches @ w["patch_embed.proj.weight"].flatten(1).T + w["patch_embed.proj.bias"]
    h = h + positions(h.shape[-1], rows, columns)
    time, label = timestep_vector(w, "t_embedder", t), w["y_embedder.table.weight"][y]
    tokens = torch.stack([time, label], dim=1)
    if conditioning == "in-context":
        h = torch.cat([h, tokens], dim=1)
    for i in range(depth):
        h = block(w, f"blocks.{i}", h, time + label, tokens, conditioning, count)
    h = h[:, : rows * columns]
    if conditioning.startswith("adaln"):
        shift, scale = linear(w, "final_layer.adaln.proj", F.silu(time + label)).chunk(2, dim=1)
        h = layer_norm(h) * (1 + scale[:, None]) + shift[:, None]
    else:
        h = layer_norm(h, w, "final_layer.norm")
    h = linear(w, "final_layer.proj", h)  # [B, N, p · p · C]
    h = h.reshape(batch, rows, columns, patch, patch, -1).permute(0, 5, 1, 3, 2, 4)
    return h.reshape(batch, -1, height, width)


def block(
    w: Weights, name: str, x: Tensor, c: Tensor, tokens: Tensor, conditioning: str, count: int
) -> Tensor:
    if conditioning.startswith("adaln"):
        parts = linear(w, f"{name}.adaln.proj", F.silu(c))[:, None]
        if conditioning == "adaln-zero":
            shift1, scale1, gate1, shift2, scale2, gate2 = parts.chunk(6, dim=-1)
        else:
            shift1, scale1, shift2, scale2 = parts.chunk(4, dim=-1)
            gate1 = gate2 = torch.ones(())
        x = x + gate1 * self_attention(w, f"{name}.attn", layer_norm(x) * (1 + scale1) + shift1, count)
        return x + gate2 * mlp(w, f"{name}.mlp", layer_norm(x) * (1 + scale2) + shift2)
    x = x + self_attention(w, f"{name}.attn", layer_norm(x, w, f"{name}.norm1"), count)
    if conditioning == "cross-attention":
        cross = f"{name}.cross_attn"
        q = linear(w, f"{cross}.q", layer_norm(x, w, f"{name}.norm_cross"))
        k, v = linear(w, f"{cross}.k", tokens), linear(w, f"{cross}.v", tokens)
        x = x + linear(w, f"{cross}.proj", softmax_attention(q, k, v, count))
    return x + mlp(w, f"{name}.mlp", layer_norm(x, w, f"{name}.norm2"))

"""Attention, feed-forward layers and residual gates against their formulas."""

import math

import pytest
import torch

from tests.blocks.loading import target

F = torch.nn.functional


def heads(batch=2, count=3, tokens=5, keys=7, size=4):
    return (
        torch.randn(batch, count, tokens, size),
        torch.randn(batch, count, keys, size),
        torch.randn(batch, count, keys, size),
    )


def joined(x):
    return x.transpose(1, 2).flatten(2)


def attend(q, k, v, logits=None, mask=None):
    logits = q @ k.mT / math.sqrt(q.shape[-1]) if logits is None else logits
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf)
    return joined(logits.softmax(-1) @ v)


def test_soft_cap_and_clip_bound_the_logits():
    q, k, v = heads()
    q, k = 30 * q, 30 * k
    logits = q @ k.mT / 2
    torch.testing.assert_close(
        target("SoftCapAttention")(q, k, v, cap=10.0), attend(q, k, v, 10 * (logits / 10).tanh())
    )
    torch.testing.assert_close(
        target("ClippedAttention")(q, k, v, cap=10.0), attend(q, k, v, logits.clamp(-10, 10))
    )
    small = [0.01 * x for x in heads()]
    torch.testing.assert_close(
        target("SoftCapAttention")(*small, cap=50.0), attend(*small), rtol=1e-4, atol=1e-6
    )


def test_cosine_attention_ignores_the_norm_of_queries_and_caps_the_temperature():
    attention = target("CosineAttention")(3)
    q, k, v = heads()
    cosine = F.cosine_similarity(q[:, :, :, None], k[:, :, None], dim=-1)
    torch.testing.assert_close(attention(q, k, v), attend(q, k, v, 10 * cosine), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(attention(100 * q, k, v), attention(q, k, v), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        attention.tau.fill_(9.0)
    torch.testing.assert_close(attention(q, k, v), attend(q, k, v, 100 * cosine), rtol=1e-3, atol=1e-4)


def test_grouped_queries_share_keys():
    q, k, v = torch.randn(2, 4, 5, 4), torch.randn(2, 2, 7, 4), torch.randn(2, 2, 7, 4)
    expected = attend(q, k.repeat_interleave(2, dim=1), v.repeat_interleave(2, dim=1))
    torch.testing.assert_close(target("GroupedQueryAttention")(q, k, v), expected)


def test_linear_attention_is_its_quadratic_form():
    q, k, v = heads()
    scores = q.relu() @ k.relu().mT
    expected = joined(scores @ v / (scores.sum(-1, keepdim=True) + 1e-6))
    torch.testing.assert_close(target("LinearAttention")(q, k, v), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8, 2), (4, 6, 1)], ids=str)
def test_window_attention_is_attention_masked_to_windows(size):
    height, width, patch = size
    rows, columns = height // patch, width // patch
    q, k, v = heads(tokens=rows * columns, keys=rows * columns)
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    window = (row // 2 * columns + column // 2).flatten()
    like = torch.zeros(2, 3, height, width)
    found = target("WindowAttention")(q, k, v, like, patch, 2)
    torch.testing.assert_close(
        found, attend(q, k, v, mask=window[:, None] == window[None]), rtol=1e-4, atol=1e-5
    )


def test_neighbourhood_attention_moves_its_square_inwards_at_borders():
    rows, columns, kernel = 4, 5, 3
    q, k, v = heads(tokens=20, keys=20)
    mask = torch.zeros(20, 20, dtype=torch.bool)
    for i in range(rows):
        for j in range(columns):
            top, left = min(max(i - 1, 0), rows - kernel), min(max(j - 1, 0), columns - kernel)
            for a in range(top, top + kernel):
                for b in range(left, left + kernel):
                    mask[i * columns + j, a * columns + b] = True
    assert (mask.sum(1) == kernel**2).all()
    found = target("NeighbourhoodAttention")(q, k, v, torch.zeros(2, 3, rows, columns), 1, kernel)
    torch.testing.assert_close(found, attend(q, k, v, mask=mask), rtol=1e-4, atol=1e-5)


def test_mixture_of_experts_uses_the_best_of_each_token():
    layer = target("MixtureOfExperts")(6, 8, 4, 2)
    x = torch.randn(2, 3, 6)
    logits = layer.router(x)
    for token, scores, y in zip(x.flatten(0, 1), logits.flatten(0, 1), layer(x).flatten(0, 1), strict=True):
        best = scores.topk(2)
        expected = torch.zeros(6)
        for weight, expert in zip(best.values.softmax(0), best.indices, strict=True):
            hidden = F.gelu(token @ layer.weight1[expert] + layer.bias1[expert][0], approximate="tanh")
            expected = expected + weight * (hidden @ layer.weight2[expert] + layer.bias2[expert][0])
        torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("block", "activation"), [("GLU", torch.sigmoid), ("SwiGLU", F.silu), ("GEGLU", F.gelu)]
)
def test_gated_layers(block, activation):
    layer = target(block)(6, 8)
    x = torch.randn(2, 5, 6)
    value, gate = (x @ layer.proj.weight.T + layer.proj.bias).split(8, dim=-1)
    torch.testing.assert_close(layer(x), value * activation(gate))


def test_rms_norm_has_epsilon_inside_the_root():
    x = torch.full((1, 4), 1e-4)
    inside = x / torch.sqrt((x**2).mean() + 1e-6)
    torch.testing.assert_close(torch.nn.RMSNorm(4, eps=1e-6)(x), inside)


def test_residual_gates_start_where_they_say():
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(target("LayerScale")(8, 1e-4)(x), 1e-4 * x)
    for gate in (target("ReZero")(), target("TanhGate")(8), target("TokenGate")(8)):
        assert (gate(x) == 0).all()
    torch.testing.assert_close(target("SigmoidGate")(8, -4.0)(x), x / (1 + math.exp(4)))
    assert torch.equal(target("HeadGate")(4)(x), x)


def test_head_gate_scales_whole_heads():
    gate, x = target("HeadGate")(2), torch.randn(2, 5, 8)
    with torch.no_grad():
        gate.alpha.copy_(torch.tensor([[-100.0], [100.0]]))
    torch.testing.assert_close(gate(x), torch.cat([0 * x[..., :4], 2 * x[..., 4:]], dim=-1))


def test_scaled_linear_starts_at_its_gain():
    layer = target("ScaledLinear")(512, 512, (8 * 24) ** -0.25)
    assert layer.weight.std().item() == pytest.approx((8 * 24) ** -0.25 / 512**0.5, rel=0.02)
    assert (layer.bias == 0).all()

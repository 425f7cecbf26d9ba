"""Fusions, skip dropout and injections against their formulas."""

import pytest
import torch

from tests.blocks.loading import target

F = torch.nn.functional


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 0.3), (0.0, 2.0)])
def test_variance_preserving_add_keeps_unit_variance(weights: tuple[float, float]) -> None:
    d, s = torch.randn(2, 64, 32, 32), torch.randn(2, 64, 32, 32)
    y = target("VPAdd")(weights[0] * d, weights[1] * s, *weights)
    assert y.var().item() == pytest.approx(1, rel=0.02)


def test_variance_preserving_add_with_equal_weights_is_the_half_root() -> None:
    d, s = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(target("VPAdd")(d, s, 1.0, 1.0), (d + s) / 2**0.5, rtol=1e-5, atol=1e-6)
    alpha = torch.rand(2, 3, 1, 1)
    expected = (d + alpha * s) / (1 + alpha**2).sqrt()
    torch.testing.assert_close(target("VPAdd")(d, alpha * s, 1.0, alpha), expected, rtol=1e-5, atol=1e-6)


def test_channel_shuffle_fusion_is_two_interleaved_projections() -> None:
    fusion = target("ChannelShuffleFusion")(4)
    d, s = torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3)
    first = torch.stack([d[:, 1], d[:, 3], s[:, 0], s[:, 2]], dim=1)
    second = torch.stack([d[:, 0], d[:, 2], s[:, 1], s[:, 3]], dim=1)
    torch.testing.assert_close(fusion(d, s), fusion.conv1(first) + fusion.conv2(second))


def test_attention_fusion_starts_as_the_trunk_and_asks_the_skip() -> None:
    fusion = target("AttentionFusion")(4, 6, 2)
    d, s = torch.randn(2, 4, 3, 2), torch.randn(2, 6, 3, 2)
    assert torch.equal(fusion(d, s), d)
    torch.nn.init.normal_(fusion.proj.weight)
    tokens, skip = d.flatten(2).mT, s.flatten(2).mT
    heads = [part.chunk(2, dim=-1) for part in (fusion.q(tokens), fusion.k(skip), fusion.v(skip))]
    found = [torch.softmax(q @ k.mT / 2**0.5, dim=-1) @ v for q, k, v in zip(*heads, strict=True)]
    expected = d + fusion.proj(torch.cat(found, dim=-1)).mT.reshape(2, 4, 3, 2)
    torch.testing.assert_close(fusion(d, s), expected)


def test_skip_dropout_drops_whole_samples_in_training_only() -> None:
    drop, x = target("SkipDropout")(0.25), torch.ones(4000, 2, 3)
    assert torch.equal(drop.eval()(x), x)
    y = drop.train()(x)
    kept = y[:, 0, 0] != 0
    assert torch.equal(y, kept[:, None, None] * x / 0.75)
    assert kept.float().mean().item() == pytest.approx(0.75, abs=0.03)


def test_skip_injections_agree_between_the_ends() -> None:
    x, reference = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    from designer.catalogue import catalogue

    def apply(block: str, **given: float) -> torch.Tensor:
        text = catalogue()[block].target.format(x="x", reference="reference", **given)
        return eval(text, {"torch": torch, "x": x, "reference": reference})

    assert apply("SkipSwap") is reference
    torch.testing.assert_close(apply("SkipMix", strength=0.3), 0.7 * x + 0.3 * reference)
    torch.testing.assert_close(apply("SkipResidual", strength=0.3), apply("SkipMix", strength=0.3))
    torch.testing.assert_close(apply("SkipResidual", strength=1.0), reference)

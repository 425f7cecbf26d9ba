"""Blocks of video networks: frames as an axis and in the batch, images among videos, rotations."""

import torch

from blocks.alpha_blend import FrameBlendWeight, blend_frames
from blocks.frames import add_frame_embedding, repeat_frames
from blocks.positions_3d import FramePosition
from blocks.rotary import RotaryPosition1D, RotaryPosition3D, apply_rotary, rotary_pair
from designer.check import check
from designer.presets import build


def test_frames_in_the_batch_are_proved_symbolically() -> None:
    report = check(build("svd-tiny"))
    assert report.ok and not report.diagnostics
    assert report.shapes["VideoUNet/frames.out->conv_in.x"].replace(" ", "*", 1) == "B*T*2 H W"
    assert str(report.certificate) == "valid for B, T, N ≥ 1; H, W ≡ 0 (mod 2)"


def test_conditions_are_repeated_frame_by_frame() -> None:
    x, like = torch.randn(2, 3, 4), torch.randn(2, 5, 1)
    assert torch.equal(repeat_frames(x, like), x.repeat_interleave(5, dim=0))
    video = torch.zeros(2, 4, 5, 1, 1)
    embedding = torch.randn(10, 4)
    assert torch.equal(add_frame_embedding(video, embedding)[1, :, 2, 0, 0], embedding[1 * 5 + 2])


def test_single_images_leave_the_temporal_branch_out() -> None:
    spatial, temporal = torch.randn(6, 4, 5), torch.randn(6, 4, 5)
    weight = FrameBlendWeight(start=0.0)(torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]))
    assert weight.tolist() == [0.5] * 3 + [1.0] * 3
    mixed = blend_frames(spatial, temporal, weight)
    assert torch.equal(mixed[3:], spatial[3:])
    assert torch.allclose(mixed[:3], (spatial[:3] + temporal[:3]) / 2)


def test_a_single_frame_has_no_position() -> None:
    block = FramePosition(8, 4)
    image, video = torch.randn(2, 1, 8), torch.randn(2, 3, 8)
    assert torch.equal(block(image), image)
    assert not torch.equal(block(video), video)


def test_rotated_logits_depend_on_distances_only() -> None:
    cos, sin = RotaryPosition1D(8, 16)(torch.empty(1, 16, 1))
    q, k = torch.randn(8).expand(1, 1, 16, 8), torch.randn(8).expand(1, 1, 16, 8)
    rotated_q, rotated_k = apply_rotary(q, cos, sin), apply_rotary(k, cos, sin)
    assert torch.allclose(rotated_q.norm(dim=-1), q.norm(dim=-1), atol=1e-5)
    logits = (rotated_q @ rotated_k.transpose(-1, -2))[0, 0]
    assert torch.allclose(logits[5, 2], logits[9, 6], atol=1e-4)
    assert not torch.allclose(logits[5, 2], logits[5, 3], atol=1e-2)


def test_rotations_that_come_in_are_those_computed_here() -> None:
    cos, sin = RotaryPosition3D([4, 2, 2], (1, 2, 2), 8)(torch.empty(1, 3, 2, 6, 4))
    assert cos.shape == (2 * 3 * 2, 4)
    twice = [one.repeat_interleave(2, dim=1) for one in (cos, sin)]
    found = rotary_pair(twice)
    assert torch.equal(found[0], cos) and torch.equal(found[1], sin)

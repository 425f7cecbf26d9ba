"""A lighter copy learns what a trained network predicts, guided by the class, and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from designer import build
from designer.errors import UserError
from designer.train import TrainOptions, train
from designer.train.loop import make_batch
from designer.train.teacher import Teacher, teacher_spec
from designer.wrapping.noise import Process
from tests.train.smoke_runs import INPUTS, job_of_design


class _Classes(torch.nn.Module):
    """Puts out x times one more than the class."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x * (y + 1).view(-1, 1, 1, 1)


def test_guidance_is_its_formula() -> None:
    x, y = torch.randn(2, 3, 4, 4), torch.tensor([3, 5])
    teacher = Teacher(_Classes(), 2.5, label=1, no_class=10)
    free, given = 11 * x, x * torch.tensor([4.0, 6.0]).view(2, 1, 1, 1)
    torch.testing.assert_close(teacher((x, y), 3), free + 2.5 * (given - free))
    torch.testing.assert_close(Teacher(_Classes())((x, y), 2), given[:, :2])


def test_the_target_of_a_student_is_its_teachers_prediction() -> None:
    torch.manual_seed(0)
    student = build("dit-tiny", {"depth": 1})
    job = job_of_design(student, TrainOptions(steps=1, batch_size=8))
    model = job_of_design(build("dit-tiny"), TrainOptions(steps=1)).build()
    torch.nn.init.normal_(next(p for p in reversed(list(model.parameters())) if p.ndim > 1), std=0.1)
    taught = make_batch(replace(job, teacher=Teacher(model)), 0, 0)
    plain = make_batch(job, 0, 0)
    assert all(torch.equal(a, b) for a, b in zip(taught.arguments, plain.arguments, strict=True))
    with torch.no_grad():
        expected = model.eval()(*plain.arguments)[:, : plain.target.shape[1]]
    assert torch.equal(taught.target, expected) and not taught.target.requires_grad
    assert expected.std() > 0


def test_a_run_teaches_a_run(tmp_path: Path) -> None:
    options = TrainOptions(steps=2, batch_size=8, seeds=(0,))
    train(build("dit-tiny"), tmp_path / "teacher", options)
    taught = replace(options, teacher=str(tmp_path / "teacher"), teacher_guidance=2.0)
    report = train(build("dit-tiny", {"depth": 1}), tmp_path / "student", taught)
    assert report.verdict in ("ok", "warn") and report.seeds[0].steps_done == 2
    assert report.options["teacher"] == str(tmp_path / "teacher")
    with pytest.raises(UserError, match="its prediction is 'epsilon', but the student's is 'v'"):
        train(build("dit-tiny"), tmp_path / "other", replace(taught, prediction="v"))
    with pytest.raises(UserError, match=r"takes x .* but the student takes x \(image\), t \(timestep\)"):
        teacher_spec(tmp_path / "teacher", INPUTS, Process("linear", "epsilon"))
    with pytest.raises(UserError, match="not the folder of a run"):
        train(build("dit-tiny"), tmp_path / "other", replace(taught, teacher=str(tmp_path)))

"""An error in rendered code names the node: in training, in an export, in a tool that quotes the source."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from designer.errors import UserError
from designer.export import export_onnx
from designer.origin import nodes_of_lines, origin
from designer.presets import build
from designer.render import Rendering, load_model, render, write
from designer.train.inputs import InputSpec
from designer.train.limits import Stopper
from designer.train.options import TrainOptions
from designer.train.spec import RunSpec
from designer.train.worker import run

MIDDLE = "x = self.mid(x, temb)"


def sabotaged(statement: str) -> Rendering:
    """The rendering of a U-Net whose line that calls the middle is another statement."""
    rendering = render(build("ddpm-tiny"))
    assert MIDDLE in rendering.files["model.py"]
    files = {"model.py": rendering.files["model.py"].replace(MIDDLE, statement)}
    return replace(rendering, files=files)


@pytest.mark.parametrize(
    ("size", "node"),
    [((2, 3, 16, 16), "UNet/conv_in"), ((2, 1, 6, 6), "UpBlock/")],
)
def test_a_traceback_leads_to_the_node(tmp_path: Path, size: tuple[int, ...], node: str) -> None:
    rendering = render(build("ddpm-tiny"))
    (path,) = write(rendering, tmp_path)
    model = load_model(tmp_path)()
    with pytest.raises(RuntimeError) as caught:
        model(torch.zeros(size), torch.zeros(2))
    nodes, line = origin(caught.value, nodes_of_lines(rendering.source_map), path)
    assert any(one.startswith(node) for one in nodes), nodes
    assert line > 0


def test_a_crash_in_training_names_the_node(tmp_path: Path) -> None:
    rendering = sabotaged("x = self.mid(x, temb[:, :3])")
    write(rendering, tmp_path / "source")
    spec = RunSpec(
        tmp_path,
        tmp_path / "source",
        "model",
        rendering.class_name,
        tuple(InputSpec(one.name, one.role, one.shape, one.dtype) for one in rendering.inputs),
        TrainOptions(steps=2, batch_size=2, seeds=(0,)),
        {"sample_shape": [1, 16, 16]},
        lines=nodes_of_lines(rendering.source_map),
    )
    crash = run(spec, lambda event: None, Stopper(60)).crash
    assert crash is not None and crash.node == "ResBlock/temb_proj"
    assert "ResBlock/temb_proj" in crash.message and "model.py line" in crash.message


def test_a_failing_export_names_the_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendering = sabotaged("x = self.mid(x, temb) if x.sum() > 0 else x")
    monkeypatch.setattr("designer.export.runner.render", lambda design: rendering)
    with pytest.raises(UserError, match=r"UNet/mid \(model.py line \d+\): ") as caught:
        export_onnx(build("ddpm-tiny"), tmp_path)
    assert str(tmp_path) not in str(caught.value).partition(": ")[0]


def test_an_error_elsewhere_has_no_node() -> None:
    assert origin(ValueError("no"), {1: ["A/b"]}, "model.py") == ([], 0)


def test_every_line_of_init_and_forward_has_a_node() -> None:
    rendering = render(build("dit-tiny"))
    mapped = nodes_of_lines(rendering.source_map)
    text = rendering.files["model.py"].split("\n")
    start = next(index for index, line in enumerate(text) if line.startswith("class Mlp"))
    for number, line in enumerate(text[start:], start + 1):
        if line.startswith("        self.") and "initialize_weights" not in line:
            assert number in mapped, line

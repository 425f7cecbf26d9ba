"""The data: shapes, ranges, statistics, and what is said of unusable folders."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from designer.errors import UserError
from designer.train import synthetic
from designer.train.data import load_data
from designer.train.options import TrainOptions


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 32, 32), (4, 8, 8), (1, 4, 4)])
def test_digits_take_the_shape_of_the_design(shape: tuple[int, ...]) -> None:
    data = load_data(TrainOptions(), shape)
    assert tuple(data.samples.shape) == (1797, *shape)
    assert data.samples.min() >= -1 and data.samples.max() <= 1
    assert set(data.labels.tolist()) == set(range(10))


@pytest.mark.parametrize("name", ["photos", "leaves", "fields", "latents"])
def test_other_data_are_finite_varied_and_repeatable(name: str) -> None:
    first, second = (load_data(TrainOptions(data=name), (3, 16, 16)) for _ in range(2))
    assert torch.equal(first.samples, second.samples)
    assert first.samples.isfinite().all() and first.samples.shape[1:] == (3, 16, 16)
    assert 0.2 < first.samples.std() < 1.2
    assert first.samples.std(0).min() > 0.05


def test_fields_have_unit_variance_and_a_1_over_f_spectrum() -> None:
    fields = synthetic.gaussian_fields(400, (1, 32, 32), torch.Generator().manual_seed(0))
    assert abs(fields.var().item() - 1) < 0.05
    power = torch.fft.fft2(fields).abs().square().mean((0, 1))
    assert power[0, 2] / power[0, 8] == pytest.approx(16, rel=0.3)


def test_fields_of_a_video_shape() -> None:
    fields = synthetic.latents(8, (4, 5, 8, 8), torch.Generator().manual_seed(0))
    assert fields.shape == (8, 4, 5, 8, 8) and 0.7 < fields.std() < 1.3


def test_draw_is_decided_by_the_generator() -> None:
    data = load_data(TrainOptions(), (1, 8, 8))
    draws = [data.draw(5, torch.Generator().manual_seed(9)) for _ in range(2)]
    assert torch.equal(draws[0][0], draws[1][0]) and torch.equal(draws[0][1], draws[1][1])


def test_folder_of_images(tmp_path: Path) -> None:
    for name, colour in (
        ("cats/a.png", (255, 0, 0)),
        ("dogs/b.jpg", (0, 0, 255)),
        ("dogs/c.png", (0, 255, 0)),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (40, 30), colour).save(tmp_path / name)
    (tmp_path / "dogs" / "broken.png").write_bytes(b"not a picture")
    data = load_data(TrainOptions(data="folder", data_folder=str(tmp_path)), (3, 16, 16))
    assert data.samples.shape == (3, 3, 16, 16) and data.labels.tolist() == [0, 1, 1]
    assert "1 could not be read" in data.description
    assert data.samples[0].mean((1, 2)).tolist() == pytest.approx([1, -1, -1])
    assert load_data(TrainOptions(data="folder", data_folder=str(tmp_path)), (1, 8, 8)).samples.shape == (
        3,
        1,
        8,
        8,
    )


def test_unusable_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        TrainOptions(data="folder", data_folder=str(tmp_path / "none"))
    with pytest.raises(UserError, match="holds no image"):
        TrainOptions(data="folder", data_folder=str(tmp_path))
    with pytest.raises(UserError, match="needs data_folder"):
        TrainOptions(data="folder")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(UserError, match="none of its 1 image files"):
        load_data(TrainOptions(data="folder", data_folder=str(tmp_path)), (1, 8, 8))


def test_images_do_not_fit_a_video() -> None:
    with pytest.raises(UserError, match="latents"):
        load_data(TrainOptions(data="digits"), (4, 5, 8, 8))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"steps": 0}, "steps"),
        ({"batch_size": True}, "batch_size"),
        ({"seeds": ()}, "seeds"),
        ({"seeds": (1, 1)}, "seeds"),
        ({"device": "tpu"}, "device"),
        ({"precision": "int8"}, "precision"),
        ({"data": "imagenet"}, "data"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"ema": 1.0}, "ema"),
        ({"time_limit_s": float("nan")}, "time_limit_s"),
        ({"memory_limit_bytes": 0}, "memory_limit_bytes"),
        ({"momentum": 0.9}, "momentum"),
    ],
)
def test_options_refuse(values: dict, name: str) -> None:
    with pytest.raises(UserError, match=name):
        TrainOptions.from_json(values)


def test_options_survive_json() -> None:
    options = TrainOptions(steps=7, seeds=(3,), ema=0.9)
    assert TrainOptions.from_json(options.to_json()) == options

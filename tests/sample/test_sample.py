"""Drawing: PyTorch and ONNX give the same picture, seeds, guidance, grids, and what goes wrong."""

import numpy as np
import pytest
from PIL import Image

from designer.document import save
from designer.errors import UserError
from designer.export import export_onnx
from designer.presets import build
from designer.render import load_model, render
from designer.sample import sample
from designer.sample.grid import save_grid


def _weights(preset, path):
    """Weights of a rendered model, every one drawn at random: a network that starts at zero draws nothing."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    model = load_model(render(build(preset)))()
    tensors = {name: value + 0.02 * torch.randn_like(value) for name, value in model.state_dict().items()}
    save_file(tensors, path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder as a smoke-train leaves it, and the export of its weights."""
    folder = tmp_path_factory.mktemp("run")
    save(build("dit-tiny"), folder / "design.json")
    _weights("dit-tiny", folder / "weights.safetensors")
    export_onnx(build("dit-tiny"), folder / "onnx", folder / "weights.safetensors", check=False)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [{"sampler": "ddim"}, {"sampler": "ddpm"}, {"guidance": 3.0, "labels": [1, 10]}],
    ids=["ddim", "ddpm", "guidance"],
)
def test_pytorch_and_onnx_draw_the_same_picture(run, arguments):
    torch_images = sample(run, steps=8, n=3, seed=4, **arguments)
    onnx_images = sample(run / "onnx", steps=8, n=3, seed=4, **arguments)
    assert torch_images.shape == (3, 1, 16, 16) and np.isfinite(torch_images).all()
    assert np.abs(torch_images - onnx_images).max() <= 1e-3 * np.abs(torch_images).max()


def test_a_seed_and_a_number_name_an_image(run):
    many, few = (sample(run / "onnx", steps=4, n=n, seed=1, sampler="ddpm") for n in (70, 3))
    assert np.abs(many[:3] - few).max() < 1e-4 * np.abs(few).max()
    other = sample(run / "onnx", steps=4, n=3, seed=2, sampler="ddpm")
    assert np.abs(other - few).max() > 1e-2


def test_labels_and_guidance_change_the_picture(run):
    plain = sample(run / "onnx", steps=4, n=2, labels=[3])
    assert np.abs(plain - sample(run / "onnx", steps=4, n=2, labels=[4])).max() > 1e-4
    assert np.abs(plain - sample(run / "onnx", steps=4, n=2, labels=[3], guidance=4.0)).max() > 1e-4
    assert np.allclose(plain, sample(run / "onnx", steps=4, n=2, labels=[3], guidance=1.0))


def test_a_design_with_weights_is_a_source_and_progress_is_told(run):
    told = []
    images = sample(
        build("dit-tiny"),
        steps=3,
        n=1,
        weights=run / "weights.safetensors",
        on_progress=lambda done, of: told.append((done, of)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert np.allclose(images, sample(run / "design.json", steps=3, n=1, weights=run / "weights.safetensors"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sampler": "magic"}, "sampler: received 'magic'"),
        ({"sampler": "euler"}, "'euler' follows a flow"),
        ({"steps": 0}, "steps: received 0"),
        ({"steps": 1001}, "from 1 to 1000"),
        ({"n": 0}, "n: received 0"),
        ({"seed": -1}, "seed: received -1"),
        ({"labels": [11]}, "label: received 11"),
    ],
)
def test_arguments_that_cannot_be_used(run, arguments, message):
    with pytest.raises(UserError, match=message):
        sample(run / "onnx", **arguments)


def test_sources_that_cannot_be_used(run, tmp_path):
    with pytest.raises(UserError, match="no trained weights"):
        sample(build("dit-tiny"))
    with pytest.raises(UserError, match=r"neither model\.onnx"):
        sample(tmp_path)
    save(build("dit-tiny"), tmp_path / "design.json")
    with pytest.raises(UserError, match=r"holds no weights\.safetensors"):
        sample(tmp_path)
    with pytest.raises(UserError, match="does not fit the model"):
        sample(build("ddpm-tiny"), weights=run / "weights.safetensors")
    with pytest.raises(UserError, match="need a class input"):
        sample(build("ddpm-tiny"), weights=run / "weights.safetensors", guidance=2.0)
    with pytest.raises(UserError, match=r"past 0\.2 s"):
        sample(run, time_limit_s=0.2)


def test_a_grid_shows_every_image_where_it_belongs(tmp_path):
    images = np.linspace(-1, 1, 5, dtype=np.float32)[:, None, None, None] * np.ones((5, 1, 4, 4), np.float32)
    save_grid(images, tmp_path / "deep" / "grid.png", columns=3, scale=2)
    pixels = np.asarray(Image.open(tmp_path / "deep" / "grid.png"))
    assert pixels.shape == (2 * (2 * 5 + 1), 2 * (3 * 5 + 1))
    assert [int(pixels[6, 6 + 10 * column]) for column in range(3)] == [0, 64, 128]
    assert [int(pixels[16, 6 + 10 * column]) for column in range(2)] == [191, 255]


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_and_latents_have_a_picture(tmp_path, channels):
    images = np.full((2, channels, 4, 4), np.nan, dtype=np.float32)
    save_grid(images, tmp_path / "grid.png", scale=1)
    with Image.open(tmp_path / "grid.png") as picture:
        assert picture.mode == ("RGB" if channels == 3 else "L")

"""Pictures of latents: what is drawn goes through the decoder of an autoencoder, its scale undone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from designer import build
from designer.autoencoder import find_autoencoder, load_autoencoder
from designer.cli import main
from designer.document import Design, save
from designer.errors import UserError
from designer.render import load_model, render
from designer.sample import sample


def weights_of(design: Design, path: Path) -> Path:
    """Save random weights of a design."""
    torch.manual_seed(0)
    model = load_model(render(design))()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    save_file(model.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def slot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vae")
    design = build("vae-tiny", {"latent_channels": 2})
    design = replace(design, training={**design.training, "scaling_factor": 0.5, "shift_factor": 0.1})
    save(design, folder / "design.json")
    weights_of(design, folder / "weights.safetensors")
    return folder


@pytest.fixture(scope="module")
def denoiser() -> Design:
    design = build("dit-tiny", {"in_channels": 2, "out_channels": 2, "input_size": 8, "depth": 1})
    return replace(design, training={**design.training, "sample_shape": [2, 8, 8]})


def test_what_is_drawn_is_decoded(slot: Path, denoiser: Design, tmp_path: Path) -> None:
    weights = weights_of(denoiser, tmp_path / "weights.safetensors")
    latents = sample(denoiser, steps=2, n=3, weights=weights)
    images = sample(denoiser, steps=2, n=3, weights=weights, decoder=slot)
    assert latents.shape == (3, 2, 8, 8) and images.shape == (3, 1, 16, 16)
    with torch.no_grad():
        model = load_autoencoder(find_autoencoder(slot))
        wanted = model.decoder(torch.from_numpy(latents) / 0.5 + 0.1)
    torch.testing.assert_close(torch.from_numpy(images), wanted, rtol=1e-4, atol=1e-5)


def test_a_decoder_of_other_latents_is_refused(slot: Path, tmp_path: Path) -> None:
    design = build("dit-tiny")
    weights = weights_of(design, tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match=r"its latents are \[2, h, w\], but the model draws \[1, 16, 16\]"):
        sample(design, steps=2, n=1, weights=weights, decoder=slot)
    with pytest.raises(UserError, match=r"holds neither config\.json .* nor design\.json"):
        sample(design, steps=2, n=1, weights=weights, decoder=tmp_path)


def test_an_autoencoder_draws_nothing(slot: Path) -> None:
    with pytest.raises(UserError, match="input 'x' is clean; sampling knows"):
        sample(slot)


@pytest.mark.slow
def test_from_digits_to_latents_to_digits(tmp_path: Path) -> None:
    """The whole way at the command line: train an autoencoder, a denoiser on its latents, and draw pictures."""
    vae, dit = tmp_path / "vae.json", tmp_path / "dit.json"
    save(build("vae-tiny"), vae)
    design = build("dit-tiny", {"in_channels": 4, "out_channels": 4, "input_size": 8})
    save(replace(design, training={**design.training, "sample_shape": [4, 8, 8]}), dit)
    first, second, picture = (str(tmp_path / name) for name in ("vae", "dit", "digits.png"))
    briefly = ["--steps", "40", "--seed", "0"]
    assert main(["train", str(vae), "-o", first, *briefly]) == 0
    assert main(["train", str(dit), "-o", second, *briefly, "--autoencoder", first]) == 0
    said = json.loads((tmp_path / "dit" / "report.json").read_text(encoding="utf-8"))["data"]
    assert said.startswith("latents of 1797 handwritten digits")
    assert main(["sample", second, "--steps", "5", "-n", "4", "--decoder", first, "-o", picture]) == 0
    with Image.open(picture) as opened:
        assert opened.size == (2 * 17 * 4 + 4,) * 2  # four pictures of 16 pixels, four times as large

"""The latent interface: any autoencoder as two functions, from images to latents and back.

An autoencoder is a folder: a model of diffusers (config.json and safetensors), which is imported, or a design
with weights (design.json and weights.safetensors), such as a run's. What makes a design an autoencoder is that
it puts out an `image` and the `moments` of a latent, or the `latent` itself: the nodes that these come from decode
and encode.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer.check import check
from designer.document import Design, load
from designer.errors import UserError
from designer.importers import Rule
from designer.reader import read_design
from designer.shapes.values import Tensor as Shaped

if TYPE_CHECKING:
    from torch import Tensor, nn

_PIXELS = 2**18  # of images that are worked on at once
_LARGE = 1024  # a side of an image that every autoencoder takes, to see how much it shrinks


@dataclass(frozen=True)
class Scaling:
    """How latents are presented to a denoiser: (z - mean - shift) · scale / std; mean and std of each channel."""

    scale: float = 1.0
    shift: float = 0.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @classmethod
    def of(cls, training: Mapping[str, Any]) -> "Scaling":
        """Return what the training section of an autoencoder says."""
        mean, std = (training.get(f"latents_{name}", one) for name, one in (("mean", [0]), ("std", [1])))
        return cls(
            training.get("scaling_factor", 1.0), training.get("shift_factor", 0.0), tuple(mean), tuple(std)
        )

    def apply(self, z: "Tensor") -> "Tensor":
        """Return latents [B, C, h, w] of an encoder as a denoiser sees them."""
        return (z - _channels(self.mean, z) - self.shift) * (self.scale / _channels(self.std, z))

    def undo(self, z: "Tensor") -> "Tensor":
        """Return latents [B, C, h, w] of a denoiser as a decoder takes them."""
        return z * (_channels(self.std, z) / self.scale) + self.shift + _channels(self.mean, z)


def _channels(values: Sequence[float], like: "Tensor") -> "Tensor":
    return like.new_tensor(values).view(1, -1, 1, 1)


@dataclass(frozen=True)
class Found:
    """An autoencoder as it lies on disk: its design, how its weights are named, and where they are.

    `encoder` and `decoder` are nodes of the main definition; latents are `factor` times smaller than images. With
    `gaussian` the encoder gives means and log-variances.
    """

    path: Path
    design: Design
    rules: tuple[Rule, ...]
    weights: Path
    encoder: str
    decoder: str
    factor: int
    channels: int
    image_channels: int
    gaussian: bool

    def require(self, shape: Sequence[int], what: str) -> None:
        """Raise UserError for samples of a `shape` without batch that are no latents of this autoencoder."""
        if len(shape) != 3 or shape[0] != self.channels:
            raise UserError(
                f"autoencoder {self.path}: its latents are [{self.channels}, h, w], but {what} {list(shape)}"
            )


def find_autoencoder(folder: str | Path) -> Found:
    """Return what a folder holds; nothing is run. Raises UserError where that is no autoencoder."""
    design, rules, weights = _read(Path(folder))
    main = design.main_definition
    sources = {port.role: port.source for port in main.outputs}
    code = next((role for role in ("moments", "latent") if role in sources), "")
    if not code or "image" not in sources:
        found = ", ".join(f"{port.name}: {port.role}" for port in main.outputs)
        raise UserError(
            f"autoencoder {folder}: {design.name!r} puts out {found}; expected an image, and moments or a "
            "latent, as of an autoencoder"
        )
    report = check(design)
    if not report.ok or report.frame is None:
        raise UserError(f"autoencoder {folder}: {design.name!r} has errors; see designer check")
    latent, images = report.frame.value(sources[code]), next(iter(report.frame.inputs.values()))
    assert isinstance(latent, Shaped) and isinstance(images, Shaped)
    encoder, decoder = (sources[role].partition(".")[0] for role in (code, "image"))
    channels, gaussian = _at(latent.shape[1]), code == "moments"
    return Found(
        Path(folder).resolve(), design, rules, weights, encoder, decoder,
        _LARGE // _at(latent.shape[2]), channels // 2 if gaussian else channels, _at(images.shape[1]), gaussian,
    )  # fmt: skip


def _at(size: Any) -> int:
    """Return a size where every free one is large."""
    return size if isinstance(size, int) else int(size.evaluate(dict.fromkeys(size.symbols, _LARGE)))


def _read(path: Path) -> tuple[Design, tuple[Rule, ...], Path]:
    """Return the design, the rules of its weights, and the file or folder that holds them."""
    from designer.sources.config import read_config

    if (path / "design.json").is_file():
        weights = path / "weights.safetensors"
        if not weights.is_file():
            raise UserError(
                f"autoencoder {path}: holds design.json but no weights.safetensors; train it first"
            )
        return load(path / "design.json"), (), weights
    if not path.is_dir():
        raise UserError(f"autoencoder {path}: no such folder")
    if not (path / "config.json").is_file():
        raise UserError(
            f"autoencoder {path}: holds neither config.json (a model of diffusers) nor design.json (a run)"
        )
    imported, held = read_config(path)
    if held is None:
        raise UserError(f"autoencoder {path}: holds no weights beside its config.json; expected safetensors")
    return read_design(imported.document), imported.rules, held


@dataclass(frozen=True)
class Autoencoder:
    """An encoder from images [B, c, H, W] in [-1, 1] to latents or moments, and a decoder from latents to images."""

    encoder: "Callable[[Tensor], Tensor]"
    decoder: "Callable[[Tensor], Tensor]"
    scaling: Scaling = Scaling()
    device: str = "cpu"
    gaussian: bool = True
    factor: int = 1

    def encode(self, images: "Tensor") -> "Tensor":
        """Return the latents of images as a denoiser sees them: the means that the encoder gives."""
        code = self.encoder(images)
        return self.scaling.apply(code.chunk(2, dim=1)[0] if self.gaussian else code)

    def decode(self, latents: "Tensor") -> "Tensor":
        """Return the images of latents of a denoiser."""
        return self.decoder(self.scaling.undo(latents))

    def batches(self, samples: "Tensor", factor: int = 1) -> "Iterator[Tensor]":
        """Yield samples [N, C, h, w] in batches on the device; their images are `factor` times larger."""
        size = max(1, _PIXELS // (samples[0, 0].numel() * factor**2))
        return (samples[start : start + size].to(self.device) for start in range(0, len(samples), size))


def load_autoencoder(found: Found, device: str = "cpu") -> Autoencoder:
    """Execute an autoencoder's rendered source and load its weights; child processes only.

    Raises UserError when the weights do not fit.
    """
    from designer.render import load_model, render

    model: nn.Module = load_model(render(found.design))()
    _load_weights(model, found)
    model.eval().requires_grad_(False).to(device)
    encoder, decoder = model.get_submodule(found.encoder), model.get_submodule(found.decoder)
    scaling = Scaling.of(found.design.training)
    return Autoencoder(encoder, decoder, scaling, device, found.gaussian, found.factor)


def _load_weights(model: "nn.Module", found: Found) -> None:
    """Load the weights of a file, or those of a folder, as the rules say."""
    from safetensors.torch import load_file

    from designer.weights.checkpoint import read_checkpoint
    from designer.weights.convert import convert_file

    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    with tempfile.TemporaryDirectory(prefix="designer-autoencoder-") as place:
        file = Path(place, "weights.safetensors")
        try:
            convert_file(found.rules, read_checkpoint(found.weights), shapes, file)
        except UserError as error:
            raise UserError(f"autoencoder {found.path}: {error}") from None
        model.load_state_dict(load_file(file), strict=True)

"""How a rendered model is called: its forward arguments, in order, by their roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from designer import expressions
from designer.errors import UserError

if TYPE_CHECKING:
    from torch import Generator, Tensor

SAMPLE_ROLES = ("image", "latent", "patches", "video", "points")
_DEFAULT_SIDE = 32
_TOKENS = 16


@dataclass(frozen=True)
class InputSpec:
    """One argument of forward: name, role, shape of whole numbers and symbols with the batch first, dtype."""

    name: str
    role: str
    shape: tuple[int | str, ...]
    dtype: str = "float32"

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "InputSpec":
        """Return the input from its JSON form {name, role, shape, dtype}."""
        return cls(value["name"], value["role"], tuple(value["shape"]), value.get("dtype", "float32"))


def sample_index(inputs: Sequence[InputSpec]) -> int:
    """Return the position of the noisy sample, the first input with such a role, else of a clean one.

    Raises UserError if there is none.
    """
    for roles in (SAMPLE_ROLES, ("clean",)):
        for index, spec in enumerate(inputs):
            if spec.role in roles:
                return index
    has = ", ".join(f"{spec.name}: {spec.role}" for spec in inputs)
    raise UserError(f"no input is a noisy sample ({', '.join(SAMPLE_ROLES)}); the design has {has}")


def require_noise(inputs: Sequence[InputSpec], schedule: str) -> None:
    """Raise UserError for a schedule of noise where the sample is clean, and for none where it is noisy."""
    spec = inputs[sample_index(inputs)]
    if (spec.role == "clean") != (schedule == "none"):
        expected = "none" if spec.role == "clean" else "one that adds noise"
        raise UserError(f"schedule {schedule!r}: input {spec.name!r} is {spec.role}; expected {expected}")


def sample_shape(inputs: Sequence[InputSpec], training: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the shape to train at: the design's `sample_shape`, else its input's with sides of 32."""
    given = training.get("sample_shape")
    spec = inputs[sample_index(inputs)]
    if given is None:
        return tuple(size if isinstance(size, int) else _DEFAULT_SIDE for size in spec.shape[1:])
    if not isinstance(given, list | tuple) or not all(isinstance(size, int) and size > 0 for size in given):
        raise UserError(
            f"training.sample_shape: received {given!r}, expected whole numbers such as [3, 32, 32]"
        )
    fixed = zip(spec.shape[1:], given, strict=False)
    if len(given) != len(spec.shape) - 1 or any(isinstance(a, int) and a != b for a, b in fixed):
        raise UserError(
            f"training.sample_shape: received {list(given)}, but input {spec.name!r} is {list(spec.shape)}"
        )
    return tuple(given)


@dataclass(frozen=True)
class Caller:
    """Builds the positional arguments of forward for one batch.

    Classes are taken modulo `num_classes`. A mask keeps a random number of tokens. A role that is not known is
    fed seeded unit Gaussian noise of its shape; symbols that the sample does not fix (a number of tokens, say)
    are 16.
    """

    inputs: tuple[InputSpec, ...]
    shape: tuple[int, ...]
    num_classes: int | None = None

    def arguments(
        self,
        x: "Tensor",
        t: "Tensor",
        labels: "Tensor",
        generator: "Generator",
        sigma: "Tensor | None" = None,
    ) -> tuple["Tensor", ...]:
        """Return forward's arguments for samples `x` [B, ...], noise levels `t` and `sigma` [B], `labels` [B]."""
        sample = sample_index(self.inputs)
        values = []
        for index, spec in enumerate(self.inputs):
            if index == sample:
                values.append(x)
            elif spec.role == "timestep":
                values.append(t.float())
            elif spec.role == "sigma" and sigma is not None:
                values.append(sigma)
            elif spec.role == "class":
                values.append(labels % self.num_classes if self.num_classes else labels)
            else:
                values.append(self._drawn(spec, len(x), generator))
        return tuple(values)

    def _drawn(self, spec: InputSpec, batch: int, generator: "Generator") -> "Tensor":
        import torch

        axis = self.inputs[sample_index(self.inputs)].shape[0]  # coordinates of tokens have no batch
        symbols: dict[Any, int] = {axis: batch, **dict(self._symbols())}
        shape = [size if isinstance(size, int) else _size(size, symbols) for size in spec.shape]
        if spec.dtype.startswith("int"):
            return torch.zeros(shape, dtype=torch.int64)
        if spec.role == "sigma":  # noise levels as EDM draws them: ln σ ~ N(-1.2, 1.2²)
            return torch.exp(1.2 * torch.randn(shape, generator=generator) - 1.2)
        if spec.role == "mask":  # texts of random lengths
            lengths = torch.randint(1, shape[-1] + 1, (*shape[:-1], 1), generator=generator)
            return (torch.arange(shape[-1]) < lengths).float()
        return torch.randn(shape, generator=generator)

    def _symbols(self) -> list[tuple[str, int]]:
        spec = self.inputs[sample_index(self.inputs)]
        return [
            (name, size)
            for name, size in zip(spec.shape[1:], self.shape, strict=True)
            if isinstance(name, str)
        ]


def _size(text: str, symbols: Mapping[str, int]) -> int:
    """Return a size such as "N" or "8*H"; names that the sample does not fix are 16."""
    names = {name: symbols.get(name, _TOKENS) for name in expressions.names(text)}
    return int(expressions.evaluate(text, names))


def predicted(output: Any, channels: int, axis: int = 1) -> "Tensor":
    """Return the prediction: the first tensor of the model's output, its first `channels` channels on `axis`."""
    while isinstance(output, list | tuple):
        output = output[0]
    if isinstance(output, dict):
        output = next(iter(output.values()))
    tensor: Tensor = output
    return tensor.narrow(axis, 0, channels)

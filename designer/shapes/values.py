"""What an edge carries: a tensor with a symbolic shape, or a stack of tensors."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from designer.dims import Dim, Size, simplify

Shape = tuple[Size, ...]

# Roles that may stand for each other. A map is [B, C, H, W], a video has frames besides, tokens are [B, N, D], a vector is [B, D].
ROLE_GROUPS = (
    frozenset({"map", "image", "latent", "video", "skip", "prediction", "control", "moments", "clean"}),
    frozenset({"tokens", "context", "points", "patches"}),
    frozenset({"vector", "embedding", "pooled"}),
    frozenset({"timestep", "sigma", "size", "guidance"}),
)

# Roles of the noisy input of a network.
SAMPLES = frozenset({"image", "latent", "patches", "video", "points"})


def compatible(source: str, target: str) -> bool:
    """Whether a value of role `source` may enter a port of role `target`."""
    if "any" in (source, target) or source == target:
        return True
    return any(source in group and target in group for group in ROLE_GROUPS)


@dataclass(frozen=True)
class Tensor:
    """One tensor: symbolic shape, role, dtype."""

    shape: Shape
    role: str = "any"
    dtype: str = "float32"

    @cached_property
    def _hash(self) -> int:
        return hash((self.shape, self.role, self.dtype))

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _text(self) -> str:
        return shape_text(self.shape)

    def __str__(self) -> str:
        return self._text


@dataclass(frozen=True)
class Stack:
    """Tensors in the order in which they were pushed, as runs (tensor, how many)."""

    runs: tuple[tuple[Tensor, Size], ...]
    role: str = "any"

    @property
    def length(self) -> Size:
        """How many tensors the stack holds."""
        return simplify(sum((Dim.of(count) for _, count in self.runs), Dim.of(0)))

    def items(self) -> Iterator[Tensor]:
        """Yield each tensor, first pushed first. The length must be known."""
        for tensor, count in self.runs:
            assert isinstance(count, int)
            yield from (tensor for _ in range(count))

    def __str__(self) -> str:
        return " + ".join(f"{count} × [{tensor}]" for tensor, count in self.runs)


Value = Tensor | Stack


def as_role(value: Value, role: str) -> Value:
    """Return the value in the role that a port of a definition declares."""
    if role in ("", "any", value.role) or role.startswith("same:"):
        return value
    if isinstance(value, Tensor):
        return replace(value, role=role)
    return Stack(tuple((replace(tensor, role=role), count) for tensor, count in value.runs), role)


def shape_text(shape: Shape) -> str:
    """Return a shape as people write it: "B 128 H//2 W//2"."""
    return " ".join(str(size).replace(" ", "") for size in shape)


@lru_cache(maxsize=8192)
def split_pattern(pattern: str) -> tuple[str, ...]:
    """Return the tokens of a shape pattern, one an axis."""
    return tuple(pattern.split())

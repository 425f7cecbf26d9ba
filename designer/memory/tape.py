"""The operators of a design in the order in which they run, with the storages that they read, make and keep."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

Handle = tuple[int, ...]  # the storages of a value: one of a tensor, one an item of a stack
OUTER = -1  # the checkpointed call around all that a tape holds


class Operator(NamedTuple):
    """One run of a block. Numbers are bytes.

    `segments` has, for each choice of checkpoints, the number of the checkpointed call that it runs in, 0 for none.
    """

    node: str
    reads: Handle
    makes: Handle
    kept: Handle
    inside: int
    work: int
    parameters: int
    differentiable: bool
    segments: tuple[int, ...]


@dataclass
class Tape:
    """What runs, in order; `sizes`, `learns` (whether a gradient reaches it) and `until` are by storage."""

    operators: list[Operator] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    learns: list[bool] = field(default_factory=list)
    until: dict[int, int] = field(
        default_factory=dict
    )  # the last operator of the calls that a storage went into
    inputs: Handle = ()
    outputs: Handle = ()
    segments: int = 0  # how many checkpointed calls have numbers

    def storage(self, size: int, learns: bool = False) -> int:
        """Add a storage of `size` bytes and return its number."""
        self.sizes.append(size)
        self.learns.append(learns)
        return len(self.sizes) - 1

    def hold(self, storages: Iterable[int], operator: int) -> None:
        """Note that these are held until after an operator has run, though it may not read them."""
        for one in storages:
            self.until[one] = max(operator, self.until.get(one, -1))

    def play(self, part: "Tape", inputs: Handle, node: str, segments: tuple[int, ...]) -> Handle:
        """Append the tape of a call: its first storages are `inputs`, the others new, OUTER are `segments`.

        Return the number here of each storage there.
        """
        given, start = len(inputs), len(self.operators)
        here = (*inputs, *range(len(self.sizes), len(self.sizes) + len(part.sizes) - given))
        for one, grown in zip(inputs, part.sizes, strict=False):
            self.sizes[one] += grown
        self.sizes += part.sizes[given:]
        self.learns += part.learns[given:]
        placed: dict[tuple[int, ...], tuple[int, ...]] = {}
        for _, reads, makes, kept, inside, work, parameters, differentiable, inner in part.operators:
            if inner not in placed:
                placed[inner] = self._placed(inner, segments)
            self.operators.append(
                Operator(
                    node,
                    tuple([here[one] for one in reads]),
                    tuple([here[one] for one in makes]),
                    tuple([here[one] for one in kept]),
                    inside,
                    work,
                    parameters,
                    differentiable,
                    placed[inner],
                )
            )
        for one, operator in part.until.items():
            self.hold((here[one],), start + operator)
        self.segments += part.segments
        return here

    def _placed(self, inner: tuple[int, ...], outer: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(
            around if number == OUTER else number and self.segments + number
            for number, around in zip(inner, outer, strict=True)
        )

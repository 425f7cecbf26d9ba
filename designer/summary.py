"""Cost of a design without running it: parameters, FLOPs, activation memory, per node and in total."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from designer import expressions
from designer.catalogue import catalogue
from designer.dims import Dim, UndecidedError
from designer.document import Design
from designer.errors import DesignError, UserError
from designer.expressions import ExpressionError
from designer.memory import forward_peak
from designer.shapes.elaborate import Elaborator
from designer.shapes.frame import Call, Frame, Iteration
from designer.shapes.values import Tensor
from designer.shapes.wiring import check_wiring
from designer.spec import BlockSpec

BYTES = 4  # fp32


@dataclass(frozen=True)
class NodeCost:
    """Cost of one node of the main definition or, by path, of a nested one."""

    node: str
    call: str
    parameters: int
    trainable: int
    flops: int
    activation_bytes: int


@dataclass(frozen=True)
class Summary:
    """Totals and costs per node at one operating point.

    FLOPs count 2 per multiply-add of matrix products. Memory is fp32: forward, the peak of live values without
    gradients; training, everything that operators put out (what a backward pass keeps, within about a fifth).
    """

    at: Mapping[str, int]
    parameters: int
    trainable: int
    flops: int
    activation_bytes_forward: int
    activation_bytes_training: int
    nodes: tuple[NodeCost, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the summary as plain JSON values (DESIGN section 6)."""
        return asdict(self)


@dataclass(frozen=True)
class _Cost:
    parameters: int = 0
    trainable: int = 0
    flops: int = 0
    activations: int = 0

    def __add__(self, other: "_Cost") -> "_Cost":
        return _Cost(
            self.parameters + other.parameters,
            self.trainable + other.trainable,
            self.flops + other.flops,
            self.activations + other.activations,
        )


def operating_point(design: Design, at: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return a value for each free size: those given, else batch 1 and the design's own sample shape."""
    point = {"B": 1, "N": 77, "T": 8, "H": 32, "W": 32}
    shape = design.training.get("sample_shape")
    if isinstance(shape, list) and len(shape) == 3 and all(isinstance(size, int) for size in shape):
        point |= {"H": shape[1], "W": shape[2]}
    return {**point, **(at or {})}


def summarize(design: Design, at: Mapping[str, int] | None = None) -> Summary:
    """Return the cost of a design at an operating point such as {"B": 1, "H": 64, "W": 64}.

    Raises DesignError when the design has errors, since sizes are then unknown.
    """
    blocks = catalogue()
    elaboration = Elaborator(design, blocks).main()
    found = (*check_wiring(design, blocks), *elaboration.diagnostics)
    errors = [one for one in found if one.severity == "error"]
    if errors or elaboration.frame is None:
        first = f"; first: {errors[0].node}: {errors[0].message}" if errors else ""
        raise DesignError(f"the design has errors, so its cost is unknown{first}")
    return summarize_frame(design, elaboration.frame, at)


def summarize_frame(design: Design, frame: Frame, at: Mapping[str, int] | None = None) -> Summary:
    """Return the cost of an elaborated design (see `summarize`). Raises UserError for a size that it does not have."""
    free = {name for value in frame.inputs.values() if isinstance(value, Tensor) for name in _symbols(value)}
    unknown = next((name for name in at or {} if name not in free), None)
    if unknown is not None:
        raise UserError(
            f"the design has no free size {unknown!r}; it has {', '.join(sorted(free)) or 'none'}"
        )
    point = {**dict.fromkeys(sorted(free), 32), **operating_point(design, at)}
    frozen, trainable = (frozenset(design.training.get(name, ())) for name in ("frozen", "trainable"))
    counter = _Counter(point, frozen, trainable)
    fixed = counter.fixed({frame.definition.name}, False)
    total = counter.frame(frame, fixed)
    nodes = [
        NodeCost(name, call.node.call, cost.parameters, cost.trainable, cost.flops, cost.activations)
        for name, call in frame.calls.items()
        if name in frame.live
        for cost in [counter.call(call, f"{frame.definition.name}/{name}", fixed)]
    ]
    return Summary(
        {name: value for name, value in point.items() if name in free},
        total.parameters,
        total.trainable,
        total.flops,
        forward_peak(frame, counter.numel) * BYTES,
        total.activations,
        tuple(nodes),
    )


def _symbols(value: Tensor) -> set[str]:
    return {name for size in value.shape if isinstance(size, Dim) for name in size.symbols}


class _Counter:
    """Sums costs; frames shared by many calls are counted once and multiplied.

    `frozen` and `trainable` are parts of the design, as in its training settings.
    """

    def __init__(
        self,
        point: Mapping[str, int],
        frozen: frozenset[str] = frozenset(),
        trainable: frozenset[str] = frozenset(),
    ) -> None:
        self.point = point
        self.frozen, self.trainable = frozen, trainable
        self.seen: dict[tuple[int, bool], _Cost] = {}

    def fixed(self, part: set[str], outer: bool) -> bool:
        """Return whether a part keeps its weights, given its names and whether what holds it does."""
        return not part & self.trainable and (outer or bool(part & self.frozen))

    def frame(self, frame: Frame, fixed: bool) -> _Cost:
        key = id(frame), fixed
        if key not in self.seen:
            shared: set[str] = set()
            total = _Cost()
            for name, call in ((name, call) for name, call in frame.calls.items() if name in frame.live):
                cost = self.call(call, f"{frame.definition.name}/{name}", fixed)
                if call.node.instance is not None and call.node.instance in shared:
                    cost = _Cost(0, 0, cost.flops, cost.activations)
                elif call.node.instance is not None:
                    shared.add(call.node.instance)
                total += cost
            self.seen[key] = total
        return self.seen[key]

    def call(self, call: Call, part: str, fixed: bool) -> _Cost:
        """Return the cost of a call; `part` is its name, `fixed` whether what holds it keeps its weights."""
        total = _Cost()
        for iteration in call.iterations:
            if iteration.frame is not None:
                inner = iteration.frame
                total += self.frame(inner, self.fixed({part, inner.definition.name}, fixed))
            elif isinstance(call.target, BlockSpec):
                total += self._block(call, call.target, iteration, self.fixed({part}, fixed))
        return total

    def _block(self, call: Call, spec: BlockSpec, iteration: Iteration, fixed: bool) -> _Cost:
        values = {**call.inputs, **iteration.outputs}
        sizes = {f"{name}_numel": self.numel(one) for name, one in values.items() if isinstance(one, Tensor)}
        names = {**self.point, **iteration.names, **sizes}
        parameters = self._number(spec.parameters, names)
        size = sum(self.numel(value) for value in iteration.outputs.values() if isinstance(value, Tensor))
        trainable = 0 if spec.frozen or fixed else parameters
        return _Cost(parameters, trainable, self._number(spec.flops, names), size * BYTES)

    def _number(self, text: str, names: Mapping[str, Any]) -> int:
        try:
            value = expressions.evaluate(text, {name: self._plain(value) for name, value in names.items()})
        except (ExpressionError, UndecidedError, KeyError) as error:
            raise UserError(f"the cost {text!r} has no value at {dict(self.point)}: {error}") from None
        return int(value)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Dim):
            return value.evaluate(self.point) if value.symbols <= self.point.keys() else value
        return value

    def numel(self, value: Tensor) -> int:
        """Return the number of elements at the operating point."""
        total = 1
        for size in value.shape:
            total *= int(self._plain(size))
        return total

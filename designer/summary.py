"""Cost of a design without running it: parameters, FLOPs, memory, per node and in total."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from designer.catalogue import catalogue
from designer.dims import Dim
from designer.document import Design
from designer.errors import DesignError, UserError
from designer.freezing import Freezing
from designer.kept import kept
from designer.memory import checkpoints, inference, record, training
from designer.operating import BYTES, OperatingPoint
from designer.recent import Recent
from designer.shapes.elaborate import Elaborator
from designer.shapes.frame import Call, Frame, Iteration
from designer.shapes.values import Tensor
from designer.shapes.wiring import check_wiring
from designer.spec import BlockSpec

MAX_TOTALS = 16  # of one frame


@dataclass(frozen=True)
class NodeCost:
    """Cost of one node of the main definition.

    `activation_bytes` is what it keeps from the forward pass for backward, `activation_bytes_checkpointed` the
    same when every innermost repeat is checkpointed, `forward_bytes` the most alive while it runs without
    gradients, in the whole network.
    """

    node: str
    call: str
    parameters: int
    trainable: int
    flops: int
    activation_bytes: int
    activation_bytes_checkpointed: int
    forward_bytes: int


@dataclass(frozen=True)
class Memory:
    """Bytes at the most, in total: what has to fit.

    `inference` is weights and the peak of a forward pass; `training` is weights, their gradients, the two
    moments of AdamW and the peak of a step, as designed; `training_checkpointed` the same when every innermost
    repeat is checkpointed. A moving average of the weights adds `average`.
    """

    weights: int
    gradients: int
    optimizer: int
    average: int
    inference: int
    training: int
    training_checkpointed: int


@dataclass(frozen=True)
class Summary:
    """Totals and costs per node at one operating point.

    FLOPs count 2 per multiply-add of matrix products. Activations and weights alike are as wide as `precision`
    says. `activation_bytes_forward` and `activation_bytes_training` are the peaks of values and their gradients,
    `memory` adds weights and what belongs to them.
    """

    at: Mapping[str, int]
    precision: str
    parameters: int
    trainable: int
    flops: int
    activation_bytes_forward: int
    activation_bytes_training: int
    activation_bytes_checkpointed: int
    memory: Memory
    nodes: tuple[NodeCost, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the summary as plain JSON values (DESIGN section 6)."""
        return asdict(self)


@dataclass(frozen=True)
class _Cost:
    parameters: int = 0
    trainable: int = 0
    flops: int = 0

    def __add__(self, other: "_Cost") -> "_Cost":
        return _Cost(
            self.parameters + other.parameters,
            self.trainable + other.trainable,
            self.flops + other.flops,
        )


def operating_point(design: Design, at: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return a value for each free size: those given, else batch 1 and the design's own sample shape."""
    point = {"B": 1, "N": 77, "T": 8, "H": 32, "W": 32}
    shape = design.training.get("sample_shape")
    if isinstance(shape, list) and len(shape) == 3 and all(isinstance(size, int) for size in shape):
        point |= {"H": shape[1], "W": shape[2]}
    return {**point, **(at or {})}


def summarize(design: Design, at: Mapping[str, int] | None = None, precision: str = "fp32") -> Summary:
    """Return the cost of a design at an operating point such as {"B": 1, "H": 64, "W": 64}.

    Raises DesignError when the design has errors, since sizes are then unknown.
    """
    return summarize_frame(design, elaborated(design), at, precision)


def elaborated(design: Design) -> Frame:
    """Return the frame of a design without errors. Raises DesignError otherwise."""
    blocks = catalogue()
    elaboration = Elaborator(design, blocks).main()
    found = (*check_wiring(design, blocks), *elaboration.diagnostics)
    errors = [one for one in found if one.severity == "error"]
    if errors or elaboration.frame is None:
        first = f"; first: {errors[0].node}: {errors[0].message}" if errors else ""
        raise DesignError(f"the design has errors, so its cost is unknown{first}")
    return elaboration.frame


def summarize_frame(
    design: Design, frame: Frame, at: Mapping[str, int] | None = None, precision: str = "fp32"
) -> Summary:
    """Return the cost of an elaborated design (see `summarize`). Raises UserError for a size that it does not have."""
    free = {name for value in frame.inputs.values() if isinstance(value, Tensor) for name in _symbols(value)}
    unknown = next((name for name in at or {} if name not in free), None)
    if unknown is not None:
        raise UserError(
            f"the design has no free size {unknown!r}; it has {', '.join(sorted(free)) or 'none'}"
        )
    point = {**dict.fromkeys(sorted(free), 32), **operating_point(design, at)}
    sizes, width = OperatingPoint(point), BYTES[precision]
    freezing = Freezing.of(design)
    counter = _Counter(sizes, freezing)
    fixed = freezing.fixes({frame.definition.name}, False)
    total = counter.frame(frame, fixed)
    choices = (checkpoints.designed, checkpoints.innermost(frame))
    tape = record(frame, sizes, width, choices, freezing)
    forward, step, saving = inference(tape), training(tape), training(tape, 1)
    nodes = [
        NodeCost(
            name,
            call.node.call,
            cost.parameters,
            cost.trainable,
            cost.flops,
            step.nodes.get(name, 0),
            saving.nodes.get(name, 0),
            forward.nodes.get(name, 0),
        )
        for name, call in frame.calls.items()
        if name in frame.live
        for cost in [counter.call(call, f"{frame.definition.name}/{name}", fixed)]
    ]
    weights, trained = total.parameters * width, total.trainable * width
    memory = Memory(
        weights=weights,
        gradients=trained,
        optimizer=2 * trained,
        average=trained,
        inference=weights + forward.peak,
        training=weights + 2 * trained + step.peak,
        training_checkpointed=weights + 2 * trained + saving.peak,
    )
    return Summary(
        {name: value for name, value in point.items() if name in free},
        precision,
        total.parameters,
        total.trainable,
        total.flops,
        forward.peak,
        step.activations,
        saving.activations,
        memory,
        tuple(nodes),
    )


def _symbols(value: Tensor) -> set[str]:
    return {name for size in value.shape if isinstance(size, Dim) for name in size.symbols}


@kept
def _totals(frame: Frame) -> Recent[_Cost]:
    """What calls of a definition cost, by sizes, what is frozen, and whether what holds it is."""
    return Recent(MAX_TOTALS)


class _Counter:
    """Sums costs; frames shared by many calls, and by designs after an edit, are counted once and multiplied."""

    def __init__(self, sizes: OperatingPoint, freezing: Freezing) -> None:
        self.sizes, self.freezing = sizes, freezing
        self.context = (*sizes.point.items(), freezing)

    def frame(self, frame: Frame, fixed: bool) -> _Cost:
        key = self.context, fixed
        found = _totals(frame).find(key)
        if found is None:
            found = self._frame(frame, fixed)
            _totals(frame).keep(key, found)
        return found

    def _frame(self, frame: Frame, fixed: bool) -> _Cost:
        shared: set[str] = set()
        total = _Cost()
        for name, call in ((name, call) for name, call in frame.calls.items() if name in frame.live):
            cost = self.call(call, f"{frame.definition.name}/{name}", fixed)
            if call.node.instance is not None and call.node.instance in shared:
                cost = _Cost(0, 0, cost.flops)
            elif call.node.instance is not None:
                shared.add(call.node.instance)
            total += cost
        return total

    def call(self, call: Call, part: str, fixed: bool) -> _Cost:
        """Return the cost of a call; `part` is its name, `fixed` whether what holds it keeps its weights."""
        total = _Cost()
        for iteration in call.iterations:
            if iteration.frame is not None:
                inner = iteration.frame
                total += self.frame(inner, self.freezing.fixes({part, inner.definition.name}, fixed))
            elif isinstance(call.target, BlockSpec):
                total += self._block(call, call.target, iteration, self.freezing.fixes({part}, fixed))
        return total

    def _block(self, call: Call, spec: BlockSpec, iteration: Iteration, fixed: bool) -> _Cost:
        names = self.sizes.names(call, iteration)
        parameters = int(self.sizes.number(spec.parameters, names))
        trainable = 0 if spec.frozen or fixed else parameters
        return _Cost(parameters, trainable, int(self.sizes.number(spec.flops, names)))

"""A checked design as a tape: every block call of every iteration in the order of the walk, values numbered.

Both sweeps run over it: forward from the first step to the last, backward the other way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from designer.dims import Dim
from designer.document import Definition
from designer.shapes.frame import Call, Frame, Iteration
from designer.shapes.repeat import carried
from designer.shapes.values import Stack, Tensor, Value
from designer.spec import BlockSpec
from designer.stability.block import Block, Shape

MAX_STEPS = 50_000
Ref = int | list[int]  # the number of a value, or those of a stack
Refs = Mapping[str, tuple[int, ...]]  # by port


@dataclass(frozen=True)
class Step:
    """One evaluation of a block; without `call`, a value that enters a definition under another number.

    `path` names the calls that lead here ("blocks.3.attn"), `place` is "Definition/node", `edges` names what
    arrives at each port ("Definition/source->node.port").
    """

    path: str
    place: str
    inputs: Refs
    outputs: Refs
    edges: Mapping[str, str]
    call: Call | None = None
    block: Block | None = None

    @property
    def spec(self) -> BlockSpec:
        """The block that is called."""
        assert self.block is not None
        return self.block.spec


@dataclass(frozen=True)
class Made:
    """A value that a node puts out: the path of the call, its place, the port."""

    path: str
    place: str
    port: str
    value: int


@dataclass(frozen=True)
class _Plan:
    """What stays the same each time a call is passed: the end and the edge of each port, what a repeat carries."""

    place: str
    ends: Mapping[str, str]
    edges: Mapping[str, str]
    links: Mapping[str, str]
    stacked: frozenset[str]

    @classmethod
    def of(cls, frame: Frame, call: Call) -> "_Plan":
        name, sources, owner = call.node.id, frame.definition.sources, frame.definition.name
        ends = {
            port.name: end
            for port in call.target.inputs
            if (end := sources.get(f"{name}.{port.name}")) is not None and not frame.left_out(end)
        }
        edges = {port: f"{owner}/{end}->{name}.{port}" for port, end in ends.items()}
        stacked = frozenset(port.name for port in call.target.inputs if port.stack)
        links = carried(call.target) if call.node.repeat is not None else {}
        return cls(f"{owner}/{name}", ends, edges, links, stacked)


@dataclass
class Tape:
    """The steps, the sizes of each value, what each node puts out, and where the network's ends are."""

    steps: list[Step] = field(default_factory=list)
    shapes: list[Shape | None] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    outputs: dict[str, tuple[int, ...]] = field(default_factory=dict)


def unroll(frame: Frame, at: Mapping[str, int]) -> Tape:
    """Return the tape of a frame without errors, with a number for each of its sizes (others count 16)."""
    walk = _Walk(at)
    inputs = {name: walk.fresh(value) for name, value in frame.inputs.items()}
    outputs = walk.frame(frame, inputs, ())
    walk.tape.inputs = {name: _all(ref) for name, ref in inputs.items()}
    walk.tape.outputs = {name: _all(ref) for name, ref in outputs.items()}
    return walk.tape


def _all(ref: Ref) -> tuple[int, ...]:
    return tuple(ref) if isinstance(ref, list) else (ref,)


class _Walk:
    def __init__(self, at: Mapping[str, int]) -> None:
        self.at = {**at, "B": 1}
        self.tape = Tape()
        self.known: dict[int, tuple[Tensor, Shape | None]] = {}
        self.plans: dict[int, _Plan] = {}
        self.blocks: dict[int, Block] = {}

    def fresh(self, value: Value | None) -> Ref:
        """Number a new value, or each tensor of a stack."""
        if isinstance(value, Stack):
            runs = [(tensor, count if isinstance(count, int) else 1) for tensor, count in value.runs]
            return [self._new(tensor) for tensor, count in runs for _ in range(count)]
        return self._new(value)

    def _new(self, value: Tensor | None) -> int:
        self.tape.shapes.append(None if value is None else self._sizes(value))
        return len(self.tape.shapes) - 1

    def _sizes(self, value: Tensor) -> Shape | None:
        if id(value) not in self.known:
            try:
                sizes: Shape | None = tuple(self._size(size) for size in value.shape)
            except (KeyError, ArithmeticError):
                sizes = None
            self.known[id(value)] = (value, sizes)
        return self.known[id(value)][1]

    def _size(self, size: int | Dim) -> int:
        if isinstance(size, int):
            return size
        return max(1, int(size.evaluate({name: self.at.get(name, 16) for name in size.symbols})))

    def frame(self, frame: Frame, inputs: Mapping[str, Ref], path: tuple[str, ...]) -> dict[str, Ref]:
        values: dict[str, Ref] = dict(inputs)
        for name, call in frame.calls.items():
            if name in frame.live:
                self._call(frame, call, values, (*path, name))
        outputs = {}
        for port in frame.definition.outputs:
            edge = f"{frame.definition.name}/{port.source}->{port.name}"
            outputs[port.name] = self._arrives(values, port.source, edge)
        return outputs

    def _arrives(self, values: Mapping[str, Ref], source: str, edge: str) -> Ref:
        """The value that enters or leaves a definition, numbered anew so that the edge has a gradient of its own."""
        ref = values.get(source)
        if ref is None or isinstance(ref, list) or len(self.tape.steps) >= MAX_STEPS:
            return self.fresh(None) if ref is None else ref
        self.tape.shapes.append(self.tape.shapes[ref])
        arrived = len(self.tape.shapes) - 1
        self.tape.steps.append(Step("", "", {"x": (ref,)}, {"x": (arrived,)}, {"x": edge}))
        return arrived

    def _value(self, values: Mapping[str, Ref], source: str) -> Ref:
        ref = values.get(source)
        return self.fresh(None) if ref is None else ref

    def _call(self, frame: Frame, call: Call, values: dict[str, Ref], path: tuple[str, ...]) -> None:
        name = call.node.id
        if id(call) not in self.plans:
            self.plans[id(call)] = _Plan.of(frame, call)
        plan = self.plans[id(call)]
        if not call.active or not call.iterations:
            ref = next((values[end] for end in plan.ends.values() if end in values), None)
            values[f"{name}.{call.target.outputs[0].name}"] = self.fresh(None) if ref is None else ref
            return
        enters = isinstance(call.target, Definition)
        arriving = {
            port: self._arrives(values, end, plan.edges[port]) if enters else self._value(values, end)
            for port, end in plan.ends.items()
        }
        history = self._iterations(plan, call, arriving, path)
        for port, refs in history.items():
            if refs:
                values[f"{name}.{port}"] = refs[-1]
                values[f"{name}.{port}[]"] = [one for ref in refs for one in _all(ref)[:1]]

    def _iterations(
        self, plan: _Plan, call: Call, arriving: dict[str, Ref], path: tuple[str, ...]
    ) -> dict[str, list[Ref]]:
        history: dict[str, list[Ref]] = {port.name: [] for port in call.target.outputs}
        repeats = call.node.repeat is not None
        popped = {
            name: ref
            for name, ref in arriving.items()
            if repeats and isinstance(ref, list) and name not in plan.stacked
        }
        for index, iteration in enumerate(call.iterations):
            step = (*path, str(index)) if repeats else path
            for port, stack in popped.items():
                arriving[port] = stack[-1 - index] if index < len(stack) else self.fresh(None)
            for port, ref in self._iteration(plan, call, iteration, arriving, step).items():
                history[port].append(ref)
                if port in plan.links:
                    arriving[plan.links[port]] = ref
        return history

    def _iteration(
        self,
        plan: _Plan,
        call: Call,
        iteration: Iteration,
        arriving: Mapping[str, Ref],
        path: tuple[str, ...],
    ) -> dict[str, Ref]:
        name = ".".join(path)
        if len(self.tape.steps) >= MAX_STEPS:
            return {port.name: self.fresh(iteration.outputs.get(port.name)) for port in call.target.outputs}
        if iteration.frame is not None and isinstance(call.target, Definition):
            made = self.frame(iteration.frame, arriving, path)
        else:
            made = {port.name: self.fresh(iteration.outputs.get(port.name)) for port in call.target.outputs}
            inputs = {port: _all(ref) for port, ref in arriving.items()}
            outputs = {port: _all(ref) for port, ref in made.items()}
            block = self._block(call, iteration, inputs, outputs)
            self.tape.steps.append(Step(name, plan.place, inputs, outputs, plan.edges, call, block))
        for port, ref in made.items():
            self.tape.made += [Made(name, plan.place, port, one) for one in _all(ref)[-1:]]
        return made

    def _block(self, call: Call, iteration: Iteration, inputs: Refs, outputs: Refs) -> Block:
        """The evaluated block; calls that share an iteration have the same sizes."""
        if id(iteration) not in self.blocks:
            assert isinstance(call.target, BlockSpec)
            shapes, made = (
                {port: self.tape.shapes[refs[0]] if refs else None for port, refs in ends.items()}
                for ends in (inputs, outputs)
            )
            self.blocks[id(iteration)] = Block(call.target, iteration, shapes, made)
        return self.blocks[id(iteration)]

"""Recording: calls are followed down to the blocks, so that a value keeps its identity from the operator that makes it
to the last that needs it, through every definition, stack and view on the way.

What a definition's call records depends on its frame and on which storages arrive, not on their numbers. So a small
one is recorded on a tape of its own, once for all equal calls, those of earlier questions too, and played from there.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from designer.document import Node
from designer.errors import UserError
from designer.freezing import NOTHING, Freezing
from designer.kept import kept
from designer.memory.blocks import INTEGERS, Blocks
from designer.memory.tape import OUTER, Handle, Operator, Tape
from designer.memory.variables import held
from designer.operating import OperatingPoint
from designer.recent import Recent
from designer.shapes.frame import Call, Frame, Iteration
from designer.shapes.repeat import carried
from designer.shapes.values import Stack, Tensor, Value
from designer.spec import BlockSpec

Chosen = Callable[[str, Node], bool]  # told apart by equality
Step = tuple[str, Call, list[tuple[str, str]]]

MAX_OPERATORS = 200_000
MAX_PART = 4_000  # operators of a call that gets a tape of its own
MAX_KEPT = 100_000  # operators of the tapes of calls, in all


@dataclass(frozen=True)
class _Part:
    frame: Frame  # held, since keys name it by identity
    tape: Tape
    outputs: Mapping[str, Handle]


_PARTS: Recent[_Part] = Recent(MAX_KEPT, lambda part: len(part.tape.operators) + 1)


def record(
    frame: Frame,
    at: OperatingPoint,
    width: int,
    choices: Sequence[Chosen],
    freezing: Freezing = NOTHING,
    learned_inputs: bool = False,
) -> Tape:
    """Return the tape of a design at an operating point, floats `width` bytes wide.

    Each of `choices` says of a node of a definition whether its calls are checkpointed; gradients reach the inputs
    only when they are `learned_inputs`. Raises UserError for a design that unfolds to more operators than a person
    would wait for.
    """
    if _operators(frame) > MAX_OPERATORS:
        raise UserError(
            f"the design runs more than {MAX_OPERATORS:,} operators, too many to follow its memory; repeat fewer"
        )
    return _Recorder(Blocks(at, width), tuple(choices), freezing).run(frame, learned_inputs)


@kept
def _operators(frame: Frame) -> int:
    """How many block calls a call of a definition comes to."""
    return sum(
        1 if iteration.frame is None else _operators(iteration.frame)
        for name, call in frame.calls.items()
        if name in frame.live and call.active
        for iteration in call.iterations
    )


@kept
def _steps(frame: Frame) -> list[Step]:
    """The calls of a definition in order, each with its inputs and where they come from."""
    sources = frame.definition.sources
    return [
        (name, call, [(port, sources[f"{name}.{port}"]) for port in frame.read_ports(name)])
        for name in frame.definition.order
        if name in frame.live and (call := frame.calls.get(name)) is not None
    ]


@kept
def _variables(frame: Frame) -> Mapping[str, str]:
    """What is held in a definition, and the node that takes its variable; lists are held to the end."""
    lists = {end for end in frame.definition.sources.values() if isinstance(frame.value(end), Stack)}
    return {**held(frame), **dict.fromkeys(lists, "")}


class _Recorder:
    def __init__(
        self,
        blocks: Blocks,
        choices: tuple[Chosen, ...],
        freezing: Freezing,
        segments: tuple[int, ...] | None = None,
    ) -> None:
        self.blocks, self.choices, self.freezing = blocks, choices, freezing
        self.context: Hashable = (*blocks.at.point.items(), blocks.width, choices, freezing)
        self.tape = Tape()
        self.top = ""
        self.segments = (0,) * len(choices) if segments is None else segments

    def run(self, frame: Frame, learned: bool) -> Tape:
        handles = {
            name: self._outside(value, learned) for name, value in frame.inputs.items() if value is not None
        }
        self.tape.inputs = tuple(one for handle in handles.values() for one in handle)
        outputs = self.frame(frame, handles, self.freezing.fixes({frame.definition.name}, False))
        self.tape.outputs = tuple(one for handle in outputs.values() for one in handle)
        return self.tape

    def _outside(self, value: Value, learned: bool) -> Handle:
        """Storages of an input; of a list from outside, whose length is not known, one."""
        runs = value.runs if isinstance(value, Stack) else ((value, 1),)
        counts = [(item, count if isinstance(count, int) else 1) for item, count in runs]
        return tuple(
            self.tape.storage(self.blocks.tensor(item), learned and item.dtype not in INTEGERS)
            for item, count in counts
            for _ in range(count)
        )

    # -- definitions --------------------------------------------------------------------------------------

    def inner(self, frame: Frame, values: Mapping[str, Handle], fixed: bool) -> Mapping[str, Handle]:
        """Run a definition that is called; return the storages of its outputs."""
        if _operators(frame) > MAX_PART:
            return self.frame(frame, values, fixed)
        numbers: dict[int, int] = {}
        given = {
            port: tuple([numbers.setdefault(one, len(numbers)) for one in handle])
            for port, handle in values.items()
        }
        learns = tuple([self.tape.learns[one] for one in numbers])
        outer = tuple([number and OUTER for number in self.segments])
        key = (id(frame), self.context, tuple(given.items()), learns, fixed, outer)
        part = _PARTS.find(key)
        if part is None:
            alone = _Recorder(self.blocks, self.choices, self.freezing, outer)
            for one in learns:
                alone.tape.storage(0, one)
            part = _Part(frame, alone.tape, alone.frame(frame, given, fixed))
            _PARTS.keep(key, part)
        here = self.tape.play(part.tape, tuple(numbers), self.top, self.segments)
        return {port: tuple([here[one] for one in handle]) for port, handle in part.outputs.items()}

    def frame(self, frame: Frame, handles: Mapping[str, Handle], fixed: bool) -> dict[str, Handle]:
        """Run a definition on the storages of its inputs; return those of its outputs."""
        ends = dict(handles)
        outermost = self.top == ""
        done: dict[str, int] = {}
        for name, call, reads in _steps(frame):
            if outermost:
                self.top = name
            given = {port: ends.get(source, ()) for port, source in reads}
            self._call(frame, name, call, given, ends, fixed)
            done[name] = len(self.tape.operators) - 1
        self.top = "" if outermost else self.top
        self._hold_variables(frame, ends, done)
        return {port.name: ends.get(port.source, ()) for port in frame.definition.outputs}

    def _hold_variables(self, frame: Frame, ends: Mapping[str, Handle], done: Mapping[str, int]) -> None:
        """Variables hold their values until another value takes the name; lists to the end of the definition."""
        last = len(self.tape.operators) - 1
        for end, taker in _variables(frame).items():
            self.tape.hold(ends.get(end, ()), done.get(taker, last))

    # -- calls --------------------------------------------------------------------------------------------

    def _call(
        self,
        frame: Frame,
        name: str,
        call: Call,
        given: dict[str, Handle],
        ends: dict[str, Handle],
        fixed: bool,
    ) -> None:
        links = carried(call.target) if call.node.repeat is not None else {}
        first = next(iter(given.values()), ())
        results = {port.name: given.get(links.get(port.name, ""), first) for port in call.target.outputs}
        stacked = {port.name for port in call.target.inputs if port.stack}
        popped = {
            port: given[port]
            for port, value in call.inputs.items()
            if port in given
            and isinstance(value, Stack)
            and port not in stacked
            and call.node.repeat is not None
        }
        history: dict[str, Handle] = dict.fromkeys(results, ())
        checkpointed = tuple(chosen(frame.definition.name, call.node) for chosen in self.choices)
        part = f"{frame.definition.name}/{name}"
        values = dict(given)
        for index, iteration in enumerate(call.iterations if call.active else []):
            values |= {port: (handle[-1 - index],) for port, handle in popped.items() if index < len(handle)}
            results = self._iteration(call, iteration, values, checkpointed, part, fixed)
            values |= {link: results[output] for output, link in links.items() if output in results}
            history = {output: history[output] + handle for output, handle in results.items()}
        ends |= {f"{name}.{output}": handle for output, handle in results.items()}
        ends |= {f"{name}.{output}[]": handle for output, handle in history.items()}

    def _iteration(
        self,
        call: Call,
        iteration: Iteration,
        values: Mapping[str, Handle],
        checkpointed: tuple[bool, ...],
        part: str,
        fixed: bool,
    ) -> dict[str, Handle]:
        before = self.segments
        if True in checkpointed:
            self.tape.segments += 1
            self.segments = tuple(
                number or (self.tape.segments if starts else 0)
                for number, starts in zip(before, checkpointed, strict=True)
            )
        if iteration.frame is None:
            assert isinstance(call.target, BlockSpec)
            results = self._block(call, call.target, iteration, values, self.freezing.fixes({part}, fixed))
        else:
            fixes = self.freezing.fixes({part, iteration.frame.definition.name}, fixed)
            results = dict(self.inner(iteration.frame, values, fixes))
            self.tape.hold(
                (one for handle in values.values() for one in handle), len(self.tape.operators) - 1
            )
        self.segments = before
        return results

    # -- blocks -------------------------------------------------------------------------------------------

    def _block(
        self, call: Call, spec: BlockSpec, iteration: Iteration, values: Mapping[str, Handle], fixed: bool
    ) -> dict[str, Handle]:
        tape = self.tape
        learning = frozenset(
            port for port, handle in values.items() if any(tape.learns[one] for one in handle)
        )
        run = self.blocks.run(call, spec, iteration, learning)
        weights = 0 if fixed else run.weights
        through = weights > 0 or bool(learning - {"like"})
        results, makes = self._results(spec, iteration, values, through)
        ports = {**results, **values}
        tape.operators.append(
            Operator(
                self.top,
                tuple(one for handle in values.values() for one in handle),
                makes,
                tuple(one for port in run.kept for one in ports.get(port, ())) if through else (),
                run.inside if through else 0,
                run.work,
                weights,
                through,
                self.segments,
            )
        )
        return results

    def _results(
        self, spec: BlockSpec, iteration: Iteration, values: Mapping[str, Handle], through: bool
    ) -> tuple[dict[str, Handle], Handle]:
        """The storages of the outputs, and those of them that are new."""
        views = spec.views or {}
        results: dict[str, Handle] = {}
        made: list[int] = []
        for port in spec.outputs:
            value = iteration.outputs.get(port.name)
            base = views.get(port.name, "")
            if isinstance(value, Stack):
                results[port.name] = tuple(one for handle in values.values() for one in handle)
            elif not isinstance(value, Tensor):
                results[port.name] = ()
            elif base in values:
                results[port.name] = values[base]
            elif base in results:  # a part of one tensor with an earlier output
                results[port.name] = results[base]
                self.tape.sizes[results[base][0]] += self.blocks.tensor(value)
            else:
                size = 0 if base == "self" else self.blocks.tensor(value)
                made.append(self.tape.storage(size, through and value.dtype not in INTEGERS))
                results[port.name] = (made[-1],)
        return results, tuple(made)

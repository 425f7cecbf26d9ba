"""Inference: walk the definitions from the main one and find every parameter and shape.

The same walk runs twice in the product. With the design's parameter values it checks (sizes such as H stay
symbolic); with the parameters of one definition as symbols (`symbolic=True`) it finds the expressions that
rendered constructors pass on. Results are shared between calls with equal parameters and inputs.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from designer import expressions
from designer.diagnostics import Diagnostic, Severity
from designer.dims import Dim, Size
from designer.document import Definition, Design, Node
from designer.errors import UserError
from designer.shapes import params as parameters
from designer.shapes.arrivals import report_unmet
from designer.shapes.binding import Requirement, parse_shape, parse_shapes, tensor
from designer.shapes.blocked import report_blocked
from designer.shapes.calls import evaluate_call
from designer.shapes.frame import Call, Frame
from designer.shapes.outputs import collect_outputs
from designer.shapes.past import LimitError, Need, Past, Target, Trace, frozen, scope_of
from designer.shapes.values import Stack, Value
from designer.spec import BlockSpec

MAX_DEPTH = 24
MAX_FRAMES = 20_000
MAX_ITERATIONS = 100_000


@dataclass
class Elaboration:
    """The outcome: the frame of the main definition, problems, and requirements on symbolic sizes."""

    frame: Frame | None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    requirements: list[Requirement] = field(default_factory=list)


class Elaborator:
    """One walk over a design."""

    def __init__(
        self,
        design: Design,
        blocks: Mapping[str, BlockSpec],
        symbolic: bool = False,
        past: Past | None = None,
    ) -> None:
        self.design = design
        self.blocks = blocks
        self.symbolic = symbolic
        self.past = past or Past()
        self.diagnostics: dict[tuple[str, ...], Diagnostic] = {}
        self.requirements: dict[tuple[Any, ...], Requirement] = {}
        self.globals: Mapping[str, Any] = design.parameters
        self._traces: dict[Hashable, Trace] = {}
        self._open: list[Trace] = []
        self._before: list[Trace | None] = []  # for each open walk the last one like it
        self._scopes: dict[int, Hashable] = {}
        self._stack: list[str] = []
        self._path: list[str] = []
        self._unknown = 0
        self._iterations = 0
        self._dead = 0  # how many enclosing nodes lead to no output: what they need binds nobody

    # -- entry points -------------------------------------------------------------------------------------

    def main(self) -> Elaboration:
        """Elaborate the main definition with the design's own parameter values."""
        definition = self.design.main_definition
        frame, values = None, self._main_values(definition)
        try:
            if values is not None and not self.shapeless(definition):
                frame = self.definition(definition, values, self.free_inputs(definition, values))
        except LimitError:
            return Elaborator(self.design, self.blocks).main()
        except UserError as error:  # a declared shape that cannot be read
            self.report(definition.name, "", "S014", str(error))
        if self.diagnostics:
            report_blocked(self, frame)
        return Elaboration(frame, list(self.diagnostics.values()), list(self.requirements.values()))

    def _main_values(self, definition: Definition) -> dict[str, Any] | None:
        """Return the value of each parameter; a bad one is reported and replaced by a good default, else None."""
        values: dict[str, Any] = {}
        for name, declaration in parameters.declarations(definition).items():
            value = values[name] = self.design.parameters.get(name, declaration.default)
            if value is None:
                message = f"the parameter {name!r} of the main definition has no value"
                self.report(definition.name, "", "S011", message, port=name, expected=declaration.help)
                continue
            expected = parameters.problem(declaration, value)
            if expected:
                message = f"parameter {name} is {value!r:.80}; expected {expected}"
                texts: dict[str, Any] = {"received": repr(value)[:80], "expected": expected}
                self.report(definition.name, "", "S005", message, port=name, **texts)
                good = declaration.default is not None and not parameters.problem(
                    declaration, declaration.default
                )
                values[name] = declaration.default if good else None
        return None if None in values.values() else values

    def shapeless(self, definition: Definition) -> bool:
        """Whether an input has no shape, after reporting it."""
        found = [port.name for port in definition.inputs if not port.shape.split()]
        for name in found:
            message = f"input {name!r} has no shape; declare one, such as B C H W or B N D"
            self.report(definition.name, "", "S014", message, port=name)
        return bool(found)

    def free_inputs(self, definition: Definition, values: Mapping[str, Any]) -> dict[str, Value | None]:
        """Return inputs shaped as the definition declares; names without value are symbols."""
        names = {**self.globals, **values}
        inputs: dict[str, Value | None] = {}
        for port in definition.inputs:
            place = f"{definition.name}.{port.name}"
            if not port.stack:
                shape = parse_shape(port.shape, names, place)
                inputs[port.name] = tensor(shape, port.role, port.dtype)
                continue
            shapes = parse_shapes(port.shape, names, place)
            count = 1 if len(shapes) > 1 else Dim.symbol(f"len({port.name})")
            found = [(tensor(shape, port.role, port.dtype), count) for shape in shapes]
            inputs[port.name] = Stack(tuple(found), port.role)
        return inputs

    def report(
        self, definition: str, node: str, code: str, message: str, severity: Severity = "error", **texts: Any
    ) -> None:
        """Add a diagnostic once."""
        if self._open:
            self._open[-1].clean = False
        place = f"{definition}/{node}" if node else definition
        key = (place, code, texts.get("port", ""), message)
        if key not in self.diagnostics:
            self.diagnostics[key] = Diagnostic(
                code, severity, message, place, path=tuple(self._path), **texts
            )

    @contextmanager
    def at(self, path: Iterable[str]) -> Iterator[None]:
        """Let diagnostics name this path of calls."""
        before, self._path = self._path, list(path)
        yield
        self._path = before

    # -- definitions --------------------------------------------------------------------------------------

    def definition(
        self, definition: Definition, values: Mapping[str, Any], inputs: dict[str, Value | None]
    ) -> Frame | None:
        """Return the frame of a definition, from this walk or an earlier one where an equal call was seen."""
        key = (definition.name, frozen(values), tuple(inputs.items()), self._dead > 0)
        trace = self._traces.get(key)
        if trace is None:
            problem = self._limit(definition)
            if problem:
                self.report(definition.name, "", *problem)
                return None
            trace = self._remembered(definition, key) or self._walk(key, Frame(definition, values, inputs))
        if self._open:
            self._open[-1].steps.append((self._path[-1], trace))
            self._open[-1].clean &= trace.clean
        return trace.frame

    def _limit(self, definition: Definition) -> tuple[str, str] | None:
        """Return code and message where the walk may not enter a definition."""
        if definition.name in self._stack:
            chain = " → ".join([*self._stack, definition.name])
            return "S003", f"the definition calls itself: {chain}"
        if len(self._stack) >= MAX_DEPTH:
            first, last = self._stack[0], definition.name
            return (
                "S003",
                f"calls are nested more than {MAX_DEPTH} deep, from {first} down to {last}; nest fewer",
            )
        if len(self._traces) >= MAX_FRAMES:
            return "S012", f"the design unfolds to more than {MAX_FRAMES} distinct calls"
        return None

    def _walk(self, key: Hashable, frame: Frame) -> Trace:
        trace = Trace(key, frame)
        if not self.symbolic:
            trace.scope = self._scope(frame.definition)
            self._before.append(self.past.latest.find((key, trace.scope)))
        self._stack.append(frame.definition.name)
        self._open.append(trace)
        self._body(frame)
        self._open.pop()
        self._stack.pop()
        self._traces[key] = trace
        if not self.symbolic:
            self._before.pop()
        if trace.clean and not self.symbolic:
            self.past.latest.keep((key, trace.scope), trace)
            self.past.traces.keep((id(frame.definition), key, trace.scope), trace)
        return trace

    # -- what earlier walks found -------------------------------------------------------------------------

    def _remembered(self, definition: Definition, key: Hashable) -> Trace | None:
        """Return the trace of an earlier walk, after doing again what it did; None where there is none that holds."""
        trace = (
            None if self.symbolic else self.past.traces.find((id(definition), key, self._scope(definition)))
        )
        if trace is None or not all(map(self._holds, trace.all_below(self._traces))):
            return None
        self._repeat(trace)
        return trace

    def _holds(self, trace: Trace) -> bool:
        """Whether this walk did not find another trace in its place, and all that it read is what it was."""
        return (
            self._traces.get(trace.key, trace) is trace
            and trace.scope == self._scope(trace.frame.definition)
            and all(self._find(name) is one for name, one in trace.reads.items())
        )

    def _repeat(self, trace: Trace) -> None:
        self._iterations += trace.iterations
        if self._limit(trace.frame.definition) or self._iterations > MAX_ITERATIONS:
            raise LimitError
        owner = trace.frame.definition.name
        self._stack.append(owner)
        for node, step in trace.steps:
            self._path += [node] if node else []
            if not isinstance(step, Trace):
                self._require(owner, node, step)
            elif step.key not in self._traces:
                self._repeat(step)
            del self._path[len(self._path) - bool(node) :]
        self._stack.pop()
        self._traces[trace.key] = trace

    def _scope(self, definition: Definition) -> Hashable:
        if id(definition) not in self._scopes:
            self._scopes[id(definition)] = scope_of(definition, self.globals)
        return self._scopes[id(definition)]

    def _body(self, frame: Frame) -> None:
        import networkx as nx

        definition = frame.definition
        try:
            order = definition.order
        except nx.NetworkXUnfeasible:
            cycle = [source for source, *_ in nx.find_cycle(definition.graph())]
            loop = " → ".join([*cycle, cycle[0]])
            self.report(definition.name, cycle[0], "S003", f"a loop through {loop}; remove one of its edges")
            return
        useful, env = definition.useful, {**self.globals, **frame.params}
        for name in order:
            self._path.append(name)
            self._dead += name not in useful
            call = evaluate_call(self, frame, env, definition.nodes[name])
            self._dead -= name not in useful
            self._path.pop()
            if call is not None:
                frame.calls[name] = call
        for name, port in frame.unmet:
            if name in frame.live:
                self._path.append(name)
                report_unmet(frame, name, port, self.report)
                self._path.pop()
        collect_outputs(frame, self.globals, self.report, self.requirer(definition.name, ""), self.symbolic)

    # -- what a call asks of the walk ---------------------------------------------------------------------

    def count_iteration(self) -> bool:
        """Count one evaluated call; False after reporting that there are too many."""
        self._count(1)
        if self._iterations > MAX_ITERATIONS:
            message = (
                f"the design unfolds to more than {MAX_ITERATIONS:,} distinct calls; repeat fewer of them"
            )
            self.report(self.design.main, "", "S012", message)
        return self._iterations <= MAX_ITERATIONS

    def _count(self, iterations: int) -> None:
        trace, node = self._open[-1], self._path[-1]
        self._iterations += iterations
        trace.iterations += iterations
        trace.counts[node] = trace.counts.get(node, 0) + iterations

    def target(self, name: str) -> Target:
        """Return the definition or the block of a name, None where there is none."""
        found = self._find(name)
        self._open[-1].reads[name] = found
        return found

    def _find(self, name: str) -> Target:
        return self.design.definitions.get(name) or self.blocks.get(name)

    def again(self, frame: Frame, node: Node, target: Target, inputs: Mapping[str, Value]) -> Call | None:
        """Return the call that the last walk through this definition found, after doing again what it did."""
        before = self._before[-1] if self._before else None
        if before is None:
            return None
        call = before.call(node, target, inputs, node.id in frame.definition.useful)
        if call is None:
            return None
        steps = before.steps_of.get(node.id, ())
        entered = {id(step): step for step in steps if isinstance(step, Trace)}.values()
        if not all(self._holds(one) for trace in entered for one in trace.all_below(self._traces)):
            return None
        self._count(before.counts.get(node.id, 0))
        if self._iterations > MAX_ITERATIONS:
            raise LimitError
        for step in steps:
            if isinstance(step, Trace):
                if step.key not in self._traces:
                    self._repeat(step)
                self._open[-1].steps.append((node.id, step))
            else:
                self._open[-1].steps.append((node.id, step))
                self._require(frame.definition.name, node.id, step)
        return call

    def requirer(self, owner: str, node: str) -> Callable[[Size, str, Size, str], None]:
        """Return the function that notes a requirement of a node on symbolic sizes."""

        def require(left: Size, relation: str, right: Size, reason: str) -> None:
            if not self.symbolic and not self._dead:
                need = (left, relation, right, reason)
                self._open[-1].steps.append((node, need))
                self._require(owner, node, need)

        return require

    def _require(self, owner: str, node: str, need: Need) -> None:
        left, relation, right, reason = need
        path = "/".join(self._path)
        place, why = f"{owner}/{node}" if node else owner, f"{path}: {reason}" if path else reason
        self.requirements.setdefault((left, relation, right), Requirement(left, relation, right, place, why))

    def opaque(self, text: str) -> Any:
        """Symbolic mode: stand in for an expression without value; readable only in the rendered class itself."""
        return Dim.symbol(expressions.to_source(text)) if len(self._stack) == 1 else self.unknown()

    def unknown(self) -> Dim:
        """Symbolic mode: a size that has no readable expression; its text starts with "?"."""
        self._unknown += 1
        return Dim.symbol(f"?{self._unknown}")

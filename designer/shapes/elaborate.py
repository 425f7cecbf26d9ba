"""Inference: walk the definitions from the main one and find every parameter and shape.

The same walk runs twice in the product. With the design's parameter values it checks (sizes such as H stay
symbolic); with the parameters of one definition as symbols (`symbolic=True`) it finds the expressions that
rendered constructors pass on. Results are shared between calls with equal parameters and inputs.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from designer import expressions
from designer.diagnostics import Diagnostic, Severity
from designer.dims import Dim, Size, UndecidedError, simplify
from designer.document import Definition, Design, DesignPort, Node
from designer.errors import UserError
from designer.expressions import ExpressionError
from designer.shapes import params as parameters
from designer.shapes.arrivals import arriving, report_unmet
from designer.shapes.binding import (
    Binding,
    MismatchError,
    Requirement,
    SizeList,
    parse_shape,
    parse_shapes,
    tensor,
)
from designer.shapes.constraints import check_constraints
from designer.shapes.frame import Call, Frame, Iteration
from designer.shapes.outputs import collect_outputs
from designer.shapes.values import Stack, Tensor, Value, as_role
from designer.spec import BlockSpec, Port

MAX_DEPTH = 24
MAX_REPEAT = 4096
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

    def __init__(self, design: Design, blocks: Mapping[str, BlockSpec], symbolic: bool = False) -> None:
        self.design = design
        self.blocks = blocks
        self.symbolic = symbolic
        self.diagnostics: dict[tuple[str, ...], Diagnostic] = {}
        self.requirements: dict[tuple[Any, ...], Requirement] = {}
        self.globals: Mapping[str, Any] = design.parameters
        self._memo: dict[Any, Frame] = {}
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
            if values is not None and not self._shapeless(definition):
                frame = self.definition(definition, values, self.free_inputs(definition, values))
        except UserError as error:  # a declared shape that cannot be read
            self.report(definition.name, "", "S014", str(error))
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

    def _shapeless(self, definition: Definition) -> bool:
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
        place = f"{definition}/{node}" if node else definition
        key = (place, code, texts.get("port", ""), message)
        if key not in self.diagnostics:
            self.diagnostics[key] = Diagnostic(
                code, severity, message, place, path=tuple(self._path), **texts
            )

    # -- definitions --------------------------------------------------------------------------------------

    def definition(
        self, definition: Definition, values: Mapping[str, Any], inputs: dict[str, Value | None]
    ) -> Frame | None:
        """Return the frame of a definition, from memory where an equal call was seen."""
        key = (definition.name, _frozen(values), tuple(inputs.items()), self._dead > 0)
        if key in self._memo:
            return self._memo[key]
        if definition.name in self._stack or len(self._stack) >= MAX_DEPTH:
            chain = " → ".join([*self._stack, definition.name])
            self.report(definition.name, "", "S003", f"the definition calls itself: {chain}")
            return None
        if len(self._memo) >= MAX_FRAMES:
            self.report(
                definition.name, "", "S012", f"the design unfolds to more than {MAX_FRAMES} distinct calls"
            )
            return None
        frame = Frame(definition, values, inputs)
        self._stack.append(definition.name)
        try:
            self._body(frame)
        finally:
            self._stack.pop()
        self._memo[key] = frame
        return frame

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
        useful = definition.useful
        for name in order:
            self._path.append(name)
            self._dead += name not in useful
            call = self._call(frame, definition.nodes[name])
            self._dead -= name not in useful
            self._path.pop()
            if call is not None:
                frame.calls[name] = call
        for name, port in frame.unmet:
            if name in frame.live:
                self._path.append(name)
                report_unmet(frame, name, port, self.report)
                self._path.pop()
        collect_outputs(frame, self.globals, self.report, self._requirer(definition.name, ""), self.symbolic)

    # -- calls --------------------------------------------------------------------------------------------

    def _call(self, frame: Frame, node: Node) -> Call | None:
        owner = frame.definition.name
        env = {**self.globals, **frame.params}
        called = env.get(node.call[1:], node.call) if node.call.startswith("=") else node.call
        target = self.design.definitions.get(str(called)) or self.blocks.get(str(called))
        if target is None:
            self.report(owner, node.id, "S002", self._unknown_call(called), received=str(called))
            return None
        call = Call(node, target)
        inputs = arriving(frame, call, self.report)
        call.outputs = {port.name: None for port in target.outputs}
        if not self._scalars(owner, call, env) or inputs is None:
            return call
        if not call.active:
            self._bypass(call, inputs)
        elif node.repeat is None:
            self._once(owner, call, env, inputs)
        else:
            self._repeat(owner, call, env, inputs)
        return call

    def _unknown_call(self, called: Any) -> str:
        known = [*self.design.definitions, *self.blocks]
        near = difflib.get_close_matches(str(called), known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"no block or definition is named {called!r}{hint}"

    def _scalars(self, owner: str, call: Call, env: Mapping[str, Any]) -> bool:
        """Evaluate `when` and `repeat`; False after reporting a problem."""
        node = call.node
        try:
            if node.when is not None:
                call.active = bool(expressions.evaluate(node.when, env))
        except UndecidedError:
            call.conditional = True
        except ExpressionError as error:
            if not self.symbolic:
                self.report(owner, node.id, "S005", f"the condition {node.when!r:.80}: {error}")
                return False
            call.conditional = True
        if node.repeat is None:
            return True
        try:
            call.count = (
                expressions.evaluate(node.repeat, env) if isinstance(node.repeat, str) else node.repeat
            )
        except (ExpressionError, UndecidedError) as error:
            if not self.symbolic:
                self.report(owner, node.id, "S012", f"the repeat count {node.repeat!r:.80}: {error}")
                return False
            call.count = Dim.symbol(f"?{node.id}")
        if isinstance(call.count, Dim) and self.symbolic:
            return True
        if (
            isinstance(call.count, bool)
            or not isinstance(call.count, int)
            or not 0 <= call.count <= MAX_REPEAT
        ):
            self.report(owner, node.id, "S012", f"the repeat count is {call.count!r}; expected an integer from 0 to {MAX_REPEAT}", received=repr(call.count))  # fmt: skip
            return False
        return True

    @staticmethod
    def _bypass(call: Call, inputs: Mapping[str, Value]) -> None:
        """An inactive node passes its first input on."""
        first = next(iter(inputs.values()), None)
        ports: Sequence[Port | DesignPort] = call.target.outputs
        for index, port in enumerate(ports):
            call.outputs[port.name] = first if index == 0 else None

    def _once(self, owner: str, call: Call, env: Mapping[str, Any], inputs: Mapping[str, Value]) -> bool:
        iteration = self._iterate(owner, call, env, inputs)
        if iteration is None:
            return False
        call.iterations.append(iteration)
        call.outputs.update(iteration.outputs)
        return True

    def _repeat(self, owner: str, call: Call, env: Mapping[str, Any], inputs: dict[str, Value]) -> None:
        from designer.shapes.repeat import run_repeat  # the loop needs `_iterate`, this file needs the loop

        run_repeat(self, owner, call, env, inputs)

    def iterate(
        self, owner: str, call: Call, env: Mapping[str, Any], inputs: Mapping[str, Value]
    ) -> Iteration | None:
        """Evaluate one iteration of a repeated call; None after reporting a problem."""
        return self._iterate(owner, call, env, inputs)

    def _iterate(
        self, owner: str, call: Call, env: Mapping[str, Any], inputs: Mapping[str, Value]
    ) -> Iteration | None:
        node, target = call.node, call.target
        self._iterations += 1
        if self._iterations > MAX_ITERATIONS:
            message = (
                f"the design unfolds to more than {MAX_ITERATIONS:,} distinct calls; repeat fewer of them"
            )
            self.report(self.design.main, "", "S012", message)
            return None

        def report(code: str, message: str, **texts: Any) -> None:
            self.report(owner, node.id, code, message, **texts)

        if isinstance(target, Definition) and self._shapeless(target):
            return None
        declared = parameters.declarations(target)
        values = parameters.resolve(node, declared, env, report, self.opaque if self.symbolic else None)
        if values is None:
            return None
        binding = Binding(dict(values), self._requirer(owner, node.id))
        lists = frozenset(name for name, one in declared.items() if one.type == "list")
        ports = [port for port in target.inputs if port.name in inputs]
        try:
            for port in ports:
                self._check_stack(port, inputs[port.name])
                binding.match(port.name, port.shape, inputs[port.name], lists)
            missing = [name for name in declared if binding.names.get(name) is None]
            if missing:
                report("S011", f"the parameter {missing[0]!r} of {node.call} is not given", port=missing[0], expected=declared[missing[0]].help)  # fmt: skip
                return None
            for port in ports:
                binding.match_expressions(port.name, port.shape, inputs[port.name])
            if isinstance(target, BlockSpec):
                require = self._requirer(owner, node.id)
                if not check_constraints(target, binding, report, require, self.symbolic):
                    return None
                outputs = {port.name: self._output(port, binding, inputs) for port in target.outputs}
                resolved = {name: binding.names[name] for name in declared}
                return Iteration(resolved, binding.names, outputs)
        except MismatchError as error:
            report("S009", error.message, received=error.received, expected=error.expected, port=error.port)
            return None
        return self._definition_call(target, declared, binding, inputs)

    def _definition_call(
        self, target: Definition, declared: Mapping[str, Any], binding: Binding, inputs: Mapping[str, Value]
    ) -> Iteration | None:
        resolved = {name: _plain(binding.names[name]) for name in declared}
        roles = {port.name: port.role for port in target.inputs}
        arriving = {name: as_role(value, roles[name]) for name, value in inputs.items()}
        frame = self.definition(target, resolved, dict(arriving))
        if frame is None or any(value is None for value in frame.outputs.values()):
            return None if frame is None else Iteration(resolved, binding.names, _known(frame.outputs), frame)
        return Iteration(resolved, binding.names, _known(frame.outputs), frame)

    @staticmethod
    def _check_stack(port: Port | DesignPort, value: Value) -> None:
        if port.stack and not isinstance(value, Stack):
            raise MismatchError(
                f"{port.name} takes a stack of tensors, received one tensor", str(value), "a stack", port.name
            )
        if isinstance(value, Stack) and not port.stack:
            raise MismatchError(
                f"{port.name} takes one tensor, received a stack of {value.length}",
                str(value),
                "one tensor",
                port.name,
            )

    def _output(self, port: Port, binding: Binding, inputs: Mapping[str, Value]) -> Value:
        role = port.role
        source = inputs.get(role.removeprefix("same:")) if role.startswith("same:") else None
        if port.stack:  # "first+rest": the tensors of these inputs, one after another
            parts = [inputs[name] for name in port.shape.split("+")]
            runs = [one.runs if isinstance(one, Stack) else ((one, 1),) for one in parts]
            return Stack(tuple(run for part in runs for run in part), parts[0].role)
        shape = tuple(simplify(size) for size in binding.shape(port.shape))
        if source is not None:
            return Tensor(shape, source.role, source.dtype if isinstance(source, Tensor) else "float32")
        return tensor(shape, role, port.dtype)

    def _requirer(self, owner: str, node: str) -> Any:
        place = f"{owner}/{node}" if node else owner
        path = "/".join(self._path)

        def require(left: Size, relation: str, right: Size, reason: str) -> None:
            if not self.symbolic and not self._dead:
                requirement = Requirement(
                    left, relation, right, place, f"{path}: {reason}" if path else reason
                )
                self.requirements.setdefault((left, relation, right), requirement)

        return require

    def opaque(self, text: str) -> Any:
        """Symbolic mode: stand in for an expression without value; readable only in the rendered class itself."""
        return Dim.symbol(expressions.to_source(text)) if len(self._stack) == 1 else self.unknown()

    def unknown(self) -> Dim:
        """Symbolic mode: a size that has no readable expression; its text starts with "?"."""
        self._unknown += 1
        return Dim.symbol(f"?{self._unknown}")


def _plain(value: Any) -> Any:
    """A list of known sizes becomes a plain list, so that equal calls share a frame."""
    if isinstance(value, SizeList) and not value.name:
        try:
            return value.items()
        except UndecidedError:
            return value
    return value


def _known(outputs: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in outputs.items() if value is not None}


def _frozen(values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple((name, _hashable(value)) for name, value in values.items())


def _hashable(value: Any) -> Any:
    if isinstance(value, dict):
        return _frozen(value)
    return tuple(_hashable(item) for item in value) if isinstance(value, list) else value

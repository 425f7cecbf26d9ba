"""One call of a node: what it calls, whether and how often, and what each iteration makes of what arrives."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from designer import expressions
from designer.dims import Dim, Size, UndecidedError, simplify
from designer.document import Definition, DesignPort, Node
from designer.expressions import ExpressionError
from designer.shapes import params as parameters
from designer.shapes.arrivals import arriving
from designer.shapes.binding import Binding, MismatchError, SizeList, tensor
from designer.shapes.constraints import check_constraints
from designer.shapes.frame import Call, Frame, Iteration
from designer.shapes.past import Made, Need, frozen
from designer.shapes.repeat import run_repeat
from designer.shapes.values import Stack, Tensor, Value, as_role
from designer.spec import BlockSpec, Param, Port

if TYPE_CHECKING:
    from designer.shapes.elaborate import Elaborator

MAX_REPEAT = 4096


def evaluate_call(walk: "Elaborator", frame: Frame, env: Mapping[str, Any], node: Node) -> Call | None:
    """Return the call of a node with its iterations and outputs; None where nothing has the name that it calls."""
    owner = frame.definition.name
    called = env.get(node.call[1:], node.call) if node.call.startswith("=") else node.call
    target = walk.target(str(called))
    if target is None:
        walk.report(owner, node.id, "S002", unknown_call(walk, called), received=str(called))
        return None
    call = Call(node, target)
    inputs = arriving(frame, call, walk.report)
    known = None if inputs is None else walk.again(frame, node, target, inputs)
    if known is not None:
        return known
    call.outputs = {port.name: None for port in target.outputs}
    if not _scalars(walk, owner, call, env) or inputs is None:
        return call
    if not call.active:
        _bypass(call, inputs)
    elif node.repeat is None:
        iteration = _iterate(walk, owner, call, env, inputs)
        if iteration is not None:
            call.iterations.append(iteration)
            call.outputs.update(iteration.outputs)
    else:

        def step(index: Any, values: Mapping[str, Value]) -> Iteration | None:
            return _iterate(walk, owner, call, {**env, "i": index, "L": call.count}, values)

        run_repeat(walk, owner, call, step, inputs)
    return call


def unknown_call(walk: "Elaborator", called: Any) -> str:
    """Say that nothing has the name that is called, and what has nearly that name."""
    known = [*walk.design.definitions, *walk.blocks]
    near = difflib.get_close_matches(str(called), known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"no block or definition is named {called!r}{hint}"


def _scalars(walk: "Elaborator", owner: str, call: Call, env: Mapping[str, Any]) -> bool:
    """Evaluate `when` and `repeat`; False after reporting a problem."""
    return _condition(walk, owner, call, env) and (call.node.repeat is None or _count(walk, owner, call, env))


def _condition(walk: "Elaborator", owner: str, call: Call, env: Mapping[str, Any]) -> bool:
    node = call.node
    try:
        if node.when is not None:
            call.active = bool(expressions.evaluate(node.when, env))
    except UndecidedError:
        call.conditional = True
    except ExpressionError as error:
        if not walk.symbolic:
            walk.report(owner, node.id, "S005", f"the condition {node.when!r:.80}: {error}")
            return False
        call.conditional = True
    return True


def _count(walk: "Elaborator", owner: str, call: Call, env: Mapping[str, Any]) -> bool:
    node, count = call.node, call.node.repeat
    assert count is not None
    try:
        call.count = expressions.evaluate(count, env) if isinstance(count, str) else count
    except (ExpressionError, UndecidedError) as error:
        if not walk.symbolic:
            walk.report(owner, node.id, "S012", f"the repeat count {count!r:.80}: {error}")
            return False
        call.count = Dim.symbol(f"?{node.id}")
    if isinstance(call.count, Dim) and walk.symbolic:
        return True
    found = call.count
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= MAX_REPEAT:
        message = f"the repeat count is {found!r}; expected an integer from 0 to {MAX_REPEAT}"
        walk.report(owner, node.id, "S012", message, received=repr(found))
        return False
    return True


def _bypass(call: Call, inputs: Mapping[str, Value]) -> None:
    """An inactive node passes its first input on."""
    first = next(iter(inputs.values()), None)
    ports: Sequence[Port | DesignPort] = call.target.outputs
    for index, port in enumerate(ports):
        call.outputs[port.name] = first if index == 0 else None


def _iterate(
    walk: "Elaborator", owner: str, call: Call, env: Mapping[str, Any], inputs: Mapping[str, Value]
) -> Iteration | None:
    """Evaluate one iteration of a call; None after reporting a problem."""
    node, target = call.node, call.target
    if not walk.count_iteration():
        return None

    def report(code: str, message: str, **texts: Any) -> None:
        walk.report(owner, node.id, code, message, **texts)

    if isinstance(target, Definition) and walk.shapeless(target):
        return None
    declared = parameters.declarations(target)
    values = parameters.resolve(node, declared, env, report, walk.opaque if walk.symbolic else None)
    if values is None:
        return None
    require = walk.requirer(owner, node.id)
    if isinstance(target, BlockSpec):
        return _make(walk, target, node, values, inputs, report, require)
    binding = Binding(dict(values), require)
    bound = _bind(binding, node, target, declared, inputs, report)
    return _enter(walk, target, declared, binding, inputs) if bound else None


def _make(
    walk: "Elaborator",
    spec: BlockSpec,
    node: Node,
    values: Mapping[str, Any],
    inputs: Mapping[str, Value],
    report: parameters.Report,
    require: Callable[[Size, str, Size, str], None],
) -> Iteration | None:
    """What a block makes of parameters and inputs: a function of nothing else, so what was asked before is not worked out again."""
    key = (id(spec), walk.symbolic, frozen(values), *inputs.items())
    made = walk.past.blocks.find(key)
    if made is None:
        needs: list[Need] = []
        binding = Binding(dict(values), lambda *need: needs.append(need))
        iteration = None
        if _bind(binding, node, spec, parameters.declarations(spec), inputs, report):
            iteration = _outcome(binding, spec, inputs, report, walk.symbolic)
        made = Made(spec, iteration, tuple(needs))
        if iteration is not None:
            walk.past.blocks.keep(key, made)
    for need in made.needs:
        require(*need)
    return made.iteration


def _outcome(
    binding: Binding, spec: BlockSpec, inputs: Mapping[str, Value], report: parameters.Report, symbolic: bool
) -> Iteration | None:
    """Check the conditions of a block and find its outputs; None after reporting a problem."""
    try:
        if not check_constraints(spec, binding, report, binding.require, symbolic):
            return None
        outputs = {port.name: _output(port, binding, inputs) for port in spec.outputs}
    except MismatchError as error:
        _mismatch(error, report)
        return None
    return Iteration(
        {name: binding.names[name] for name in parameters.declarations(spec)}, binding.names, outputs
    )


def _mismatch(error: MismatchError, report: parameters.Report) -> None:
    report("S009", error.message, received=error.received, expected=error.expected, port=error.port)


def _bind(
    binding: Binding,
    node: Node,
    target: BlockSpec | Definition,
    declared: Mapping[str, Param],
    inputs: Mapping[str, Value],
    report: parameters.Report,
) -> bool:
    """Match what arrives with what the ports declare; False after reporting a problem."""
    lists = frozenset(name for name, one in declared.items() if one.type == "list")
    ports = [port for port in target.inputs if port.name in inputs]
    try:
        for port in ports:
            _check_stack(port, inputs[port.name])
            binding.match(port.name, port.shape, inputs[port.name], lists)
        missing = next((name for name in declared if binding.names.get(name) is None), None)
        if missing is not None:
            message = f"the parameter {missing!r} of {node.call} is not given"
            report("S011", message, port=missing, expected=declared[missing].help)
            return False
        for port in ports:
            binding.match_expressions(port.name, port.shape, inputs[port.name])
    except MismatchError as error:
        _mismatch(error, report)
        return False
    return True


def _enter(
    walk: "Elaborator",
    target: Definition,
    declared: Mapping[str, Param],
    binding: Binding,
    inputs: Mapping[str, Value],
) -> Iteration | None:
    """Go into the definition that is called."""
    resolved = {name: _plain(binding.names[name]) for name in declared}
    roles = {port.name: port.role for port in target.inputs}
    frame = walk.definition(
        target, resolved, {name: as_role(one, roles[name]) for name, one in inputs.items()}
    )
    return None if frame is None else Iteration(resolved, binding.names, _known(frame.outputs), frame)


def _check_stack(port: Port | DesignPort, value: Value) -> None:
    if port.stack and not isinstance(value, Stack):
        message = f"{port.name} takes a stack of tensors, received one tensor"
        raise MismatchError(message, str(value), "a stack", port.name)
    if isinstance(value, Stack) and not port.stack:
        message = f"{port.name} takes one tensor, received a stack of {value.length}"
        raise MismatchError(message, str(value), "one tensor", port.name)


def _output(port: Port, binding: Binding, inputs: Mapping[str, Value]) -> Value:
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

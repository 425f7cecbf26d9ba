"""A repeated call: what is carried from one iteration to the next, what is broadcast, what comes from a stack."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from designer.dims import Dim, simplify
from designer.document import Definition
from designer.shapes.frame import Call, Iteration
from designer.shapes.values import Stack, Tensor, Value
from designer.spec import BlockSpec

if TYPE_CHECKING:
    from designer.shapes.elaborate import Elaborator


def carried(target: BlockSpec | Definition) -> dict[str, str]:
    """Map each output that is carried to the input that it feeds in the next iteration.

    Outputs feed the input of the same name; a first output without namesake feeds the first input.
    """
    inputs = [port.name for port in target.inputs]
    result = {port.name: port.name for port in target.outputs if port.name in inputs}
    if not result and target.outputs and inputs:
        result[target.outputs[0].name] = inputs[0]
    return result


Step = Callable[[Any, Mapping[str, Value]], Iteration | None]  # evaluates the iteration of an index


def run_repeat(
    elaborator: "Elaborator", owner: str, call: Call, step: Step, inputs: dict[str, Value]
) -> None:
    """Evaluate every iteration (symbolic mode: the first two stand for all) and set outputs and stacks."""
    links = carried(call.target)
    stacked = {port.name for port in call.target.inputs if port.stack}
    popped = {
        name: value for name, value in inputs.items() if isinstance(value, Stack) and name not in stacked
    }
    count = call.count
    call.outputs.update({output: inputs.get(link) for output, link in links.items()})
    if isinstance(count, int) and not elaborator.symbolic:
        for name, stack in popped.items():
            if stack.length != count:
                message = f"{name!r} hands out a stack of {stack.length} to {count} iterations; the numbers must be equal"
                elaborator.report(
                    owner,
                    call.node.id,
                    "S012",
                    message,
                    port=name,
                    received=str(stack.length),
                    expected=str(count),
                )
                call.outputs = dict.fromkeys(call.outputs)
                return
        _concrete(_Loop(elaborator, call, step, links), count, inputs, popped)
    else:
        _symbolic(_Loop(elaborator, call, step, links), inputs, popped)


@dataclass(frozen=True)
class _Loop:
    """The parts of a loop that stay the same over its iterations."""

    elaborator: "Elaborator"
    call: Call
    step: Step
    links: Mapping[str, str]

    def carry(self, values: dict[str, Value], iteration: Iteration) -> None:
        for output, link in self.links.items():
            if output in iteration.outputs:
                values[link] = iteration.outputs[output]


def _concrete(loop: _Loop, count: int, inputs: dict[str, Value], popped: Mapping[str, Stack]) -> None:
    values: dict[str, Value] = dict(inputs)
    queues = {name: list(stack.items()) for name, stack in popped.items()}
    history: dict[str, list[Value]] = {port.name: [] for port in loop.call.target.outputs}
    for index in range(count):
        values.update({name: queue[-1 - index] for name, queue in queues.items()})
        iteration = loop.step(index, values)
        if iteration is None or len(iteration.outputs) < len(loop.call.target.outputs):
            loop.call.outputs = dict.fromkeys(loop.call.outputs)
            return
        loop.call.iterations.append(iteration)
        loop.carry(values, iteration)
        for name, value in iteration.outputs.items():
            history[name].append(value)
    for name, items in history.items():
        loop.call.stacks[name] = _stack(items)
        if items:
            loop.call.outputs[name] = items[-1]


def _stack(items: list[Value]) -> Stack | None:
    runs: list[tuple[Tensor, Any]] = []
    for item in items:
        if not isinstance(item, Tensor):
            return None
        if runs and runs[-1][0] == item:
            runs[-1] = (item, runs[-1][1] + 1)
        else:
            runs.append((item, 1))
    return Stack(tuple(runs), runs[-1][0].role if runs else "any")


def _symbolic(loop: _Loop, inputs: dict[str, Value], popped: Mapping[str, Stack]) -> None:
    """Two iterations: the first, and one that stands for the others. They differ where shapes settle."""
    values: dict[str, Value] = dict(inputs)
    values.update({name: _popped(loop, stack) for name, stack in popped.items()})
    for index in (Dim.symbol("i"), Dim.symbol("i")):
        before = dict(values)
        iteration = loop.step(index, values)
        if iteration is None:
            return
        loop.call.iterations.append(iteration)
        loop.carry(values, iteration)
        if values == before:
            break
    last = loop.call.iterations[-1]
    for name, value in last.outputs.items():
        loop.call.outputs[name] = value
        loop.call.stacks[name] = (
            Stack(((value, simplify(loop.call.count)),), value.role) if isinstance(value, Tensor) else None
        )


def _popped(loop: _Loop, stack: Stack) -> Tensor:
    """The item that iteration i takes from a stack; axes on which the items differ are unknown."""
    axes = []
    for sizes in zip(*(item.shape for item, _ in stack.runs), strict=False):
        axes.append(sizes[0] if all(size == sizes[0] for size in sizes) else loop.elaborator.unknown())
    return Tensor(tuple(axes), stack.role)

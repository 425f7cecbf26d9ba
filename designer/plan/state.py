"""The state dict of the rendered model: the name and shape of each tensor, known from the plan without PyTorch."""

from collections.abc import Iterator, Mapping
from typing import Any

from designer import expressions
from designer.plan.builder import ClassBuilder
from designer.plan.constructor import Site
from designer.plan.variants import Variant
from designer.shapes.frame import Frame
from designer.shapes.values import split_pattern
from designer.spec import BlockSpec

Shape = tuple[int, ...]


def state_shapes(
    frame: Frame, builders: Mapping[str, ClassBuilder], by_frame: Mapping[int, Variant], prefix: str = ""
) -> Iterator[tuple[str, Shape]]:
    """Yield every tensor that the class of a frame constructs, in the order of its constructor."""
    for node, site in builders[by_frame[id(frame)].name].sites.items():
        if not site.stateful or not site.built:
            continue
        call = frame.calls.get(node)
        for index, iteration in enumerate(call.iterations if call else ()):
            path = f"{prefix}{site.attribute}." + (f"{index}." if site.count else "")
            if iteration.frame is None:
                yield from _own(site, iteration.names, path)
            elif id(iteration.frame) in by_frame:
                yield from state_shapes(iteration.frame, builders, by_frame, path)


def _own(site: Site, names: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Shape]]:
    spec = site.call.target
    for name, text in spec.state.items() if isinstance(spec, BlockSpec) else ():
        pattern, _, condition = text.partition(" if ")
        if not condition or expressions.evaluate(condition, names):
            yield prefix + name, tuple(_sizes(pattern, names))


def _sizes(pattern: str, names: Mapping[str, Any]) -> Iterator[int]:
    for token in split_pattern(pattern):
        value = expressions.evaluate(token.removeprefix("*"), names)
        yield from map(int, value) if token.startswith("*") else (int(value),)

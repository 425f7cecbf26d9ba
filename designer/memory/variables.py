"""How long the variables of a rendered forward hold their values: until another value takes the name, or its end.

A value with several readers gets a variable, and so do the parts of a call with several outputs. A later value
takes the variable of its first input when nothing reads that any more, as people write `x = x + h`.
"""

from collections import Counter

from designer.shapes.frame import Frame
from designer.shapes.repeat import carried
from designer.shapes.values import Tensor, compatible


def held(frame: Frame) -> dict[str, str]:
    """Map each value with a variable to the node whose result takes that variable, "" for none."""
    return _Variables(frame).walk()


class _Variables:
    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.sources = frame.definition.sources
        self.order = [name for name in frame.definition.order if name in frame.live and name in frame.calls]
        self.reads = {
            name: [self.sources[f"{name}.{port}"] for port in frame.read_ports(name)] for name in self.order
        }
        self.remaining = Counter(end for ends in self.reads.values() for end in ends)
        self.remaining.update(port.source for port in frame.definition.outputs)
        self.readers = Counter(self.remaining)
        self.variables = {port.name: port.name for port in frame.definition.inputs}  # value → its variable
        self.owners = dict(self.variables)  # variable → the value that it holds
        self.found: dict[str, str] = {}

    def walk(self) -> dict[str, str]:
        for name in self.order:
            self.remaining.subtract(self.reads[name])
            call = self.frame.calls[name]
            links = carried(call.target) if call.node.repeat is not None else {}
            outputs = [port.name for port in call.target.outputs]
            for port in outputs:
                end = f"{name}.{port}"
                if port in links or len(outputs) > 1 or self.readers[end] > 1:
                    source = self.sources.get(f"{name}.{links[port]}") if port in links else self._first(name)
                    takes = port in links or port == outputs[0]
                    self._assign(end, name, source if takes else None)
        return self.found

    def _assign(self, end: str, node: str, source: str | None) -> None:
        variable = self.variables.get(self._named(source) or "")
        if variable is None or self.remaining[self.owners[variable]] > 0 or not self._alike(source, end):
            variable = end
        else:
            self.found[self.owners[variable]] = node
        self.variables[end] = variable
        self.owners[variable] = end
        self.found[end] = ""

    def _first(self, node: str) -> str | None:
        return next(iter(self.reads[node]), None)

    def _named(self, source: str | None) -> str | None:
        """Follow values that are written in place to the variable that their first input reads."""
        while source is not None and source not in self.variables:
            node = source.partition(".")[0]
            source = self._first(node) if node in self.reads else None
        return source

    def _alike(self, source: str | None, end: str) -> bool:
        before, after = self.frame.value(source or ""), self.frame.value(end)
        return (
            isinstance(before, Tensor) and isinstance(after, Tensor) and compatible(before.role, after.role)
        )

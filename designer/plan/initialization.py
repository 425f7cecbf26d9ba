"""The lines of initialize_weights: what does not start as torch's default; layers that start alike share a loop."""

import ast
from collections.abc import Iterable
from itertools import groupby

from designer.plan.constructor import INDENT, Site
from designer.plan.model import WIDTH, Line
from designer.plan.texts import is_constant, plain
from designer.spec import BlockSpec


def initialize_lines(sites: Iterable[Site]) -> list[Line]:
    """Return the lines of initialize_weights for the nodes of a class, in their order."""
    found = [(site, statements) for site in sites if (statements := _statements(site))]
    lines: list[Line] = []
    for (_, statements), group in groupby(found, key=_alike):
        members = [site for site, _ in group]
        if len(members) * len(statements) > 1 + len(statements):
            lines += _together(members, statements)
        else:
            lines += [line for site in members for line in _alone(site, statements)]
    return lines


def _statements(site: Site) -> tuple[str, ...]:
    """The statements that initialise a node, {self} for the layer; none for a choice that is torch's default."""
    spec = site.call.target
    choice = _constant(site.texts.get("init", "''"))
    if (
        not isinstance(spec, BlockSpec)
        or spec.initialize is None
        or choice not in spec.initialize
        or not site.built
    ):
        return ()
    has_bias = _constant(site.texts.get("bias", "True")) is not False
    return tuple(line for line in spec.initialize[choice].split("\n") if has_bias or "bias" not in line)


def _constant(text: str) -> object:
    return ast.literal_eval(text) if is_constant(text) else None


def _alike(one: tuple[Site, tuple[str, ...]]) -> tuple[str, tuple[str, ...]]:
    """What layers that may share a loop have in common: the class and the statements; nothing, if it is special."""
    site, statements = one
    spec = site.call.target
    special = site.count or site.condition or site.call.node.help
    return site.place if special or not isinstance(spec, BlockSpec) else spec.target, statements


def _together(members: list[Site], statements: tuple[str, ...]) -> list[Line]:
    layers = [f"self.{site.attribute}" for site in members]
    header = f"for layer in ({', '.join(layers)}):"
    if INDENT + len(header) > WIDTH:
        inner = "".join(f"{' ' * (INDENT + 4)}{layer},\n" for layer in layers)
        header = f"for layer in (\n{inner}{' ' * INDENT}):"
    places = " ".join(site.place for site in members)
    return [
        Line(header, places),
        *(Line(f"    {line.replace('{self}', 'layer')}", places) for line in statements),
    ]


def _alone(site: Site, statements: tuple[str, ...]) -> list[Line]:
    spec, name = site.call.target, f"self.{site.attribute}"
    lines = [f"# {site.attribute}: {plain(site.call.node.help)}"] if site.call.node.help else []
    if site.count:
        lines += [f"for layer in {name}:", *(f"    {line.replace('{self}', 'layer')}" for line in statements)]
    elif site.condition and isinstance(spec, BlockSpec):
        check = f"if isinstance({name}, {spec.target}):"
        lines += [check, *(f"    {line.replace('{self}', name)}" for line in statements)]
    else:
        lines += [line.replace("{self}", name) for line in statements]
    return [Line(line, site.place) for line in lines]

"""designer presets, blocks, library, rules."""

import argparse
from typing import Any

from designer.cli.arguments import add_json
from designer.cli.output import print_json, print_table
from designer.errors import UserError


def add_commands(commands: Any) -> None:
    """Add the catalogues to the parser."""
    for name, text, run in (
        ("presets", "list published architectures", _presets),
        ("blocks", "list blocks", _blocks),
        ("library", "list composite definitions to insert into a design", _library),
        ("rules", "list rules", _rules),
    ):
        parser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
        if name == "rules":
            parser.add_argument(
                "code", metavar="CODE", nargs="?", help="print the page of one rule, such as G014"
            )
        add_json(parser)
        parser.set_defaults(run=run)


def _presets(options: argparse.Namespace) -> int:
    from designer.presets import presets

    found = presets()
    if options.json:
        print_json([preset.to_json() for preset in found])
        return 0
    rows = [(one.id, f"{one.parameters:,}", one.title) for one in found]
    print_table(("preset", "parameters", "title"), rows, right=frozenset({1}))
    return 0


def _blocks(options: argparse.Namespace) -> int:
    from designer.catalogue import catalogue

    found = sorted(catalogue().values(), key=lambda spec: (spec.family, spec.name))
    if options.json:
        print_json([spec.to_json() for spec in found])
        return 0
    print_table(("block", "family", "what it does"), [(one.name, one.family, one.summary) for one in found])
    return 0


def _library(options: argparse.Namespace) -> int:
    from designer.library import composites

    found = sorted(composites().values(), key=lambda one: (one.family, one.name))
    if options.json:
        print_json([one.to_json() for one in found])
        return 0
    rows = [(one.name, one.family, one.definition["doc"]) for one in found]
    print_table(("definition", "family", "what it does"), rows)
    return 0


def _rules(options: argparse.Namespace) -> int:
    from designer.rules import rules
    from designer.rules.pages import page

    found = [rule for rule in rules() if options.code in (None, rule.code)]
    if not found:
        raise UserError(f"no rule is named {options.code!r}; see `designer rules`")
    if options.json:
        print_json([rule.to_json() for rule in found])
    elif options.code:
        print(page(found[0]), end="")
    else:
        rows = [(one.code, one.severity, one.title, one.what) for one in found]
        print_table(("code", "severity", "rule", "what it finds"), rows)
    return 0

"""designer new, check, fix, summary, render, diff."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer.budgets import PRECISIONS
from designer.cli.arguments import add_json, assignments, operating_point
from designer.cli.output import print_json, print_table, quantity
from designer.errors import UserError

if TYPE_CHECKING:
    from designer.diagnostics import Diagnostic
    from designer.document import Design
    from designer.summary import NodeCost, Summary

ADVICE_PLACES = 3  # of one rule that `designer check` prints
ERRORS = 100  # of one kind: a person mends them one by one


def add_commands(commands: Any) -> None:
    """Add the commands that read or write designs."""
    new = commands.add_parser(
        "new", help="write a design from a preset", description="Write a design from a preset."
    )
    new.add_argument("preset", metavar="PRESET", help="see `designer presets`")
    new.add_argument("-o", "--output", metavar="FILE", required=True, type=Path, help="design file to write")
    new.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="set a parameter of the design"
    )
    new.add_argument("--force", action="store_true", help="overwrite an existing file")
    new.set_defaults(run=_new)

    check = commands.add_parser(
        "check", help="check shapes and rules", description="Check a design: shapes and rules."
    )
    check.add_argument("design", metavar="DESIGN")
    check.add_argument(
        "--all",
        action="store_true",
        help="every place of every advice, and notes: rules without a measured effect",
    )
    add_json(check)
    check.set_defaults(run=_check)

    fix = commands.add_parser(
        "fix", help="apply the offered fixes", description="Apply the fixes that the check offers."
    )
    fix.add_argument("design", metavar="DESIGN")
    fix.add_argument("--rule", metavar="CODE", help="only the fixes of this rule, such as G014")
    fix.add_argument("-o", "--output", metavar="FILE", required=True, type=Path, help="design file to write")
    fix.add_argument("--force", action="store_true", help="overwrite an existing file")
    add_json(fix)
    fix.set_defaults(run=_fix)

    summary = commands.add_parser(
        "summary", help="parameters, FLOPs, memory", description="Cost of a design."
    )
    summary.add_argument("design", metavar="DESIGN")
    summary.add_argument("--at", metavar="B=1,H=64,W=64", help="sizes at which costs are counted")
    summary.add_argument(
        "--precision", choices=PRECISIONS, default="fp32", help="width of weights and activations"
    )
    add_json(summary)
    summary.set_defaults(run=_summary)

    render = commands.add_parser("render", help="write PyTorch source", description="Write PyTorch source.")
    render.add_argument("design", metavar="DESIGN")
    render.add_argument("-o", "--output", metavar="DIR", required=True, type=Path)
    render.add_argument(
        "--target",
        default="torch",
        help="torch, a plain file (default); package, a repository that trains, samples and exports; or diffusers",
    )
    render.add_argument("--force", action="store_true", help="overwrite files that were edited by hand")
    add_json(render)
    render.set_defaults(run=_render)

    diff = commands.add_parser(
        "diff", help="what is different between two designs", description="Compare two designs by meaning."
    )
    diff.add_argument("before", metavar="A")
    diff.add_argument("after", metavar="B")
    diff.add_argument("--at", metavar="B=1,H=64,W=64", help="sizes at which costs are counted")
    form = diff.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument("--html", metavar="FILE", type=Path, help="write one standalone page")
    diff.set_defaults(run=_diff)


def _new(options: argparse.Namespace) -> int:
    from designer.presets import build

    _write(build(options.preset, assignments(options.set)), options)
    print(options.output)
    return 0


def _write(design: "Design", options: argparse.Namespace) -> None:
    """Save a design to --output; an existing file only with --force."""
    from designer.document import save

    if options.output.exists() and not options.force:
        raise UserError(f"{options.output}: exists; choose another name, or overwrite it with --force")
    try:
        save(design, options.output)
    except OSError as error:
        raise UserError(f"{options.output}: cannot be written ({error.strerror})") from None


def _check(options: argparse.Namespace) -> int:
    from designer.check import check
    from designer.document import load
    from designer.stability.report import describe

    design = load(options.design)
    report = check(design, notes=options.all)
    if options.json:
        print_json({**report.to_json(), "stability": describe(design, report)})
        return 0 if report.ok else 1
    for line in _lines(report.diagnostics, options.all):
        print(line, file=sys.stderr)
    errors = sum(one.severity == "error" for one in report.diagnostics)
    print(f"ok: {report.certificate}" if report.ok else f"{errors} error{'s' if errors != 1 else ''}")
    return 0 if report.ok else 1


def _lines(diagnostics: "Sequence[Diagnostic]", everything: bool) -> Iterator[str]:
    """Yield a line for each of the first errors, and for each advice at its first places; the rest is counted."""
    places: Counter[str] = Counter()
    most = {one.code: ERRORS if one.severity == "error" else ADVICE_PLACES for one in diagnostics}
    for one in diagnostics:
        places[one.code] += 1
        if everything or places[one.code] <= most[one.code]:
            place = one.node + (f".{one.port}" if one.port else "")
            via = f" (reached through {' → '.join(one.path)})" if len(one.path) > 1 else ""
            yield f"{one.severity} {one.code} {place}: {one.message}{via}"
    more = [f"{count - most[code]} of {code}" for code, count in places.items() if count > most[code]]
    if more and not everything:
        yield f"and {', '.join(more)} more; `designer check --all` lists them"


def _fix(options: argparse.Namespace) -> int:
    from designer.check import check
    from designer.document import load
    from designer.fixes import fix_all
    from designer.rules import rules

    known = [rule.code for rule in rules()]
    if options.rule is not None and options.rule not in known:
        raise UserError(f"--rule: no rule is named {options.rule!r}; see `designer rules`")
    design, applied = fix_all(load(options.design), options.rule)
    _write(design, options)
    report = check(design)
    if options.json:
        print_json(
            {"ok": report.ok, "applied": [asdict(one) for one in applied], "file": str(options.output)}
        )
        return 0 if report.ok else 1
    for one in applied:
        print(f"{one.code} {one.node}: {one.title}", file=sys.stderr)
    print(
        f"{len(applied)} fixes applied; {'ok' if report.ok else 'errors are left: designer check says which'}"
    )
    return 0 if report.ok else 1


def _summary(options: argparse.Namespace) -> int:
    from designer.document import load
    from designer.spending import spending
    from designer.summary import elaborated, summarize_frame

    design = load(options.design)
    frame = elaborated(design)
    summary = summarize_frame(design, frame, operating_point(options.at), options.precision)
    budgets = spending(design, frame)
    if options.json:
        print_json({**summary.to_json(), "budgets": [one.to_json() for one in budgets]})
        return 0
    rows = [
        (
            one.node,
            one.call,
            f"{one.parameters:,}",
            quantity(one.flops),
            *(quantity(size, "B") for size in _sizes(one)),
        )
        for one in summary.nodes
    ]
    total = (quantity(size, "B") for size in _totals(summary))
    rows.append(("total", "", f"{summary.parameters:,}", quantity(summary.flops), *total))
    print_table(_SUMMARY_COLUMNS, rows, right=frozenset({2, 3, 4, 5, 6}))
    at = ", ".join(f"{name}={value}" for name, value in summary.at.items())
    print(f"at {at} in {summary.precision}; trainable {summary.trainable:,}")
    memory = summary.memory
    print(
        f"memory: inference {quantity(memory.inference, 'B')}; training with AdamW {quantity(memory.training, 'B')}, "
        f"repeats checkpointed {quantity(memory.training_checkpointed, 'B')}; "
        f"a moving average adds {quantity(memory.average, 'B')}"
    )
    for one in budgets:
        share = f"{quantity(one.used, one.unit)} of {quantity(one.allowed, one.unit)}"
        print(f"budget {one.budget}: {share}, {one.used / one.allowed:.0%}{' (over)' if one.over else ''}")
    return 0


_SUMMARY_COLUMNS = ("node", "call", "parameters", "FLOPs", "forward", "training", "checkpointed")


def _sizes(node: "NodeCost") -> tuple[int, int, int]:
    return node.forward_bytes, node.activation_bytes, node.activation_bytes_checkpointed


def _totals(summary: "Summary") -> tuple[int, int, int]:
    return (
        summary.activation_bytes_forward,
        summary.activation_bytes_training,
        summary.activation_bytes_checkpointed,
    )


def _render(options: argparse.Namespace) -> int:
    from designer.document import load
    from designer.render import render, write

    rendering = render(load(options.design), options.target)
    write(rendering, options.output, options.force)
    if options.json:
        print_json(rendering.to_json())
        return 0
    arguments = ", ".join(
        f"{one.name}: {one.dtype}[{', '.join(map(str, one.shape))}]" for one in rendering.inputs
    )
    print(f"{rendering.class_name}.forward({arguments})")
    for name in sorted(rendering.files):
        print(options.output / name)
    return 0


def _diff(options: argparse.Namespace) -> int:
    from designer.diff import diff
    from designer.diff_page import html, lines
    from designer.document import load
    from designer.files import write_atomic

    before, after = load(options.before), load(options.after)
    difference = diff(before, after, operating_point(options.at) or None)
    if options.json:
        print_json(difference.to_json())
    elif options.html:
        try:
            write_atomic(options.html, html(difference, before, after))
        except OSError as error:
            raise UserError(f"{options.html}: cannot be written ({error.strerror})") from None
        print(options.html)
    else:
        print("\n".join(lines(difference)))
    return 0

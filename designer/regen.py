"""Regenerate everything that is made from the code: examples, reference pages, schema, golden renderings.

    python -m designer.regen            write what changed
    python -m designer.regen --check    write nothing; exit 1 and name the files that are stale

For a checkout only: the files lie beside the package, not in it.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from designer.article import article_map
from designer.catalogue import catalogue
from designer.document import dumps
from designer.examples import teaching_designs
from designer.files import write_atomic
from designer.presets import presets
from designer.render import render
from designer.rules import rules
from designer.rules.pages import page
from designer.schema import document_schema
from designer.train.report import report_schema

ROOT = Path(__file__).resolve().parent.parent
GOLDENS = ("ddpm-cifar10", "dit-s-2", "sdxl-base", "sd3-medium", "flux-dev")  # beside every tiny size


def generated() -> Iterator[tuple[str, str]]:
    """Yield the path (below the checkout) and the text of every generated file."""
    for preset in presets():
        yield f"examples/{preset.id}.json", dumps(preset.design)
    for name, design in teaching_designs().items():
        yield f"examples/{name}.json", dumps(design)
    yield from goldens()
    yield "docs/design.schema.json", json.dumps(document_schema(), indent=1, ensure_ascii=False) + "\n"
    yield "docs/report.schema.json", json.dumps(report_schema(), indent=1) + "\n"
    yield "docs/reference/blocks.md", _blocks()
    yield "docs/reference/rules.md", _rules()
    yield "docs/reference/presets.md", _presets()
    yield "docs/reference/article.md", article_map()


def goldens() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every golden rendering."""
    for preset in presets():
        if preset.id in GOLDENS or "tiny" in preset.id:
            yield f"tests/golden/{preset.id}.py.golden", render(preset.design).files["model.py"]


def _blocks() -> str:
    lines = ["# Blocks", "", "Generated from the specs in `blocks/` by `make regen`.", ""]
    for spec in sorted(catalogue().values(), key=lambda one: (one.family, one.name)):
        lines += [f"## {spec.name}", "", f"*{spec.family}* — {spec.summary}", "", f"`{spec.formula}`", ""]
        if spec.stability.mechanism:
            what = f"{spec.stability.stabilises}: " if spec.stability.stabilises else ""
            lines += [f"Stability: {what}{spec.stability.mechanism}.", ""]
        lines += [f"- in `{port.name}` ({port.role}): `{port.shape}`" for port in spec.inputs]
        lines += [f"- out `{port.name}` ({port.role}): `{port.shape}`" for port in spec.outputs]
        for param in spec.params:
            default = (
                "inferred" if param.inferred else "required" if param.required else f"default {param.default}"
            )
            lines.append(f"- `{param.name}` ({param.type}, {default}): {param.help}")
        article = f" Article section {spec.article}." if spec.article else ""
        lines += ["", f"{spec.reference}.{article}", ""]
    return "\n".join(lines)


def _rules() -> str:
    lines = ["# Rules", "", "Generated from the files in `designer/rules/` by `make regen`.", ""]
    return "\n".join([*lines, *(page(rule) for rule in rules())])


def _presets() -> str:
    lines = ["# Presets", "", "Generated from `designer/presets/` by `make regen`.", ""]
    lines += ["| preset | parameters | title | source |", "|---|---:|---|---|"]
    lines += [f"| `{one.id}` | {one.parameters:,} | {one.title} | {one.reference} |" for one in presets()]
    return "\n".join([*lines, ""])


def main() -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m designer.regen", description="Regenerate generated files."
    )
    parser.add_argument("--check", action="store_true", help="only say which files are stale")
    options = parser.parse_args()
    stale = [
        (ROOT / name, text)
        for name, text in generated()
        if not (ROOT / name).is_file() or (ROOT / name).read_text(encoding="utf-8") != text
    ]
    for path, text in stale:
        if options.check:
            print(f"stale: {path.relative_to(ROOT)}; run make regen", file=sys.stderr)
        else:
            write_atomic(path, text)
            print(path.relative_to(ROOT))
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

"""Whether surgery changed the output: both networks run on the same inputs and weights, in a child process."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from designer.check import check
from designer.child import answer, ask
from designer.document import Design
from designer.errors import UserError
from designer.export.sizes import trace_point
from designer.render import render, write
from designer.weights.checkpoint import read_checkpoint
from designer.weights.file import Entry, Output, Span, read_header
from designer.weights.file import write as write_weights

UNCHANGED = 1e-6  # of the largest magnitude of the output before


@dataclass(frozen=True)
class Comparison:
    """What both networks put out, before any training of what was inserted."""

    max_abs_difference: float
    scale: float
    unchanged: bool
    weights: str
    kept: int
    new: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        return asdict(self)

    def text(self) -> str:
        """Say it to people."""
        verdict = "unchanged" if self.unchanged else "changed"
        return (
            f"output {verdict} at initialisation: max abs difference {self.max_abs_difference:.3g} "
            f"of {self.scale:.3g} ({self.weights}; {self.kept} tensors kept, {len(self.new)} new)"
        )


def compare(
    before: Design, after: Design, weights: Path | None = None, out: Path | None = None
) -> Comparison:
    """Run both designs with the weights of the first; write the weights of the second to `out` where given.

    Without weights every parameter is drawn at random: the zero layers of a fresh network would hide a change.
    Raises UserError when the weights do not fit.
    """
    report = check(before)
    assert report.certificate is not None
    axes = {one.name: {"modulus": one.modulus, "residues": list(one.residues), "low": one.low, "high": one.high} for one in report.certificate.axes}  # fmt: skip
    entries = read_checkpoint(weights) if weights is not None else {}
    with tempfile.TemporaryDirectory(prefix="designer-surgery-") as name:
        folder = Path(name)
        question: dict[str, Any] = {"new": str(folder / "new.safetensors"), "training": dict(before.training)}
        for key, design in (("before", before), ("after", after)):
            rendering = render(design)
            write(rendering, folder / key)
            question[key] = {"source": str(folder / key), "class": rendering.class_name}
            question["inputs"] = rendering.to_json()["inputs"]
        question["point"] = trace_point(axes, before.training.get("sample_shape"))
        question["weights"] = sorted({str(entry.path.resolve()) for entry in entries.values()})
        found = ask("designer.surgery.compare", question, "comparing the networks")
        if out is not None:
            _write(entries, read_header(Path(question["new"])), found["order"], out)
    kind = "given weights" if weights is not None else "weights drawn at random"
    return Comparison(found["difference"], found["scale"], found["difference"] <= UNCHANGED * found["scale"], kind, found["kept"], tuple(found["new"]))  # fmt: skip


def _write(given: dict[str, Entry], new: dict[str, Entry], order: list[str], out: Path) -> None:
    """The tensors of the design after surgery: those given as they are, the new ones as they start."""
    everything = {**new, **given}
    outputs = []
    for name in order:
        entry = everything[name]
        outputs.append(Output(name, entry.dtype, entry.shape, (Span(entry.path, entry.offset, entry.size),)))
    if any(out.exists() and out.samefile(entry.path) for entry in given.values()):
        raise UserError(f"{out}: holds the weights that are read; choose another file for what is written")
    write_weights(out, outputs)


def _run(question: dict[str, Any]) -> dict[str, Any]:
    import torch
    from safetensors.torch import load_file, save_file

    from designer.export.exporter import example_inputs
    from designer.render import load_model

    torch.manual_seed(0)
    before, after = (
        load_model(Path(question[key]["source"]), question[key]["class"])().eval()
        for key in ("before", "after")
    )
    if question["weights"]:
        given = {name: one for path in question["weights"] for name, one in load_file(path).items()}
        try:
            before.load_state_dict(given, strict=True)
        except RuntimeError as error:
            raise UserError(
                f"the weights do not fit the design: {' '.join(str(error).split())[:400]}"
            ) from None
    else:
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in before.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    kept = before.state_dict()
    new = {name: one for name, one in after.state_dict().items() if name not in kept}
    after.load_state_dict({**new, **kept}, strict=True)
    save_file({name: one.contiguous() for name, one in new.items()}, question["new"])
    inputs = example_inputs(question, question["point"], seed=7)
    with torch.no_grad():
        pairs = list(zip(_tensors(before(*inputs.values())), _tensors(after(*inputs.values())), strict=True))
    return {
        "difference": max(float((a - b).abs().max()) for a, b in pairs),
        "scale": max(float(a.abs().max()) for a, _ in pairs),
        "kept": len(kept), "new": list(new), "order": list(after.state_dict()),
    }  # fmt: skip


def _tensors(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [tensor for one in value for tensor in _tensors(one)]
    return [value]


if __name__ == "__main__":
    raise SystemExit(answer(_run))

"""What the parent tells the child process: a plain value, as a JSON file in the run's folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from designer.origin import Known
from designer.train.inputs import InputSpec
from designer.train.options import TrainOptions


@dataclass(frozen=True)
class RunSpec:
    """A run: its folder, the folder of the rendered source, the model's module, class and inputs, the
    options.

    `training` are the design's own training settings; `known` the (definition, node) pairs of the source map,
    `lines` the nodes of each line of the source.
    """

    run_dir: Path
    source: Path
    module: str
    class_name: str
    inputs: tuple[InputSpec, ...]
    options: TrainOptions
    training: Mapping[str, Any] = field(default_factory=dict)
    known: frozenset[Known] = frozenset()
    lines: Mapping[int, list[str]] = field(default_factory=dict)
    design_name: str = ""
    design_hash: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the spec as JSON values."""
        return {
            "run_dir": str(self.run_dir),
            "source": str(self.source),
            "module": self.module,
            "class_name": self.class_name,
            "inputs": [
                {"name": i.name, "role": i.role, "shape": list(i.shape), "dtype": i.dtype}
                for i in self.inputs
            ],
            "options": self.options.to_json(),
            "training": dict(self.training),
            "known": sorted(map(list, self.known)),
            "lines": {str(line): nodes for line, nodes in self.lines.items()},
            "design_name": self.design_name,
            "design_hash": self.design_hash,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "RunSpec":
        """Return the spec from its JSON form."""
        return cls(
            run_dir=Path(value["run_dir"]),
            source=Path(value["source"]),
            module=value["module"],
            class_name=value["class_name"],
            inputs=tuple(map(InputSpec.from_json, value["inputs"])),
            options=TrainOptions.from_json(value["options"]),
            training=value["training"],
            known=frozenset((a, b, c) for a, b, c in value["known"]),
            lines={int(line): nodes for line, nodes in value["lines"].items()},
            design_name=value["design_name"],
            design_hash=value["design_hash"],
        )

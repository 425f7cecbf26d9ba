"""Inputs of a design under the names and in the order of a source's forward."""

from collections.abc import Mapping
from typing import Any


def with_inputs(document: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the document with the inputs of its main definition renamed, in the order of `names` (ours → theirs)."""
    main = document["definitions"][document["main"]]
    ports = {port["name"]: port for port in main["inputs"]}
    renamed = {
        **main,
        "inputs": [{**ports[ours], "name": theirs} for ours, theirs in names.items() if ours in ports],
        "edges": [[names.get(source, source), target] for source, target in main["edges"]],
    }
    return {**document, "definitions": {**document["definitions"], document["main"]: renamed}}

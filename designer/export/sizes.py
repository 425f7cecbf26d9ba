"""Sizes at which an export is traced and compared: inside the certificate, at both ends and between."""

from collections.abc import Mapping
from typing import Any


def admits(axis: Mapping[str, Any], size: int) -> bool:
    """Whether a size lies in an axis of the certificate."""
    high = axis["high"]
    return (
        size >= axis["low"] and (high is None or size <= high) and size % axis["modulus"] in axis["residues"]
    )


def text(axis: Mapping[str, Any]) -> str:
    """Return which sizes an axis admits, for people."""
    residues = " or ".join(map(str, axis["residues"]))
    periodic = f", {residues} modulo {axis['modulus']}" if axis["modulus"] > 1 else ""
    high = "" if axis["high"] is None else f" to {axis['high']}"
    return f"expected {axis['low']}{high or ' or more'}{periodic}"


def near(axis: Mapping[str, Any], wanted: int) -> int:
    """Return the admissible size nearest to `wanted`, larger ones first."""
    for distance in range(4096):
        for size in (wanted + distance, wanted - distance):
            if size > 0 and admits(axis, size):
                return size
    raise ValueError(f"no admissible size near {wanted}")


def trace_point(axes: Mapping[str, Mapping[str, Any]], sample_shape: list[int] | None) -> dict[str, int]:
    """Return sizes for tracing: batch 2 (batch 1 would be specialised), height and width different."""
    height, width = (sample_shape or [0, 16, 16])[-2:]
    wanted = {"B": 2, "H": min(height, 64), "W": min(width, 64)}
    point = {name: near(axis, wanted.get(name, 9 + index)) for index, (name, axis) in enumerate(axes.items())}
    if "H" in point and point.get("W") == point["H"]:
        axis = axes["W"]
        smaller = point["W"] - axis["modulus"]
        point["W"] = (
            smaller
            if admits(axis, smaller) and smaller > axis["modulus"]
            else near(axis, point["W"] + axis["modulus"])
        )
    return point


def comparison_points(
    axes: Mapping[str, Mapping[str, Any]], traced: Mapping[str, int]
) -> list[dict[str, int]]:
    """Return sizes for comparison: batches 1 to 4, the smallest sizes, the traced ones, larger ones."""
    points = []
    for index, batch in enumerate((1, 2, 3, 4)):
        point = {}
        for name, axis in axes.items():
            smallest, usual = near(axis, axis["low"]), traced[name]
            larger = near(axis, usual + 2 * axis["modulus"])
            point[name] = (
                batch
                if name == "B"
                else (smallest, usual, larger, near(axis, (smallest + usual) // 2))[index]
            )
        points.append(point)
    return points

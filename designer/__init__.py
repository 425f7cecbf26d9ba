"""Diffusion Architecture Designer: design, check, render, smoke-train, export and serve diffusion networks.

from designer import load, check, summarize, render, train, export_onnx, serve
"""

from typing import TYPE_CHECKING, Any

from designer.check import check
from designer.document import Design, dumps, load, loads, save
from designer.errors import UserError
from designer.presets import build, presets
from designer.render import render, write
from designer.summary import summarize

if TYPE_CHECKING:
    from designer.export import export_onnx
    from designer.serve import serve
    from designer.train import train

__version__ = "0.1.0"
__all__ = [
    "Design",
    "UserError",
    "build",
    "check",
    "dumps",
    "export_onnx",
    "load",
    "loads",
    "presets",
    "render",
    "save",
    "serve",
    "summarize",
    "train",
    "write",
]

# Functions that pull in torch, onnxruntime or a web server: imported when first asked for.
_LAZY = {"export_onnx": "designer.export", "serve": "designer.serve", "train": "designer.train"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'designer' has no attribute {name!r}")

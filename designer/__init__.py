"""Diffusion Architecture Designer: design, check, render, smoke-train, export and serve diffusion networks.

from designer import load, check, summarize, render, train, export_onnx, serve
"""

from designer.check import check
from designer.document import Design, dumps, load, loads, save
from designer.errors import UserError
from designer.export import export_onnx
from designer.presets import build, presets
from designer.render import render, write
from designer.serve import serve
from designer.summary import summarize
from designer.train import train
from designer.version import __version__

__all__ = [
    "Design",
    "UserError",
    "__version__",
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

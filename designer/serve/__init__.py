"""Serving exported models over the Open Inference Protocol v2.

Importing this package imports neither onnxruntime nor a web server.
"""

from pathlib import Path

__all__ = ["serve"]


def serve(directory: str | Path, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve the exports in `directory` until interrupted.

    Raises UserError when the folder holds no model, a model cannot be loaded, or the port is taken.
    """
    from designer.serve.server import run_server

    run_server(Path(directory), host, port)

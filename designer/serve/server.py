"""The server process: loads the models, binds the port, serves until interrupted."""

import contextlib
import socket
from pathlib import Path

from designer.errors import UserError


def run_server(directory: Path, host: str, port: int) -> None:
    """Serve a folder. Raises UserError when it holds no model or the port cannot be bound."""
    import uvicorn

    from designer.serve.repository import Repository
    from designer.serve.routes import create_app

    repository = Repository(directory)
    listener = _bind(host, port)
    for model in repository.all():
        inputs = ", ".join(f"{one['name']} {one['datatype']}{one['shape']}" for one in model.inputs.values())
        print(
            f"{model.name} version {model.version}: {inputs} on {model.session.get_providers()[0]}",
            flush=True,
        )
    print(f"designer: serving http://{host}:{listener.getsockname()[1]}/v2", flush=True)
    config = uvicorn.Config(create_app(repository), log_level="warning", timeout_graceful_shutdown=20)
    with contextlib.suppress(KeyboardInterrupt):  # raised again by uvicorn, after it has drained
        uvicorn.Server(config).run(sockets=[listener])


def _bind(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)  # from here on clients wait instead of being refused
    except (OSError, OverflowError) as error:
        listener.close()
        raise UserError(
            f"port {port} on {host} cannot be used ({error}); choose another with --port"
        ) from None
    return listener

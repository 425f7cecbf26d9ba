"""The Open Inference Protocol v2 over HTTP: health, metadata, inference, statistics."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from designer.serve.repository import Model, Repository
from designer.serve.tensors import InferenceError, decode, encode
from designer.version import __version__

MAX_BODY = 256 * 1024 * 1024
MAX_WAITING = 256
Handler = Callable[[Request], Awaitable[Response]]


class Routes:
    """The handlers over one repository; `workers` inferences run at once, `max_waiting` requests are held."""

    def __init__(self, repository: Repository, workers: int, max_body: int, max_waiting: int) -> None:
        self.repository = repository
        self.slots = asyncio.Semaphore(workers)
        self.waiting = 0
        self.max_body = max_body
        self.max_waiting = max_waiting

    async def live(self, _: Request) -> Response:
        """The process answers."""
        return Response(status_code=200)

    async def server_metadata(self, _: Request) -> Response:
        """Name, version and extensions of the server."""
        extensions = ["binary_tensor_data", "model_configuration", "model_repository", "statistics"]
        return JSONResponse(
            {"name": "diffusion-architecture-designer", "version": __version__, "extensions": extensions}
        )

    def model(self, request: Request) -> Model:
        """The model that a path names. Raises HTTPException 404."""
        try:
            return self.repository.get(request.path_params["name"], request.path_params.get("version", ""))
        except KeyError as error:
            raise HTTPException(404, str(error.args[0])) from None

    async def model_ready(self, request: Request) -> Response:
        """The model is loaded."""
        self.model(request)
        return Response(status_code=200)

    async def model_metadata(self, request: Request) -> Response:
        """Inputs and outputs of a model."""
        return JSONResponse(self.model(request).metadata())

    async def model_config(self, request: Request) -> Response:
        """The model's configuration."""
        return JSONResponse(self.model(request).config())

    async def index(self, _: Request) -> Response:
        """Every model of the folder."""
        models = self.repository.all()
        return JSONResponse([{"name": one.name, "version": one.version, "state": "READY"} for one in models])

    async def statistics(self, request: Request) -> Response:
        """Requests and time of one model, or of all."""
        models = [self.model(request)] if "name" in request.path_params else self.repository.all()
        return JSONResponse({"model_stats": [_statistics(one) for one in models]})

    async def infer(self, request: Request) -> Response:
        """Run a model."""
        model = self.model(request)
        if self.waiting >= self.max_waiting:
            raise HTTPException(503, f"{self.max_waiting} requests are waiting already; try again later")
        self.waiting += 1
        try:
            content, headers = await self._answer(model, request)
        except InferenceError as error:
            raise HTTPException(400, str(error)) from None
        finally:
            self.waiting -= 1
        return Response(content, headers=headers)

    async def _answer(self, model: Model, request: Request) -> tuple[bytes, dict[str, str]]:
        decoded = decode(await self._body(request), _header_length(request))
        names = decoded.outputs or list(model.outputs)
        async with self.slots:
            run = partial(model.infer, decoded.feeds, names)
            values = await asyncio.get_running_loop().run_in_executor(None, run)
        return encode(names, values, decoded, model.name, model.version)

    async def _body(self, request: Request) -> bytes:
        """Read the body, no more of it than is allowed. Raises HTTPException 413."""
        parts, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > self.max_body:
                raise HTTPException(413, f"the request is larger than {self.max_body // 2**20} MB")
            parts.append(chunk)
        body = b"".join(parts)
        encoding = request.headers.get("content-encoding", "")
        return _inflate(body, encoding, self.max_body) if encoding else body


def _inflate(body: bytes, encoding: str, limit: int) -> bytes:
    if encoding not in ("gzip", "deflate"):
        raise HTTPException(415, f"content encoding {encoding!r}; expected gzip or deflate")
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16 if encoding == "gzip" else zlib.MAX_WBITS)
    try:
        data = inflate.decompress(body, limit)
    except (zlib.error, gzip.BadGzipFile):
        raise HTTPException(400, f"the body is not valid {encoding}") from None
    if inflate.unconsumed_tail:
        raise HTTPException(413, f"the request is larger than {limit // 2**20} MB when unpacked")
    return data


def _header_length(request: Request) -> int | None:
    text = request.headers.get("inference-header-content-length")
    if text is None:
        return None
    if not text.isdigit():
        raise HTTPException(400, f"Inference-Header-Content-Length: {text!r} is not a number")
    return int(text)


def _statistics(model: Model) -> dict[str, Any]:
    counts = model.statistics
    nanoseconds = int(counts.seconds * 1e9)
    return {
        "name": model.name,
        "version": model.version,
        "inference_count": counts.succeeded,
        "execution_count": counts.succeeded,
        "inference_stats": {
            "success": {"count": counts.succeeded, "ns": nanoseconds},
            "fail": {"count": counts.failed, "ns": 0},
        },
    }


async def _error(_: Request, error: Exception) -> Response:
    """Every refusal is a JSON object {"error": …}."""
    assert isinstance(error, HTTPException)
    return Response(json.dumps({"error": error.detail}), error.status_code, media_type="application/json")


async def _fault(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "internal error; the server's log says more"}, 500)


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)


def create_app(
    repository: Repository, workers: int = 1, max_body: int = MAX_BODY, max_waiting: int = MAX_WAITING
) -> Starlette:
    """Return the application that serves a repository: `max_body` is in bytes; past `max_waiting` it answers 503."""
    routes = Routes(repository, workers, max_body, max_waiting)
    table: list[Route] = [
        Route("/v2", routes.server_metadata),
        Route("/v2/health/live", routes.live),
        Route("/v2/health/ready", routes.live),
        Route("/v2/models/stats", routes.statistics),
        Route("/v2/repository/index", routes.index, methods=["POST"]),
    ]
    for base in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        table += [
            Route(base, routes.model_metadata),
            Route(f"{base}/ready", routes.model_ready),
            Route(f"{base}/config", routes.model_config),
            Route(f"{base}/stats", routes.statistics),
            Route(f"{base}/infer", routes.infer, methods=["POST"]),
        ]
    handlers: dict[Any, Any] = {HTTPException: _error, ClientDisconnect: _gone, Exception: _fault}
    return Starlette(routes=table, exception_handlers=handlers)

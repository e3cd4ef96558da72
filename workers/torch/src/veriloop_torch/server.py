"""HTTP on the leader, by the standard library: GET /health at once, every POST through a queue to the main thread."""

from __future__ import annotations

import hmac
import json
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import PROTOCOL
from .errors import WorkerError
from .protocol import Request, parse

_MAX_BODY = 1 << 20
_STATUS = {"usage": 400, "config": 400, "data": 400, "checkpoint": 400, "tool": 500, "worker": 500, "bug": 500}


@dataclass
class Job:
    """A request on its way through the main thread."""

    request: Request
    done: threading.Event = field(default_factory=threading.Event)
    reply: dict | None = None
    error: WorkerError | None = None

    def finish(self, reply: dict | None, error: WorkerError | None) -> None:
        self.reply, self.error = reply, error
        self.done.set()


class Server:
    """Listens as soon as it is made; `jobs` is what the main thread works through, one after the other."""

    def __init__(self, host: str, port: int, token: str | None, health: Callable[[], dict]) -> None:
        self.jobs: queue.Queue[Job] = queue.Queue()
        handler = type("Handler", (_Handler,), {"jobs": self.jobs, "health": staticmethod(health), "token": token})
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server_class = type("HttpServer", (ThreadingHTTPServer,), {"address_family": family, "daemon_threads": True})
        try:
            self._http = server_class((host, port), handler)
        except OSError as error:
            raise WorkerError(
                "tool", f"cannot serve on {host}:{port}: {error.strerror or error}", "choose another --port, or 0 for any"
            ) from error
        self._thread = threading.Thread(target=self._http.serve_forever, name="http", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._http.server_address[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    jobs: queue.Queue[Job]
    health: Callable[[], dict]
    token: str | None
    protocol_version = "HTTP/1.1"
    timeout = 60  # of reading a request; replies may take as long as they need

    def do_GET(self) -> None:
        if not self._admitted():
            return
        if self.path != "/health":
            return self._refuse(404, WorkerError("usage", f"GET {self.path}: no such call; there is /health"))
        self._send(200, self.health())

    def do_POST(self) -> None:
        if not self._admitted():
            return
        try:
            request = parse(self.path, self._body())
        except WorkerError as error:
            return self._refuse(_STATUS[error.code], error)
        job = Job(request)
        self.jobs.put(job)
        job.done.wait()
        if job.error is not None:
            return self._refuse(_STATUS[job.error.code], job.error)
        self._send(200, job.reply)

    def _admitted(self) -> bool:
        if self.token is not None:
            given = self.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
                self._refuse(401, WorkerError("usage", "expected the worker's token as Authorization: Bearer"))
                return False
        return True

    def _body(self):
        # A web page can make a browser post plain text to this machine, but not JSON.
        if self.headers.get_content_type() != "application/json":
            raise WorkerError("usage", f"expected Content-Type application/json, got {self.headers.get_content_type()}")
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _MAX_BODY:
            self.close_connection = True
            raise WorkerError("usage", f"expected a Content-Length up to {_MAX_BODY}, got {length or 'none'}")
        try:
            return json.loads(self.rfile.read(int(length)))
        except ValueError as error:
            raise WorkerError("usage", f"the body is not JSON: {error}") from error

    def _refuse(self, status: int, error: WorkerError) -> None:
        self.close_connection = True  # what is left of the body is not read
        self._send(status, {"error": error.to_json()})

    def _send(self, status: int, value: dict | None) -> None:
        text = json.dumps({"protocol": PROTOCOL, **(value or {})}, allow_nan=False, default=str).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(text)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has gone; a repeated step gets the stored reply

    def log_message(self, *args) -> None:
        pass

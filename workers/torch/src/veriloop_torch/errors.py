"""The one error type of the worker. Codes are those of the control plane (its table maps them to exit codes)."""

from __future__ import annotations

CODES = ("bug", "usage", "config", "data", "checkpoint", "tool", "worker")

EXIT_CODES = {"bug": 1, "usage": 2, "config": 2, "data": 3, "checkpoint": 3, "tool": 4, "worker": 6}
"""Exit code of a worker that cannot start."""

EXIT_OUT_OF_MEMORY = 12
"""Exit code of a rank that ran out of device memory where the other ranks cannot be told (several ranks)."""


class WorkerError(Exception):
    """Says what was expected, what was got and where; `hint` says what to change next."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        assert code in CODES, code
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def to_json(self) -> dict:
        return {"code": self.code, "message": self.message, "hint": self.hint}

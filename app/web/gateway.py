"""What the pages ask of the gateway."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx


class TroubleError(Exception):
    """The gateway did not do it: its status (503 when it does not answer) and what it said."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Gateway:
    client: httpx.AsyncClient
    url: str

    async def register(self, email: str, password: str) -> None:
        await self._ask("POST", "/auth/register", {"email": email, "password": password})

    async def login(self, email: str, password: str) -> str:
        """Return a token."""
        said = await self._ask("POST", "/auth/login", {"email": email, "password": password})
        return str(said["token"])

    async def conversations(self, token: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._ask("GET", "/conversations", token=token)
        return found

    async def conversation(self, token: str, conversation_id: int) -> dict[str, Any]:
        path = f"/conversations/{conversation_id}"
        found: dict[str, Any] = await self._ask("GET", path, token=token)
        return found

    async def create(self, token: str, title: str) -> int:
        return int((await self._ask("POST", "/conversations", {"title": title}, token))["id"])

    async def say(self, token: str, conversation_id: int, content: str) -> None:
        path = f"/conversations/{conversation_id}/messages"
        await self._ask("POST", path, {"content": content}, token)

    async def _ask(
        self, method: str, path: str, content: dict[str, str] | None = None, token: str = ""
    ) -> Any:  # noqa: ANN401 - JSON
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.url}/api/v1{path}"
        try:
            answer = await self.client.request(method, url, json=content, headers=headers)
            said = answer.json()
        except (httpx.TransportError, ValueError):
            raise TroubleError(503, "The service does not answer. Please try again.") from None
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            raise TroubleError(answer.status_code, _readable(said.get("detail", "")))
        return said


def _readable(detail: object) -> str:
    """Return an error's text for people; of several fields, a sentence each."""
    if isinstance(detail, list):
        problems = (f"{found['loc'][-1]}: {found['msg'].lower()}" for found in detail)
        return "; ".join(problems).replace("value error, ", "").capitalize() + "."
    return f"{str(detail).capitalize()}."

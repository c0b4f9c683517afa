"""The routes of kb: documents and the search in them. Who may ask is the gateway's business."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, HTTPException, Query, Response
from pydantic import BaseModel, StringConstraints

from app import health
from app.kb.folder import Folder, PathError
from app.kb.ranking import rank
from app.service import assemble
from app.settings import Environ, RefusedError


class Content(BaseModel):
    content: Annotated[str, StringConstraints(max_length=500_000)]


class Document(BaseModel):
    path: str
    content: str


class Found(BaseModel):
    path: str
    score: float
    snippet: str


@dataclass(frozen=True, slots=True)
class Documents:
    """Not `async`: files are read in threads, beside the event loop."""

    folder: Folder

    def all(self) -> list[str]:
        return self.folder.paths()

    def show(self, path: str) -> Document:
        content = self._allowed(path).read(path)
        if content is None:
            raise HTTPException(404, "there is no such document")
        return Document(path=path, content=content)

    def put(self, path: str, asked: Content, response: Response) -> Document:
        """201 for a new document, 200 for one that was there."""
        try:
            new = self._allowed(path).write(path, asked.content)
        except PathError as error:
            raise HTTPException(409, str(error)) from None
        response.status_code = 201 if new else 200
        return Document(path=path, content=asked.content)

    def remove(self, path: str) -> Response:
        if not self._allowed(path).remove(path):
            raise HTTPException(404, "there is no such document")
        return Response(status_code=204)

    def search(self, q: Annotated[str, Query(min_length=1, max_length=200)]) -> list[Found]:
        return [Found(**asdict(hit)) for hit in rank(q, self.folder.documents())]

    def _allowed(self, path: str) -> Folder:
        try:
            self.folder.file(path)
        except PathError as error:
            raise HTTPException(400, str(error)) from None
        return self.folder


def application(environ: Environ) -> FastAPI:
    """Make the service. `RefusedError` when KB_ROOT is not there and cannot be made."""
    root = Path(environ.text("KB_ROOT"))
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f"KB_ROOT: {error}") from None
    documents = Documents(Folder(root.resolve()))

    async def readable() -> None:
        await asyncio.to_thread(os.listdir, root)

    router = APIRouter()
    one = "/documents/{path:path}"
    router.add_api_route("/documents", documents.all, methods=["GET"])
    router.add_api_route(one, documents.show, methods=["GET"])
    router.add_api_route(one, documents.put, methods=["PUT"])
    router.add_api_route(one, documents.remove, methods=["DELETE"], status_code=204)
    router.add_api_route("/search", documents.search, methods=["GET"])
    return assemble("kb", environ, router, health.Needs({"folder": readable}))

"""The pages for people; so far only /health."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from app.service import assemble
from app.settings import Environ


def application(environ: Environ) -> FastAPI:
    return assemble("web", environ, APIRouter(), {})

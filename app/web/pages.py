"""Pages from templates. Values are escaped, and a browser is told to run no script anyway."""

from __future__ import annotations

from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.web.session import EMAIL, FORM, form_token

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FOLDER = Path(__file__).with_name("templates")
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")


def page(request: Request, template: str, status: int = 200, **values: object) -> HTMLResponse:
    """Return a page with forms. It knows who is signed in and what its forms must send back."""
    form_token(request)
    return _rendered(request, template, status, values)


def trouble(request: Request, text: str, status: int) -> HTMLResponse:
    """Return a page that says what is wrong. It sets no cookie.

    A form that another site sends comes without ours: a new one would sign the visitor out.
    """
    return _rendered(request, "wrong.html", status, {"text": text})


def _rendered(
    request: Request, template: str, status: int, values: dict[str, object]
) -> HTMLResponse:
    found = _TEMPLATES.get_template(template).render(
        form=request.session.get(FORM, ""), email=request.session.get(EMAIL, ""), **values
    )
    return HTMLResponse(found, status, headers=_HEADERS)

"""Where a form leads when its act is done: back to where it was, and what is said there."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi.responses import RedirectResponse, Response

from tocsin.web.dashboard.viewers import Posted


def back(form: Posted, otherwise: str, said: str, **more: str) -> Response:
    """To the page of ours that the form names in `next`, with the word of what was done."""
    parts = urlsplit(inside(form.text("next"), otherwise))
    kept = [(name, value) for name, value in parse_qsl(parts.query)
            if name not in {"said", *more, "undo"}]  # fmt: skip
    query = urlencode([*kept, ("said", said), *((name, v) for name, v in more.items() if v)])
    anchor = f"#{parts.fragment}" if parts.fragment else ""
    return RedirectResponse(f"{parts.path}?{query}{anchor}", 303)


def inside(address: str, otherwise: str) -> str:
    """The address if it is a page of ours, else the other one: nobody is led away from here."""
    if not address.startswith("/ui/") or "\\" in address or not address.isprintable():
        return otherwise
    return otherwise if urlsplit(address).netloc else address

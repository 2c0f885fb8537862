"""The page at /docs: every path with its example, ready to be sent; needs no other host."""

import json
from importlib import resources
from typing import Any

import jinja2
from fastapi.responses import HTMLResponse

# The page may talk to its own service only.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"


def docs_page(description: dict[str, Any]) -> HTMLResponse:
    """The page.

    Args:
        description: The OpenAPI description of the app.
    """
    text = resources.files("rankkit.serving.http").joinpath("docs.html").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(text)
    operations = [
        {
            "method": method.upper(),
            "path": path,
            "summary": operation.get("summary", ""),
            "example": _example(operation),
            "answers": {status: answer["description"] for status, answer in operation["responses"].items()},
        }
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    ]
    page = template.render(operations=operations, version=description["info"]["version"])
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"})


def _example(operation: dict[str, Any]) -> str | None:
    if "requestBody" not in operation:
        return None
    return json.dumps(operation["requestBody"]["content"]["application/json"]["example"], indent=1, ensure_ascii=False)

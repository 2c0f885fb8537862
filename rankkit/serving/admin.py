"""admin_app(): what is asked on a port of its own, which is off unless it is named."""

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from rankkit.serving.answers import Answers
from rankkit.serving.service import Service


def admin_app(service: Service | Answers) -> FastAPI:
    """``POST /admin/reload``.

    Args:
        service: What is administered.
    """
    app = FastAPI(title="rankkit administration", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/admin/reload")
    async def reload() -> Response:
        done = await service.reload()
        kept = any(reloaded.outcome == "kept" for reloaded in done.values())
        content = {name: {"outcome": reloaded.outcome, "text": reloaded.text} for name, reloaded in done.items()}
        return JSONResponse({"models": content}, 409 if kept else 200)

    return app

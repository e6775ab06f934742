"""Routes for those who run the exchange: health and figures."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import func, select

from emixcli.server.api.deps import Site, SiteArg
from emixcli.server.tables import about, outbox, packages

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def get_health() -> dict[str, Any]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def get_ready(site: SiteArg) -> dict[str, Any]:
    """The database answers as well."""
    with site.exchange.read() as work:
        work.one(select(about.c.value).where(about.c.name == "secrets"))
    return {"status": "ready"}


@router.get("/metrics", response_class=Response)
def get_metrics(site: SiteArg) -> Response:
    """Figures in Prometheus' text format; none of them is about one user."""
    _collect(site)
    content_type = "text/plain; version=0.0.4; charset=utf-8"
    return Response(site.metrics.expose(), headers={"Content-Type": content_type})


def _collect(site: Site) -> None:
    with site.exchange.read() as work:
        query = select(
            packages.c.state,
            func.count().label("n"),
            func.sum(packages.c.reserved).label("reserved"),
        )
        rows = work.all(query.group_by(packages.c.state))
        waiting = work.connection.execute(select(func.count()).select_from(outbox)).scalar_one()
    site.metrics.packages.clear()
    for row in rows:
        site.metrics.packages.labels(state=row.state).set(row.n)
    site.metrics.stored.set(sum(int(row.reserved or 0) for row in rows))
    site.metrics.outbox.set(waiting)

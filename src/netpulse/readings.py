"""What a scrape looks at, read off the services; in the event loop, and nothing waits."""

from __future__ import annotations

import platform

import netpulse
from netpulse import logs
from netpulse.limits import KINDS
from netpulse.metrics.reading import ConnectionReading, DeviceReading, Reading, StoreReading
from netpulse.services import Services


def read(services: Services) -> Reading:
    """The services as they are now."""
    settings, inventory = services.settings, services.settings.inventory
    return Reading(
        version=netpulse.__version__,
        python=platform.python_version(),
        draining=services.draining,
        devices=_devices(services),
        maintenance={router.slug: router.maintenance is not None for router in inventory.routers},
        connections=tuple(
            ConnectionReading(
                router.slug,
                connection.id,
                connection.name,
                connection.type or "",
                "" if connection.asn is None else str(connection.asn),
            )
            for router in inventory.routers
            for connection in router.connections
        ),
        route_sources=tuple(
            dict.fromkeys((router.slug, source.device.key) for router in inventory.routers for source in router.routes)
        ),
        runs=services.pipeline.runs.live,
        streams=services.seats.taken,
        most_streams=settings.limits.streams,
        store=_store(services),
        limited={kind: services.windows.refused.get(kind, 0) for kind in KINDS},
        log_lines_dropped=logs.dropped(),
    )


def _devices(services: Services) -> tuple[DeviceReading, ...]:
    posts = {post.device.key: post for post in services.pool.posts()}
    places = services.settings.limits.queue_places
    found = []
    for key, device in services.settings.inventory.devices().items():
        post = posts.get(key)
        sessions, waiting = (post.slots.taken, post.slots.waiting) if post else (0, 0)
        is_open = post is not None and post.breaker.open
        found.append(DeviceReading(key, sessions, device.max_sessions, waiting, places, is_open))
    return tuple(found)


def _store(services: Services) -> StoreReading:
    writer, audit = services.store.database.writer, services.store.audit
    rows, oldest_s = writer.waiting("audit", "audit ends")
    return StoreReading(
        audit_rows=rows,
        oldest_audit_s=oldest_s,
        audit_failures=audit.failures,
        audit_lost=writer.lost_rows["audit"] + writer.lost_rows["audit ends"],
        results_lost=writer.lost_rows["results"],
        queued_bytes=writer.queued_bytes,
        writable=writer.failing is None,
    )

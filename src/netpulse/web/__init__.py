"""The only door to the network: HTTP in, HTTP out.

    server           a process that listens, reloads and ends as it should
    protocol         HTTP as bytes: what is too large, too slow or not HTTP never reaches anything below
    app              every path of the service
    gate             who asks, and whether they may now: the front of /api/v1
    api              the paths of /api/v1, made from the matrix; `plans` remembers what route questions lead to
    stream           answers that are told while they happen
    inventory_views  routers and connections as a caller may see them
    saved            stored results, read again
    openapi          the same paths as a document; `answers` and `schemas` are its parts
    health           whether the process lives, and whether it can serve
    exchange         one request and its answer; `clients` says who is at the other end
    waiting          waiting that ends when the client leaves

This folder is the only place that knows starlette and uvicorn.
"""

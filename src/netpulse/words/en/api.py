"""The customer's API documentation."""

WORDS = {
    "api.title": "Customer API Documentation",
    "api.contact": "Contact {contact} to request API access.",
    "api.contents": "Contents",
    "api.auth": "Authentication",
    "api.auth.text": (
        "Every request carries your key in the header below. It was shown once, when it was made; never put "
        "it into a URL. Every reason for a refused key gets the same answer, 401."
    ),
    "api.limits": "Rate limits",
    "api.limits.text": (
        "A key may ask {n} times a minute unless agreed otherwise. A question to all routers counts once for "
        "each. Every answer tells where you stand:"
    ),
    "api.limits.limit": "requests allowed in a minute",
    "api.limits.remaining": "requests left now",
    "api.limits.reset": "whole seconds until one more is admitted if none is left, else until the limit is whole",
    "api.limits.retry": "with 429: whole seconds after which to ask again",
    "api.parameters": "Parameters",
    "api.parameter": "Parameter",
    "api.required": "Required",
    "api.meaning": "Meaning",
    "api.yes": "yes",
    "api.no": "no",
    "api.streams": "Streams and plain text",
    "api.streams.text": (
        "With Accept: text/event-stream the same URL tells what happens while it happens: started, queued, "
        "output, found, then finished or failed. Last-Event-ID continues a broken stream within 5 seconds "
        "without a new question."
    ),
    "api.text.text": "With Accept: text/plain the answer is the router's own text and a short summary.",
    "api.errors": "Errors",
    "api.status": "Status",
}

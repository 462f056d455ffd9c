"""The customer's API documentation."""

WORDS = {
    "api.title": "API-Dokumentation für Kunden",
    "api.contact": "Zugang zur API gibt es bei {contact}.",
    "api.contents": "Inhalt",
    "api.auth": "Anmeldung",
    "api.auth.text": (
        "Jede Anfrage trägt Ihren Schlüssel in dieser Kopfzeile. Er wurde einmal gezeigt, als er entstand; er"
        " gehört nie in eine URL. Jeder Grund für einen abgelehnten Schlüssel bekommt dieselbe Antwort, 401."
    ),
    "api.limits": "Grenzen",
    "api.limits.text": (
        "Ein Schlüssel darf {n}-mal in der Minute fragen, wenn nichts anderes vereinbart ist. Eine Frage an "
        "alle Router zählt für jeden einmal. Jede Antwort sagt, wie es steht:"
    ),
    "api.limits.limit": "erlaubte Anfragen in einer Minute",
    "api.limits.remaining": "jetzt noch übrige Anfragen",
    "api.limits.reset": (
        "ganze Sekunden, bis eine weitere zugelassen wird, wenn keine übrig ist, sonst bis die Grenze wieder "
        "ganz frei ist"
    ),
    "api.limits.retry": "bei 429: ganze Sekunden, nach denen man wieder fragt",
    "api.parameters": "Parameter der Anfrage",
    "api.parameter": "Parameter",
    "api.required": "Nötig",
    "api.meaning": "Bedeutung",
    "api.yes": "ja",
    "api.no": "nein",
    "api.streams": "Ströme und Text",
    "api.streams.text": (
        "Mit Accept: text/event-stream erzählt dieselbe URL, was geschieht, während es geschieht: started, "
        "queued, output, found, dann finished oder failed. Last-Event-ID setzt einen abgerissenen Strom "
        "binnen 5 Sekunden ohne neue Frage fort."
    ),
    "api.text.text": "Mit Accept: text/plain ist die Antwort der Text des Routers und eine kurze Zusammenfassung.",
    "api.errors": "Fehler",
    "api.status": "Status",
}

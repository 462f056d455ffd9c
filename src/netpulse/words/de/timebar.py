"""Where the time of a traceroute goes."""

WORDS = {
    "timebar.title": "Wo die {time} ms bleiben",
    "timebar.off": "AS-Suche war aus",
    "timebar.off.text": "Zu welchen Netzen diese Hops gehören, wurde nicht nachgeschlagen.",
    "timebar.off.link": "Mit AS-Suche fragen",
    "timebar.how": "Median der Proben. Ein Hop, der schneller antwortet als einer vor ihm, fügt 0 hinzu.",
    "timebar.label": "Zeit, die jeder Hop hinzufügt:",
    "timebar.hop": "Hop {hop} {time} ms",
    "timebar.mark": "Hop {hop} +{time}",
    "timebar.private": "private Adresse",
    "timebar.unknown": "Netz nicht bekannt",
    "timebar.silent": "keine Antwort",
    "timebar.added": "Dazu ms",
    "timebar.probes": "{scale}, ein Strich je Probe",
    "timebar.also": "auch",
    "timebar.timeout": "keine Antwort in der Zeit",
    "timebar.note": "eine Bemerkung des Routers",
    "timebar.note.!H": "Host nicht erreichbar",
    "timebar.note.!N": "Netz nicht erreichbar",
    "timebar.note.!P": "Protokoll nicht erreichbar",
    "timebar.note.!X": "administrativ verboten",
}

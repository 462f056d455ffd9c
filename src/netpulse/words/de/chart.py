"""Pictures of a result."""

WORDS = {
    "chart.ping.label": "Umlaufzeit je Probe in Millisekunden: {answered} von {sent} Proben wurden beantwortet",
    "chart.ping.lost": "verloren",
    "chart.ping.probe": "Probe {seq}: {time} ms",
    "chart.ping.probe.lost": "Probe {seq}: verloren",
    "chart.ping.average": "Mittel {time} ms",
}

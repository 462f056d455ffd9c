"""Pictures of a result."""

WORDS = {
    "chart.ping.label": "Round-trip time per probe in milliseconds: {answered} of {sent} probes were answered",
    "chart.ping.lost": "lost",
    "chart.ping.probe": "Probe {seq}: {time} ms",
    "chart.ping.probe.lost": "Probe {seq}: lost",
    "chart.ping.average": "avg {time} ms",
}

"""Where the time of a traceroute goes."""

WORDS = {
    "timebar.title": "Where the {time} ms go",
    "timebar.off": "AS lookup was off",
    "timebar.off.text": "The networks of these hops were not looked up.",
    "timebar.off.link": "Ask with AS lookup",
    "timebar.how": "Median of the probes. A hop that answers faster than one before it adds 0.",
    "timebar.label": "Added time per hop:",
    "timebar.hop": "hop {hop} {time} ms",
    "timebar.mark": "hop {hop} +{time}",
    "timebar.private": "private address",
    "timebar.unknown": "network not known",
    "timebar.silent": "no answer",
    "timebar.added": "Added ms",
    "timebar.probes": "{scale}, one tick per probe",
    "timebar.also": "also",
    "timebar.timeout": "no answer in time",
    "timebar.note": "a remark of the router",
    "timebar.note.!H": "host unreachable",
    "timebar.note.!N": "network unreachable",
    "timebar.note.!P": "protocol unreachable",
    "timebar.note.!X": "administratively prohibited",
}

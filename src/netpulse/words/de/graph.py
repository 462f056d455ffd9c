"""The AS-path graph."""

from netpulse.words.forms import Plural

WORDS = {
    "graph.title": "Graph der AS-Pfade",
    "graph.label": "Graph der AS-Pfade, verschiebbar",
    "graph.desc": "Von links nach rechts: unsere Router, Netze auf dem Weg, Ursprung. Die Tabelle darunter sagt dasselbe.",
    "graph.desc.down": "Von oben nach unten: unsere Router, Netze auf dem Weg, Ursprung. Die Tabelle darunter sagt dasselbe.",
    "graph.routers": "Unsere Router",
    "graph.neighbours": "Nachbarn",
    "graph.origin": "Ursprung",
    "graph.node": Plural("{name}, auf {n} Pfad", "{name}, auf {n} Pfaden"),
    "graph.set": "AS-Menge",
    "graph.confed": "Konföderation",
    "graph.confed_set": "Konföd.-Menge",
    "graph.legend.best": "Bester Pfad",
    "graph.legend.other": "Alternative",
    "graph.legend.second": "Zweiter Ursprung",
    "graph.legend.learned": "woher er gelernt wurde",
    "graph.legend.prepend": "mal hintereinander im Pfad",
    "graph.left_out": Plural(
        "{n} Pfad, der nicht der beste ist, fehlt im Bild", "{n} Pfade, die nicht die besten sind, fehlen im Bild"
    ),
    "graph.too_large": Plural(
        "{n} Pfad hat zu viele Netze für einen Graphen; er steht in der Tabelle",
        "{n} Pfade haben zu viele Netze für einen Graphen; sie stehen in der Tabelle",
    ),
    "graph.hint": "Auf ein Netz zeigen oder mit Tab gehen, um seinen Pfaden zu folgen",
    "graph.text": Plural("{n} Pfad als Text", "{n} Pfade als Text"),
    "graph.text.best": "bester",
}

"""The AS-path graph."""

from netpulse.words.forms import Plural

WORDS = {
    "graph.title": "Graph der AS-Pfade",
    "graph.label": "Graph der AS-Pfade, verschiebbar",
    "graph.desc": "Von links nach rechts: unsere Router, Netze auf dem Weg, Ursprung. Die Tabelle darunter sagt dasselbe.",
    "graph.routers": "Unsere Router",
    "graph.origin": "Ursprung",
    "graph.legend.best": "Dicke Linie: bester Pfad",
    "graph.legend.other": "Dünne Linie: weiterer Pfad",
    "graph.legend.second": "Gestrichelt: anderer Ursprung",
    "graph.legend.prepend": "×3: steht dreimal im Pfad",
    "graph.left_out": Plural("{n} Pfad, der nicht der beste ist, fehlt", "{n} Pfade, die nicht die besten sind, fehlen"),
}

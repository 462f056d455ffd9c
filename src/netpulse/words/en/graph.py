"""The AS-path graph."""

from netpulse.words.forms import Plural

WORDS = {
    "graph.title": "AS-path graph",
    "graph.label": "AS-path graph, scrollable",
    "graph.desc": "Left to right: our routers, the networks on the way, the origin. The same is in the table below.",
    "graph.routers": "Our routers",
    "graph.origin": "Origin",
    "graph.legend.best": "Thick line: best path",
    "graph.legend.other": "Thin line: another path",
    "graph.legend.second": "Dashed: another origin",
    "graph.legend.prepend": "×3: stands three times in the path",
    "graph.left_out": Plural("{n} path that is not the best is not drawn", "{n} paths that are not the best are not drawn"),
}

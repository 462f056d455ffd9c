"""The AS-path graph."""

from netpulse.words.forms import Plural

WORDS = {
    "graph.title": "AS-path graph",
    "graph.label": "AS-path graph, scrollable",
    "graph.desc": "Left to right: our routers, the networks on the way, the origin. The same is in the table below.",
    "graph.desc.down": "Top to bottom: our routers, the networks on the way, the origin. The same is in the table below.",
    "graph.routers": "Our routers",
    "graph.neighbours": "Neighbours",
    "graph.origin": "Origin",
    "graph.node": Plural("{name}, on {n} path", "{name}, on {n} paths"),
    "graph.set": "AS set",
    "graph.confed": "Confederation",
    "graph.confed_set": "Confed. set",
    "graph.legend.best": "Best path",
    "graph.legend.other": "Alternate",
    "graph.legend.second": "Second origin",
    "graph.legend.learned": "how it was learned",
    "graph.legend.prepend": "times in a row in the path",
    "graph.left_out": Plural(
        "{n} path that is not the best is not drawn", "{n} paths that are not the best are not drawn"
    ),
    "graph.too_large": Plural(
        "{n} path has too many networks for a graph; the table has it",
        "{n} paths have too many networks for a graph; the table has them",
    ),
    "graph.hint": "Point at or tab to a network to follow its paths",
    "graph.text": Plural("{n} path as text", "{n} paths as text"),
    "graph.text.best": "best",
}

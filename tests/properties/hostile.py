"""What strangers and devices may send, as strategies: any text, pieces of known attacks, good values with one fault."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from netpulse.special_purpose import GLOBAL_V6, SPECIAL_V4, SPECIAL_V6
from netpulse.values import Address

CAPTURES = Path(__file__).parents[1] / "captures"


def abuse() -> list[dict[str, Any]]:
    """The collection of hostile inputs: field, value, the status it must get, and why it is there."""
    lines = (Path(__file__).parents[1] / "abuse" / "corpus.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def written(value: object) -> str:
    """The text of a case; `{"$repeat": [text, n]}` is the text n times."""
    if isinstance(value, dict):
        text, times = value["$repeat"]
        return str(text) * int(times)
    return value if isinstance(value, str) else json.dumps(value)


ATTACKS = sorted({written(case["v"]) for case in abuse()})
TOKENS = sorted(
    {token[:40] for text in ATTACKS for token in re.findall(r"[0-9A-Za-z.:]+|[^0-9A-Za-z.:]", text)}
    | set(
        "8.8.8.8 2001:4860:4860::8888 dns.google /24 /0 ::ffff: %eth0 -f source count rapid { } \r\n \x00 \u202e".split(
            " "
        )
    )
)

_EDGES = sorted(
    {edge for block, _ in SPECIAL_V4 for edge in (int(block[0]) - 1, int(block[0]), int(block[-1]), int(block[-1]) + 1)}
)
_EDGES_6 = sorted(
    {
        edge
        for block in (GLOBAL_V6, *(block for block, _ in SPECIAL_V6))
        for edge in (int(block[0]) - 1, int(block[-1]) + 1)
    }
)
v4: st.SearchStrategy[IPv4Address] = st.one_of(
    st.integers(0, (1 << 32) - 1), st.sampled_from([edge for edge in _EDGES if 0 <= edge < 1 << 32])
).map(IPv4Address)
v6: st.SearchStrategy[IPv6Address] = st.one_of(
    st.integers(0, (1 << 128) - 1),
    st.integers(0, (1 << 125) - 1).map(lambda low: low | 1 << 125),
    st.builds(lambda high, low: high << 112 | low, st.integers(0x2000, 0x3FFF), st.integers(0, 1 << 20)),
    st.sampled_from(_EDGES_6),
).map(IPv6Address)
addresses: st.SearchStrategy[Address] = st.one_of(v4, v6)


@st.composite
def good(draw: st.DrawFn) -> str:
    """A target that is taken: an address, a prefix, a host name."""
    kind = draw(st.sampled_from("address prefix host".split()))
    if kind == "host":
        labels = draw(
            st.lists(st.sampled_from(["dns", "a", "0", "a-b", "xn--bcher-kva", "x" * 63]), min_size=1, max_size=4)
        )
        return ".".join([*labels, draw(st.sampled_from(["net", "de", "xn--p1ai"]))])
    address = draw(addresses)
    if kind == "address":
        return str(address)
    length = draw(st.integers(8, 32) if address.version == 4 else st.integers(16, 128))
    return str(ip_network((address, length), strict=False))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A good target with one fault: something put in, taken out or changed."""
    text = draw(good())
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 2)))
    piece = draw(st.one_of(st.sampled_from(TOKENS), st.characters(), st.just("")))
    return text[:start] + piece + text[end:]


targets = st.one_of(
    st.text(max_size=300),
    st.sampled_from(ATTACKS),
    st.lists(st.sampled_from(TOKENS), max_size=8).map("".join),
    mutated(),
    good(),
)
"""Whatever may stand in the place of a target."""


def _device_lines() -> list[str]:
    return sorted({line for path in CAPTURES.rglob("*.out") for line in path.read_text("utf-8").splitlines()})


LINES = _device_lines()
WORDS = sorted({word for line in LINES for word in re.findall(r"\s+|[^\s]+", line)})
CONTROLS = (
    "\x1b[2J \x1b]0;x\x07 \x9b31m \x90 \x9c \x1b \x07 \r \r\n \x00 \x08 \u202e \u2066 \u200b \ufeff \u2028 \u00ad "
    '\U000e0041 \ufffd 1e308 NaN -1 99999999999999999999 { [ ( } ] ) " \\ , :'
).split(" ")

device_lines = st.one_of(
    st.sampled_from(LINES),
    st.lists(st.sampled_from([*WORDS, *CONTROLS]), max_size=12).map("".join),
    st.text(max_size=80),
    st.text('0123456789.:/ *[](){}"\\,', max_size=80),
)
"""A line such as a device prints, or would if it were broken or hostile."""

device_bytes = st.one_of(
    st.binary(max_size=400),
    st.lists(
        st.one_of(device_lines.map(lambda text: text.encode("utf-8", "surrogatepass")), st.binary(max_size=8)),
        max_size=20,
    ).map(b"\n".join),
)
"""What arrives from a device, before anything was done to it."""

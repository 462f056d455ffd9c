"""The kinds of values a configuration holds: text in, safe value out, with a remedy when it is not one.

Everything of these that reaches a device's command line has a closed alphabet.
"""

from __future__ import annotations

import base64
import binascii
import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from netpulse import values
from netpulse.values import Address, Prefix

KEY_TYPES = (
    "ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 ssh-rsa "
    "sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com"
).split()

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HOST_LABELS = re.compile(
    r"\A(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\Z", re.ASCII
)
_STANDARD_COMMUNITY = re.compile(r"\A(\d{1,5}):(\d{1,5})\Z", re.ASCII)
_LARGE_COMMUNITY = re.compile(r"\A(\d{1,10}):(\d{1,10}):(\d{1,10})\Z", re.ASCII)


def shown(value: Any) -> str:
    """The value for a sentence: short, on one line, text in quotes."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a block of settings"
    if not isinstance(value, str):
        return str(value)
    text = _CONTROL.sub("?", value)
    return f'"{text}"' if len(text) <= 40 else f'"{text[:37]}…"'


def _one_line(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("must be text on one line without control characters")
    return text


def _address(value: Any) -> Address:
    if isinstance(value, IPv4Address | IPv6Address):
        return value
    found = values.address(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"must be an IP address like 192.0.2.1 or 2001:db8::1, is {shown(value)}")
    return found


def _address_v4(value: Any) -> IPv4Address:
    found = values.address(value) if isinstance(value, str) else value
    if not isinstance(found, IPv4Address):
        raise ValueError(f"must be an IPv4 address like 192.0.2.1, is {shown(value)}")
    return found


def _address_v6(value: Any) -> IPv6Address:
    found = values.address(value) if isinstance(value, str) else value
    if not isinstance(found, IPv6Address):
        raise ValueError(f'must be an IPv6 address like "2001:db8::1", is {shown(value)}')
    return found


def _prefix(value: Any) -> Prefix:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        found = values.prefix(value) if isinstance(value, str) else None
    except ValueError:
        right = ip_network(value, strict=False)
        raise ValueError(f"has bits set beyond its length; write {right}") from None
    if found is None:
        raise ValueError(f"must be a prefix like 192.0.2.0/24 or 2001:db8::/32, is {shown(value)}")
    return found


def _prefix_v4(value: Any) -> IPv4Network:
    found = _prefix(value)
    if not isinstance(found, IPv4Network):
        raise ValueError(f"must be an IPv4 prefix like 192.0.2.0/24, is {shown(value)}")
    return found


def _prefix_v6(value: Any) -> IPv6Network:
    found = _prefix(value)
    if not isinstance(found, IPv6Network):
        raise ValueError(f'must be an IPv6 prefix like "2001:db8::/64", is {shown(value)}')
    return found


def _place(value: Any) -> Address | Prefix:
    if isinstance(value, IPv4Address | IPv6Address | IPv4Network | IPv6Network):
        return value
    literal = values.address(value) if isinstance(value, str) else None
    return literal or _prefix(value)


def _space(value: Any) -> Prefix:
    found = _place(value)
    return found if isinstance(found, IPv4Network | IPv6Network) else ip_network(found)


def _endpoint(value: Any) -> tuple[str, int]:
    if isinstance(value, tuple):
        return value
    form = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]*)):([0-9]{1,5})", value) if isinstance(value, str) else None
    host = (form[1] or form[2]) if form else ""
    if (
        form is None
        or not is_host(host)
        or not 0 <= int(form[3]) <= 65535
        or (form[1] and values.address(host) is None)
    ):
        raise ValueError(f'must be ADDRESS:PORT like 127.0.0.1:8080 or "[::1]:8080", is {shown(value)}')
    return host, int(form[3])


def _resolver(value: Any) -> tuple[str, int]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, str) and values.address(value) is not None:
        return value, 53
    host, port = _endpoint(value)
    if values.address(host) is None or port == 0:
        raise ValueError(f'must be the address of a name server like 192.0.2.53 or "[::1]:53", is {shown(value)}')
    return host, port


def is_host(text: str) -> bool:
    """Whether this is a literal address or a name that a resolver can be asked for; single labels are fine here."""
    return values.address(text) is not None or bool(_HOST_LABELS.match(text) and not re.fullmatch(r"[0-9.]+", text))


def _host(text: str) -> str:
    if not is_host(text):
        raise ValueError(f"must be a host name or an IP address, is {shown(text)}")
    return text


def _host_key(text: str) -> str:
    words = text.split()
    if words and words[0] not in KEY_TYPES and len(words) > 1 and words[1] in KEY_TYPES:
        raise ValueError(f"begins with {shown(words[0])}; remove it, the line begins with the key type {words[1]}")
    if len(words) < 2 or words[0] not in KEY_TYPES:
        raise ValueError(
            f"must be a public host key, TYPE BASE64 as `ssh-keyscan` prints after the name, is {shown(text)}"
        )
    try:
        blob = base64.b64decode(words[1], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"the text after {words[0]} is not whole base64; paste the complete line") from None
    name = words[0].encode()
    if blob[: 4 + len(name)] != len(name).to_bytes(4, "big") + name or len(blob) < 4 + len(name) + 32:
        raise ValueError(f"the text after {words[0]} is not a key of that type; paste the complete line")
    return " ".join(words)


def _community(text: str) -> str:
    for form, most in ((_STANDARD_COMMUNITY, 0xFFFF), (_LARGE_COMMUNITY, 0xFFFFFFFF)):
        found = form.match(text)
        if found and all(int(part) <= most for part in found.groups()):
            return ":".join(str(int(part)) for part in found.groups())
    raise ValueError(f"must be a community like 64500:100 or 64500:1:100, is {shown(text)}")


def _web_link(text: str) -> str:
    try:
        url = urlsplit(text)
        fits = url.scheme in ("http", "https") and is_host(url.hostname or "") and text.isascii() and " " not in text
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"must be a link like https://www.example.com/terms, is {shown(text)}")
    return text


def _origin(text: str) -> str:
    try:
        url = urlsplit(text)
        fits = url.scheme in ("http", "https") and is_host(url.hostname or "") and url.port != 0
    except ValueError:
        fits = False
    if not fits or url.path not in ("", "/") or url.query or url.fragment or "@" in url.netloc or "?" in text:
        raise ValueError(f"must be an origin like https://lg.example.com, without a path, is {shown(text)}")
    return f"{url.scheme}://{url.netloc.lower()}"


def _named(text: str, form: str, what: str) -> str:
    if not re.fullmatch(form, text, re.ASCII):
        raise ValueError(f"{what}, is {shown(text)}")
    return text


def _slug(text: str) -> str:
    return _named(text, r"[a-z0-9][a-z0-9_-]{0,62}", "must be small letters, digits, - and _, at most 63 of them")


def _user(text: str) -> str:
    return _named(text, r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", "must be a login name")


def _bird_symbol(text: str) -> str:
    return _named(text, r"[A-Za-z_][A-Za-z0-9_]{0,63}", "must be a BIRD name (letters, digits and _)")


def _instance(text: str) -> str:
    return _named(text, r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "must be a name of letters, digits, _, . and -")


def _colour(text: str) -> str:
    return _named(text, r"#[0-9A-Fa-f]{6}", 'must be a colour like "#0b5a99", in quotes').lower()


def _language(text: str) -> str:
    return _named(text, r"[a-z]{2,3}(-[A-Z]{2})?", "must be a language like en or pt-BR")


def _text_schema(hint: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": hint})


Asn = Annotated[int, Field(ge=1, le=4294967295)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)]
PathText = Annotated[str, StringConstraints(min_length=1, max_length=4096), AfterValidator(_one_line)]
AnyAddress = Annotated[Address, BeforeValidator(_address), _text_schema("An IP address")]
AddressV4 = Annotated[IPv4Address, BeforeValidator(_address_v4), _text_schema("An IPv4 address")]
AddressV6 = Annotated[IPv6Address, BeforeValidator(_address_v6), _text_schema("An IPv6 address")]
PrefixV4 = Annotated[IPv4Network, BeforeValidator(_prefix_v4), _text_schema("An IPv4 prefix")]
PrefixV6 = Annotated[IPv6Network, BeforeValidator(_prefix_v6), _text_schema("An IPv6 prefix")]
AddressOrPrefix = Annotated[Address | Prefix, BeforeValidator(_place), _text_schema("An IP address or prefix")]
Space = Annotated[Prefix, BeforeValidator(_space), _text_schema("An IP prefix, or one address")]
Endpoint = Annotated[tuple[str, int], BeforeValidator(_endpoint), _text_schema("ADDRESS:PORT")]
NameServer = Annotated[tuple[str, int], BeforeValidator(_resolver), _text_schema("ADDRESS or ADDRESS:PORT")]
Host = Annotated[str, AfterValidator(_host)]
HostKey = Annotated[str, AfterValidator(_host_key)]
Community = Annotated[str, AfterValidator(_community)]
WebLink = Annotated[str, StringConstraints(max_length=500), AfterValidator(_web_link)]
Origin = Annotated[str, AfterValidator(_origin)]
Slug = Annotated[str, AfterValidator(_slug)]
User = Annotated[str, AfterValidator(_user)]
BirdSymbol = Annotated[str, AfterValidator(_bird_symbol)]
Instance = Annotated[str, AfterValidator(_instance)]
Colour = Annotated[str, AfterValidator(_colour)]
Language = Annotated[str, AfterValidator(_language)]

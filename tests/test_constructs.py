"""Constructs that never appear, read from the syntax trees: shells, evaluated text, trust in any host, raw HTML."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "netpulse"
SCRIPTS = ROOT / "frontend" / "js"

EVALUATING = frozenset({"eval", "exec", "compile", "__import__"})
UNSAFE_MODULES = frozenset({"pickle", "marshal", "shelve", "dill", "yaml", "telnetlib", "paramiko"})
"""Modules that run what they read, or speak to routers without checking who answers."""

FORMATTED = frozenset(
    {
        "web/openapi.py _EVENTS",
        "lab/router_shell.py NO_SHELL",
        "lab/junos_run.py VERSION",
        "lab/junos_cli.py unknown",
        "cli/demo.py _TRY",
        "logs.py self._made",
        "cli/parse.py msgspec.json",
    }
)
"""Where `.format(` may be called, and on what: templates of ours, and two methods that only share the name."""

MARKUP_HOMES: frozenset[str] = frozenset()
"""Files that may mark text as HTML that needs no escaping; those that do make it of escaped parts."""

COMMAND_HOMES = ("platforms/", "queries/", "lab/")
"""Where a text that begins like a router's command may have values put into it."""

_COMMAND = re.compile(r"\A\s*(?:ping6?|traceroute6?|show|mtr|vtysh|birdc) [^:]*\Z")
_RAW_HTML = re.compile(
    r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|createContextualFragment)\b|\beval\("
)


def forbidden(package: Path) -> list[str]:
    """Every construct that this program never uses, whatever the reason of the day."""
    faults: list[str] = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        faults += [f"{name}:{line} {what}" for line, what in _found(name, tree)]
    for path in sorted(package.rglob("*")):
        if path.suffix in {".html", ".jinja", ".j2", ".xml", ".svg"}:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if re.search(r"\|\s*safe\b|autoescape\s+false", line):
                    faults.append(f"{path.relative_to(package).as_posix()}:{number} turns escaping off")
    return faults


def _found(name: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        what = _forbidden(node) or _in_its_place(name, node)
        if what:
            yield getattr(node, "lineno", 0), what


def _forbidden(node: ast.AST) -> str | None:
    match node:
        case ast.keyword(arg="shell", value=ast.Constant(value=value)) if value:
            return "runs a shell"
        case ast.keyword(arg="known_hosts", value=ast.Constant(value=None)):
            return "accepts any host key"
        case ast.Attribute(attr=attr) | ast.Name(id=attr) if attr in ("AutoAddPolicy", "InsecureIgnoreHostKey"):
            return "accepts any host key"
        case ast.Attribute(value=ast.Name(id="os"), attr="system" | "popen"):
            return "runs a shell"
        case (
            ast.Attribute(attr="create_subprocess_shell" | "subprocess_shell" | "getoutput" | "getstatusoutput")
            | ast.alias(name="create_subprocess_shell" | "getoutput" | "getstatusoutput")
        ):
            return "runs a shell"
        case ast.ImportFrom(module="os", names=names) if any(alias.name in ("system", "popen") for alias in names):
            return "runs a shell"
        case ast.Call(func=ast.Name(id=called)) if called in EVALUATING:
            return f"evaluates text with {called}"
        case ast.Import(names=names) if any(alias.name.split(".")[0] in UNSAFE_MODULES for alias in names):
            return "imports a module that runs what it reads"
        case ast.ImportFrom(module=str(module), level=0) if module.split(".")[0] in UNSAFE_MODULES:
            return "imports a module that runs what it reads"
        case ast.keyword(arg="typ", value=ast.Constant(value="unsafe")):
            return "builds any object that a file names"
        case ast.Attribute(attr="format_map"):
            return "puts values into a text by their names"
        case ast.Attribute(attr="BaseHTTPMiddleware") | ast.alias(name="BaseHTTPMiddleware"):
            return "wraps requests in BaseHTTPMiddleware, which breaks streams and disconnects"
        case ast.Attribute(value=ast.Attribute(attr="url"), attr="path"):
            return "trusts request.url.path, which depends on the Host header; use the scope's path"
        case ast.ExceptHandler(type=kind, body=[ast.Pass()]) if _is_broad(kind):
            return "swallows every exception"
        case _:
            return None


def _in_its_place(name: str, node: ast.AST) -> str | None:
    """What is allowed in some files only."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="format")) if not isinstance(value, ast.Constant):
            place = f"{name} {ast.unparse(value)}"
            return None if place in FORMATTED else f"formats a text that may be a stranger's: {ast.unparse(value)}"
        case ast.Call(func=ast.Name(id="Markup") | ast.Attribute(attr="Markup")) if name not in MARKUP_HOMES:
            return "marks text as HTML that needs no escaping"
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]) if not name.startswith(COMMAND_HOMES):
            return "builds a command outside a cell" if _COMMAND.match(text) else None
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Add() | ast.Mod()) if not name.startswith(
            COMMAND_HOMES
        ):
            return "builds a command outside a cell" if _COMMAND.match(text) else None
        case _:
            return None


def _is_broad(kind: ast.expr | None) -> bool:
    return kind is None or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException"))


def raw_html(folder: Path) -> list[str]:
    """Every line of a script that turns text into HTML or into code."""
    return [
        f"{path.relative_to(folder).as_posix()}:{number} makes HTML or code of text"
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".js", ".mjs", ".ts"}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _RAW_HTML.search(line)
    ]


def test_nothing_runs_a_shell_trusts_any_host_evaluates_text_or_turns_escaping_off() -> None:
    assert forbidden(SOURCE) == []


def test_no_script_makes_html_or_code_of_text() -> None:
    assert list(SCRIPTS.rglob("*.js"))
    assert raw_html(SCRIPTS) == []
    assert raw_html(SOURCE) == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("errors.py", "subprocess.run(words, shell=True)"),
        ("errors.py", "os.system(words)"),
        ("errors.py", "from os import popen"),
        ("errors.py", "await asyncio.create_subprocess_shell(words)"),
        ("errors.py", "subprocess.getoutput(words)"),
        ("errors.py", "asyncssh.connect(host, known_hosts=None)"),
        ("errors.py", "client.set_missing_host_key_policy(ssh.AutoAddPolicy())"),
        ("errors.py", "from starlette.middleware.base import BaseHTTPMiddleware"),
        ("errors.py", "where = request.url.path"),
        ("errors.py", "try:\n    f()\nexcept Exception:\n    pass"),
        ("errors.py", "eval(text)"),
        ("errors.py", "exec(text)"),
        ("errors.py", "import pickle"),
        ("errors.py", "from yaml import load"),
        ("errors.py", "YAML(typ='unsafe')"),
        ("errors.py", "sentence.format(target=target)"),
        ("errors.py", "'{a}'.format_map(given)"),
        ("errors.py", "Markup(text)"),
        ("pool.py", "f'ping {target} count 5'"),
        ("pool.py", "'show route ' + target"),
        ("pool.py", "'show route %s' % target"),
    ],
)
def test_a_forbidden_construct_is_found(tmp_path: Path, name: str, line: str) -> None:
    (tmp_path / name).write_text(line + "\n")
    assert len(forbidden(tmp_path)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "f'{target} is not a target'",
        "'{} of {}'.format(1, 2)",
        "re.compile('a')",
        "host.evaluate(text)",
        "f'show: {x}'",
    ],
)
def test_what_only_looks_alike_is_left_alone(tmp_path: Path, line: str) -> None:
    (tmp_path / "errors.py").write_text(line + "\n")
    assert forbidden(tmp_path) == []


def test_a_cell_may_build_a_command(tmp_path: Path) -> None:
    (tmp_path / "platforms").mkdir()
    (tmp_path / "platforms" / "new.py").write_text("f'ping {target}'\n")
    assert forbidden(tmp_path) == []


def test_a_template_without_escaping_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>{{ name }}</p>\n<p>{{ output | safe }}</p>\n")
    assert forbidden(tmp_path) == ["page.html:2 turns escaping off"]


def test_a_script_that_makes_html_of_text_is_found(tmp_path: Path) -> None:
    (tmp_path / "live.js").write_text("const a = 1\nnode.innerHTML = text\n")
    assert raw_html(tmp_path) == ["live.js:2 makes HTML or code of text"]

"""`netpulse init`: asks for the first router and writes a commented configuration that loads."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from netpulse.config.example import FirstFile

BAD_FILE = 78


def init(
    config: Annotated[Path, typer.Option("--config", "-c", help="The file to write.")] = Path("netpulse.yaml"),
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; take the options and defaults.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    organization: Annotated[str | None, typer.Option(help="Who runs this looking glass.")] = None,
    asn: Annotated[int | None, typer.Option(help="Your AS number.")] = None,
    router: Annotated[str | None, typer.Option(help="The first router's name.")] = None,
    platform: Annotated[str | None, typer.Option(help="Its platform: junos, linux, frr …")] = None,
    host: Annotated[str | None, typer.Option(help="Its host name or address; none means this host.")] = None,
    user: Annotated[str | None, typer.Option(help="The login on it.")] = None,
    key_file: Annotated[str | None, typer.Option(help="The private key; a new one is made if it is missing.")] = None,
    host_key: Annotated[str | None, typer.Option(help="Its public host key, TYPE BASE64.")] = None,
    connection: Annotated[str | None, typer.Option(help="The name of its first connection.")] = None,
    connection_type: Annotated[str | None, typer.Option(help="IX, TRANSIT, PEER or CUSTOMER.")] = None,
    connection_asn: Annotated[int | None, typer.Option(help="The neighbour's AS number.")] = None,
    source_ipv4: Annotated[str | None, typer.Option(help="IPv4 source address of that connection.")] = None,
    source_ipv6: Annotated[str | None, typer.Option(help="IPv6 source address of that connection.")] = None,
) -> None:
    """Ask for the first router and write a commented netpulse.yaml."""
    from netpulse.config.example import FirstFile

    given = {
        "organization": organization,
        "asn": asn,
        "router": router,
        "platform": platform,
        "host": host,
        "user": user,
        "key_file": key_file,
        "host_key": host_key,
        "connection": connection,
        "connection_type": connection_type,
        "connection_asn": connection_asn,
        "source_ipv4": source_ipv4,
        "source_ipv6": source_ipv6,
    }
    answers = replace(FirstFile(), **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    raise typer.Exit(init_command(config, answers, force=force, ask=None if yes else ask_person))


def init_command(
    path: Path, answers: FirstFile, *, force: bool = False, ask: Callable[[FirstFile], FirstFile] | None = None
) -> int:
    """Writes the file, and a key pair if the key it names is missing. 0, 1 if it cannot be written, 78 if it would not load.

    `ask` completes the answers; without it nothing is asked.
    """
    from netpulse.config import faults_in
    from netpulse.config.example import first_file

    if path.exists() and not force:
        print(f"{path} is there already; use --force to overwrite it, or --config to name another", file=sys.stderr)
        return 1
    if ask is not None:
        answers = ask(answers)
    key_file = path.absolute().parent / answers.key_name
    try:
        public_key = _provide_key(key_file, answers) if answers.host else None
    except OSError as fault:
        print(f"the key file {answers.key_name} cannot be written: {fault.strerror}; check the folder", file=sys.stderr)
        return 1
    text = first_file(answers)
    faults = faults_in(text, path)
    if faults:
        if public_key:  # made a moment ago, because a missing key would have been a fault too
            key_file.unlink()
            key_file.with_name(f"{key_file.name}.pub").unlink()
        print("\n".join(f"{fault.path}: {fault.text}" for fault in faults), file=sys.stderr)
        print("nothing was written; run init again with other answers", file=sys.stderr)
        return BAD_FILE
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        print(f"{path} cannot be written: {fault.strerror}; check the folder", file=sys.stderr)
        return 1
    print(f"{path} is written. Next:")
    if answers.host:
        print(f"  netpulse account {answers.slug} --config {path}   # the login to enter on the router")
    print(f"  netpulse check --config {path}\n  netpulse serve --config {path}")
    if public_key:
        print(f"The router must let in this public key for {answers.user}:\n{public_key}")
    return 0


def _provide_key(key_file: Path, answers: FirstFile) -> str | None:
    """Makes the key pair if there is none; the public key if one was made."""
    from netpulse.transports.ssh import new_key

    if key_file.exists():
        return None
    key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    private, public = new_key(f"netpulse {answers.slug}")
    with open(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(private)
    key_file.with_name(f"{key_file.name}.pub").write_text(f"{public}\n", encoding="ascii")
    return public


def ask_person(answers: FirstFile) -> FirstFile:
    """Asks in the terminal; what an option already answered is the offer."""
    from netpulse import cells

    names = ", ".join(sorted(cells.discover().platforms))
    organization = typer.prompt("Your organization", answers.organization)
    asn = _number("Your AS number (empty if none)", answers.asn)
    router = typer.prompt("Name of the first router", answers.router)
    platform = typer.prompt(f"Its platform ({names})", answers.platform)
    answers = replace(answers, organization=organization, asn=asn, router=router, platform=platform)
    host = _words("Its host name or address (empty: this host)", answers.host)
    if host:
        answers = replace(answers, host=host, user=typer.prompt("Login on it", answers.user))
        key_file = typer.prompt("Private key (a new one is made if it is missing)", answers.key_name)
        answers = replace(answers, key_file=key_file)
    connection = _words("Name of its first connection, for example a transit (empty: none)", answers.connection)
    if not connection:
        return answers
    kind = typer.prompt("Its type (IX, TRANSIT, PEER, CUSTOMER)", answers.connection_type).upper()
    return replace(
        answers,
        connection=connection,
        connection_type=kind,
        connection_asn=None if kind == "IX" else _number("The neighbour's AS number", answers.connection_asn),
        source_ipv4=_words("Source IPv4 address of that connection (empty: none)", answers.source_ipv4),
        source_ipv6=_words("Source IPv6 address of that connection (empty: none)", answers.source_ipv6),
    )


def _words(question: str, offer: str | None) -> str | None:
    return typer.prompt(question, offer or "", show_default=bool(offer)).strip() or None


def _number(question: str, offer: int | None) -> int | None:
    while True:
        text = _words(question, str(offer) if offer else None)
        if text is None or (text.isascii() and text.isdigit()):
            return int(text) if text else None
        typer.echo("Please answer with a number.")

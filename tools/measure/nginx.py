"""nginx with the file that is shipped, in front of a server on loopback; only names, ports and a certificate are put into it."""

from __future__ import annotations

import asyncio
import datetime
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from measure.glass import last_words

_FILE = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "netpulse.conf"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@dataclass(frozen=True)
class Nginx:
    """Where it answers over TLS, and whom to trust there."""

    host: str
    port: int
    trusted: Path

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.trusted)


@asynccontextmanager
async def nginx_before(folder: Path, program: Path, upstream: int) -> AsyncIterator[Nginx]:
    """nginx in front of this port of loopback; it is gone at the end."""
    plain, tls = free_ports(2)
    with (folder / "nginx.log").open("wb") as log:
        starting = await asyncio.create_subprocess_exec(
            *nginx_command(folder, program, upstream, plain, tls),
            stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        if await starting.wait():
            raise RuntimeError(f"nginx did not start: {last_words(folder / 'nginx.log')}")
    try:
        yield Nginx("localhost", tls, folder / "cert.pem")
    finally:
        os.kill(int((folder / "pid").read_text()), signal.SIGTERM)


def nginx_command(folder: Path, program: Path, upstream: int, plain: int, tls: int) -> list[str]:
    """The command that starts it with its files in this folder; it ends when nginx listens."""
    text = _FILE.read_text()
    pem, private = certificate(folder)
    for old, new in (
        ("server 127.0.0.1:8080;", f"server 127.0.0.1:{upstream};"),
        ("    listen 80;\n    listen [::]:80;\n", f"    listen 127.0.0.1:{plain};\n"),
        ("    listen 443 ssl http2;\n    listen [::]:443 ssl http2;\n", f"    listen 127.0.0.1:{tls} ssl http2;\n"),
        ("/etc/ssl/netpulse/CERTIFICATE.pem", str(pem)),
        ("/etc/ssl/netpulse/KEY.pem", str(private)),
        ("LG.EXAMPLE.COM", "localhost"),
    ):
        if old not in text:
            raise RuntimeError(f"{_FILE.name} has no {old.strip()!r} any more")
        text = text.replace(old, new)
    (folder / "site.conf").write_text(text)
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in _TEMPORARY)
    (folder / "nginx.conf").write_text(
        ("user root;\n" if os.geteuid() == 0 else "")
        + f"worker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{ worker_connections 8192; }}\n"
        + f"http {{\naccess_log off;\n{temporary}include {folder}/site.conf;\n}}\n"
    )
    return [str(program), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pem, private


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(sock.getsockname()[1]) for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports

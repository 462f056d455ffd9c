"""Files that the configuration names: where they are, and whether a private key is kept as one."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Mapping
from pathlib import Path

_LARGEST_KEY_BYTES = 64 * 1024


def named_file(folder: Path, name: str) -> Path:
    """The file a setting names; a relative name starts at the folder of the configuration file."""
    return folder / Path(name).expanduser()


def secret_file(folder: Path, name: str, environment: Mapping[str, str]) -> Path:
    """The file of a secret: the credential of that name that systemd handed over, else the one beside the configuration.

    Credentials are flat. `keys/core1` is looked for in $CREDENTIALS_DIRECTORY as `keys_core1`, which is what
    `LoadCredential=keys:FOLDER` makes of a folder's files, and as `core1`. They come first: the file that they were read
    from is often beside the configuration, where only root may read it.
    """
    beside = named_file(folder, name)
    handed_over = environment.get("CREDENTIALS_DIRECTORY")
    if handed_over and not Path(name).is_absolute():
        for credential in ("_".join(Path(name).parts), beside.name):
            # Asked of the folder's list: a path that may not be searched raises where one might expect False.
            if credential in _names_in(Path(handed_over)):
                return Path(handed_over) / credential
    return beside


def _names_in(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def key_fault(key_file: Path, *, is_credential: bool) -> str | None:
    """What is wrong with a private key file and what to do, or None. Looks at mode and form, never shows content."""
    try:
        facts = key_file.stat()
        if not stat.S_ISREG(facts.st_mode):
            return f"{key_file} is not a file; name the private key file"
        content = key_file.read_bytes()[:_LARGEST_KEY_BYTES]
    except FileNotFoundError:
        return f'there is no key file {key_file}; make one with: ssh-keygen -t ed25519 -N "" -f {key_file}'
    except OSError as fault:
        who = os.geteuid()
        return f"the key file {key_file} cannot be read by user {who} ({(fault.strerror or '').lower()}); give it that owner"
    form_fault = _form_fault(content, key_file)
    if form_fault:
        return form_fault
    mode = stat.S_IMODE(facts.st_mode)
    # systemd shows its access list as group bits, and a secret of root is often shared with the service's own group.
    group_may_read = is_credential or facts.st_uid == 0
    if mode & (0o027 if group_may_read else 0o077):
        return f"the key file {key_file} is open to others (mode {mode:04o}); do: chmod 600 {key_file}"
    return None


def _form_fault(content: bytes, key_file: Path) -> str | None:
    head, _, rest = content.strip().partition(b"\n")
    if not head.startswith(b"-----BEGIN ") or b"PRIVATE KEY-----" not in head:
        if head.startswith((b"ssh-", b"ecdsa-", b"sk-")):
            return f"{key_file} is a public key; name the private key file, the one without .pub"
        return f"{key_file} is not a private key in OpenSSH or PEM form; make one with ssh-keygen"
    locked = f"the key in {key_file} has a passphrase; remove it with: ssh-keygen -p -f {key_file}"
    if b"ENCRYPTED" in head or b"ENCRYPTED" in rest[:200]:
        return locked
    if b"OPENSSH" in head:
        try:
            blob = base64.b64decode(b"".join(rest.partition(b"-----END")[0].split()), validate=True)
        except binascii.Error:
            return f"{key_file} is damaged: its text is not base64; copy the file again"
        magic = b"openssh-key-v1\0"
        if not blob.startswith(magic):
            return f"{key_file} is damaged: it does not begin like an OpenSSH key; copy the file again"
        if not blob.startswith(magic + b"\0\0\0\x04none"):
            return locked
    return None

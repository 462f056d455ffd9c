"""The user that runs us, as far as a library insists on a name for it."""

from __future__ import annotations

import getpass
import os
from pathlib import Path


def have_a_name() -> None:
    """See to it that this process's user has a name and a home.

    asyncssh asks for both, for configuration files that we do not read, and gives up where nobody knows them. A container's
    user is often a bare number. Anything will do: the login's own name is given with every connection.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = "netpulse"
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/nonexistent"

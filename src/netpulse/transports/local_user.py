"""The user that runs us, as far as a library insists on a name for it."""

from __future__ import annotations

import getpass
import os


def have_a_name() -> None:
    """See to it that this process's user has a name.

    asyncssh asks for it, for configuration files that we do not read, and gives up where nobody knows it. A container's
    user is often a bare number. Any name will do: the login's own is given with every connection.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = "netpulse"

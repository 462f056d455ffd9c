"""A server process for tests: `python server_process.py FOLDER [netpulse.yaml]`; without a file its router is a recording.

The recorded ping prints a line and then nothing for a minute. Prints the port, alone on a line, once it answers.
"""

from __future__ import annotations

import json
import sys
from ipaddress import ip_address
from pathlib import Path

from netpulse import config, logs
from netpulse.inventory import Connection, Device, Inventory, Recording, Router
from netpulse.settings import Settings
from netpulse.web import server

COMMAND = "ping -4 -n -c 5 -W 1 -I 203.0.113.1 8.8.8.8"
LINE = "64 bytes from 8.8.8.8: icmp_seq=1 ttl=61 time=1.50 ms"


def recorded(folder: Path) -> Settings:
    recording = folder / "recording.json"
    recording.write_text(json.dumps({"router:core1": {COMMAND: [[0.0, LINE + "\n"], [60.0, "late\n"]]}}))
    device = Device(key="router:core1", platform="linux", reach=Recording(recording))
    connection = Connection(id=1, name="Transit", type="TRANSIT", source_ipv4=ip_address("203.0.113.1"))
    router = Router("core1", "Router core1", "DC1", "box", "linux", device, connections=(connection,))
    return Settings(inventory=Inventory((router,)), storage=f"sqlite:///{folder / 'test.db'}")


def main() -> None:
    folder = Path(sys.argv[1])
    path = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    settings = recorded(folder) if path is None else config.load(path)
    logs.configure(as_json=True)
    sockets = [server.bound_socket("127.0.0.1", 0)]
    server.run(settings, path, sockets=sockets, ready=lambda addresses: print(addresses[0][1], flush=True))


if __name__ == "__main__":
    main()

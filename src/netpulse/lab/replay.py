"""The lab without the lab: the same routers, answering from what was recorded of them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from netpulse import config
from netpulse.lab import config_file
from netpulse.lab import topology as net
from netpulse.settings import Settings
from netpulse.transports.recording import Recorded

RECORDING = Path(__file__).with_name("recording.json")
BANNER = "These answers were recorded earlier in a small Internet of our own; no router is asked now."


def replay_settings(
    listen: tuple[str, int], storage: str = "sqlite:///netpulse.db", recording: Path = RECORDING
) -> Settings:
    """Settings under which every device of the lab answers from the recording, and names are the lab's own.

    Nothing is asked of anybody. `storage` is the URL of the database. The routers are those that were recorded.
    """
    devices = msgspec.json.decode(recording.read_bytes(), type=Recorded)
    routers = [slug for slug in net.ROUTERS if f"router:{slug}" in devices]
    with TemporaryDirectory(prefix="netpulse-") as folder:
        file = Path(folder) / "netpulse.yaml"
        file.write_text(config_file.render(config_file.Recorded(recording), routers))
        settings = config.load(file)
    names = {name: tuple(ip_address(address) for address in addresses) for name, addresses in net.names().items()}
    return replace(
        settings,
        listen=listen,
        storage=storage,
        hosts=names,
        banner=BANNER,
    )

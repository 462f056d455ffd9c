"""The lab's pure parts: what is lost, what is announced, what a name is, where a program is found."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from netpulse.lab import binaries, keys, names, speaker
from netpulse.lab.channel import Channel, LabError
from netpulse.lab.relay import Loss


def echo_request(identifier: int, destination: bytes = b"\x08\x08\x08\x08") -> bytes:
    ip = b"\x45\x00\x00\x1c" + bytes(4) + b"\x40\x01" + bytes(2) + b"\xcb\x00\x71\x01" + destination
    return bytes(12) + b"\x08\x00" + ip + struct.pack("!BBHHH", 8, 0, 0, identifier, 1)


def test_every_third_echo_of_a_ping_is_lost_and_pings_do_not_count_for_each_other() -> None:
    loss = Loss(3)
    assert [loss.drops(echo_request(1)) for _ in range(6)] == [False, False, True, False, False, True]
    assert [loss.drops(echo_request(2)) for _ in range(3)] == [False, False, True]


def test_neighbour_discovery_is_never_lost() -> None:
    loss = Loss(1)
    arp = bytes(12) + b"\x08\x06" + bytes(40)
    assert not loss.drops(arp)


def test_the_aggregates_path_ends_in_a_set() -> None:
    said = speaker.Announcement(1103, "10.0.0.48", "130.89.0.0/16", (1133, 1124))
    wire = speaker.update(said, "154.54.8.2")
    assert struct.unpack("!HB", wire[16:19]) == (len(wire), 2)
    assert struct.pack("!BBIBBII", 2, 1, 1103, 1, 2, 1124, 1133) in wire
    assert wire.endswith(b"\x10\x82\x59")


@pytest.fixture
def records() -> names.Records:
    return names.zone({"dns.google": ("8.8.8.8", "2001:4860:4860::8888"), "other.example": ("8.8.8.8",)})


def test_an_address_with_two_names_answers_with_the_first(records: names.Records) -> None:
    reply = names.answer(dns.message.make_query("8.8.8.8.in-addr.arpa.", dns.rdatatype.PTR), records)
    assert [str(item) for rrset in reply.answer for item in rrset] == ["dns.google."]


def test_a_name_without_that_family_exists_and_has_no_answer(records: names.Records) -> None:
    reply = names.answer(dns.message.make_query("other.example.", dns.rdatatype.AAAA), records)
    assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])


def test_an_unknown_name_does_not_exist(records: names.Records) -> None:
    reply = names.answer(dns.message.make_query("nowhere.example.", dns.rdatatype.A), records)
    assert reply.rcode() == dns.rcode.NXDOMAIN


def test_an_unpacked_package_root_is_searched_first(tmp_path: Path) -> None:
    program = tmp_path / "usr" / "sbin" / "bird"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    environment = {"PATH": "/usr/bin", binaries.ROOT_VARIABLE: str(tmp_path)}
    assert binaries.find("bird", environment) == program
    assert binaries.environment_for(environment)["LD_LIBRARY_PATH"].startswith(str(tmp_path))


def test_debians_unlinked_traceroute_is_found(tmp_path: Path) -> None:
    program = tmp_path / "usr" / "bin" / "traceroute.db"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    environment = {"PATH": "", binaries.ROOT_VARIABLE: str(tmp_path)}
    assert binaries.find("traceroute", environment) == program


def test_a_private_key_is_for_its_owner_only(tmp_path: Path) -> None:
    public = keys.create(tmp_path / "keys" / "lab")
    assert public.startswith("ssh-ed25519 ")
    assert (tmp_path / "keys" / "lab").stat().st_mode & 0o777 == 0o600


def test_a_lab_that_ends_while_it_is_asked_says_so() -> None:
    mine, theirs = socket.socketpair()
    channel = Channel(mine)
    theirs.close()
    with pytest.raises(LabError, match="ended"):
        channel.built(5)
    channel.close()

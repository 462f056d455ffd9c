"""The networks of the small Internet as values: who exists, who is joined to whom, what each announces.

Real networks' names and numbers appear because a looking glass is judged by familiar paths; nothing here can leave the
machine, since the lab has no link to it.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from netpulse.lab.shapes import Exchange, Link, Node, System

OWN_ASN = 64500

SYSTEMS: dict[int, System] = {
    s.asn: s
    for s in (
        System(OWN_ASN, "Your Company Name", "192.0.2.0/26", "2001:db8:fe::/48", ()),
        System(
            174,
            "Cogent Communications",
            "154.54.0.0/16",
            "2001:550::/32",
            ("154.54.0.0/16", "2001:550::/32"),
            (174, 21001),
            (174, 21000),
        ),
        System(
            3356,
            "Lumen (Level 3)",
            "4.68.0.0/16",
            "2001:1900::/32",
            ("4.68.0.0/16", "2001:1900::/32"),
            (3356, 3),
            (3356, 22),
        ),
        System(
            2914,
            "NTT Global IP Network",
            "129.250.0.0/16",
            "2001:418::/32",
            ("129.250.0.0/16", "2001:418::/32"),
            (2914, 410),
            (2914, 420),
        ),
        System(
            1299,
            "Arelion",
            "62.115.0.0/16",
            "2001:2034::/32",
            ("62.115.0.0/16", "2001:2034::/32"),
            (1299, 30000),
            (1299, 20000),
        ),
        System(
            3257,
            "GTT Communications",
            "89.149.0.0/17",
            "2001:668::/32",
            ("89.149.128.0/17", "89.149.0.0/17", "2001:668::/32"),
            (3257, 8012),
            (3257, 8052),
        ),
        System(
            6461,
            "Zayo",
            "64.125.0.0/16",
            "2001:438::/32",
            ("64.125.0.0/16", "2001:438::/32"),
            (6461, 5997),
            (6461, 5998),
        ),
        System(
            6939,
            "Hurricane Electric",
            "184.104.0.0/16",
            "2001:470::/32",
            ("184.104.0.0/15", "2001:470::/32"),
            (6939, 7001),
            (6939, 7002),
        ),
        System(
            15169, "Google", "142.250.0.0/16", "2001:4860:0::/48", ("8.8.8.0/24", "142.250.0.0/15", "2001:4860::/32")
        ),
        System(
            13335, "Cloudflare", "172.68.0.0/16", "2606:4700:68::/48", ("1.1.1.0/24", "172.64.0.0/13", "2606:4700::/32")
        ),
        System(20940, "Akamai", "23.192.0.0/16", "2600:1408::/32", ("23.0.0.0/24", "2600:1400::/24")),
        System(19281, "Quad9", "74.63.16.0/20", "2620:171::/32", ("9.9.9.0/24", "2620:fe::/48")),
        System(64666, "A network that is not Quad9", "198.19.0.0/24", "2001:db8:666::/48", ("9.9.9.0/24",)),
        System(3333, "RIPE NCC", "193.0.0.0/21", "2001:67c:2e8::/48", ("193.0.6.0/24", "2001:67c:2e8::/48")),
        System(1103, "SURF", "145.145.0.0/16", "2001:610::/32", ("130.89.0.0/16",)),
        System(1133, "Universiteit Twente", "130.89.0.0/16", "2001:67c:2564::/48", ()),
        System(1124, "Universiteit van Amsterdam", "145.18.0.0/16", "2001:67c:2566::/48", ()),
        System(64499, "A network that answers nothing", "66.66.66.0/24", "2001:db8:6666::/48", ("66.66.66.0/24",)),
        System(
            64498,
            "A network far away",
            "80.80.64.0/20",
            "2001:db8:8080::/48",
            ("80.80.64.0/20", "80.80.80.0/24", "81.81.81.0/24"),
        ),
        System(6695, "DE-CIX route servers", "80.81.192.0/21", "2001:7f8::/64", ()),
        System(6777, "AMS-IX route servers", "80.249.208.0/21", "2001:7f8:1::/64", ()),
    )
}

NODES: dict[str, Node] = {
    n.name: n
    for n in (
        Node("core1", 1, OWN_ASN, "core1.dc1.example.net"),
        Node("core2", 2, OWN_ASN, "core2.dc2.example.net"),
        Node("frr1", 3, OWN_ASN, "edge1.dc3.example.net", daemon="frr", stage=2),
        Node("bird1", 4, OWN_ASN, "edge2.dc3.example.net", stage=2),
        Node("rs1", 5, OWN_ASN, "rs1.dc1.example.net"),
        Node("rs2", 6, OWN_ASN, "rs2.dc2.example.net"),
        Node("cogent1", 10, 174, "ccr41.fra03.atlas.cogentco.com"),
        Node("cogent2", 11, 174, "ccr42.ams03.atlas.cogentco.com", announces=SYSTEMS[174].announces),
        Node("lumen1", 12, 3356, "edge3.frankfurt1.level3.net"),
        Node("lumen2", 13, 3356, "ear2.dusseldorf1.level3.net"),
        Node("lumen3", 14, 3356, "edge5.amsterdam1.level3.net", announces=SYSTEMS[3356].announces),
        Node("ntt1", 15, 2914, "r20.amstnl07.nl.bb.gin.ntt.net"),
        Node("ntt2", 16, 2914, "r24.frnkge13.de.bb.gin.ntt.net", announces=SYSTEMS[2914].announces),
        Node("arelion1", 17, 1299, "ffm-bb1.ip.twelve99.net", stage=2),
        Node("arelion2", 18, 1299, "ffm-b11.ip.twelve99.net", stage=2, announces=SYSTEMS[1299].announces),
        Node("gtt1", 19, 3257, "cr10-fra2.ip4.gtt.net", stage=2, announces=SYSTEMS[3257].announces),
        Node("zayo1", 20, 6461, "mpr1.fra4.de.zip.zayo.com", stage=2, announces=SYSTEMS[6461].announces),
        Node("he1", 21, 6939, "core1.fra1.he.net", stage=2, announces=SYSTEMS[6939].announces),
        Node("decix", 30, 6695, "fra.de-cix.net"),
        Node("amsix", 31, 6777, "ams-ix.net"),
        Node("google1", 40, 15169, "edge-fra.1e100.net", announces=SYSTEMS[15169].announces),
        Node(
            "google2",
            41,
            15169,
            "fra24s01.1e100.net",
            daemon="none",
            addresses=("8.8.8.8", "142.250.185.78", "2001:4860:4860::8888", "2001:4860:4860::200e"),
        ),
        Node("cloudflare1", 42, 13335, "edge-fra.cloudflare.com", announces=SYSTEMS[13335].announces),
        Node(
            "cloudflare2",
            43,
            13335,
            "metal.fra.cloudflare.com",
            daemon="none",
            addresses=("1.1.1.1", "2606:4700:4700::1111"),
        ),
        Node(
            "akamai1",
            44,
            20940,
            "fra2.netarch.akamai.com",
            announces=SYSTEMS[20940].announces,
            addresses=("23.0.0.1", "2600:1400::1"),
        ),
        Node(
            "quad9",
            45,
            19281,
            "res100.fra.rrdns.quad9.net",
            announces=SYSTEMS[19281].announces,
            addresses=("9.9.9.9", "2620:fe::fe"),
        ),
        Node("notquad9", 46, 64666, "gw.elsewhere.example", announces=SYSTEMS[64666].announces, addresses=("9.9.9.9",)),
        Node(
            "ripe1",
            47,
            3333,
            "gw.amsix.ripe.net",
            announces=SYSTEMS[3333].announces,
            addresses=("193.0.6.139", "2001:67c:2e8::139"),
        ),
        Node("surf1", 48, 1103, "asd001b.core.surf.net", daemon="speaker", addresses=("130.89.1.1",)),
        Node("silent1", 49, 64499, "gw.silent.example", announces=SYSTEMS[64499].announces, drops=("66.66.66.0/24",)),
        Node("far1", 50, 64498, "gw.far.example", announces=SYSTEMS[64498].announces),
        Node("lossy1", 51, 64498, "lossy.far.example", daemon="none", addresses=("80.80.80.80",)),
        Node("slow1", 52, 64498, "slow.far.example", daemon="none", addresses=("81.81.81.81",)),
    )
}

LINKS: tuple[Link, ...] = (
    # Ours first: the first subnet of each upstream is the one an operator reads most often.
    Link("cogent1", "core1", "customer", med=10),
    Link("lumen1", "core1", "customer"),
    Link("ntt1", "core2", "customer", med=20),
    Link("arelion1", "frr1", "customer"),
    Link("gtt1", "frr1", "customer", med=5),
    Link("zayo1", "bird1", "customer"),
    Link("cogent1", "cogent2", "internal"),
    Link("lumen1", "lumen2", "internal"),
    Link("lumen2", "lumen3", "internal"),
    Link("ntt1", "ntt2", "internal"),
    Link("arelion1", "arelion2", "internal"),
    Link("cogent2", "lumen3", "peer"),
    Link("cogent2", "ntt2", "peer"),
    Link("lumen3", "ntt2", "peer"),
    Link("arelion2", "cogent2", "peer"),
    Link("arelion2", "lumen3", "peer"),
    Link("arelion2", "ntt2", "peer"),
    Link("gtt1", "cogent2", "peer"),
    Link("gtt1", "lumen3", "peer"),
    Link("gtt1", "ntt2", "peer"),
    Link("gtt1", "arelion2", "peer"),
    Link("lumen2", "zayo1", "customer"),
    Link("arelion2", "he1", "customer"),
    Link("cogent2", "google1", "customer"),
    Link("lumen3", "google1", "customer"),
    Link("ntt2", "google1", "customer"),
    Link("arelion2", "google1", "customer"),
    Link("cogent2", "cloudflare1", "customer"),
    Link("lumen3", "cloudflare1", "customer"),
    Link("ntt2", "cloudflare1", "customer"),
    Link("cogent2", "quad9", "customer"),
    Link("ntt2", "quad9", "customer"),
    Link("lumen2", "notquad9", "customer"),
    Link("ntt2", "ripe1", "customer", prepend=3),
    Link("cogent2", "surf1", "customer"),
    Link("ntt2", "surf1", "customer"),
    Link("cogent2", "silent1", "customer"),
    Link("ntt2", "silent1", "customer"),
    Link("he1", "silent1", "customer"),
    Link("cogent2", "far1", "customer"),
    Link("lumen3", "far1", "customer"),
    Link("ntt2", "far1", "customer"),
    Link("google1", "google2", "host"),
    Link("cloudflare1", "cloudflare2", "host"),
    Link("far1", "lossy1", "host", lose_every=3),
    Link("far1", "slow1", "host", delay_ms=20.0),
)

EXCHANGES: dict[str, Exchange] = {
    "decix": Exchange(
        "decix", 6695, IPv4Network("80.81.192.0/21"), IPv6Network("2001:7f8::/64"), 157,
        (("core1", 50), ("google1", 108), ("cloudflare1", 121), ("akamai1", 28), ("he1", 172)),
    ),
    "amsix": Exchange(
        "amsix", 6777, IPv4Network("80.249.208.0/21"), IPv6Network("2001:7f8:1::/64"), 255,
        (("core2", 50), ("google1", 247), ("cloudflare1", 211), ("ripe1", 68), ("he1", 150)),
    ),
}  # fmt: skip

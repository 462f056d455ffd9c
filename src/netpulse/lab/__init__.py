"""A small Internet in one machine: network namespaces, real BIRD and FRR daemons, real packets, no link to the host.

`topology` says what exists. `bird_conf`, `frr_conf` and `wiring` turn it into configuration text and `ip` commands.
`inside` is the first process of the lab's own namespaces and builds it; `lab` is the side that a program or a test holds.
"""

"""What `make bench` measures, one file per subject.

rows        a line of the table, its bar, and the machine it was measured on
http        HTTP/1.1 and event streams over a kept connection, with as little of its own time as possible
glass       `netpulse serve` in a process of its own, with a key
fakes       SSH routers in a process of their own that do what the target's last number says
questions   the lab: AS path, dead ends
sessions    SSH: how a command starts
streams     what a visitor sees while a router prints
crowds      many at once
load        requests a second
start       from nothing to the first answer
"""

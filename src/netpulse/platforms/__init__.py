"""Who can answer: one file per operating system, found by its name `PLATFORM`.

A file here builds the commands of its system and reads what comes back. Pieces that several systems share (`reading`,
`echoes`, `hops`, `paths`, `logins`) declare no platform and are never found by the matrix.
"""

"""Stand-ins for what is outside: a scripted SSH router, a scripted BIRD, and a recorder in front of a real one."""

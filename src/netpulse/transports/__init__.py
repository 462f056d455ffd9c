"""How commands reach devices: bytes out, bytes back. A transport knows no query and no platform."""

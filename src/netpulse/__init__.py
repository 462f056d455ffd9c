"""NetPulse Looking Glass."""

__version__ = "0.1.0"

"""What the store raises beyond the errors that callers see."""

from __future__ import annotations


class StorageFault(Exception):
    """The database cannot be used, or not now; the sentence says why and what to do."""

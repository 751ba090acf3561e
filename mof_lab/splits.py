"""Which items are held out: decided by a hash of their key, before anything is built."""

import hashlib


def is_held_out(key, share):
    """True for about `share` of all keys, the same ones on every machine."""
    return number(key) < share * 2**64


def number(key):
    """A whole number below 2⁶⁴ for a key, the same one on every machine."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8")).digest()[:8], "big")

"""Which items are held out: decided by a hash of their key, before anything is built."""

import hashlib


def is_held_out(key, share):
    """True for about `share` of all keys, the same ones on every machine."""
    digest = hashlib.sha256(key.encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64

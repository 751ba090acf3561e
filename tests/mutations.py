"""Ways to damage a file: bytes that change, come, go or move; JSON values that become others."""

import json

NASTY = (
    *(None, True, False, 0, -1, 1, 2, 3.5, -0.0, 1e308, -1e308, 2**31, 2**63, 10**30),
    *("", "x", "\x00", "\ud800", "▩", "../../x", "⟨user⟩", "9" * 50, "好" * 50),
    *([], [[]], {}, {"": {}}, [None], [1, "a"], {"a": 1}, [[1, 2, 3, 4]]),
    *(float("nan"), float("inf")),
)
TOKENS = (b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"{", b"]", b'"', b",,", b"-", b"1e999", b"null")
DEEP = b"[" * 100_000


def of_bytes(rng, content):
    """The content (bytes) with one to three places changed."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at, long = rng.randrange(len(content) + 1), rng.randrange(1, 40)
        kind = rng.randrange(8)
        if kind == 0 and at < len(content):
            content[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(content):
            content[at] = rng.randrange(256)
        elif kind == 2:
            del content[at : at + long]
        elif kind == 3:
            content[at:at] = rng.randbytes(long)
        elif kind == 4:
            content[at:at] = content[at : at + long]
        elif kind == 5:
            content[at : at + rng.randrange(4)] = rng.choice(TOKENS)
        elif kind == 6:
            del content[at:]
        else:
            there = rng.randrange(len(content) + 1)
            content[at:at] = content[there : there + long]
    if rng.random() < 0.01:
        return bytes(DEEP)
    return bytes(content)


def of_json(rng, value):
    """A value like it (from JSON) with one to three values in it replaced, gone, or doubled."""
    value = json.loads(json.dumps(value))
    for _ in range(rng.choice((1, 1, 2, 3))):
        holder, key = rng.choice(list(places(value)) or [({"": value}, "")])
        kind = rng.randrange(5)
        if kind < 3:
            holder[key] = rng.choice(NASTY)
        elif kind == 3:
            del holder[key]
        elif isinstance(holder, list):
            holder.insert(key, holder[key])
        else:
            holder[f"{key}2"] = holder[key]
    return value


def places(value):
    """Every (list or dictionary, index or key) in a JSON value."""
    keys = range(len(value)) if isinstance(value, list) else value
    if isinstance(value, list | dict):
        for key in keys:
            yield value, key
            yield from places(value[key])

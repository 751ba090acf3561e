"""Notebook 01: what its exercises stand on, and wrong answers to them."""

CELLS = ("01-01",)
WRONG = {
    "01.1": [
        'small_world = {"ids": 2, "encoded": [0, 1, 1], "decoded": "⟨end⟩好"}',
        'small_world = {"ids": 8, "encoded": [7, 1, 6], "decoded": "▩▩▩▩▩好"}',
        'small_world = {"ids": 8, "encoded": [6, 1, 7], "decoded": "⟨end⟩好"}',
    ],
    "01.2": [
        """
def thinned(train, held_out, min_count):
    made = Vocabulary.build(train, min_count=min_count)
    return len(made.characters), made.coverage(held_out)["known"]
falls_more = "ids\"""",
        """
def thinned(train, held_out, min_count):
    made = Vocabulary.build(train, min_count=min_count)
    return len(made), made.coverage("".join(train))["known"]
falls_more = "ids\"""",
        """
def thinned(train, held_out, min_count):
    made = Vocabulary.build(train, min_count=min_count)
    return len(made), made.coverage(held_out)["known"]
falls_more = "known\"""",
    ],
    "01.3": [
        """
def merge_pairs(ids, times, first):
    pairs = {}
    for new in range(first, first + times):
        pairs[new] = Counter(zip(ids, ids[1:])).most_common(1)[0][0]
        ids = [new if p == pairs[new] else p[0] for p in zip(ids, ids[1:])]
    return ids, pairs""",
        """
def merge_pairs(ids, times, first):
    found = Counter(p for p in zip(ids, ids[1:]) if min(p) > END)
    return ids, {first + i: p for i, (p, _) in enumerate(found.most_common(times))}""",
        """
def merge_pairs(ids, times, first):
    pairs = {}
    for new in range(first, first + times):
        pair = Counter(p for p in zip(ids, ids[1:]) if min(p) > END).most_common(1)[0][0]
        pairs[new] = pair
        merged = [new if p == pair else p[0] for p in zip(ids, ids[1:])] + ids[-1:]
        ids = [b for a, b in zip([0, *merged], merged) if a != new]
    return ids, pairs""",
    ],
}

"""Notebook 06: what its exercises stand on, and wrong answers to them."""

import numpy as np

from mof_lab.exercises import check
from mof_lab.generation import Sampling, probabilities
from mof_lab.vocabulary import END

CELLS = ()
# The cell that imports them loads TensorFlow.
GIVEN = {
    "np": np,
    "check": check,
    "Sampling": Sampling,
    "probabilities": probabilities,
    "END": END,
}
_PREDICTED = """predicted = {{
    "times as likely at 0.5": {},
    "kept by top_p at 1": {},
    "kept by top_p at 2": {},
    "first characters with top_k 1": {},
}}"""
WRONG = {
    "06.1": [
        _PREDICTED.format(2**0.5, 2, 3, 1),
        _PREDICTED.format(4, 2, 2, 1),
        _PREDICTED.format(4, 2, 3, 3),
    ],
    "06.2": [
        """
def cut_first(logits, temperature, top_p):
    return probabilities(logits, Sampling(temperature=temperature, top_p=top_p))
keeps_more = "temperature first\"""",
        """
def cut_first(logits, temperature, top_p):
    kept = probabilities(logits, Sampling(temperature=1.0, top_p=top_p))
    return kept / temperature
keeps_more = "temperature first\"""",
        """
def cut_first(logits, temperature, top_p):
    kept = probabilities(logits, Sampling(temperature=1.0, top_p=top_p)) ** (1 / temperature)
    return kept / kept.sum()
keeps_more = "cut first\"""",
    ],
    "06.3": [
        """
def write(read, prompt, share, seed, max_length):
    rng, logits, written = np.random.default_rng(seed), read(prompt), []
    while len(written) < max_length:
        p = probabilities(logits, Sampling(temperature=1.0, top_p=1.0))
        p[p < share] = 0
        written.append(int(rng.choice(len(p), p=p / p.sum())))
        if written[-1] == END:
            break
        logits = read(written[-1:])
    return written""",
        """
def write(read, prompt, share, seed, max_length):
    rng, written = np.random.default_rng(seed), []
    while len(written) < max_length:
        p = probabilities(read(prompt + written), Sampling(temperature=1.0, top_p=1.0))
        p[p < share * p.max()] = 0
        token = int(rng.choice(len(p), p=p / p.sum()))
        if token == END:
            break
        written.append(token)
    return written""",
        """
def write(read, prompt, share, seed, max_length):
    logits, written = read(prompt), []
    for _ in range(max_length):
        p = probabilities(logits, Sampling(temperature=1.0, top_p=1.0))
        token = int(np.argmax(p))
        if token == END:
            break
        written.append(token)
        logits = read([token])
    return written""",
    ],
}

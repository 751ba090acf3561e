"""Notebook 03: what its exercises stand on, and wrong answers to them."""

import numpy as np

from mof_lab.exercises import check

CELLS = ("03-03", "03-05", "03-09")
GIVEN = {"np": np, "check": check}  # the cell that imports them loads TensorFlow
WRONG = {
    "03.1": [
        "def published_out(v): return v.mean(axis=0)",
        "def published_out(v): return np.cumsum(v, axis=0)",
        "def published_out(v): return v[-1]",
    ],
    "03.2": [
        """
def gated(fq, fk, v, gammas): return recurrent(fq, fk, v, 1.0)
first_seen = 12""",
        """
def gated(fq, fk, v, gammas):
    S, z, outputs = np.zeros((d, d)), np.zeros(d), []
    for t in range(len(fq)):
        S = gammas[t] * (S + np.outer(fk[t], v[t]))
        z = gammas[t] * (z + fk[t])
        outputs.append(fq[t] @ S / (fq[t] @ z))
    return np.array(outputs)
first_seen = 13""",
        """
def gated(fq, fk, v, gammas):
    S, z, outputs = np.zeros((d, d)), np.zeros(d), []
    for t in range(len(fq)):
        S = gammas[t] * S + np.outer(fk[t], v[t])
        z = gammas[t] * z + fk[t]
        outputs.append(fq[t] @ S / (fq[t] @ z))
    return np.array(outputs)
first_seen = 13""",
    ],
    "03.3": [
        """
def gated_weights(fq, fk, gammas):
    passed = np.cumsum(np.log(gammas))
    return np.tril((fq @ fk.T) * np.exp(passed[:, None] - passed[None, :]))""",
        """
def gated_weights(fq, fk, gammas):
    at = np.arange(len(gammas))
    fading = gammas[:, None] ** np.abs(at[:, None] - at[None, :])
    scores = np.tril((fq @ fk.T) * fading)
    return scores / scores.sum(axis=1, keepdims=True)""",
        """
def gated_weights(fq, fk, gammas):
    passed = np.cumsum(np.log(gammas))
    scores = (fq @ fk.T) * np.exp(passed[:, None] - passed[None, :])
    return scores / scores.sum(axis=1, keepdims=True)""",
    ],
}

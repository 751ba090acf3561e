"""Notebook 05: what its exercises stand on, and wrong answers to them."""

import numpy as np

from mof_lab.exercises import check
from mof_lab.packing import ANSWER
from mof_lab.vocabulary import ASSISTANT, END

CELLS = ()
# The cell that imports them loads TensorFlow.
GIVEN = {"np": np, "check": check, "ANSWER": ANSWER, "END": END, "ASSISTANT": ASSISTANT}
WRONG = {
    "05.1": [
        'counted = {"⟨end⟩ marks": 3, "learnt": 4, "loss in bits": 1}',
        'counted = {"⟨end⟩ marks": 2, "learnt": 3, "loss in bits": 1}',
        'counted = {"⟨end⟩ marks": 2, "learnt": 4, "loss in bits": 8.5}',
    ],
    "05.2": [
        """
def mask_without_end(ids, roles):
    return (np.array(roles[:-1]) == ANSWER) & (np.array(ids[:-1]) != END)
vanished = {"！", "。"}""",
        """
def mask_without_end(ids, roles):
    return (np.array(roles[1:]) == ANSWER) & (np.array(ids[1:]) != END)
vanished = {"⟨end⟩"}""",
        """
def mask_without_end(ids, roles):
    return np.array(ids[1:]) != END
vanished = {"！", "。"}""",
    ],
    "05.3": [
        """
def answer_mask(ids):
    mask, speaking = [], False
    for i in ids:
        speaking = (speaking or i == ASSISTANT) and i != END
        mask.append(speaking and i != ASSISTANT)
    return np.array(mask)""",
        """
def answer_mask(ids):
    mask, speaking = [], False
    for i in ids:
        speaking = speaking or i == ASSISTANT
        mask.append(speaking)
        if i == END:
            speaking = False
    return np.array(mask)""",
        """
def answer_mask(ids):
    return np.arange(len(ids)) > ids.index(ASSISTANT)""",
    ],
}

"""Notebook 02: what its exercises stand on, and wrong answers to them."""

CELLS = ("02-01", "02-03")
WRONG = {
    "02.1": [
        'reads = {"z = 1": {"x"}, "z = 0": {"x", "h"}, "z = 0, r = 0": {"x"}}',
        'reads = {"z = 1": {"h"}, "z = 0": {"x"}, "z = 0, r = 0": {"x"}}',
        'reads = {"z = 1": "h", "z = 0": "xh", "z = 0, r = 0": 0}',
    ],
    "02.2": [
        "gru_step_before = gru_step",
        "def gru_step_before(x, h, W, U, b, c): return gru_step(x, h, W, U, b, c)[0]",
        "def gru_step_before(x, h, W, U, b, c): print('x')",
    ],
    "02.3": [
        """
def read(x, begins, W, U, b, c):
    h, states = np.zeros((len(x), len(U))), []
    for t in range(x.shape[1]):
        h = gru_step(x[:, t], h, W, U, b, c)
        states.append(h)
    return np.stack(states, axis=1)""",
        """
def read(x, begins, W, U, b, c):
    h, states = np.zeros((len(x), len(U))), []
    for t in range(x.shape[1]):
        if begins[:, t].any():
            h = h * 0
        h = gru_step(x[:, t], h, W, U, b, c)
        states.append(h)
    return np.stack(states, axis=1)""",
        """
def read(x, begins, W, U, b, c):
    return gru_step(x[:, 0], np.zeros((len(x), len(U))), W, U, b, c)""",
    ],
}

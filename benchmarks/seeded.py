"""Small published models whose sizes and weights come from a seed. NumPy only.

The package is given these weights in its own environment (`workers/golden.py`), the tests give
the same ones to the lab's copy: so no weights need to be kept, only what the package made of them.
"""

import numpy as np

SEED = 6
CASES = 3


def case(number):
    """Sizes of one model, and tokens shorter than, as long as, and longer than its window.

    Returns:
        a dict as in the reference's `config.json`, and a dict of name → (batch, time) tokens.
    """
    rng = np.random.default_rng([SEED, number])
    heads, window = int(rng.integers(1, 5)), int(rng.integers(4, 16))
    config = {
        "vocab_size": int(rng.integers(12, 40)),
        "embedding_dim": heads * int(rng.integers(2, 7)),
        "gru_units": int(rng.integers(5, 24)),
        "router_units": int(rng.integers(3, 12)),
        "num_layers": int(rng.integers(1, 4)),
        "num_heads": heads,
        "ffn_multiplier": int(rng.integers(1, 5)),
        "window": window,
        "max_length": int(rng.integers(2, 4)) * window,
    }
    lengths = {
        "short": int(rng.integers(1, window)),
        "window": window,
        "long": int(rng.integers(window + 1, config["max_length"] + 1)),
    }
    tokens = {
        name: rng.integers(0, config["vocab_size"], (int(rng.integers(1, 3)), length), np.int32)
        for name, length in lengths.items()
    }
    return config, tokens


def weight(name, shape):
    """One array of a checkpoint from its name there, without TensorFlow's ending.

    Scales and variances are positive, and α is in [0, 1].
    """
    rng = np.random.default_rng([SEED, *name.encode("ascii")])
    noise = rng.uniform(-1, 1, shape)
    kind = name.rsplit("/", 1)[-1]
    if kind in ("gamma", "moving_variance"):
        noise = 1 + 0.4 * noise
    elif kind == "alpha":
        noise = 0.5 + 0.4 * noise
    elif len(shape) > 1 and kind != "bias":
        noise = noise * 2 / np.sqrt(shape[0])
    return noise.astype(np.float32)

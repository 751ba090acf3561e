"""PyTorch: a transformer of nanoGPT's kind, a GRU layer, and the matrix-product rate.

The transformer is what people train when they train a small language model today (Radford et
al. 2019 in its architecture): learned positions, blocks of causal softmax attention and a GELU
MLP of four times the width, each after a layer norm, and an output tied to the embedding.
"""

import math
import os
import time

import torch
from torch import nn
from torch.nn import functional

from ..lessons import Lessons
from ..worker import repeat, serve, warm_up

HEAD_DIM = 64
SHAPE = 77  # width / layers of GPT-2's 768 × 10, kept at every size

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "0")) or torch.get_num_threads())


class Block(nn.Module):
    """Attention and MLP, each added to the residual stream."""

    def __init__(self, width):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.projection = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )

    def forward(self, x):  # (batch, time, width)
        batch, time, width = x.shape
        joint = self.projection(self.attention_norm(x)).view(batch, time, 3, -1, HEAD_DIM)
        queries, keys, values = joint.permute(2, 0, 3, 1, 4)  # (batch, heads, time, head_dim)
        seen = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        x = x + self.output(seen.transpose(1, 2).reshape(batch, time, width))
        return x + self.mlp(self.mlp_norm(x))


class Transformer(nn.Module):
    """Tokens (batch, time) → logits (batch, time, vocabulary)."""

    def __init__(self, vocabulary_size, width, layers, window):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.positions = nn.Parameter(torch.zeros(window, width))
        self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
        self.running = list(self.blocks)  # or their compiled forms
        self.norm = nn.LayerNorm(width)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                residual = name.endswith(("output.weight", "mlp.2.weight"))
                nn.init.normal_(weight, std=0.02 / (2 * layers) ** 0.5 if residual else 0.02)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.positions[: tokens.shape[1]]
        for block in self.running:
            x = block(x)
        return functional.linear(self.norm(x), self.embedding.weight)


def size_for(parameters, vocabulary_size):
    """(width, layers) of the transformer of about so many parameters, without its positions."""
    sizes = []
    for width in range(HEAD_DIM, 2048, HEAD_DIM):
        layers = round((parameters - vocabulary_size * width) / (12 * width**2))
        if layers >= 1:
            aspect = width / layers / SHAPE
            sizes.append((max(aspect, 1 / aspect), width, layers))
    return min(sizes)[1:]


class Training:
    """The transformer in training, with AdamW and clipped gradients."""

    def start(self, parameters, vocabulary_size, batch, window):
        """Builds it with about so many parameters and trains two steps on noise."""
        found = self._build(parameters, vocabulary_size, batch, window)
        weights = torch.ones(batch, window)

        def step():
            self._learn(torch.randint(vocabulary_size, (batch, window + 1)), weights)
            return weights.numel()

        self.step = step
        warm_up(step)
        return found

    def start_learning(self, parameters, about, folder, seconds, rate):
        """The same for the suite `quality`, on text.

        Args:
            about: what `workers.learning.prepare` returned.
        """
        shape = about["vocabulary_size"], about["batch"], about["window"]
        found = self._build(parameters, *shape)
        self.lessons = Lessons(folder, about["batch"], about["shares"], seconds, rate)
        self.spent = 0.0

        def step():
            started = time.perf_counter()
            tokens, weights = map(torch.from_numpy, self.lessons.next())
            for group in self.optimizer.param_groups:
                group["lr"] = self.lessons.rate(self.spent)
            self._learn(tokens.long(), weights)
            self.spent += time.perf_counter() - started
            return weights.numel()

        self.step = step
        step()
        self.spent = 0.0
        return found

    def _build(self, parameters, vocabulary_size, batch, window):
        width, layers = size_for(parameters, vocabulary_size)
        torch.manual_seed(1)
        self.model = Transformer(vocabulary_size, width, layers, window)
        decayed = [p for p in self.model.parameters() if p.dim() == 2]
        others = [p for p in self.model.parameters() if p.dim() != 2]
        groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0}]
        self.optimizer = torch.optim.AdamW(groups, lr=6e-4, betas=(0.9, 0.95), fused=True)
        compiled = self._compile(torch.randint(vocabulary_size, (batch, window + 1)))
        found = sum(p.numel() for p in self.model.parameters())
        return {"parameters": found, "in_products": found, "compiled": compiled}

    def _compile(self, tokens):
        """Compiles the blocks where that works and is quicker; says whether it did."""

        def seconds():
            started = time.perf_counter()
            self._nats(tokens).mean().backward()
            return time.perf_counter() - started

        seconds()
        plain, blocks = min(seconds() for _ in range(3)), self.model.running
        self.model.running = [torch.compile(block, dynamic=False) for block in blocks]
        try:
            seconds()
            compiled = min(seconds() for _ in range(3))
        except Exception:  # there is no C++ compiler, or none that it can use
            compiled = math.inf
        self.optimizer.zero_grad(set_to_none=True)
        if compiled >= plain:
            self.model.running = blocks
        return compiled < plain

    def run(self, seconds):
        """Trains for so long; see `worker.repeat`."""
        return repeat(self.step, seconds)

    def bits(self):
        """{"bits"}: held out, a character."""
        with torch.no_grad():
            nats = [self._nats(part) for part in torch.from_numpy(self.lessons.held_out).split(32)]
        return {"bits": self.lessons.bits(torch.cat(nats).numpy())}

    def _nats(self, tokens):
        """(batch, window + 1) tokens → (batch, window), the surprise at each target."""
        logits, targets = self.model(tokens[:, :-1]), tokens[:, 1:]
        nats = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        return nats.view(targets.shape)

    def _learn(self, tokens, weights):
        """One optimiser step."""
        loss = (self._nats(tokens) * weights).sum() / weights.sum()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


class Layer:
    """PyTorch's GRU on one random input; gradients go to the input and to all weights."""

    def start(self, batch, time, inputs, units):
        torch.manual_seed(1)
        layer = nn.GRU(inputs, units)
        x = torch.randn(time, batch, inputs, requires_grad=True)  # its quickest layout

        def step():
            layer.zero_grad(set_to_none=True)
            x.grad = None
            layer(x)[0].square().sum().backward()
            return batch * time

        self.step = step
        warm_up(step)
        return {}

    def run(self, seconds):
        """Forward and backward for so long; see `worker.repeat`."""
        return repeat(self.step, seconds)


def matmul(seconds, size=2048):
    """{"flops"}: floating-point operations a second of a square matrix product."""
    a, b, rates = torch.randn(size, size), torch.randn(size, size), []
    a @ b
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        started = time.perf_counter()
        a @ b
        rates.append(2 * size**3 / (time.perf_counter() - started))
    return {"flops": sorted(rates)[len(rates) // 2]}


if __name__ == "__main__":
    training, layer = Training(), Layer()
    serve(
        {
            "start": training.start,
            "start_learning": training.start_learning,
            "run": training.run,
            "bits": training.bits,
            "start_gru": layer.start,
            "run_gru": layer.run,
            "matmul": matmul,
        }
    )

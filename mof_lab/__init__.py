"""MoF Lab: see how a small language model works, and train one on a plain CPU."""

__version__ = "0.1.0"

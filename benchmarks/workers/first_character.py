"""Loads the checkpoint that ships, begins to answer, and ends."""

from mof_lab import ChatSession, shipped

if __name__ == "__main__":
    next(iter(ChatSession.from_checkpoint(shipped()).stream("你好")))

"""What `00_start` does, as a program: load the checkpoint that ships, and begin to answer."""

from mof_lab import ChatSession, shipped

if __name__ == "__main__":
    next(iter(ChatSession.from_checkpoint(shipped()).stream("你好")))
    print("answered", flush=True)

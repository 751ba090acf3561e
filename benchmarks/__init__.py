"""Benchmarks: the lab beside what people would use instead, measured in the same run.

    python3 lab.py bench train      tokens a second, a GRU layer, the machine's product rate
    python3 lab.py bench decode     characters a second, cost by position, time to a first answer
    python3 lab.py bench context    what a long window costs in training
    python3 lab.py bench memory     peaks, each in a fresh process
    python3 lab.py bench quality    held-out bits a character for equal time

On 2 quiet cores each takes 2 to 10 minutes; `train` at t6 may hold 18 GB in its waiting workers.

Every program under test is a worker: a process of its own, a peer's in an environment of its
own, asked in JSON lines (`worker`). Workers wait while one works, and rounds alternate between
them, so that a busy minute of the machine touches all alike; what counts is the ratio of medians.

`worker` and what it imports need the standard library only: peers' environments have no more.
"""

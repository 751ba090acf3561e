"""What tests of threads wait for."""

import time

SOON = 60  # seconds; what takes longer has hung


def until(condition):
    """Waits until a function gives something true."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)

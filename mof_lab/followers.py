"""Who wants to know of something, as long as it lives."""

import threading
import weakref


class Followers:
    """Objects that are told when something happens; that keeps none of them alive."""

    def __init__(self):
        self._all = weakref.WeakSet()
        self._lock = threading.Lock()  # widgets are made in cells, deeds come from the page

    def add(self, follower):
        """From now on it is told."""
        with self._lock:
            self._all.add(follower)

    def tell(self, say):
        """Calls `say(follower)` for each."""
        with self._lock:
            there = list(self._all)
        for follower in there:
            say(follower)

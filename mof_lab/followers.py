"""Who wants to know of something, as long as it lives."""

import weakref


class Followers:
    """Objects that are told when something happens; that keeps none of them alive."""

    def __init__(self):
        self._all = weakref.WeakSet()

    def add(self, follower):
        """From now on it is told."""
        self._all.add(follower)

    def tell(self, say):
        """Calls `say(follower)` for each."""
        for follower in list(self._all):
            say(follower)

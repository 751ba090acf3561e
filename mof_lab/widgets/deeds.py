"""What people do with the widgets in the browser, told to who wants to know, such as a tour.

A deed is (name of the widget's class, kind, content): a message that the widget took from the
browser, or a setting that was changed there. What a cell does (`chat.say`) is none.
"""

import weakref

_following = weakref.WeakSet()  # what is told


def follow(follower):
    """Calls `noticed(widget, kind, content)` of an object, as long as it lives, at every deed."""
    _following.add(follower)


def tell(widget, kind, content):
    """Tells all that follow what was done with a widget."""
    for follower in list(_following):
        follower.noticed(type(widget).__name__, kind, content)

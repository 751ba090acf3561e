"""What people do with the widgets in the browser, told to who wants to know, such as a tour.

A deed is (name of the widget's class, kind, content): a message that the widget took from the
browser, or a setting that was changed there. What a cell does (`chat.say`) is none.
"""

from ..followers import Followers

_following = Followers()


def follow(follower):
    """Calls `noticed(widget, kind, content)` of an object, as long as it lives, at every deed."""
    _following.add(follower)


def tell(widget, kind, content):
    """Tells all that follow what was done with a widget."""
    name = type(widget).__name__
    _following.tell(lambda follower: follower.noticed(name, kind, content))

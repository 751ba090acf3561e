"""The chat with several columns: who would say what?"""

import numpy as np

from ..chat import ChatSession
from .chat import Chat


class SideBySide(Chat):
    """The same message answered by each expert alone, by the mixture, and by a forced blend.

    All draw with the same seed, character by character in turn; one Stop ends all of them.

    Args: as of `Chat`; a session lends its model, the conversation begins anew. What is saved is
    the mixture's conversation; what is loaded, all go on with.
    """

    about = "Side by side 并排比较: run this cell to talk 运行本单元格即可聊天"

    def __init__(self, source, **settings):
        super().__init__(source, **{"position": 0.5, **settings})

    @property
    def called(self):
        return self.in_words("title_columns")

    @property
    def session(self):
        """The mixture's."""
        return self.sessions[-2]

    def _columns(self, session):
        names = session.decoder.model.config.experts

        def column(weights):
            return ChatSession(session.decoder.model, session.vocabulary, router_weights=weights)

        sessions = [
            *(column(weights) for weights in np.eye(len(names))),
            column(None),
            column(None),
        ]
        columns = [{"key": "alone", "values": {"name": name}} for name in names]
        columns += [{"key": "mixture", "values": {}}, {"key": "blend", "values": {}}]
        return sessions, columns

"""The published model beside ours: a faithful copy that reads the published weights.

    model = mof_lab.published.load("folder", "vocab.txt", "t6_beta_dense")
    model(tokens)                       # (batch, time) → logits (batch, time, vocabulary)
    model.parts(tokens)                 # what each part gives, by name
    ChatSession(model, model.vocabulary).chat("你好")
    inspection.trace_dialogue(model, model.vocabulary, turns)

The copy computes what the package `xiaothink` (Apache-2.0) computes, and keeps what is odd about
it: each oddity has its name and its reason in `model`. `window` writes with it, quicker than
the package and with the same logits.

The weights are on ModelScope. With a connection to the internet:

    pip install modelscope
    modelscope download --model ericsjq/Xiaothink-T6-mini-Preview-Base --local_dir t6-weights

and `load` the folder in it that has the files `….index` and `….data-…`, with the vocabulary
file beside them and the name that the article gives this model, `t6_beta_dense`.
"""

from .configuration import CONFIGURATIONS, PublishedConfig
from .loading import load
from .looking import trace_published
from .model import Published
from .vocabulary import PublishedVocabulary

__all__ = [
    "CONFIGURATIONS",
    "Published",
    "PublishedConfig",
    "PublishedVocabulary",
    "load",
    "trace_published",
]

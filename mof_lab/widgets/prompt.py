"""What is typed for the model to read, as ids."""

from ..corpus import normalise
from ..errors import LabError
from ..vocabulary import ASSISTANT, BEGIN, END, USER

LONGEST_PROMPT = 256  # characters and marks: every pair of them is drawn


def encode_prompt(text, vocabulary):
    """A prompt as ids: lines are turns, the user's first; the last one stays open.

    Raises:
        LabError: it is empty or too long.
    """
    lines = [line for line in (normalise(part).strip() for part in text.splitlines()) if line]
    if not lines:
        raise LabError(
            "The prompt is empty; type something for the model to read.",
            chinese="提示是空的：请输入要让模型读的文字。",
        )
    ids = [BEGIN]
    for number, line in enumerate(lines):
        ids += [ASSISTANT if number % 2 else USER, *vocabulary.encode(line), END]
    ids = ids[:-1] if len(lines) % 2 == 0 else [*ids, ASSISTANT]
    if len(ids) > LONGEST_PROMPT:
        raise LabError(
            f"The prompt has {len(ids)} characters and marks; at most {LONGEST_PROMPT} fit; "
            "shorten it.",
            chinese=f"提示有 {len(ids)} 个字和标记，最多 {LONGEST_PROMPT} 个：请缩短。",
        )
    return ids

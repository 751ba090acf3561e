"""The one exception type for anything a user can put right."""


class LabError(ValueError):
    """Bad input, said in one sentence: what was wrong, what was expected, what to do."""

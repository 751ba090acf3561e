"""The one exception type for anything a user can put right, and other errors in one line."""


class LabError(ValueError):
    """Bad input, said in one sentence: what was wrong, what was expected, what to do.

    Args:
        chinese: the same in Chinese, for a widget that speaks it; "" = there is none.
    """

    def __init__(self, *args, chinese=""):
        super().__init__(*args)
        self.chinese = chinese


def one_line(error):
    """An error's own words, up to 200 characters of them."""
    return " ".join(str(error).split())[:200]


def cause_of(error):
    """One line: what the `LabError` behind an error says, else the error's class and last line.

    Libraries that have worker processes hand on a worker's error as the text of its traceback.
    """
    if isinstance(error, LabError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line.split("LabError: ", 1)[1] for line in lines if "LabError: " in line]
    return said[-1] if said else f"{type(error).__name__}: {lines[-1][:200] if lines else ''}"

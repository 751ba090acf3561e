"""The words of the vocabulary panel, as in `texts.py`."""

VOCABULARY = {
    "title": ("Vocabulary", "词表"),
    "size": ("How many characters it keeps", "保留多少字"),
    "covers": (
        "The first {size} of {all} characters cover {share} of the text.",
        "{all} 个字中，前 {size} 个覆盖文本的 {share}。",
    ),
    "text": ("A text of yours, to see what is known of it", "输入一段文字，看哪些字认识"),
    "too_long": (
        "Only the first {most} characters of the text are shown.",
        "只显示文字的前 {most} 个字。",
    ),
    "ready": (
        "Move the slider, or focus it and use ← →; type a text below it.",
        "拖动滑块（或选中后用 ← → 键），并在下面输入文字。",
    ),
}

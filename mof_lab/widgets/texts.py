"""Words of the interface, those of one widget alone in `texts_*.py`: key → (English, Chinese).
`{name}` is filled in where it is shown.

A widget gets those of its own parts, in both languages, so that a switch needs no kernel.
"""

COMMON = {
    "title": ("MoF Lab", "MoF Lab"),  # each widget has its own
    "idle": ("Ready.", "就绪。"),
    "stopping": ("Stopping …", "正在停止……"),
    "busy": (
        "“{name}” is still running: stop it or wait, then try again.",
        "“{name}”还在运行：请先停止它或等它结束。",
    ),
    "waiting": (
        "Waiting: another cell is still running; your click is kept.",
        "别的单元格还在运行，请稍等，点击不会丢。",
    ),
    "silent": (
        "No answer from the kernel: another cell keeps it busy, or it was restarted; then run "
        "this cell again.",
        "内核没有回应：可能正忙于别的单元格；若已重启，请重新运行这个单元格。",
    ),
    "numbers": ("As a table", "文字表格"),
    "export": ("Save the picture:", "保存图片："),
    "export_label": ("Save the picture of what is shown", "保存当前内容的图片"),
    "no_picture": ("There is nothing to save yet.", "还没有可保存的内容。"),
    "details": ("What happened, for experts", "错误详情"),
    "language": ("中文", "English"),
    "language_label": ("Switch the language to Chinese", "切换到英文"),
}

CHAT = {
    "title": ("Chat", "聊天"),
    "title_columns": ("Side by side", "并排比较"),
    "log": ("Conversation", "对话"),
    "empty": (
        "Say something below. Under each character of an answer you will see which expert it "
        "came from.",
        "在下面说点什么吧。回答的每个字下面会显示它主要来自哪位专家。",
    ),
    "you": ("you", "你"),
    "model": ("model", "模型"),
    "mixture": ("mixture", "混合"),
    "alone": ("{name} alone", "仅 {name}"),
    "blend": ("forced blend", "固定配比"),
    "message": ("Message", "消息"),
    "placeholder": (
        "Type here. Enter sends, Shift+Enter breaks the line",
        "在此输入。Enter 发送，Shift+Enter 换行",
    ),
    "send": ("Send", "发送"),
    "stop": ("Stop", "停止"),
    "again": ("Answer again", "重新回答"),
    "undo": ("Undo", "撤回"),
    "clear": ("Clear", "清空"),
    "save": ("Save", "保存"),
    "load": ("Load", "载入"),
    "save_columns": ("Saves the mixture's conversation", "保存“混合”这一列的对话"),
    "load_columns": ("Every column goes on with it", "每一列都接着它说"),
    "newest": ("↓ newest", "↓ 最新"),
    "settings": ("Settings", "设置"),
    "temperature": ("Temperature", "温度"),
    "top_k": ("Top-k (0 = all)", "Top-k（0＝全部）"),
    "top_p": ("Top-p", "Top-p"),
    "repetition_penalty": ("Repetition penalty", "重复惩罚"),
    "max_length": ("Longest answer", "最长回答"),
    "seed": ("Seed (empty = random)", "种子（空＝随机）"),
    "explain": ("Explain characters", "解释每个字"),
    "forced": ("Force the blend", "固定配比"),
    "position": ("Blend", "配比"),
    "context": ("Context: {used} of {limit} characters", "上下文：已用 {used} / {limit} 字"),
    "writing": ("Writing … {speed} characters/s", "正在写…… {speed} 字/秒"),
    "note": ("{count} characters · seed {seed}", "{count} 字 · 种子 {seed}"),
    "note_certain": ("{count} characters", "{count} 字"),
    "done_certain": ("{count} characters, {speed}/s", "{count} 字，{speed} 字/秒"),
    "done": (
        "{count} characters, {speed}/s, seed {seed}",
        "{count} 字，{speed} 字/秒，种子 {seed}",
    ),
    "stopped": ("Stopped after {count} characters.", "已停止，写了 {count} 字。"),
    "cleared": ("The conversation is forgotten; Undo brings it back.", "已清空；“撤回”可恢复。"),
    "undone": ("Taken back.", "已撤回。"),
    "nothing": (
        "There is nothing to take back or to answer again.",
        "没有可撤回或可重新回答的内容。",
    ),
    "loaded": ("{count} exchanges were read in.", "已载入 {count} 轮对话。"),
    "loading": ("Reading the transcript …", "正在载入对话……"),
    "inspector": ("About one character", "关于一个字"),
    "hint": (
        "Point at a character of an answer, or focus one and use ← →: weights, surprisal, "
        "runners-up.",
        "把鼠标移到回答中的某个字上，或选中后用 ← → 键，查看权重、意外程度和候选字。",
    ),
    "weights": ("router weights", "路由权重"),
    "surprisal": ("surprisal", "意外程度"),
    "bits": ("came with {p} ({bits} bits), {choice}", "以 {p} 的概率出现（{bits} 比特），{choice}"),
    "first_choice": ("first choice", "首选"),
    "choice": ("choice {rank}", "第 {rank} 选"),
    "others": ("runners-up", "候选字"),
    "experts": ("each expert alone", "各位专家单独作答"),
    "would": (
        "{name} alone: {symbol} {p}, this {written} {own}",
        "{name} 单独作答：{symbol} {p}，此字 {written} {own}",
    ),
    "unknown": ("Nothing is known about this character.", "没有这个字的数据。"),
}


def texts(*parts):
    """The words of some parts by language: {"en": {key: text}, "zh": {key: text}}."""
    words = {key: pair for part in parts for key, pair in part.items()}
    return {
        code: {key: pair[i] for key, pair in words.items()} for i, code in enumerate(("en", "zh"))
    }

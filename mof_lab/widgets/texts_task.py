"""The words of a task; see `texts`."""

TASK = {
    "begin": ("Start", "开始"),
    "pause": ("Pause", "暂停"),
    "resume": ("Resume", "继续"),
    "stop": ("Stop", "停止"),
    "bar": ("How much is done", "完成了多少"),
    "left": ("{share} · {left} left", "{share} · 还需 {left}"),
    "working": ("It is being done.", "正在进行。"),
    "paused": ("Paused.", "已暂停。"),
    "stopped": ("Stopped; Start goes on.", "已停止；点“开始”可继续。"),
    "done": ("Done in {time}.", "已完成，用时 {time}。"),
}

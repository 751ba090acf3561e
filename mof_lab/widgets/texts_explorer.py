"""The words of the explorer, as in `texts.py`."""

EXPLORER = {
    "title": ("Inside", "模型内部"),
    "first": ("Prompt: a line a turn, yours first", "提示：一行一轮，你先说"),
    "second": ("Compare with (may stay empty)", "对比（可不填）"),
    "read": ("Read", "读取"),
    "reading": ("Reading …", "正在读取……"),
    "done": (
        "Point at a character to look at it, click to lock it; ← → move, Esc unlocks.",
        "把鼠标移到某个字上查看，单击锁定；← → 移动，Esc 解锁。",
    ),
    "without": (
        "Parts off: {count}. Mean surprisal {before} → {after} bits.",
        "已关闭 {count} 处：平均意外程度 {before} → {after} 比特。",
    ),
    "axis": ("Characters of reading {number}", "第 {number} 次阅读的各字"),
    "heads": ("Heads", "注意力头"),
    "heads_of": (
        "Heads of reading {number}: point to preview, click to choose",
        "第 {number} 次阅读的注意力头：指向预览，单击选定",
    ),
    "head": (
        "block {block}, head {head}: looks {back} back",
        "第 {block} 层第 {head} 头：回看 {back}",
    ),
    "whole": ("The whole head", "整个注意力头"),
    "switches": ("Switched on", "已开启的部分"),
    "this_head": ("this head", "此头"),
    "thought": ("thought of block {block}", "第 {block} 层的思维"),
    "expert": ("expert {name}", "专家 {name}"),
    "all_on": ("All on", "全部开启"),
    "inspector": ("About the character", "关于这个字"),
    "at": ("{number} · character {position}: {symbol}", "{number} · 第 {position} 字：{symbol}"),
    "facts": (
        "{bits} bits · router {weights} · update {update}, reset {reset} · thoughts {thoughts}",
        "{bits} 比特 · 路由 {weights} · 更新 {update}，重置 {reset} · 思维 {thoughts}",
    ),
    "looks": ("looks at (sum {sum})", "回看的字（合计 {sum}）"),
    "next": ("next: as it is", "下一个字：现在"),
    "next_off": ("next: all on → now", "下一个字：全开 → 现在"),
    "alone": ("{name} alone", "仅 {name}"),
    "context": ("Context test", "上下文测试"),
    "topic": ("What is told", "告诉它什么"),
    "colour": ("favourite colour", "最喜欢的颜色"),
    "name": ("name", "名字"),
    "testing": ("Testing: {name} …", "正在测试：{name}……"),
    "tested": (
        "Above 0: what was told so many characters back is still used.",
        "高于 0：隔了那么多个字，先前说的事仍有帮助。",
    ),
    "stop": ("Stop", "停止"),
    "stopped": ("Stopped.", "已停止。"),
}

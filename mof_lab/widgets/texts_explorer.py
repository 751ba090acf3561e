"""The words of the explorer, as in `texts.py`."""

EXPLORER = {
    "title": ("Inside", "模型内部"),
    "first": (
        "One line per turn: you, the model, you, …",
        "每行一轮：你、模型、你……",
    ),
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
        "{bits} bits · update {update}, reset {reset} · thoughts {thoughts}",
        "{bits} 比特 · 更新 {update}，重置 {reset} · 思维 {thoughts}",
    ),
    "router": ("router {weights}", "路由 {weights}"),
    "why": (
        "To see why {symbol} came, point at the character before it.",
        "想知道“{symbol}”为何出现，请指它前面的字。",
    ),
    "looks": ("looks at (sum {sum})", "回看的字（合计 {sum}）"),
    "next": ("After {symbol} the model expects:", "读到“{symbol}”之后，模型预计："),
    "next_off": (
        "After {symbol} the model expects (all on → now):",
        "读到“{symbol}”之后，模型预计（全开 → 现在）：",
    ),
    "lane_routing": (
        "How much the router trusts each expert for the character that comes next.",
        "为了下一个字，路由器对各位专家各信任多少。",
    ),
    "lane_surprisal": (
        "How many bits this character surprised the whole model by: taller is more surprising.",
        "这个字让整个模型意外了多少比特：越高越意外。",
    ),
    "lane_alone": (
        "How many bits this character would have surprised this expert by if it were alone.",
        "如果只有这位专家，这个字会让它意外多少比特。",
    ),
    "lane_update": (
        "How much of its old state each group of the GRU's units keeps here: dark keeps it.",
        "GRU 的每组单元在这里保留多少旧状态：深色是保留。",
    ),
    "lane_reset": (
        "How much of the past each group of the GRU's units uses for its new state: dark uses it.",
        "GRU 的每组单元为新状态用了多少过去：深色是用到。",
    ),
    "lane_thought": (
        "How strongly this block's thought space changes what the Transformer carries on here.",
        "这一层的思维空间在这里对 Transformer 传下去的内容改动多大。",
    ),
    "lane_attention": (
        "How much the chosen head looks from the pointed character back at this one.",
        "所选的头从所指的字回看这个字多少。",
    ),
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

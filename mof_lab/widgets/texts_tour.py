"""The words of the tour itself, as in `texts.py`; those of its steps are in `tours.py`."""

TOUR = {
    "title": ("Guided tour", "导览"),
    "steps": ("Steps of the tour", "导览的各步"),
    "ready": (
        "{all} small things to try, in any order. Nothing waits for you: leave whenever you like.",
        "共 {all} 件小事，顺序随意；可以随时离开，不影响别的操作。",
    ),
    "count": ("{done} of {all} done.", "已完成 {done} / {all}。"),
    "ticked": (
        "Step {number} is done: {done} of {all}.",
        "第 {number} 步已完成：{done} / {all}。",
    ),
    "finished": (
        "All {all} are done. What you used is still there to play with.",
        "全部 {all} 步都已完成。用过的东西都还在，可以接着玩。",
    ),
    "left": (
        "You left the tour at {done} of {all}; what you do is still ticked off.",
        "已离开导览（{done} / {all}）；之后做到的仍会自动打勾。",
    ),
    "not_there": (
        "This is not on the page yet: run the cells below first, then press Show me again.",
        "页面上还没有：请先运行下面的单元格，再点“指给我看”。",
    ),
    "start": ("Start", "开始"),
    "go_on": ("Go on", "继续"),
    "restart": ("Start over", "重新开始"),
    "show": ("Show me", "指给我看"),
    "tick": ("Done", "完成"),
    "next": ("Next", "下一步"),
    "leave": ("Leave", "离开"),
    "is_done": ("{title}: done", "{title}：已完成"),
    "place": ("{number} of {all}: {title}.", "{number} / {all}：{title}。"),
    "words": ("Words:", "术语："),
}

"""Exercises of notebook 08: speed."""

import numpy as np

from . import exercise

PEAK, BANDWIDTH, WEIGHTS = 400e9, 40e9, 100e6  # the task's: operations and bytes a second


def _characters(people, bytes_each):
    """Characters a second at most, for all of them together: the roof, in characters."""
    intensity = 2 * people / bytes_each
    return min(PEAK, intensity * BANDWIDTH) / (2 * WEIGHTS)


@exercise("08.1")
def under_the_roof(predicted):
    def near(key, value):
        return np.isclose(predicted[key], value, rtol=0.02)

    multiplied, one = PEAK / (2 * WEIGHTS), _characters(1, 4)
    if not near("one", one):
        if near("one", multiplied):
            return (
                "The processor could multiply for so many; how long does the memory take to bring "
                "all weights once?",
                "处理器算得了这么多；可是内存把全部权重送一遍要多久？",
            )
        return (
            "For one person every weight is brought from memory for every character: how many "
            "bytes is that in fp32?",
            "只给一个人写时，每个字都要把全部权重从内存读一遍：fp32 是多少字节？",
        )
    if not near("one, int8", _characters(1, 1)):
        return (
            "With int8 only the bytes of a weight change: from how many to how many?",
            "换成 int8，变的只是每个权重的字节数：从几个变成几个？",
        )
    if not near("64 together", _characters(64, 4)):
        if near("64 together", 64 * one):
            return (
                "The memory would do for that; can the processor multiply so much?",
                "内存供得上；处理器也算得过来吗？",
            )
        if near("64 together", multiplied / 64):
            return (
                "That is for each of the 64; all together is asked.",
                "这是每个人的；问的是总数。",
            )
        return (
            "A weight that is read once now serves 64 characters: calculate the intensity, then "
            "take the lower of the two sides of the roof.",
            "读一次权重，够 64 个字用：先算强度，再取屋顶两边中较低的一边。",
        )
    if near("enough people", next(n for n in range(1, 65) if _characters(n, 4) >= multiplied)):
        return None
    return (
        "At which intensity do the two sides of the roof meet, and what intensity has one person?",
        "屋顶的两边在多大的强度处相交？一个人的强度又是多少？",
    )


@exercise("08.2")
def without_fusion(answer):
    unfused_cost, times_as_long = answer
    for rows, columns in ((7, 5), (1024, 6000), (3, 1)):
        found = np.asarray(unfused_cost(rows, columns), float)
        if found.shape != (2,):
            return (
                f"Two numbers are wanted, operations and bytes, not shape {found.shape}.",
                f"要返回两个数：运算次数和字节数，而不是形状 {found.shape}。",
            )
        operations, moved = found
        n = rows * columns
        if np.allclose(found[::-1], (5 * n, 4 * (8 * n + 4 * rows))):
            return "The two numbers have changed places.", "两个数的位置反了。"
        if not np.isclose(operations, 5 * n):
            return (
                "Fused or not, the same is calculated: the operations stay as they were.",
                "融合与否，算的都一样：运算次数不变。",
            )
        hint = _of_bytes(moved, n, rows)
        if hint:
            return hint
    wanted = 8 / 2  # the numbers moved for one of a wide row
    if np.isclose(times_as_long, wanted, rtol=0.02):
        return None
    if np.isclose(times_as_long, 1 / wanted, rtol=0.02):
        return (
            "Your function is right. Without fusion it takes longer, not shorter.",
            "函数写对了。去掉融合，用时是变长，不是变短。",
        )
    return (
        "Your function is right. Where memory decides, time goes with the bytes: compare yours "
        "with those of `softmax_cost`.",
        "函数写对了。内存决定快慢时，用时与字节数成正比：与 `softmax_cost` 的字节数比一比。",
    )


def _of_bytes(moved, n, rows):
    """A hint about the bytes of n numbers in so many rows, or None."""
    numbers = 8 * n + 4 * rows
    if np.isclose(moved, 4 * numbers, rtol=1e-9):
        return None
    if np.isclose(moved, numbers, rtol=1e-9):
        return "These are numbers; each has 4 bytes.", "这是数的个数；每个数占 4 个字节。"
    if np.isclose(moved, 4 * 2 * n, rtol=1e-9):
        return (
            "This is still fused: a result that is written has to be read again by the next step.",
            "这还是融合的：中间结果写回内存之后，下一步还要再读。",
        )
    if np.isclose(moved, 4 * 8 * n, rtol=1e-9):
        return (
            "The whole matrices are right. The largest and the sum of each row are moved, too.",
            "整个矩阵的部分对了。每行的最大值与和也要读写。",
        )
    if any(np.isclose(moved, 4 * (part * n + 2 * rows), rtol=1e-9) for part in (3, 5)):
        return (
            "You count only what is read, or only what is written.",
            "你只算了读的，或者只算了写的。",
        )
    if moved > 4 * numbers:
        return (
            "That is too much: list what each step reads and writes. The largest and the sum are "
            "one number a row, not a whole matrix.",
            "太多了：把每一步读什么、写什么列出来。最大值与和每行只有一个数，不是整个矩阵。",
        )
    return (
        "That is too little: list for each of the five steps what it reads and what it writes.",
        "太少了：把五步逐一列出来，每一步读什么、写什么。",
    )


class _Machine:
    """A clock that only the work moves, so that a measurement gives the same every time.

    Args:
        compiling: the first call of each function takes so many times as long.
        disturbed: {name: number of its call} for calls that take 40 times as long.
        slow_from: from that call on, of all, everything takes 3 times as long.
    """

    def __init__(self, compiling=1, disturbed=None, slow_from=None):
        self.compiling, self.slow_from = compiling, slow_from
        self.disturbed = disturbed or {}
        self.now, self.calls, self.asked = 1000.0, [], 0

    def clock(self):
        self.asked += 1
        return self.now

    def work(self, name, seconds):
        """A function that takes that time."""

        def run():
            number, took = self.calls.count(name), seconds
            if number == 0:
                took *= self.compiling
            if self.disturbed.get(name) == number:
                took *= 40
            if self.slow_from is not None and len(self.calls) >= self.slow_from:
                took *= 3
            self.calls.append(name)
            self.now += took

        return run

    def measured(self, gain, ours, theirs, turns):
        return float(gain(self.work("ours", ours), self.work("theirs", theirs), turns, self.clock))


@exercise("08.3")
def measured_in_turn(gain):
    quiet, turns = _Machine(), 5
    found = quiet.measured(gain, 2.0, 5.0, turns)
    if not quiet.asked:
        return (
            "Ask `clock` for the time: it is given, so that a measurement can be tested.",
            "时间要问 `clock`：把它作为参数传入，测量方法才能检验。",
        )
    if set(quiet.calls) != {"ours", "theirs"}:
        return "Call both functions, `ours()` and `theirs()`.", "两个函数都要调用。"
    if np.isclose(found, 2.0 / 5.0):
        return "Upside down: quicker is more than 1.", "倒过来了：更快应当大于 1。"
    if not np.isclose(found, 5.0 / 2.0):
        return (
            f"With 2 s for `ours` and 5 s for `theirs`, undisturbed, it gives {found:.4g}, "
            "not 2.5.",
            f"`ours` 用 2 秒、`theirs` 用 5 秒，没有干扰，它却给出 {found:.4g}，不是 2.5。",
        )
    # Each with a hint; from here on within 10 %.
    trials = [
        (
            _Machine(compiling=50),
            "The first call of each takes longer here, and it shows: do not count it.",
            "这里每个函数的第一次调用都更久，影响了结果：不要把它算进去。",
        ),
        (
            _Machine(disturbed={"ours": 3}),
            "One disturbed call changes the result: time each call by itself; what is better than "
            "a mean or a sum?",
            "一次受干扰的调用就改变了结果：要逐次计时；用什么比平均或总和更好？",
        ),
        (
            _Machine(slow_from=turns + 1),
            "When everything slows down halfway, the result changes: in which order should the "
            "two be called?",
            "中途一切都变慢时，结果就变了：两个函数该按什么次序调用？",
        ),
    ]
    for machine, *hint in trials:
        if not np.isclose(machine.measured(gain, 3.0, 1.0, turns), 1.0 / 3.0, rtol=0.1):
            return tuple(hint)
    counted = {quiet.calls.count(name) for name in ("ours", "theirs")}
    if counted != {turns + 1}:
        return (
            "Right so far; but each is to be called once uncounted, then `turns` times.",
            "结果对了；但每个函数应当先调用一次不计时，再调用 `turns` 次。",
        )
    return None

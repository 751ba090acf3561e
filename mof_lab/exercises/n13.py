"""Exercises of notebook 13: training on more than one machine."""

import numpy as np

from ..scaling import BYTES_A_GRADIENT, LATENCY, LINKS, Step
from . import exercise


def _sending(parameters, workers, bandwidth, latency, size=BYTES_A_GRADIENT):
    """Seconds of an all-reduce of so many numbers of `size` bytes."""
    share = 2 * (workers - 1) / workers
    return share * size * parameters / bandwidth + 2 * (workers - 1) * latency


def _same(found, truth):
    return bool(np.isclose(found, truth, rtol=1e-5, atol=0))


@exercise("13.1")
def twice_the_windows(predicted):
    computing, waiting = 0.25, 0.75
    efficiency = 2 * computing / (2 * computing + waiting)
    quicker = 2 * (computing + waiting) / (2 * computing + waiting)
    at_most = (computing + waiting) / computing
    if not _same(predicted["times the bytes"], 1):
        return (
            "What is sent is the gradient: what does its size depend on?",
            "发送的是梯度：它的大小取决于什么？",
        )
    found = predicted["efficiency"]
    if _same(found, 100 * efficiency):
        return "Give it as a share from 0 to 1.", "请写成 0 到 1 之间的比例。"
    if _same(found, 2 * computing / (computing + waiting)):
        return (
            "This would be double, if the step still took a second. How long does it take now?",
            "一步若还是一秒，效率才会加倍。现在一步要多久？",
        )
    if not _same(found, efficiency):
        return (
            "Write down the seconds of computing and of waiting, before and after: what is the "
            "share of the first?",
            "写下前后两种情况的计算秒数和等待秒数：计算占多大比例？",
        )
    found = predicted["times the characters a second"]
    if _same(found, 2):
        return (
            "A step has twice the characters, but it takes longer, too.",
            "一步的字数加倍了，但一步的时间也变长了。",
        )
    if not _same(found, quicker):
        return (
            "The efficiency is right. For the speed: characters of a step by seconds of a step.",
            "效率对了。速度则是一步的字数除以一步的秒数。",
        )
    if not _same(predicted["times at most"], at_most):
        return (
            "Take a million times the windows: what is the waiting then, beside the computing?",
            "设想窗口多到一百万倍：与计算相比，等待还剩多少？",
        )
    return None


#: Figures of the second exercise's question.
ROUND, LINK = Step(0.1, 1024, 1_250_000), LINKS["1 Gbit/s"]


def _saved(workers):
    """The share of a step of `ROUND` over `LINK` that gradients of 16 bits save."""
    whole, half = (
        ROUND.seconds + _sending(ROUND.parameters, workers, LINK, LATENCY, size) for size in (4, 2)
    )
    return 1 - half / whole


@exercise("13.2")
def half_the_bytes(answer):
    seconds_16, saves_up_to = answer
    for step, workers, bandwidth, latency in (
        (Step(0.2, 512, 3_000_000), 4, 5e7, 0.01),
        (Step(1.5, 4096, 80_000_000), 64, 1.25e9, 2e-4),
        (Step(0.2, 512, 3_000_000), 1, 5e7, 0.01),
    ):
        whole, half = (
            step.seconds + _sending(step.parameters, workers, bandwidth, latency, size)
            for size in (4, 2)
        )
        messages = 2 * (workers - 1) * latency
        found = float(seconds_16(step, workers, bandwidth, latency))
        if _same(found, half):
            continue
        if _same(found, whole):
            return (
                "Nothing has changed: this is 4 bytes a number.",
                "什么都没变：每个数还是 4 字节。",
            )
        if _same(found, whole / 2) or _same(found, (whole + messages) / 2):
            return (
                "16 bits halve what is sent, not the computing.",
                "16 位减半的是发送量，不是计算。",
            )
        if _same(found, half - messages / 2) or _same(found, half - messages):
            return (
                "The bytes are right. There are as many messages as before, and each takes its "
                "latency.",
                "字节数对了。消息却和以前一样多，每条都有延迟。",
            )
        if _same(found, half - messages + 2 * (workers - 1) * LATENCY):
            return (
                "It always takes the usual latency: use the one that is handed in.",
                "它总是用默认的延迟：请用传入的 `latency`。",
            )
        if _same(found, half - step.seconds):
            return "Where is the computing?", "计算的时间呢？"
        return (
            "Only one of the three terms of t(n) has the bytes in it: halve them there.",
            "t(n) 的三项里，只有一项含字节数：只在那里减半。",
        )
    truth = max(n for n in range(2, 10_000) if _saved(n) >= 0.1)
    if saves_up_to == truth:
        return None
    if not 2 <= saves_up_to < float("inf") or saves_up_to % 1:
        return (
            "A whole number from two on is wanted: one worker sends nothing, so it saves nothing.",
            "应当是二以上的整数：一个进程什么都不发，也就省不了什么。",
        )
    if saves_up_to == truth + 1:
        return (
            "This is the first number that saves less; the last that saves enough is wanted.",
            "这是第一个省得不够的进程数；要的是最后一个省得够的。",
        )
    if _saved(saves_up_to) < 0.1:
        return (
            f"The function is right. But so many save only {_saved(saves_up_to):.2%} of the step "
            "with 32 bits.",
            f"函数写对了。可是用这么多进程，只省下 32 位一步的 {_saved(saves_up_to):.2%}。",
        )
    return (
        f"The function is right. So many save {_saved(saves_up_to):.2%} of the step with 32 bits, "
        "and still more workers would save enough.",
        f"函数写对了。用这么多进程能省下 32 位一步的 {_saved(saves_up_to):.2%}，再多一些也还够。",
    )


def _behind(layers, sending):
    """Seconds of a step whose layers are sent one by one while the next ones compute."""
    computed = sent = 0.0
    for (seconds, _), takes in zip(layers, sending, strict=True):
        computed += seconds
        sent = max(computed, sent) + takes
    return sent


@exercise("13.3")
def send_while_computing(answer):
    overlapped, at_most = answer
    rng = np.random.default_rng(13)
    several = [(rng.uniform(0.01, 0.2), int(rng.integers(100_000, 4_000_000))) for _ in range(9)]
    for layers, workers, bandwidth, latency in (
        ([(0.3, 1_000_000)], 4, 1e7, 1e-3),
        ([(0.1, 5_000_000), (0.2, 100_000), (0.05, 2_000_000)], 2, 1e8, 2e-3),
        ([(0.1, 500_000), (0.4, 100_000), (0.3, 200_000)], 8, 1e8, 1e-3),
        (several, 8, 1e8, 5e-4),
        (several, 64, 1e7, 5e-4),
        (several, 1, 1e8, 5e-4),
    ):
        found = float(overlapped(list(layers), workers, bandwidth, latency))
        hint = _of_a_step(found, layers, workers, bandwidth, latency)
        if hint:
            return hint
    if _same(at_most, 0.5):
        return None
    if _same(at_most, 50):
        return "Give the share as a number from 0 to 1.", "请写成 0 到 1 之间的比例。"
    return (
        "The function is right. At best a step takes as long as the longer of its two parts: "
        "against their sum, when is that least?",
        "函数写对了。最好时，一步的时间等于两部分中较长的一个：它与两者之和相比，何时最小？",
    )


def _of_a_step(found, layers, workers, bandwidth, latency):
    """A hint about the seconds of one step, or None."""
    sending = [_sending(parameters, workers, bandwidth, latency) for _, parameters in layers]
    truth = _behind(layers, sending)
    if _same(found, truth):
        return None
    computing = np.array([seconds for seconds, _ in layers])
    longer = max(computing.sum(), sum(sending))
    bytes_alone = [_sending(parameters, workers, bandwidth, 0) for _, parameters in layers]
    turned = _behind(layers[::-1], sending[::-1])
    if _same(found, computing.sum() + sum(sending)):
        return (
            "This is the loop as it is: first all is computed, then all is sent.",
            "这还是原来的循环：先全部算完，再全部发送。",
        )
    if _same(found, longer):
        return (
            "So short it could be at best; but while the first layer computes, there is nothing "
            "to send yet.",
            "这是最好的情形；可是第一层还在计算时，没有东西可发。",
        )
    if _same(found, (computing.cumsum() + sending).max()):
        return (
            "The link sends one gradient at a time: a layer may have to wait until it is free.",
            "网络一次只发一份梯度：网络占用时，后一层要等。",
        )
    if _same(found, np.maximum(computing, sending).sum()):
        return (
            "A layer's gradient exists only once the layer is computed: it travels while *others* "
            "compute.",
            "一层算完，才有它的梯度：传它的时候，算的是**别的**层。",
        )
    if _same(found, turned):
        return (
            "The layers are given in the order in which they are done: begin with the first.",
            "给出各层的次序就是算完的先后：从第一个开始。",
        )
    if _same(found, _behind(layers, bytes_alone)) or _same(
        found, _behind(layers, bytes_alone) + 2 * (workers - 1) * latency
    ):
        return (
            "Every layer is an all-reduce of its own: what does each pay in latency?",
            "每一层都是一次单独的全归约：每次要付多少延迟？",
        )
    if workers == 1:
        return "One worker alone sends nothing.", "只有一个进程时，什么都不发。"
    if found < longer:
        return (
            f"{found:.4g} s is shorter than the computing or the sending alone takes "
            f"({longer:.4g} s).",
            f"{found:.4g} 秒比单是计算或单是发送所需的时间（{longer:.4g} 秒）还短。",
        )
    if len(layers) == 1:
        return (
            "With a single layer there is nothing to send behind: it is computed, then sent.",
            "只有一层时无法边算边传：先算，后发。",
        )
    return (
        "Keep two times for each layer: when it is computed, and when the link is free for it.",
        "每一层记两个时刻：什么时候算完，什么时候轮到它用网络。",
    )

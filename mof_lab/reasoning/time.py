"""Days of the week, the clock, the calendar: counted on step by step."""

from .problem import ask
from .sums import add_steps, subtract_steps
from .words import DAYS, HOW_MANY, NAMES

WEEKDAY = (
    "今天是{today}，{n}天后是星期几？",
    "今天{today}，再过{n}天是星期几？",
    "如果今天{today}，{n}天以后是星期几",
    "{today}再过{n}天是星期几？",
    "{today}的{n}天后是星期几",
    "今天{today}，请问{n}天之后是星期几？",
    "从{today}往后数{n}天，是星期几？",
    "考考你，今天{today}，过{n}天是星期几？",
    "日历上是{today}，往后翻{n}天，是星期几？",
    "今天{today}，还有{n}天放假，放假那天是星期几？",
    "今天{today}，离灯节还有{n}天，灯节是星期几？",
    "{who}{today}出门，走了{n}天，星期几到？",
    "{who}{today}寄信，{n}天后送到，是星期几？",
    "{who}{today}种下豆子，过{n}天发芽，是星期几发芽？",
    "{today}那天{who}说，{n}天后见，是星期几见？",
    "{who}{today}借的书，{n}天后还，星期几还？",
    "{who}说今天{today}，再等{n}天就过生日，生日是星期几？",
    "{today}下了雨，{n}天后晴了，星期几晴的？",
    "药从{today}吃起，{n}天后去看医生，是星期几去？",
    "{who}{today}开始学游泳，{n}天后学会了，那天星期几？",
    "{today}做的蜂蜜糕，{n}天后吃完，是星期几吃完？",
)


def weekday(rng):
    day, offset = rng.randrange(7), rng.randint(1, 6)
    days = [DAYS[(day + i) % 7] for i in range(offset + 1)]
    n = HOW_MANY[offset]
    return ask(
        rng,
        "weekday",
        f"weekday {day} {offset}",
        WEEKDAY,
        f"数{n}天：{'、'.join(days[1:])}，是星期{days[-1]}。",
        today=f"星期{days[0]}",
        n=n,
        who=rng.choice(NAMES),
    )


LATER = (
    "现在{hour}点，再过{wait}个小时是几点？",
    "现在{hour}点，{wait}个小时后是几点？",
    "{who}{hour}点出门，走了{wait}个小时，几点到？",
    "{hour}点开始，{wait}个小时后结束，是几点？",
    "钟上是{hour}点，{wait}小时以后是几点",
    "{who}{hour}点睡下，睡了{wait}个小时，几点醒？",
    "从{hour}点往后数{wait}个小时，是几点？",
    "时针指着{hour}，{wait}个小时后指着几点？",
    "考考你，{hour}点再过{wait}小时是几点？",
    "船{hour}点开，{wait}个小时到岸，几点到岸？",
    "{who}{hour}点开始看店，看了{wait}个小时，几点关门？",
    "面包{hour}点开始发面，要{wait}个小时，几点发好？",
    "{hour}点下起雨，下了{wait}个小时，几点停的？",
)
EARLIER = (
    "现在{hour}点，{wait}个小时前是几点？",
    "{who}{hour}点到家，路上走了{wait}个小时，几点出发的？",
    "钟上是{hour}点，往回{wait}个小时是几点",
    "从{hour}点往前数{wait}个小时，是几点？",
    "{who}{hour}点干完活，干了{wait}个小时，几点开始的？",
    "{who}{hour}点醒来，睡了{wait}个小时，几点睡的？",
    "船{hour}点到岸，开了{wait}个小时，几点开的？",
    "雨{hour}点停，下了{wait}个小时，几点开始下的？",
    "时针指着{hour}，{wait}个小时以前指着几点？",
)


def clock(rng):
    """Hours counted on or back, over twelve as over any other."""
    hour, wait = rng.randint(1, 12), rng.randint(1, 9)
    way, wordings, said = rng.choice(
        ((1, LATER, "往后"), (1, LATER, "往后"), (-1, EARLIER, "往前"))
    )
    hours = [(hour + way * i - 1) % 12 + 1 for i in range(1, wait + 1)]
    return ask(
        rng,
        "clock",
        f"clock {hour} {hours[-1]}",
        wordings,
        f"{said}数{wait}个小时：{'、'.join(map(str, hours))}，是{hours[-1]}点。",
        hour=hour,
        wait=wait,
        who=rng.choice(NAMES),
    )


MINUTES_LATER = (
    "现在{time}，再过{wait}分钟是几点几分？",
    "{time}，过{wait}分钟是什么时间？",
    "{time}上课，一节课{wait}分钟，什么时候下课？",
    "{who}{time}出门，走了{wait}分钟，什么时候到的？",
    "船{time}开，开了{wait}分钟靠岸，什么时候靠岸？",
    "面包{time}进炉，烤{wait}分钟，什么时候出炉？",
    "钟上是{time}，{wait}分钟以后是几点几分",
    "{who}{time}开始画画，画了{wait}分钟，什么时候画完？",
    "戏{time}开演，演{wait}分钟，什么时候散场？",
    "从{time}起过了{wait}分钟，这时是几点几分？",
)
MINUTES_EARLIER = (
    "现在{time}，{wait}分钟前是几点几分？",
    "{who}{time}到店，路上走了{wait}分钟，什么时候出门的？",
    "钟上是{time}，往回拨{wait}分钟是几点几分？",
    "面包{time}出炉，烤了{wait}分钟，什么时候进炉的？",
    "{time}下课，一节课{wait}分钟，什么时候上课的？",
)
MINUTES_BETWEEN = (
    "从{time}到{end}是多少分钟？",
    "{who}{time}出门，{end}到，走了多少分钟？",
    "{time}到{end}，过了几分钟？",
    "戏{time}开演，{end}散场，演了多少分钟？",
    "面包{time}进炉，{end}出炉，烤了多少分钟？",
    "现在{time}，离{end}还有多少分钟？",
)


def _time(hour, minute):
    return f"{hour}点{minute}分" if minute else f"{hour}点"


def minutes(rng):
    """The clock in steps of five minutes: later, earlier in the same hour, how long between."""
    hour, minute, wait = rng.randint(1, 12), rng.randrange(0, 60, 5), rng.randrange(5, 50, 5)
    ways = ["later", "later", "earlier", "between"] if minute >= wait else ["later"]
    way, content = rng.choice(ways), {"wait": wait}
    half = minute == 30
    start = f"{hour}点半" if half and rng.random() < 0.7 else _time(hour, minute)
    steps = f"{hour}点半是{hour}点30分，" if start.endswith("半") else ""
    if way == "later":
        wordings, total = MINUTES_LATER, minute + wait
        if minute:
            steps += f"{add_steps(minute, wait)}，"
        if total >= 60:
            over = f"1小时{total - 60}分" if total > 60 else "1小时"
            steps += f"{total}分是{over}，{hour}点过1小时是{hour % 12 + 1}点，"
        found = _time((hour + total // 60 - 1) % 12 + 1, total % 60)
    elif way == "earlier":
        wordings, found = MINUTES_EARLIER, _time(hour, minute - wait)
        steps += f"{subtract_steps(minute, wait)}，"
    else:
        wordings, found = MINUTES_BETWEEN, f"{wait}分钟"
        content["end"] = start
        start = _time(hour, minute - wait)
        if minute > wait:
            steps += f"{subtract_steps(minute, minute - wait)}，"
    key = f"minutes {way} {hour} {minute} {wait}"
    who = rng.choice(NAMES)
    return ask(rng, "minutes", key, wordings, f"{steps}是{found}。", time=start, who=who, **content)


MONTH_AFTER = (
    "{month}月再过{n}个月是几月？",
    "现在是{month}月，{n}个月后是几月？",
    "从{month}月往后数{n}个月，是几月？",
    "{who}{month}月种下树苗，{n}个月后开花，几月开花？",
    "{who}{month}月出发，走了{n}个月，几月到？",
    "这个月是{month}月，过{n}个月是几月",
)
MONTH_BEFORE = (
    "现在是{month}月，{n}个月前是几月？",
    "从{month}月往前数{n}个月，是几月？",
    "{who}{month}月搬完家，搬了{n}个月，几月开始搬的？",
    "{month}月的{n}个月以前是几月？",
    "这个月是{month}月，{n}个月前是几月",
)
DAY_AFTER = (
    "今天是{month}月{day}日，{n}天后是几月几日？",
    "{month}月{day}日再过{n}天是几月几日？",
    "{month}月{day}日的{n}天后是哪一天？",
    "{who}{month}月{day}日寄信，{n}天后送到，是几月几日？",
    "{who}{month}月{day}日出门，{n}天后回来，是哪一天？",
    "从{month}月{day}日往后数{n}天，是几月几日？",
)
DAYS_OF_MONTH = (
    "{month}月有多少天？",
    "{month}月一共几天",
    "一年里，{month}月有几天？",
    "平年的{month}月有多少天？",
    "翻开日历，{month}月有几天？",
)
SEASON = (
    "{month}月是什么季节？",
    "{month}月在哪个季节",
    "到了{month}月，是什么季节？",
    "在小河镇，{month}月是什么季节？",
)
SEASONS = {"春天": (3, 4, 5), "夏天": (6, 7, 8), "秋天": (9, 10, 11), "冬天": (12, 1, 2)}
LONG_MONTHS = (1, 3, 5, 7, 8, 10, 12)


def calendar(rng):
    make = rng.choice((_months_on, _months_on, _days_on, _days_on, _days_of_month, _season))
    return make(rng, rng.randint(1, 12), rng.choice(NAMES))


def _months_on(rng, month, who):
    n = rng.randint(1, 9)
    way, wordings, said = rng.choice(((1, MONTH_AFTER, "往后"), (-1, MONTH_BEFORE, "往前")))
    months = [(month + way * i - 1) % 12 + 1 for i in range(1, n + 1)]
    answer = f"{said}数{n}个月：{'、'.join(map(str, months))}，是{months[-1]}月。"
    key = f"calendar months {month} {months[-1]}"
    return ask(rng, "calendar", key, wordings, answer, month=month, n=n, who=who)


def _days_on(rng, month, who):
    n = rng.randint(2, 9)
    day = rng.randint(1, 28 - n)
    answer = f"{add_steps(day, n)}，是{month}月{day + n}日。"
    key = f"calendar days {month} {day} {n}"
    return ask(rng, "calendar", key, DAY_AFTER, answer, month=month, day=day, n=n, who=who)


def _days_of_month(rng, month, who):
    if month == 2:
        worked, days = "2月最短，平年", 28
    else:
        long = month in LONG_MONTHS
        listed = "、".join(map(str, LONG_MONTHS))
        worked = f"大月是{listed}月，{month}月{'是' if long else '不是'}大月，"
        days = 31 if long else 30
    key = f"calendar length {month}"
    answer = f"{worked}是{days}天。"
    return ask(rng, "calendar", key, DAYS_OF_MONTH, answer, month=month)


def _season(rng, month, who):
    season, months = next(pair for pair in SEASONS.items() if month in pair[1])
    answer = f"{'、'.join(map(str, months))}月在{season}，是{season}。"
    return ask(rng, "calendar", f"calendar season {month}", SEASON, answer, month=month)

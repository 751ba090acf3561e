"""The words of what takes a text in and gives the work out; see `texts`."""

from .. import text_appraisal

UPLOAD = {
    **text_appraisal.SAID,
    **text_appraisal.FACTS,
    "title": ("Your own text", "你自己的文本"),
    "file": ("A file ({formats}, up to {most} MB)", "选择文件（{formats}，至多 {most} MB）"),
    "path": ("or the path of one, beside this notebook", "或填写路径（相对于本笔记本）"),
    "read": ("Read it", "读取"),
    "example": ("Take the example", "用示例"),
    "sending": ("{name}: {share} has arrived …", "{name}：已收到 {share}……"),
    "reading": ("Reading the text …", "正在读取文本……"),
    "packing": ("Vocabulary and windows …", "正在建立词表、打包窗口……"),
    "measuring": (
        "Measuring how fast this machine learns it; the first step compiles …",
        "正在测量本机学得多快，第一步要编译……",
    ),
    "ready": ("{name} is ready: run the cells below.", "{name} 已就绪：请运行下面的单元格。"),
    "nothing": (
        "Choose a file; without one, the cells below take an example, the project's own stories.",
        "请选择文件；不选的话，下面的单元格会用示例，即本项目自己的故事。",
    ),
    "appraisal": ("What is in it", "文本里有什么"),
}
DOWNLOAD = {
    "title": ("Your work", "你的成果"),
    "download": ("Download my work", "下载我的成果"),
    "packing": ("Packing …", "正在打包……"),
    "waiting": (
        "One zip: model, vocabulary, report, transcript, settings, and how to open it again.",
        "一个压缩包：模型、词表、报告、记录、设置，以及怎样再打开。",
    ),
    "given": ("{name}, {size} MB, went to the browser.", "{name}（{size} MB）已交给浏览器。"),
    "large": (
        "{name} has {size} MB, too much to hand over here: download it from the file browser, "
        "folder {folder}.",
        "{name} 有 {size} MB，太大，无法从这里下载：请在文件浏览器的 {folder} 文件夹里下载。",
    ),
}

"""The command line `mof-lab`: run, train, sources, plan, chat, evaluate, export, info,
expert, doctor.

What a user can put right is one line on standard error and exit code 1. Modules that are slow to
load are imported by the command that needs them.
"""

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from .arguments import (
    OWN_TEXT,
    check_sayings,
    check_target,
    found_checkpoint,
    judged_text,
    named,
    named_experts,
    predecessor,
    preset_of,
    progress_of,
    run_folder,
    text_of,
    trainable,
)
from .console import (
    INTERRUPTED,
    experts_of,
    going_on,
    note,
    program,
    shown,
    summary,
    write,
)
from .errors import LabError


class Commands(typer.core.TyperGroup):
    """Says errors in one line, and nothing of TensorFlow's own chatter."""

    def invoke(self, context):
        from .chatter import without_chatter

        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")  # they return carriages
        try:
            with without_chatter():
                return super().invoke(context)
        except LabError as error:
            note(" ".join(str(error).split()))
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            note("")
            raise typer.Exit(INTERRUPTED) from None


class Lists(typer.core.TyperCommand):
    """`--experts a b` is `--experts a --experts b`: click alone takes one value an option."""

    def parse_args(self, context, words):
        found, option = [], None
        for word in words:
            if word.startswith("-"):
                option = word if word == "--experts" else None
            elif option and found[-1] != option:
                found.append(option)
            found.append(word)
        return super().parse_args(context, found)


app = typer.Typer(
    cls=Commands,
    help="MoF Lab: train a small Chinese mixture of experts and talk with it.  训练小模型并对话",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

PresetName = Annotated[
    str, typer.Option("--preset", help="tiny, small, base, t6 or seed.  预设", metavar="NAME")
]
DataName = Annotated[
    str,
    typer.Option(
        "--data",
        "--file",
        help="Text: a name of `mof-lab sources`, your own file, or OWNER/NAME of the Hub.  文本",
        metavar="NAME|FILE",
    ),
]
Characters = Annotated[
    int | None, typer.Option("--limit", min=1, help="Of --data, at most so many characters.")
]
OptIn = Annotated[
    bool, typer.Option("--opt-in", help="I have judged the licence of --data myself.")
]
Experts = Annotated[
    list[str] | None,
    typer.Option(
        "--experts",
        help="Of the mixture, in order; the preset's, and those of --expert-file.  专家",
        metavar="NAME …",
    ),
]
ExpertFile = Annotated[
    Path | None,
    typer.Option(
        help="Your own experts, see `mof-lab expert`.  自己写的专家所在的文件", metavar="FILE"
    ),
]
CheckpointName = Annotated[
    Path | None,
    typer.Argument(
        help="Its folder; your newest run, or the one that ships, when left out.  检查点文件夹"
    ),
]


# ---- training -----------------------------------------------------------------------------------


@app.command(cls=Lists)
def run(
    preset: PresetName = "tiny",
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; runs/PRESET, or runs/PRESET-DATA.")
    ] = None,
    data: DataName = OWN_TEXT,
    limit: Characters = None,
    opt_in: OptIn = False,
    experts: Experts = None,
    expert_file: ExpertFile = None,
    say: Annotated[
        list[str] | None, typer.Option(help="What to say to the model at the end; may be repeated.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, help="Time for everything; the preset's own.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Also train each expert alone, for the same time.")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Ask it now and then, for a replay.  录下训练过程")
    ] = False,
):
    """Train all stages, ask, talk, and write a report.  从头训练、提问、对话、写报告"""
    from . import pipeline
    from .display import Display

    chosen = preset_of(preset, experts, expert_file)
    out = out or run_folder(chosen, data)
    check_sayings(say or (), chosen.model.context_length)
    text = text_of(data, limit, opt_in)
    stages = chosen.stages if text is None else pipeline.learnable(chosen.stages, text)
    with going_on(out), Display(stages, minutes or chosen.minutes) as display:
        report = pipeline.run(
            chosen,
            out,
            say or (),
            minutes,
            display.show,
            display.tell,
            compare=compare,
            text=text,
            data=named(data, limit, opt_in),
            record=record,
            experts=named_experts(experts, expert_file),
        )
    for line in summary(report):
        typer.echo(line)
    typer.echo(f"\nReport 报告: {shown(out / 'report.html')}")
    typer.echo(f"Talk 对话:   {program(expert_file)} chat {shown(out / stages[-1].name)}")


@app.command(cls=Lists)
def train(
    preset: PresetName = "tiny",
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; runs/PRESET, or runs/PRESET-DATA.")
    ] = None,
    stage: Annotated[
        list[str] | None, typer.Option(help="A stage to train; may be repeated. All by default.")
    ] = None,
    data: DataName = OWN_TEXT,
    limit: Characters = None,
    opt_in: OptIn = False,
    experts: Experts = None,
    expert_file: ExpertFile = None,
    strategy: Annotated[
        str,
        typer.Option(
            help="one; mirrored: every GPU here; multi-worker: as TF_CONFIG says.  分布式策略",
            metavar="NAME",
        ),
    ] = "one",
    ray: Annotated[
        int | None, typer.Option(min=1, help="With so many workers that Ray starts.  用 Ray 启动")
    ] = None,
):
    """Train some stages in a run's folder, on one machine or several.  训练若干阶段"""
    from . import cluster, pipeline
    from .display import Display

    cluster.check(strategy)
    chosen = preset_of(preset, experts, expert_file)
    wanted = [chosen.stage(name).name for name in stage or ()]
    stages = [s for s in chosen.stages if not wanted or s.name in wanted]
    out = out or run_folder(chosen, data)
    with going_on(out):
        text = text_of(data, limit, opt_in)
        if text is not None:
            stages = trainable(stages, text, data, wanted)
        with Display(stages) as display:
            if ray or strategy != "one":
                display.tell("Waiting for all workers …  等待所有工作进程")
                cluster.train(chosen, out, text, stages, strategy, ray, display.show)
            else:
                display.tell("Reading the text and packing it into windows …")
                _train_here(pipeline.Run(chosen, out, text), stages, display)
    typer.echo(f"Talk 对话: {program(expert_file)} chat {shown(out / stages[-1].name)}")


def _train_here(job, stages, display):
    for each in stages:
        if progress_of(job, each.name) == "finished":
            display.tell(
                f"{each.name} is trained already; remove {shown(job.directory / each.name)} "
                "to train it again."
            )
            continue
        before = predecessor(job, each.name)
        display.tell(f"{each.name} starts from {before or 'fresh weights'}.")
        job.train(each, before, show=display.show)


@app.command()
def plan(
    minutes: Annotated[float, typer.Option(help="The time there is.  可用时间（分钟）")] = 10.0,
    characters: Annotated[
        int, typer.Option(help="Of your text, for one pass over it.  文本字数")
    ] = 10_000_000,
):
    """Measure this machine, and say what each preset would take on it.  估算训练时间"""
    from . import planner

    typer.echo(planner.plan(minutes, characters, tell=note))


@app.command()
def sources():
    """List the texts that --data knows by name, with licence and size.  列出可用的文本"""
    from .catalogue import CATALOGUE

    for each in CATALOGUE:  # two lines each: the table of a notebook is too wide for a console
        mark = " (--opt-in)" if each.opt_in else ""
        card = "see its card"
        typer.echo(
            f"{each.name:<16} {each.place}; {each.licence or card}; {each.size or card}{mark}"
        )
        typer.echo(f"{'':<16} {each.note}  {each.chinese}")


# ---- talking ------------------------------------------------------------------------------------


@app.command()
def chat(
    checkpoint: CheckpointName = None,
    expert: Annotated[
        str | None,
        typer.Option(help="Talk with one expert alone, by its name: gru, transformer, …"),
    ] = None,
    temperature: Annotated[float, typer.Option(help="0 = always the most probable.")] = 0.32,
    top_k: Annotated[int, typer.Option(help="Only the k most probable; 0 = all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Only what together reaches this.")] = 0.95,
    repetition_penalty: Annotated[float, typer.Option(help="Above 1 it repeats less.")] = 1.0,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same answers again; random when left out.")
    ] = None,
    max_length: Annotated[int, typer.Option(min=1, help="Characters of an answer.")] = 2048,
    weights: Annotated[
        bool, typer.Option("--weights", help="Show the split of the router under each answer.")
    ] = False,
):
    """Talk with a model; [CLEAN] makes it forget, Ctrl-C stops an answer.  对话"""
    from .checkpoint import read_meta

    folder = found_checkpoint(checkpoint)
    read_meta(folder)  # says what is wrong before TensorFlow is loaded
    note(f"Loading {shown(folder)} …  正在载入")

    from .chat import ChatSession
    from .console import converse, typed_messages
    from .generation import Sampling

    sampling = Sampling(temperature, top_k, top_p, repetition_penalty, seed)
    session = ChatSession.from_checkpoint(folder, tell=note, expert=expert)
    if sys.stdin.isatty():
        note("[CLEAN] forgets 清空, Ctrl-C stops an answer 停止, Ctrl-D leaves 退出.")
        messages = typed_messages()
    else:
        messages = (line.rstrip("\r\n") for line in sys.stdin)
    refused = False
    for text in messages:
        try:
            converse(session, text, sampling, max_length, weights)
        except LabError as error:  # about this message: the conversation goes on
            note(str(error))
            refused = True
    if refused and not sys.stdin.isatty():
        raise typer.Exit(1)


# ---- measuring ----------------------------------------------------------------------------------


@app.command()
def evaluate(
    checkpoint: CheckpointName = None,
    figures: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write every figure.  写出全部数据"),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a model card, Markdown.  写出模型卡"),
    ] = None,
):
    """Measure what a model knows, remembers, repeats and copies.  评测"""
    from .checkpoint import read_meta

    folder = found_checkpoint(checkpoint)
    meta = read_meta(folder)
    for path in (figures, card):
        check_target(path)
    note(f"Loading {shown(folder)} and the text …  正在载入")

    from . import appraisal, model_card
    from .display import Waiting

    try:
        text, preset, gap = judged_text(meta)
        if gap:
            note(gap)
        with Waiting() as waiting:
            result = appraisal.appraise(folder, text, preset, gap, waiting.show)
    except KeyboardInterrupt:
        note("\nStopped: nothing was written; the same command starts anew.  已停止，未写入文件。")
        raise typer.Exit(INTERRUPTED) from None
    result["command"] = f"mof-lab evaluate {shown(folder)}"
    for line in model_card.summary(result):
        typer.echo(line)
    if figures is not None:
        write(figures, json.dumps(result, ensure_ascii=False, indent=1))
    if card is not None:
        write(card, model_card.to_markdown(result))


# ---- exporting, looking -------------------------------------------------------------------------


@app.command()
def export(
    checkpoint: CheckpointName = None,
    fp32: Annotated[
        bool, typer.Option("--fp32", help="Keep full precision: four times the size.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Another folder; it then chats without the weights.")
    ] = None,
):
    """Write the file that answers quickly, without TensorFlow.  导出为快速的 int8 模型"""
    from .card import about_export
    from .export import export

    folder = found_checkpoint(checkpoint)
    card = export(folder, out, "fp32" if fp32 else "int8", tell=note)
    typer.echo(f"{shown((out or folder) / 'model.tflite')}: {about_export(card)}")
    typer.echo(f"Talk 对话: {program()} chat {shown(out or folder)}")


@app.command()
def info(checkpoint: CheckpointName = None):
    """Say what a checkpoint is, and whether it is whole.  查看检查点"""
    from .card import facts_about

    folder = found_checkpoint(checkpoint)
    for name, value in facts_about(folder):
        typer.echo(f"{name:<14} {value}")


@app.command()
def expert(
    file: Annotated[Path, typer.Argument(help="my_expert.py, with @expert(name).  文件")],
):
    """Check that the experts of a file keep what an expert promises.  检查自己写的专家"""
    from . import experts, proving

    for name in experts.use_file(file):
        typer.echo(f"{name}:")
        proving.prove(name, tell=typer.echo)
    typer.echo(f"Train 训练: {program()} train --expert-file {shlex.quote(str(file.resolve()))}")
    typer.echo(f"For the other commands 供其他命令使用: export {experts_of(file)}")


@app.command()
def doctor(
    one_line: Annotated[
        bool, typer.Option("--class", help="One line to send to your teacher.  一行，发给老师")
    ] = False,
):
    """Does this machine have what the lab needs?  检查环境"""
    from . import class_check, doctor

    raise typer.Exit(class_check.main() if one_line else doctor.main())


def main():
    """The entry of `mof-lab`."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console may lack letters, a pipe hold bytes
    app(prog_name="mof-lab")


if __name__ == "__main__":
    main()

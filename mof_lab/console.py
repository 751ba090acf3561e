"""Words on a console: notes, paths as people read them, a conversation as it is written."""

import contextlib
import shlex
import signal
import sys
import threading
from pathlib import Path

import typer

from .chat import CLEAN
from .errors import LabError

INTERRUPTED = 130  # what a shell expects after Ctrl-C


def note(sentence):
    """Says something that is no result, on standard error."""
    typer.echo(sentence, err=True)


def shown(path):
    """A path as people read it: from the working folder where it lies inside."""
    path = Path(path).absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def program(expert_file=None):
    """How this program is called from the working folder, where it needs the experts of a file."""
    script = Path(sys.executable).with_name("mof-lab")
    name = shown(script) if script.exists() else f"{shown(sys.executable)} -m mof_lab.cli"
    return f"{experts_of(expert_file)} {name}" if expert_file else name


def experts_of(file):
    """What tells a command of a file with experts, in any folder."""
    return f"MOF_LAB_EXPERTS={shlex.quote(str(Path(file).resolve()))}"


@contextlib.contextmanager
def going_on(out):
    """Ctrl-C in the block becomes a sentence that says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        note(
            f"\nStopped: the same command goes on from what is kept in {shown(out)}.  "
            "再次运行同一命令即可继续。"
        )
        raise typer.Exit(INTERRUPTED) from None


def write(path, text):
    """Writes a file that the user named, and says so."""
    from .files import write_atomically

    try:
        write_atomically(path, text.encode("utf-8"))
    except OSError as error:
        raise LabError(
            f"{path} can't be written ({error.strerror}); choose another file."
        ) from None
    typer.echo(f"Written 已写入: {shown(path)}")


def converse(session, text, sampling, max_length, weights):
    """Says one message and prints the answer as it comes; Ctrl-C ends the answer."""
    if not text.strip():
        return
    if text.strip() == CLEAN:
        session.clear()
        note("Forgotten.  已清空")
        return
    stop = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: stop.set())
    splits = []
    try:
        for character in session.stream(text, sampling, max_length, stop.is_set):
            typer.echo(session.vocabulary.decode([character.token]), nl=False)
            sys.stdout.flush()
            splits.append(character.router_weights)
        typer.echo()
    finally:
        signal.signal(signal.SIGINT, before)
    if stop.is_set():
        note("Stopped.  已停止")
        if not sys.stdin.isatty():  # no one to go on typing
            raise KeyboardInterrupt
    if weights and splits:
        experts = session.decoder.model.config.experts
        typer.echo("   ".join(split_bars(experts, splits)))


def split_bars(experts, splits):
    """A bar of the mean router weight for each expert; `splits` is (characters, experts)."""
    for name, column in zip(experts, zip(*splits, strict=True), strict=True):
        mean = sum(column) / len(column)
        yield f"{name} {'█' * round(20 * mean):░<20} {mean:4.0%}"


def typed_messages():
    """What is typed at the prompt, until Ctrl-D, or Ctrl-C at an empty line."""
    try:
        import readline  # line editing that knows how wide a Chinese character is
    except ImportError:  # Windows has its own
        readline = None
    while True:
        try:
            yield input("> ")
        except EOFError:
            break
        except KeyboardInterrupt:
            if readline is None or not readline.get_line_buffer():
                break
            typer.echo()
    typer.echo()


def summary(report):
    """Lines about a report: what was learnt, what it took, and the conversation."""
    from .progress import clock

    answers = {k: v for k, v in report["answers"].items() if "." not in k}
    right = "   ".join(
        f"{kind} {v['correct']}/{v['total']} ({v['correct'] / max(1, v['total']):.0%})"
        for kind, v in answers.items()
    )
    bits = report["bits_per_character"]
    kinds = ", ".join(f"{kind} {value:.2f}" for kind, value in bits.items() if kind != "all")
    yield ""
    yield f"Answers right 答对: {right}"
    yield f"Bits per character, held out 每字比特: {bits['all']:.3f} ({kinds})"
    yield f"Memory 内存: {report['peak_memory_bytes'] / 1e9:.2f} GB at most"
    total, trained = clock(report["total_seconds"]), clock(report["trained_seconds"])
    yield f"Time 用时: {total}, {trained} of it training"
    if "comparison" in report:
        yield "For the same time 同样时间:"
        for name, result in report["comparison"].items():
            kinds = ", ".join(
                f"{kind} {v['correct']}/{v['total']}" for kind, v in result["answers"].items()
            )
            yield f"  {name:<12} {result['bits_per_character']['all']:.3f} bits/char, {kinds}"
    yield ""
    for sample in report["samples"]:
        yield f"> {sample['user']}"
        yield sample["assistant"]

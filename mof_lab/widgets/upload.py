"""A text of the learner's, from the browser or by path, and what it is good for.

upload = Upload(minutes=2)
upload                          # show it; a file is chosen there
own = upload.result()           # an `own_text.Own`; the example where nothing was chosen
"""

import re
import tempfile
import time
from pathlib import Path

import traitlets

from .. import jobs, own_text, readers
from ..errors import LabError
from . import texts
from .base import HERE, STYLE, Panel, pair, script
from .texts_upload import UPLOAD

#: Bytes of a message; a notebook's server takes no more than ten million at once.
PIECE = 1_000_000
#: Seconds without a piece after which the page that sends them is taken to be gone.
SILENCE = 30


class Upload(Panel):
    """Takes a text in, and says what is in it.

    Args:
        minutes: how long it is to be trained.
        source: a path to begin with, or a name of the catalogue.
        opt_in: see `corpus.load`.
    """

    _esm = script("upload.js")
    _css = STYLE + (HERE / "upload.css").read_text(encoding="utf-8")
    words = texts.texts(texts.COMMON, UPLOAD)
    about = "Your own text 你自己的文本: run this cell to choose a file 运行本单元格即可选择文件"

    formats = traitlets.List(list(readers.FORMATS)).tag(sync=True)
    most = traitlets.Int(own_text.MOST_BYTES).tag(sync=True)  # bytes of a file
    piece = traitlets.Int(PIECE).tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)  # of the text that is there
    facts = traitlets.List().tag(sync=True)  # of [key of `words`, number]
    warnings = traitlets.List().tag(sync=True)  # of [key of `words`, what fills its gaps]
    bits = traitlets.List().tag(sync=True)  # [SVG, text] or []
    told = traitlets.List().tag(sync=True)  # what `corpus.load` said of it: its licence, its size

    def __init__(self, minutes, source=None, opt_in=False):
        super().__init__()
        self.minutes, self.opt_in, self.own = minutes, opt_in, None
        self._coming = None  # what is being sent, see `on_begin`
        self._missed = ""  # why there is not the text that was chosen last
        self.tell("nothing")
        if source is not None:
            self.take(source)

    # ---- from a cell ----

    def take(self, source):
        """Reads a file by path, or a text of the catalogue by name; returns the job."""
        return self._choose(lambda: source, Path(str(source)).name)

    def result(self):
        """The `own_text.Own` that is there; the example where nothing was chosen.

        Raises:
            LabError: it is still coming or being read, or it could not be; with the reason.
        """
        coming = self._coming
        if coming is not None and time.monotonic() - coming["heard"] > SILENCE:
            name = coming["path"].name
            self._drop()
            self.tell("idle")
            self.refuse(
                self._miss(
                    f"{name} did not arrive: nothing came for {SILENCE} s; choose it again. "
                    f"{name} 没有传完：{SILENCE} 秒没有收到数据，请重新选择。"
                )
            )
        if self._coming is not None or (self._job is not None and self._job.alive):
            raise jobs.NotReadyError(
                "Your text is still being read: wait until it is ready, or choose it again, then "
                "run this cell again. 文本还在读取：请等它就绪，或者重新选择，再运行本单元格。"
            )
        if self._missed:
            raise jobs.NotReadyError(self._missed)
        if self.own is None:
            with tempfile.TemporaryDirectory() as folder:
                job = self._prepare(lambda: own_text.example(folder))
                if job is not None:
                    job.wait()
            if job is None or job.failure is not None:
                raise jobs.NotReadyError(
                    "The example could not be read: the panel above says why. "
                    "示例没有读成：原因见上面的面板。"
                )
        return self.own

    def picture(self):
        return None if self.own is None else self.own.appraisal.picture()

    def redraw(self):
        if self.own is not None:
            self.bits = pair(self.picture())
        self.keep()

    # ---- from the browser ----

    def on_begin(self, content):
        self._drop()
        self._missed = ""
        name, size = str(content["name"]), int(content["size"])
        clean = re.sub(r"[^\w. -]", "_", Path(name.replace("\\", "/")).name)[-80:]
        if Path(clean).suffix.lower() not in readers.FORMATS:
            raise self._miss(
                f"{clean}: expected one of {', '.join(readers.FORMATS)}; rename or convert it."
            )
        if not 0 < size <= own_text.MOST_BYTES:
            raise self._miss(
                f"{clean} has {size / 1e6:,.1f} MB; expected some text, of up to "
                f"{own_text.MOST_BYTES / 1e6:.0f} MB: choose another, or a part of it."
            )
        running = jobs.runner().job
        if running is not None and running.alive:
            raise self._refused(clean, running.name)
        folder = tempfile.TemporaryDirectory()
        path = Path(folder.name) / clean
        self._coming = {
            "folder": folder,
            "path": path,
            "file": path.open("wb"),
            "size": size,
            "number": int(content["number"]),
            "heard": time.monotonic(),  # when its newest piece came
        }
        self._ask()

    def on_piece(self, content, piece=b""):
        coming = self._coming
        if coming is None or content["number"] != coming["number"]:
            return  # of a file that is not wanted any more
        file, left = coming["file"], coming["size"] - coming["file"].tell()
        if not 0 < len(piece) <= min(PIECE, left):
            self._drop()
            raise self._miss("The file changed while it was sent; choose it again.")
        file.write(piece)
        coming["heard"] = time.monotonic()
        if len(piece) < left:
            self._ask()
            return
        file.close()
        self._coming = None
        self._choose(lambda: coming["path"], coming["path"].name, keep=coming["folder"])

    def on_read(self, content):
        path = str(content["path"]).strip()
        if not path:
            raise self._miss(
                "There is no path; type that of a text file, or choose a file. "
                "没有填路径：请填文本文件的路径，或选择文件。"
            )
        self.take(path)

    def on_example(self, content):
        folder = tempfile.TemporaryDirectory()
        self._choose(lambda: own_text.example(folder.name), "example.txt", keep=folder)

    # ---- how it works ----

    def _ask(self):
        """Wants the next piece; the browser sends one at a time."""
        at, size = self._coming["file"].tell(), self._coming["size"]
        self.tell("sending", name=self._coming["path"].name, share=f"{at / size:.0%}")
        self.send({"kind": "next", "at": at, "number": self._coming["number"]})

    def _drop(self):
        """Forgets what has come so far of a file."""
        if self._coming is not None:
            self._coming["file"].close()
            self._coming["folder"].cleanup()
            self._coming = None

    def _choose(self, source, name, keep=None):
        """`_prepare` of what somebody chose: if it is refused no other text takes its place."""
        self._missed = ""
        job = self._prepare(source, keep)
        if job is None:
            self.refuse(self._refused(name, self.status["values"]["name"]))
        return job

    def _refused(self, name, running):
        self._forget()
        return self._miss(
            f"{name} was not read, because “{running}” was running: wait until that is done, then "
            f"choose it again. “{running}”正在运行，没有读取 {name}：请等它结束，再选一次。"
        )

    def _miss(self, sentence):
        """Notes why the text that was chosen is not there, for `result`; returns the error."""
        self._missed = sentence
        return LabError(sentence)

    def _prepare(self, source, keep=None):
        """Reads what `source()` gives, in a job; returns it, None if another one is running.

        Args:
            keep: a temporary folder, gone when the text is read or refused.
        """

        def work(job):
            self.told = []
            try:
                path = source()

                def told(sentence):
                    self.told = [*self.told, sentence.replace(str(path), Path(path).name)]

                own = own_text.prepare(path, self.minutes, self.tell, told, opt_in=self.opt_in)
            finally:
                if keep is not None:
                    keep.cleanup()
            self.own, appraisal = own, own.appraisal
            self.name, self.facts = own.name, [list(fact) for fact in appraisal.facts]
            self.warnings = [list(one) for one in appraisal.said]
            self.bits = pair(appraisal.picture())
            self.tell("ready", name=own.name)

        self._drop()
        job = self.run(work)
        if job is None and keep is not None:
            keep.cleanup()
        return job

    def _forget(self):
        """What was there before is not what was asked for."""
        self.own, self.name, self.told = None, "", []
        self.facts, self.warnings, self.bits = [], [], []

    def _show_job(self, job):
        if job.failure is not None:
            self._forget()
            self._miss(job.failure.sentence)
        super()._show_job(job)

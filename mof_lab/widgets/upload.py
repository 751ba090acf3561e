"""A text of the learner's, from the browser or by path, and what it is good for.

upload = Upload(minutes=2)
upload                          # show it; a file is chosen there
own = upload.result()           # an `own_text.Own`; the example where nothing was chosen
"""

import re
import tempfile
from pathlib import Path

import traitlets

from .. import own_text, readers
from ..errors import LabError
from . import texts
from .base import HERE, STYLE, Panel, pair, script
from .texts_upload import UPLOAD

#: Bytes of a message; a notebook's server takes no more than ten million at once.
PIECE = 1_000_000


class NotReadyError(LabError):
    """A text that is still being read, or was not; a notebook shows the sentence alone."""

    def _render_traceback_(self):
        return [str(self)]


class Upload(Panel):
    """Takes a text in, and says what is in it.

    Args:
        minutes: how long it is to be trained.
        source: a path to begin with, or a name of the catalogue.
    """

    _esm = script("upload.js")
    _css = STYLE + (HERE / "upload.css").read_text(encoding="utf-8")
    words = texts.texts(texts.COMMON, UPLOAD)
    aside = (*Panel.aside, "export")  # `result` goes by the error
    about = "Your own text 你自己的文本: run this cell to choose a file 运行本单元格即可选择文件"

    formats = traitlets.List(list(readers.FORMATS)).tag(sync=True)
    most = traitlets.Int(own_text.MOST_BYTES).tag(sync=True)  # bytes of a file
    piece = traitlets.Int(PIECE).tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)  # of the text that is there
    facts = traitlets.List().tag(sync=True)  # of [key of `words`, number]
    warnings = traitlets.List().tag(sync=True)  # of [key of `words`, what fills its gaps]
    bits = traitlets.List().tag(sync=True)  # [SVG, text] or []

    def __init__(self, minutes, source=None):
        super().__init__()
        self.minutes, self.own = minutes, None
        self._coming = None  # {"name", "size", "file", "folder", "number"} of what is being sent
        self.tell("nothing")
        if source is not None:
            self.take(source)

    # ---- from a cell ----

    def take(self, source):
        """Reads a file by path, or a text of the catalogue by name; returns the job."""
        return self._prepare(lambda: source)

    def result(self):
        """The `own_text.Own` that is there; the example where nothing was chosen.

        Raises:
            LabError: it is still being read, or it could not be; with the reason.
        """
        if self._busy():
            raise NotReadyError(
                "Your text is still being read: wait until it is ready, then run this cell again. "
                "文本还在读取：请等它就绪，再运行本单元格。"
            )
        if self.error:
            raise NotReadyError(self.error["sentence"])
        if self.own is None:
            with tempfile.TemporaryDirectory() as folder:
                job = self._prepare(lambda: own_text.example(folder))
                if job is not None:
                    job.wait()
            if job is None or job.failure is not None:
                raise NotReadyError(
                    "The example could not be read: the panel above says why. "
                    "示例没有读成：原因见上面的面板。"
                )
        return self.own

    def picture(self):
        return None if self.own is None else self.own.appraisal.picture()

    # ---- from the browser ----

    def on_begin(self, content):
        self._drop()
        name, size = str(content["name"]), int(content["size"])
        clean = re.sub(r"[^\w. -]", "_", Path(name.replace("\\", "/")).name)[-80:]
        if Path(clean).suffix.lower() not in readers.FORMATS:
            raise LabError(
                f"{clean}: expected one of {', '.join(readers.FORMATS)}; rename or convert it."
            )
        if not 0 < size <= own_text.MOST_BYTES:
            raise LabError(
                f"{clean} has {size / 1e6:,.1f} MB; expected some text, of up to "
                f"{own_text.MOST_BYTES / 1e6:.0f} MB: choose another, or a part of it."
            )
        if self._busy():
            self.tell("busy", name=self._job.name)
            return
        folder = tempfile.TemporaryDirectory()
        path = Path(folder.name) / clean
        self._coming = {
            "folder": folder,
            "path": path,
            "file": path.open("wb"),
            "size": size,
            "number": int(content["number"]),
        }
        self._ask()

    def on_piece(self, content, piece=b""):
        coming = self._coming
        if coming is None or content["number"] != coming["number"]:
            return  # of a file that is not wanted any more
        file, left = coming["file"], coming["size"] - coming["file"].tell()
        if not 0 < len(piece) <= min(PIECE, left):
            self._drop()
            raise LabError("The file changed while it was sent; choose it again.")
        file.write(piece)
        if len(piece) < left:
            self._ask()
            return
        file.close()
        self._coming = None
        self._prepare(lambda: coming["path"], keep=coming["folder"])

    def on_read(self, content):
        path = str(content["path"]).strip()
        if not path:
            raise LabError("There is no path; type that of a text file, or choose a file.")
        self.take(path)

    def on_example(self, content):
        folder = tempfile.TemporaryDirectory()
        self._prepare(lambda: own_text.example(folder.name), keep=folder)

    # ---- how it works ----

    def _busy(self):
        return self._job is not None and self._job.alive

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

    def _prepare(self, source, keep=None):
        """Reads what `source()` gives, in a job; returns it, None if another one is running.

        Args:
            keep: a temporary folder, gone when the text is read.
        """

        def work(job):
            try:
                own = own_text.prepare(source(), self.minutes, self.tell, lambda sentence: None)
            finally:
                if keep is not None:
                    keep.cleanup()
            self.own, appraisal = own, own.appraisal
            self.name, self.facts = own.name, [list(fact) for fact in appraisal.facts]
            self.warnings = [list(one) for one in appraisal.warnings or [("fine", {})]]
            self.bits = pair(appraisal.picture())
            self.tell("ready", name=own.name)

        self._drop()
        return self.run(self.words["en"]["title"], work)

    def _changed(self, job):
        if job.failure is not None:  # what was there before is not what was asked for
            self.own, self.name, self.facts, self.warnings, self.bits = None, "", [], [], []
        super()._changed(job)

"""What was made, to take home: a button that makes one zip and gives it to the browser.

It goes through the kernel's own connection, as bytes of a message: no other port, no server.
"""

import re
from pathlib import Path

from .. import archive
from . import texts
from .base import Panel, script
from .texts_upload import DOWNLOAD

#: Bytes that are handed over; the browser holds them in memory.
MOST_SENT = 64_000_000


class Download(Panel):
    """A button for `archive.write`.

    Args:
        folder: of a checkpoint; the zip is kept beside it, too.
        title: what people call the work; names the file.
        parts: of `archive.write`; a function in place of a value is called each time.
    """

    _esm = script("download.js")
    words = texts.texts(texts.COMMON, DOWNLOAD)
    about = "Download my work 下载我的成果: run this cell to get it 运行本单元格即可下载"

    def __init__(self, folder, title, **parts):
        super().__init__()
        self.folder, self.title, self._parts = Path(folder), title, parts
        slug = re.sub(r"[^\w-]+", "-", Path(title).stem).strip("-")[:60] or "work"
        self.path = self.folder.parent / f"mof-lab-{slug}.zip"
        self.tell("waiting")

    def pack(self):
        """Makes the zip; returns its path."""
        parts = {name: part() if callable(part) else part for name, part in self._parts.items()}
        return archive.write(self.path, self.folder, self.title, **parts)

    # ---- from the browser ----

    def on_download(self, content):
        def work(job):
            self.tell("packing")
            data = self.pack().read_bytes()
            told = {"name": self.path.name, "size": f"{len(data) / 1e6:.1f}"}
            if len(data) > MOST_SENT:
                self.tell("large", folder=self.path.parent.name, **told)
                return
            self.answer(content, "zip", [data], name=self.path.name)
            self.tell("given", **told)

        self.run(work)

"""What every view returns: a picture and the same data as text, to be shown and saved."""

import html
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError

#: A picture of 720 pixels on a page of print, or on a dense screen.
PNG_SCALE = 2
FONT = "'Noto Sans CJK SC','WenQuanYi Micro Hei','Microsoft YaHei','PingFang SC',sans-serif"


@dataclass(frozen=True)
class View:
    """A picture and the same data as text."""

    svg: str
    text: str

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"image/svg+xml": self.svg, "text/plain": self.text}

    def __str__(self):
        return self.text

    @property
    def html(self):
        """A page with the picture and the table; it needs nothing beside it."""
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
            f"<title>MoF Lab</title></head>\n<body>{self.svg}\n"
            f"<pre>{html.escape(self.text)}</pre></body></html>\n"
        )

    @property
    def png(self):
        """The picture as the bytes of a PNG, twice its size in pixels.

        Raises:
            LabError: the package that draws it is missing.
        """
        try:
            from resvg_py import svg_to_bytes
        except ImportError:
            raise LabError(
                "A PNG needs the package resvg_py: pip install resvg_py, save as .svg instead, or "
                "use the PNG button of a widget."
            ) from None
        return bytes(svg_to_bytes(svg_string=self.svg, zoom=PNG_SCALE))

    def save(self, path):
        """Writes the picture (.svg, .png), the table (.txt) or both (.html)."""
        path = Path(path)
        contents = {
            ".svg": lambda: self.svg.encode("utf-8"),
            ".png": lambda: self.png,
            ".txt": lambda: (self.text + "\n").encode("utf-8"),
            ".html": lambda: self.html.encode("utf-8"),
        }
        if path.suffix not in contents:
            raise LabError(f"{path.name}: a view is saved as .svg, .png, .html or .txt; rename it.")
        content = contents[path.suffix]()
        try:
            path.write_bytes(content)
        except OSError as error:
            raise LabError(
                f"The view could not be saved as {path}: {error.strerror}; choose another place."
            ) from None

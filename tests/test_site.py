"""The site: whole pages, no dead link, nothing from outside, every formula drawn."""

import json
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("math_core", reason="the site's packages are not installed: .[site]")
bs4 = pytest.importorskip("bs4")
pytest.importorskip("nbconvert", reason="the site's packages are not installed: .[site]")

ROOT = Path(__file__).resolve().parent.parent
PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><clipPath id="a">'
    '<rect width="9" height="9"/></clipPath><g clip-path="url(#a)"><text>字</text></g></svg>'
)
CHART = {"data": [{"y": [1, 2]}], "layout": {"title": {"text": "</script>"}}}


@pytest.fixture(scope="module")
def tool():
    """`tools/site.py` as a module; its name is one of Python's own, so it is loaded by its path."""
    import importlib.util

    sys.path.insert(0, str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location("site_tool", ROOT / "tools" / "site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT / "tools"))


def cell(kind, number, source, *outputs):
    new = getattr(nbformat.v4, f"new_{kind}_cell")
    return new(source, id=f"00-{number:02d}", **({"outputs": list(outputs)} if outputs else {}))


def display(**data):
    mime = {key.replace("__", "/").replace("svg", "svg+xml"): value for key, value in data.items()}
    return nbformat.v4.new_output("display_data", data=mime)


def write_repository(folder):
    """A lab of two notebooks, one of them in Chinese too."""
    picture = {"image/svg+xml": PICTURE}
    words = {
        "notebooks/00_start.ipynb": [
            cell("markdown", 0, "# 00 · Start — 开始\n\nTo [next](01_more.ipynb#more) and $x_t$."),
            cell("code", 1, "views.bars()", display(image__svg=PICTURE, text__plain="a table")),
            cell("markdown", 2, "## Twice\n\n$$\\frac{a}{b}$$\n\n## Twice\n\nAn *attention* too."),
            cell("code", 3, "2", nbformat.v4.new_output("display_data", {**chart(), **picture})),
        ],
        "notebooks/zh/00_start.ipynb": [
            cell("markdown", 0, "# 00 · 开始\n\n看[下一本](01_more.ipynb)，$x_t$。"),
            cell("code", 1, "views.bars()", display(image__svg=PICTURE)),
            cell("markdown", 2, "## 两次\n\n线性注意力\n\n$$\\frac{a}{b}$$"),
        ],
        "notebooks/01_more.ipynb": [
            cell(
                "markdown", 0, "# 01 · More — 更多\n\n## More\n\n[term](../docs/glossary.md#token)"
            ),
            cell("code", 1, "figure", nbformat.v4.new_output("display_data", data=chart())),
        ],
    }
    for name, cells in words.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata.language_info = {"name": "python"}
        nbformat.write(notebook, path)
    (folder / "docs").mkdir()
    for name in ("picture", "still"):
        (folder / f"docs/{name}.svg").write_text(PICTURE, encoding="utf-8")
    texts = {
        "README.md": "# Lab\n\n![badge](https://out.side/x.svg) [中文](README.zh-CN.md)\n"
        "[start](notebooks/00_start.ipynb) ![](docs/picture.svg) [terms](LICENSE)\n\n"
        '<picture>\n<source media="(prefers-reduced-motion: reduce)" srcset="docs/still.svg">\n'
        '<img src="docs/picture.svg" alt="a film">\n</picture>\n\n'
        "```\n## no heading\n```\n\n## Two\n\n[outside](https://out.side/)",
        "README.zh-CN.md": "# 实验室\n\n[English](README.md) "
        "[开始](notebooks/00_start.ipynb)\n\n## 二",
        "docs/glossary.md": "# Glossary 术语表\n\n| term | 中文 | words |\n|---|---|---|\n"
        '| <a id="token"></a>token | 符号 | the smallest piece |\n',
        "LICENSE": "free",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def chart():
    return {"application/vnd.plotly.v1+json": CHART, "text/html": "<script src='https://cdn'>"}


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return write_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def site(tool, repository, tmp_path_factory):
    """The small lab's site."""
    folder = tmp_path_factory.mktemp("site") / "whole"
    said = []
    tool.build(folder, repository, tell=said.append)
    assert said[0].startswith("[ 1/") and len(said) == len(list(folder.rglob("*.html")))
    return folder


def soup(path):
    return bs4.BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def copy_of(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "copy"))


# ---- what a finished site is ---------------------------------------------------------------------


def test_a_picture_that_moves_comes_with_its_still(site):
    source = soup(site / "index.html").select_one("picture > source")
    assert source["media"] == "(prefers-reduced-motion: reduce)"
    assert (site / source["srcset"]).name == "still.svg" and (site / source["srcset"]).is_file()
    assert source.find_next("img")["alt"] == "a film"


def test_nothing_is_loaded_from_outside_and_no_link_is_dead(tool, site):
    assert tool.checks.problems(site) == []
    for path in site.rglob("*.html"):
        page = soup(path)
        loaded = [tag["src"] for tag in page.find_all(src=True)]
        loaded += [tag["href"] for tag in page.find_all("link")]
        assert loaded and all((path.parent / name.split("#")[0]).is_file() for name in loaded)
        for link in page.find_all("a", href=lambda href: href and "//" not in href):
            name, _, anchor = link["href"].partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.is_file(), link
            assert not anchor or soup(target).find(id=anchor), link


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ('<img src="https://a.b/c.png">', "from outside"),
        ('<script src="//a.b/c.js"></script>', "from outside"),
        ('<link rel="stylesheet" href="http://a.b/c.css">', "from outside"),
        ('<svg><image href="https://a.b/c"/></svg>', "from outside"),
        ("<style>p { background: url(https://a.b/c) }</style>", "from outside"),
        ('<p style="background: url(//a.b/c)">', "from outside"),
        ('<img srcset="https://a.b/c 2x">', "from outside"),
        ('<img src="gone.png">', "not in the site"),
        ('<a href="gone.html">', "not in the site"),
        ('<a href="01_more.html#gone">', "no such place"),
        ('<a href="#gone">', "no such place"),
    ],
)
def test_the_check_finds_what_is_planted(tool, site, tmp_path, planted, said):
    folder = copy_of(site, tmp_path)
    with open(folder / "00_start.html", "a", encoding="utf-8") as file:
        file.write(planted)
    (problem,) = tool.checks.problems(folder)
    assert problem.startswith("00_start.html ") and said in problem


def test_a_link_to_another_place_may_leave_the_site_but_a_badge_becomes_words(site):
    page = soup(site / "index.html")
    assert page.find("a", href="https://out.side/")["rel"] == ["noopener"]
    assert "badge" in page.article.p.get_text()
    assert (site / "files/LICENSE.txt").read_text(encoding="utf-8") == "free"


# ---- languages -----------------------------------------------------------------------------------


def test_a_page_is_in_both_languages_where_the_repository_has_both(site):
    pages = {path.relative_to(site).as_posix() for path in site.rglob("*.html")}
    assert pages == {
        *("index.html", "00_start.html", "01_more.html", "glossary.html"),
        *("zh/index.html", "zh/00_start.html", "zh/glossary.html"),
    }
    switch = soup(site / "00_start.html").select_one(".language")
    assert switch["href"] == "zh/00_start.html" and switch.get_text() == "中文"
    back = soup(site / "zh/00_start.html").select_one(".language")
    assert back["href"] == "../00_start.html" and back.get_text() == "English"
    alone = soup(site / "01_more.html").select_one(".language")
    assert alone["href"] == "zh/index.html" and "English only" in alone["title"]


def test_the_switch_keeps_to_cells_that_both_editions_have(site):
    places = [c["id"] for c in soup(site / "00_start.html").select("[data-place]")]
    assert places == ["cell-00-00", "cell-00-01", "cell-00-02"]
    assert all(soup(site / "zh/00_start.html").find(id=place) for place in places)
    assert [c["id"] for c in soup(site / "index.html").select("[data-place]")] == [
        "cell-part-00",
        "cell-part-01",
    ]


def test_links_and_the_side_list_stay_in_the_language(site):
    page = soup(site / "zh/index.html")
    assert page.article.find("a", string="开始")["href"] == "00_start.html"
    missing = soup(site / "zh/00_start.html").article.find("a", string="下一本")
    assert missing["href"] == "../01_more.html"
    assert page.article.find("a", string="English")["href"] == "../index.html"
    names = [a.get_text() for a in page.select("nav.series a")]
    assert names == ["首页", "00 · 开始", "01 · 更多 英文", "术语表"]
    english = [a.get_text() for a in soup(site / "index.html").select("nav.series a")]
    assert english == ["Front page", "00 · Start", "01 · More", "Glossary"]
    turn = soup(site / "zh/00_start.html").select("nav.turn a")
    assert [a["href"] for a in turn] == ["index.html", "../01_more.html"]


# ---- cells ---------------------------------------------------------------------------------------


def test_pictures_are_inline_and_their_ids_do_not_meet(site):
    page = soup(site / "00_start.html")
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for picture in page.select(".figure svg"):
        clip = picture.find("clippath")["id"]
        assert picture.g["clip-path"] == f"url(#{clip})"
    assert page.select_one(".as-text pre").get_text() == "a table"


def test_plotly_is_one_file_for_all_and_absent_where_it_is_not_needed(tool, site):
    chart_page = soup(site / "01_more.html")
    assert json.loads(chart_page.select_one(".chart script").string) == CHART
    assert (site / "assets/plotly.min.js").stat().st_size > 1_000_000
    assert (site / "01_more.html").stat().st_size < 50_000
    assert "plotly" not in (site / "00_start.html").read_text(encoding="utf-8")


def test_headings_have_places_as_code_hosts_make_them(site):
    page = soup(site / "00_start.html")
    assert [h["id"] for h in page.find_all(["h1", "h2"]) if h.find_parent("article")] == [
        "00--start--开始",
        "twice",
        "twice-1",
    ]
    assert [a["href"] for a in page.select(".contents a")] == ["#twice", "#twice-1"]


def test_a_break_stands_between_languages_only(tool):
    from website.rendering import languages_apart as apart

    assert apart("Words (字).\n这里是 `x`。") == "Words (字).<br>\n这里是 `x`。"
    assert apart("Words,\nmore words.") == "Words,\nmore words."
    assert apart("一行，\n<code>very_long_name_of_code</code>又一行。").count("<br>") == 0


# ---- formulas ------------------------------------------------------------------------------------

FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$]+?\$", re.DOTALL)
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def test_every_formula_of_the_notebooks_is_converted(tool):
    from website.rendering import Exporter

    exporter, found = Exporter(), 0
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"]
        expected = sum(len(FORMULA.findall(CODE.sub("", c.source))) for c in cells)
        page = exporter.cells(nbformat.v4.new_notebook(cells=cells))
        assert len(page.find_all("math")) == expected, path.name
        for code in page.find_all(["code", "pre"]):
            code.decompose()
        assert "$" not in page.get_text() and "\\" not in page.get_text(), path.name
        found += expected
    assert found > 50


def test_aligned_lines_and_matrices_become_tables(tool):
    from website.rendering import mathml

    for name in ("aligned", "pmatrix", "bmatrix", "cases"):
        drawn = mathml(rf"\begin{{{name}}}a&=b\\c&=d\end{{{name}}}", block=True)
        assert drawn.count("<mtr") == 2 and drawn.count("<mtd") == 4 and 'display="block"' in drawn


@pytest.mark.parametrize("latex", [r"\frac{1", r"\notacommand x", "a}"])
def test_a_formula_with_a_mistake_is_named(tool, latex):
    from website.rendering import mathml

    with pytest.raises(
        tool.LabError, match=re.escape(f"the formula {latex} cannot be set")
    ) as said:
        mathml(latex, block=False)
    assert "\n" not in str(said.value) and "\x1b" not in str(said.value)


# ---- search --------------------------------------------------------------------------------------


def test_the_index_has_both_languages_and_the_terms(tool, site):
    text = (site / tool.INDEX).read_text(encoding="utf-8")
    rows = json.loads(text.removeprefix("window.searchIndex=").rstrip(";\n"))
    where = {(row["page"], row["anchor"]): row for row in rows}
    assert "attention" in where["00_start.html", "twice-1"]["text"]
    assert "线性注意力" in where["zh/00_start.html", "两次"]["text"]
    term = where["glossary.html", "token"]
    assert (term["heading"], term["text"], term["both"]) == (
        "token 符号",
        "the smallest piece",
        True,
    )
    assert not any("a table" in row["text"] for row in rows)  # figures in words are no text
    for row in rows:
        assert not row["anchor"] or soup(site / row["page"]).find(id=row["anchor"])


# ---- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("README.md", "# Lab\n\n[x](gone.md)", "README.md: the link gone.md leads to nothing"),
        ("README.md", "# Lab\n\n[x](../out.md)", "README.md: the link ../out.md leads to nothing"),
        ("README.md", "# Lab\n\n[x](LICENSE) [y](#gone)", "index.html links to #gone"),
        ("README.md", "# Lab\n\n$\\frac{1$", r"README.md: the formula \frac{1 cannot be set"),
        ("notebooks/01_more.ipynb", "{", "notebooks/01_more.ipynb cannot be read as a notebook"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_earlier_site_stays(
    tool, repository, tmp_path, capsys, monkeypatch, name, text, said
):
    broken = copy_of(repository, tmp_path)
    (broken / name).write_text(text, encoding="utf-8")
    folder = tmp_path / "site"
    (folder / "assets").mkdir(parents=True)
    (folder / tool.INDEX).write_text("an earlier one", encoding="utf-8")
    build = tool.build
    monkeypatch.setattr(tool, "build", lambda f, tell: build(f, broken, tell))
    assert tool.main([str(folder)]) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert (folder / tool.INDEX).read_text(encoding="utf-8") == "an earlier one"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_is_no_site_is_left_alone(tool, repository, tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("precious", encoding="utf-8")
    with pytest.raises(tool.LabError, match="holds something that is no site"):
        tool.build(tmp_path, repository)
    with pytest.raises(tool.LabError, match="is a file"):
        tool.build(mine, repository)
    with pytest.raises(tool.LabError, match="whole copy of the lab's repository"):
        tool.build(tmp_path / "new", tmp_path)
    assert mine.read_text(encoding="utf-8") == "precious"


def test_a_second_time_replaces_the_site_and_leaves_nothing_of_the_first(
    tool, repository, site, tmp_path
):
    folder = copy_of(site, tmp_path)
    (folder / "old.html").write_text("<p>", encoding="utf-8")
    tool.build(folder, repository, tell=lambda line: None)
    assert not (folder / "old.html").exists()
    for path in site.rglob("*"):
        if path.is_file():
            assert (folder / path.relative_to(site)).read_bytes() == path.read_bytes()


def test_check_says_what_is_wrong(tool, site, tmp_path, capsys):
    assert tool.main(["--check", str(site)]) == 0
    assert "No dead link" in capsys.readouterr().out
    assert tool.main(["--check", str(tmp_path)]) == 1
    assert "holds no site of this lab" in capsys.readouterr().err

"""The site in a real browser without a network: read, searched, switched; from disk, served."""

import contextlib
import functools
import http.server
import importlib.util
import sys
import threading
from pathlib import Path

import pytest

from . import harness

pytest.importorskip("math_core", reason="the site's packages are not installed: .[site]")

PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def site(browser, tmp_path_factory):
    """The whole site, as `python3 lab.py site` makes it."""
    sys.path.insert(0, str(harness.ROOT / "tools"))
    spec = importlib.util.spec_from_file_location("site_tool", harness.ROOT / "tools" / "site.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    folder = tmp_path_factory.mktemp("site") / "site"
    tool.build(folder, tell=lambda line: None)
    yield folder
    sys.path.remove(str(harness.ROOT / "tools"))


@pytest.fixture(scope="module")
def served(site):
    """The address of the same site behind a web server of this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=site)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextlib.contextmanager
def offline(browser, allowed, size=harness.SIZE, theme="light"):
    """A page whose every request but those below `allowed` is refused, and none was made."""
    context = browser.new_context(viewport=size, color_scheme=theme)
    page, outside, errors = context.new_page(), [], []
    page.set_default_timeout(harness.PATIENCE * 1000)

    def check(route):
        if route.request.url.startswith((allowed, "data:")):
            route.continue_()
        else:
            outside.append(route.request.url)
            route.abort()

    context.route("**/*", check)
    context.on("request", lambda request: watch(request.url))
    page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    page.on("requestfailed", lambda request: failed(request))

    def failed(request):
        if request.failure != "net::ERR_ABORTED":  # left the page before its icon came
            errors.append(f"failed: {request.url} {request.failure}")

    def watch(url):
        if not url.startswith((allowed, "data:")):
            outside.append(url)

    try:
        yield page
    finally:
        context.close()
    assert outside == []
    assert errors == []


def search(page, words):
    """Types into the search; returns the texts and addresses of what it shows."""
    page.fill("#query", words)
    page.wait_for_selector("#found li, .count:not(:empty)")
    page.wait_for_function(
        "() => !/Searching|正在/.test(document.querySelector('.count').textContent)"
    )
    found = page.locator("#found a")
    return found.all_inner_texts(), [link.get_attribute("href") for link in found.all()]


def test_every_page_opens_from_disk_with_its_pictures(browser, site, pictures):
    with offline(browser, site.as_uri()) as page:
        for path in sorted(site.rglob("*.html")):
            page.goto(path.as_uri())
            if "files" in path.relative_to(site).parts:
                continue  # reports come along as they are
            page.evaluate("for (const i of document.images) i.loading = 'eager'")
            page.wait_for_function("() => [...document.images].every(i => i.complete)")
            bad = page.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src)")
            assert bad == [], path
            flat = page.evaluate(
                "[...document.querySelectorAll('.figure svg, math')]"
                ".filter(e => !(e.getBoundingClientRect().height > 5)).length"
            )
            assert flat == 0, path
        page.screenshot(path=pictures / "site.png")


@pytest.mark.parametrize("size", [harness.SIZE, PHONE], ids=["1280", "390"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_is_wider_than_its_window(browser, site, pictures, size, theme):
    with offline(browser, site.as_uri(), size, theme) as page:
        for name in ("index", "03_transformer_expert", "07_inside", "glossary", "zh/index"):
            page.goto((site / f"{name}.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            shot = f"site_{name.replace('/', '_')}_{theme}_{size['width']}.png"
            page.screenshot(path=pictures / shot)


@pytest.mark.parametrize("place", ["disk", "server"])
def test_search_finds_both_languages(browser, site, request, place):
    base = site.as_uri() if place == "disk" else request.getfixturevalue("served")
    with offline(browser, base) as page:
        page.goto(f"{base}/index.html")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "query"
        texts, links = search(page, "linear attention")
        assert "linear attention" in texts[0].lower()
        assert "glossary.html#linear-attention" in links
        texts, links = search(page, "线性注意力")
        assert "线性注意力" in texts[0]
        assert any("03_transformer_expert" in link for link in links)
        texts, _ = search(page, "线性注意力怎么训练")  # nowhere as a whole, but in pairs
        assert texts and "注意" in texts[0]
        texts, _ = search(page, "zqxj")
        assert texts == [] and "zqxj" in page.inner_text(".count")
        search(page, "half-life")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_url("**/glossary.html#half-life")
        assert page.locator("tr:has(:target)").is_visible()


def test_what_is_searched_for_is_no_code(browser, site):
    with offline(browser, site.as_uri()) as page:
        page.goto((site / "index.html").as_uri())
        search(page, "<img src=https://out.side/x onerror=alert(1)>")
        assert page.locator(".panel img").count() == 0
        assert "<img" in page.inner_text(".count")
        page.keyboard.press("Escape")
        assert not page.locator(".panel").is_visible()


def test_the_language_switch_keeps_the_place(browser, site):
    with offline(browser, site.as_uri()) as page:
        page.goto((site / "glossary.html").as_uri())
        page.evaluate("document.getElementById('cell-part-03').scrollIntoView()")
        page.click(".language")
        page.wait_for_url("**/zh/glossary.html#cell-part-03")
        assert page.get_attribute("html", "lang") == "zh-CN"
        top = page.evaluate("document.getElementById('cell-part-03').getBoundingClientRect().top")
        assert -5 < top < 200
        page.click(".language")
        page.wait_for_url("**/site/glossary.html#cell-part-03")
        for path in sorted((site / "zh").glob("[0-9]*.html")):  # editions, where there are any
            page.goto((site / path.name).as_uri())
            page.click(".language")
            page.wait_for_url(f"**/zh/{path.name}*")


def test_the_theme_follows_the_system_until_one_is_chosen_and_stays(browser, site):
    def darkness(page):
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    with offline(browser, site.as_uri(), theme="dark") as page:
        page.goto((site / "index.html").as_uri())
        dark = darkness(page)
        page.click(".theme")
        light = darkness(page)
        assert light == "rgb(255, 255, 255)" and dark != light
        page.goto((site / "00_start.html").as_uri())
        assert darkness(page) == light
        page.click(".theme")
        assert darkness(page) == dark


def test_on_a_phone_the_side_list_opens_and_closes(browser, site):
    with offline(browser, site.as_uri(), PHONE) as page:
        page.goto((site / "index.html").as_uri())
        assert not page.locator("nav.series").is_visible()
        page.click(".menu")
        page.click("nav.series a[href='03_transformer_expert.html']")
        page.wait_for_url("**/03_transformer_expert.html")
        assert not page.locator("nav.series").is_visible()


def test_formulas_are_set_and_legible(browser, site, pictures):
    """Lines of `aligned` stand below each other, at their signs; a matrix has rows and columns."""
    from website.rendering import mathml

    aligned = mathml(r"\begin{aligned}a&=b+c\\dd&=e\end{aligned}", block=True)
    matrix = mathml(r"A=\begin{pmatrix}1&2\\3&4\end{pmatrix}\frac{a}{b}", block=True)
    with offline(browser, site.as_uri()) as page:
        page.goto((site / "02_gru_expert.html").as_uri())
        page.evaluate(
            "html => document.querySelector('article').innerHTML = html", aligned + matrix
        )
        boxes = page.evaluate(
            "[...document.querySelectorAll('mtd')].map(e => e.getBoundingClientRect().toJSON())"
        )
        first, second = boxes[:4], boxes[4:]
        assert first[2]["top"] >= first[0]["bottom"] - 2
        assert abs(first[1]["left"] - first[3]["left"]) < 1
        assert second[1]["left"] >= second[0]["right"] - 1
        assert second[2]["top"] >= second[0]["bottom"] - 2
        page.screenshot(path=pictures / "site_formulas.png")


def test_a_plotly_figure_is_drawn_by_the_file_beside_the_pages(browser, tmp_path):
    """The chart's script and plotly's, from disk, with one figure."""
    import plotly

    template = harness.ROOT / "tools" / "website" / "template"
    script = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    (tmp_path / "plotly.min.js").write_bytes(script.read_bytes())
    (tmp_path / "charts.js").write_bytes((template / "charts.js").read_bytes())
    (tmp_path / "page.html").write_text(
        '<!doctype html><div class="chart"><script type="application/json">'
        '{"data": [{"y": [1, 3, 2]}], "layout": {}}</script></div>'
        '<script src="plotly.min.js"></script><script src="charts.js"></script>',
        encoding="utf-8",
    )
    with offline(browser, tmp_path.as_uri()) as page:
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector(".chart .main-svg .lines")

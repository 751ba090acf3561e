"""Upload and download in a real browser: a file goes in, a zip comes out, and opens again."""

import json
import zipfile

import pytest

from mof_lab import archive

from .harness import PATIENCE, ROOT, until

UPLOAD = """\
from mof_lab import own_text
own_text.speed_of = lambda run, stage: 5000.0  # a measurement takes its time
from mof_lab.widgets import Upload, upload as pieces
pieces.PIECE = 5000
panel = Upload(minutes=2)
panel.piece = 5000
panel"""
TOLD = """\
own = panel.result()
print(own.name, own.appraisal.characters + own.appraisal.held_out)"""
DOWNLOAD = """\
from pathlib import Path
from shutil import copytree
from mof_lab import shipped
from mof_lab.notebook import download
copytree(shipped("tiny"), "run/chat", dirs_exist_ok=True)
path = download("run/chat", "我的 日记.txt", transcript="从前有座山。", settings={"MINUTES": 2})"""
TEXT = "\n\n".join(f"第{i}天，米米在白桥边等阿旺，等了{i % 7}个小时。" for i in range(900))


@pytest.fixture(scope="module")
def root(lab, browser_page, tmp_path_factory):
    """An upload panel that is shown, in a kernel whose runs lie in a folder of their own."""
    runs = f"import os; os.environ['MOF_LAB_RUNS'] = {str(tmp_path_factory.mktemp('runs'))!r}\n"
    lab.write("upload.ipynb", [runs + UPLOAD, TOLD])
    lab.open(browser_page, "upload.ipynb")
    lab.command(browser_page, "notebook:run-cell-and-select-next")
    root = browser_page.locator(".mof-panel").first
    root.wait_for(timeout=PATIENCE * 1000)
    return root


def choose(root, name, data):
    file = {"name": name, "mimeType": "text/plain", "buffer": data}
    root.locator("[data-name=file]").set_input_files(file)


def test_a_file_is_refused_in_a_sentence(root):
    choose(root, "photo.png", b"\x89PNG")
    until(root, "r => r.querySelector('.mof-sentence').textContent.includes('photo.png')")
    assert "expected one of" in root.locator("[role=alert]").inner_text()
    choose(root, "table.csv", b"a,a\n1,2\n")
    until(root, "r => r.querySelector('.mof-sentence').textContent.includes('two columns')")
    assert not root.locator(".mof-own-name").is_visible()


def test_a_file_arrives_whole_and_is_appraised(lab, root, pictures):
    choose(root, "我的 日记.txt", TEXT.encode())
    until(root, "r => r.querySelector('.mof-own-name').textContent === '我的 日记.txt'")
    assert not root.locator("[role=alert]").is_visible()
    root.locator("[data-picture=bits] svg").wait_for()
    assert root.locator("[data-warning]").count() >= 1
    root.locator("details.mof-settings summary").first.click()
    facts = root.locator("[data-fact]")
    assert facts.count() == 13
    root.page.screenshot(path=pictures / "upload.png")
    root.page.locator(".jp-Cell").nth(1).locator(".jp-InputArea").click()
    lab.command(root.page, "notebook:run-cell-and-select-next")
    output = root.page.locator(".jp-OutputArea-output pre", has_text="我的 日记.txt").first
    output.wait_for(timeout=PATIENCE * 1000)
    assert output.inner_text().split()[-1] == str(len(TEXT.replace("\n", "")))


def test_the_language_changes_all_of_it(root):
    before = root.locator("[data-warning]").first.inner_text()
    root.locator(".mof-language").click()
    until(root, "r => r.lang === 'zh-CN'")
    after = root.locator("[data-warning]").first.inner_text()
    assert before != after and any("\u4e00" <= c <= "\u9fff" for c in after)
    assert "字数" in root.locator("[data-fact=characters]").inner_text()
    root.locator(".mof-language").click()
    until(root, "r => r.lang === 'en'")


def test_with_the_keyboard_alone(root):
    root.locator("[data-name=path]").fill("nowhere.txt")
    root.locator("[data-name=path]").press("Enter")
    until(root, "r => r.querySelector('.mof-sentence').textContent.includes('no file nowhere')")
    root.locator("[data-action=example]").focus()
    root.page.keyboard.press("Enter")
    until(root, "r => r.querySelector('.mof-own-name').textContent === 'example.txt'")
    assert not root.locator("[role=alert]").is_visible()


@pytest.mark.parametrize("place", ["lab", "voila"])
def test_a_click_downloads_a_zip_that_opens_again(request, page, pictures, tmp_path, place):
    server = request.getfixturevalue(place)
    server.write("download.ipynb", [DOWNLOAD])
    server.open(page, "download.ipynb")
    if place == "lab":
        server.run(page)
    button = page.locator("[data-action=download]").first
    button.wait_for(timeout=PATIENCE * 1000)
    with page.expect_download(timeout=PATIENCE * 1000) as download:
        button.click()
    assert download.value.suggested_filename == "mof-lab-我的-日记.zip"
    path = tmp_path / "work.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as made:
        assert made.testzip() is None
        assert json.loads(made.read(archive.CARD))["settings"] == {"MINUTES": 2}
        assert made.read("transcript.txt").decode("utf-8") == "从前有座山。"
    files, _ = archive._contents(path)
    weights = next((ROOT / "checkpoints" / "tiny").glob("model-*.safetensors"))
    assert files[f"checkpoint/{weights.name}"] == weights.read_bytes()
    page.locator(".mof-panel", has=page.locator("[data-action=download]")).first.screenshot(
        path=pictures / f"download_{place}.png"
    )

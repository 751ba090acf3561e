"""The recipes of docs/hubs: they agree with each other, and a hub with two users really starts."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs
from uuid import uuid4

import pytest
import yaml
from traitlets.config import Config

from mof_lab import folders

ROOT = Path(__file__).resolve().parent.parent
HUBS = ROOT / "docs" / "hubs"
CONFIG = HUBS / "jupyterhub_config.py"
TOKEN = "a-token-of-the-test"


def configured(monkeypatch, **environment):
    """What JupyterHub knows once it has read the recipe for one's own machine."""
    c = Config()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    exec(CONFIG.read_text(encoding="utf-8"), {"get_config": lambda: c})  # as JupyterHub does
    return c


def test_the_recipes_give_a_user_the_same(monkeypatch):
    c = configured(monkeypatch, CLASS_PASSWORD="x")
    memory, cores = c.Spawner.mem_limit, c.Spawner.cpu_limit
    kubernetes = yaml.safe_load((HUBS / "zero_to_jupyterhub.yaml").read_text(encoding="utf-8"))
    user = kubernetes["singleuser"]
    assert (user["memory"]["limit"], user["cpu"]["limit"]) == (memory, cores)
    assert user["extraEnv"] == c.Spawner.environment
    assert user["defaultUrl"] == c.Spawner.default_url
    littlest = (HUBS / "the_littlest_jupyterhub.sh").read_text(encoding="utf-8")
    assert f"limits.memory {memory}" in littlest and f"limits.cpu {cores}" in littlest
    written = Config()  # by the script, and read by its hub
    code = littlest.split("<<'PYTHON'\n")[1].split("\nPYTHON\n")[0]
    exec(code, {"c": written})
    assert written.Spawner.environment.to_dict()["update"] == c.Spawner.environment
    assert (ROOT / c.Spawner.default_url.split("mof-lab/")[1]).exists()


def test_the_link_for_the_class_pulls_into_the_copy_that_is_there():
    """nbgitpuller needs a repository in its folder, or none."""
    page = (HUBS / "README.md").read_text(encoding="utf-8")
    link = parse_qs(re.search(r"git-pull\?(\S+)", page)[1])
    kubernetes = yaml.safe_load((HUBS / "zero_to_jupyterhub.yaml").read_text(encoding="utf-8"))
    user = kubernetes["singleuser"]
    (command,) = user["lifecycleHooks"]["postStart"]["exec"]["command"][2:]
    assert f"git clone {link['repo'][0]} ~/{link['targetPath'][0]} " in command
    assert f"/{link['urlpath'][0]}" == user["defaultUrl"]


def test_the_script_is_one_that_bash_reads():
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not here")
    subprocess.run([bash, "-n", HUBS / "the_littlest_jupyterhub.sh"], check=True)


def test_a_class_without_a_password_does_not_start(monkeypatch):
    monkeypatch.delenv("CLASS_PASSWORD", raising=False)
    with pytest.raises(KeyError, match="CLASS_PASSWORD"):
        configured(monkeypatch)


def test_what_a_user_makes_goes_into_the_home(monkeypatch, tmp_path):
    for name, value in configured(monkeypatch, CLASS_PASSWORD="x").Spawner.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert folders.runs_folder() == tmp_path / "runs"
    assert folders.cache_folder() == tmp_path / ".cache" / "mof-lab"


# ---- a hub with two users -----------------------------------------------------------------------


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Hub:
    """JupyterHub on loopback, started with the recipe and a token to drive it."""

    def __init__(self, folder):
        port, proxy, inner = free_port(), free_port(), free_port()
        self.base = f"http://127.0.0.1:{port}"
        config = folder / "config.py"
        config.write_text(
            f"load_subconfig({str(CONFIG)!r})\n"
            f"c.ConfigurableHTTPProxy.api_url = 'http://127.0.0.1:{proxy}'\n"
            "c.Spawner.args = ['--allow-root']\n"  # as a container of tests may be run
            f"c.JupyterHub.hub_bind_url = 'http://127.0.0.1:{inner}'\n"
            f"c.JupyterHub.services = [{{'name': 'test', 'api_token': {TOKEN!r}}}]\n"
            "c.JupyterHub.load_roles = [{'name': 'test', 'services': ['test'], 'scopes': "
            "['admin:users', 'admin:servers', 'access:servers', 'tokens']}]\n",
            encoding="utf-8",
        )
        self.log = folder / "hub.log"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterhub", "--config", config],
                cwd=folder,
                env=os.environ
                | {
                    "CLASS_HOMES": str(folder / "homes"),
                    "CLASS_PASSWORD": "correct horse",
                    "CLASS_PORT": str(port),
                    "PATH": path,
                    "PYTHONPATH": str(ROOT),
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def ask(self, where, method="GET", token=TOKEN, content=None):
        """The status and the answer of a request."""
        data = None if content is None else json.dumps(content).encode()
        headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.base + where, data, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, answer.read().decode("utf-8")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode("utf-8")

    def wait(self, question, seconds=120):
        """Asks until the answer is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            try:
                if answer := question():
                    return answer
            except OSError:
                pass  # it does not listen yet
            time.sleep(0.3)
        raise AssertionError(self.log.read_text(encoding="utf-8"))

    def enter(self, name):
        """Makes a user with a server of their own; the user's token."""
        assert self.ask(f"/hub/api/users/{name}", "POST")[0] == 201
        assert self.ask(f"/hub/api/users/{name}/server", "POST")[0] in (201, 202)
        self.wait(lambda: json.loads(self.ask(f"/hub/api/users/{name}")[1])["server"])  # if ready
        return json.loads(self.ask(f"/hub/api/users/{name}/tokens", "POST", content={})[1])["token"]

    def run(self, name, token, code):
        """What a cell prints in a new kernel of the user."""
        status, answer = self.ask(f"/user/{name}/api/kernels", "POST", token, {"name": "python3"})
        assert status == 201, answer
        kernel = json.loads(answer)["id"]
        address = f"{self.base}/user/{name}/api/kernels/{kernel}/channels".replace("http", "ws", 1)
        return asyncio.run(_printed(address, token, code))

    def close(self):
        self.process.terminate()
        self.process.wait(60)


async def _printed(address, token, code):
    from tornado.httpclient import HTTPRequest
    from tornado.websocket import websocket_connect

    header = {"msg_id": uuid4().hex, "msg_type": "execute_request", "session": uuid4().hex}
    header |= {"username": "", "version": "5.3", "date": ""}
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    request = HTTPRequest(address, headers={"Authorization": f"token {token}"})
    connection = await websocket_connect(request)
    await connection.write_message(json.dumps(message | {"channel": "shell"}))
    printed = ""
    while True:
        came = json.loads(await asyncio.wait_for(connection.read_message(), 120))
        if came["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if came["msg_type"] == "error":
            raise AssertionError("\n".join(came["content"]["traceback"]))
        if came["msg_type"] == "stream":
            printed += came["content"]["text"]
        if came["msg_type"] == "execute_reply":
            connection.close()
            return printed


@pytest.fixture
def hub(tmp_path):
    pytest.importorskip("jupyterhub", reason="JupyterHub is not installed: extra hub")
    pytest.importorskip("configurable_http_proxy", reason="its proxy is not installed: extra hub")
    started = Hub(tmp_path)
    yield started
    started.close()


TALK = """
import os
from mof_lab import ChatSession, folders, limits, shipped
print(ChatSession.from_checkpoint(shipped()).chat("你好", temperature=0))
print(folders.runs_folder())
print(limits.allowed_memory(), limits.allowed_cores())
"""


@pytest.mark.slow
def test_two_users_of_a_hub_on_this_machine(hub, tmp_path):
    """Each gets a server, a copy of the notebooks by nbgitpuller, an answer; not the other's."""
    pytest.importorskip("nbgitpuller", reason="nbgitpuller is not installed: extra hub")
    shutil.copytree(ROOT / "notebooks", tmp_path / "mof-lab" / "notebooks")
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "notebooks"],
    ):
        subprocess.run(["git", "-C", tmp_path / "mof-lab", *command], check=True)
    hub.wait(lambda: hub.ask("/hub/api/")[0] == 200)
    tokens = {name: hub.enter(name) for name in ("ann", "bo")}
    for name, token in tokens.items():
        home = tmp_path / "homes" / name
        link = f"/user/{name}/git-pull/api?repo=file://{tmp_path}/mof-lab&branch=main"
        assert '"phase": "finished"' in hub.ask(link, token=token)[1]
        assert (home / "mof-lab" / "notebooks" / "00_start.ipynb").exists()
        answer, runs, limits = hub.run(name, token, TALK).splitlines()
        assert "你好" in answer
        assert runs == str(home / "runs")
        assert limits == f"{2 * 1024**3} 1"
    assert hub.ask("/user/ann/api/contents", token=tokens["ann"])[0] == 200
    assert hub.ask("/user/ann/api/contents", token=tokens["bo"])[0] in (403, 404)

"""A chat widget on a page, as a test uses it: by role and class, never by what is written."""

import pytest

from .harness import reload, slowness, until

TRIES = 6
ENDLESS = {"temperature": 10, "top_p": 1, "max_length": 2048}

LITERT = """\
from mof_lab import shipped
from mof_lab.widgets import Chat
chat = Chat(shipped("{model}"), {settings})
chat"""

KERAS = """\
from mof_lab import ChatSession, load_checkpoint, shipped
from mof_lab.widgets import Chat
model, vocabulary, _ = load_checkpoint(shipped("{model}"))
session = ChatSession(model, vocabulary)
session.decoder.warm_up()
chat = Chat(session, {settings})
chat"""

BESIDE = """\
from mof_lab import shipped
from mof_lab.widgets import SideBySide
chat = SideBySide(shipped("{model}"), {settings})
chat"""

FIRST_CHARACTER = """([button, root]) => new Promise((done) => {
  const count = () => root.querySelectorAll(".mof-char").length;
  const before = count(), started = performance.now();
  const observer = new MutationObserver(() => {
    if (count() <= before) return;
    observer.disconnect();
    requestAnimationFrame(() => done(performance.now() - started));
  });
  observer.observe(root, { childList: true, subtree: true });
  button.click();
})"""

STOPPED = """([button, root]) => new Promise((done) => {
  const started = performance.now();
  const over = () => ["idle", "failed"].includes(root.dataset.state);
  if (over()) return done(null); // there is nothing to stop
  const observer = new MutationObserver(() => {
    if (!over()) return;
    observer.disconnect();
    done(performance.now() - started);
  });
  observer.observe(root, { attributes: true });
  button.click();
})"""


class ChatPage:
    """The first chat on a page."""

    def __init__(self, page):
        self.page = page
        self.root = page.locator(".mof-panel:has(.mof-composer)").first
        self.root.wait_for()
        self.text = self.root.locator("textarea")
        self.main = self.root.locator(".mof-main")
        self.status = self.root.get_by_role("status")
        self.exchanges = self.root.locator(".mof-exchange")

    def action(self, name):
        return self.root.locator(f"[data-action={name}]")

    def setting(self, name):
        return self.root.locator(f"[data-name={name}]")

    def set(self, **values):
        """Types settings."""
        self.root.locator("details.mof-settings").evaluate("d => d.open = true")
        for name, value in values.items():
            self.setting(name).fill(str(value))
            self.setting(name).press("Tab")

    def reset(self):
        """An empty conversation at temperature 0, the router's own blend."""
        if self.main.evaluate("b => b.classList.contains('mof-stops')"):
            self.main.click()
        self.idle()
        self.action("clear").click()
        self.wait("root => !root.querySelector('.mof-exchange')")
        self.text.fill("")
        if self.setting("forced").count():
            self.setting("forced").uncheck()
        self.set(temperature=0, top_p=0.95, max_length=300, seed=1)

    def answers(self):
        """The texts of all answers, in their order."""
        return [a.text_content() for a in self.root.locator(".mof-answer").all()]

    def questions(self):
        return [q.text_content() for q in self.root.locator(".mof-question").all()]

    def say(self, text):
        """Types a message, sends it with Enter, waits for the end of the answer."""
        count = self.exchanges.count()
        self.text.fill(text)
        self.text.press("Enter")
        self.wait(f"root => root.querySelectorAll('.mof-exchange').length === {count + 1}")
        self.idle()

    def answer_again(self):
        """Presses Answer again, waits for the end of the other answer."""
        before = self.exchanges.last.element_handle()
        self.action("again").click()
        self.page.wait_for_function("exchange => !exchange.isConnected", arg=before)
        self.idle()

    def idle(self):
        self.wait("root => ['idle', 'failed'].includes(root.dataset.state)")

    def writing(self, characters=3):
        """Waits until an answer is being written and so many of its characters are there."""
        self.wait(
            "root => root.dataset.state === 'running' && [...root.querySelectorAll('.mof-answer')]"
            f".at(-1)?.childElementCount >= {characters}"
        )

    def wait(self, condition):
        until(self.root, condition)

    def milliseconds(self, script):
        """What one of the measuring scripts above finds for a click on the button."""
        both = [self.main.element_handle(), self.root.element_handle()]
        return self.page.evaluate(script, both)


def open_chat(lab, page, name, source=LITERT, settings="", kernel="python3", model="tiny"):
    """Opens a notebook with a chat and runs it."""
    lab.write(name, [source.format(model=model, settings=settings)], kernel)
    lab.open(page, name)
    lab.run(page)
    return ChatPage(page)


def reloaded(page):
    """The chat after a reload."""
    reload(page)
    return ChatPage(page)


# ---- how long things take


def first_character(chat):
    """Milliseconds from a click on Send to the first character that can be seen."""
    chat.text.fill("你好")
    found = chat.milliseconds(FIRST_CHARACTER)
    chat.idle()
    return found


def stopping(chat):
    """Milliseconds from a click on Stop, while an answer is written, to its end."""
    chat.set(**ENDLESS)
    for _ in range(TRIES):  # what is drawn at such a temperature may end before
        count = chat.exchanges.count()
        chat.text.fill("你好")
        chat.main.click()
        chat.wait(f"root => root.querySelectorAll('.mof-exchange').length > {count}")
        chat.wait(
            "root => root.dataset.state === 'idle' || [...root.querySelectorAll('.mof-answer')]"
            ".at(-1)?.childElementCount >= 20"
        )
        stops = chat.main.evaluate("b => b.classList.contains('mof-stops')")  # Send became Stop
        found = chat.milliseconds(STOPPED) if stops else None
        if found is not None:
            return found
        chat.idle()
    pytest.fail(f"{TRIES} answers at temperature 10 ended by themselves: were the settings heard?")


def timed(measure, root):
    """(What `measure` finds of the root, how many times slower the machine was than alone)."""
    before = slowness()
    found = measure(root)
    slower = max(before, slowness())
    print(f"{measure.__name__}: {found:.0f} ms, on a machine {slower:.1f} times busy")
    return found, slower


def within(root, limit, measure):
    """Whether one of three measurements, milliseconds, is below the limit on a machine alone."""
    return any(found < limit * slower for found, slower in (timed(measure, root) for _ in "123"))

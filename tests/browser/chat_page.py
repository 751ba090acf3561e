"""A chat widget on a page, as a test uses it: by role and class, never by what is written."""

from .harness import until

LITERT = """\
from mof_lab import shipped
from mof_lab.widgets import Chat
chat = Chat(shipped("tiny"), {settings})
chat"""

KERAS = """\
from mof_lab import ChatSession, load_checkpoint, shipped
from mof_lab.widgets import Chat
model, vocabulary, _ = load_checkpoint(shipped("tiny"))
session = ChatSession(model, vocabulary)
session.decoder.warm_up()
chat = Chat(session, {settings})
chat"""

BESIDE = """\
from mof_lab import shipped
from mof_lab.widgets import SideBySide
chat = SideBySide(shipped("tiny"), {settings})
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


def open_chat(lab, page, name, source=LITERT, settings="", kernel="python3"):
    """Opens a notebook with a chat and runs it."""
    lab.write(name, [source.format(settings=settings)], kernel)
    lab.open(page, name)
    lab.run(page)
    return ChatPage(page)


def reloaded(page):
    """The chat after a reload. ipywidgets gives a kernel four seconds to say what it has: on a busy
    machine not the first time."""
    for _ in range(4):
        page.reload()
        page.wait_for_selector(".mof-panel, .jp-OutputArea-child:has-text('model not found')")
        if page.locator(".mof-panel").count():
            break
    return ChatPage(page)

"""Somebody who uses the page /try."""

from webdriver import wait_for


class Person:
    """Somebody at the page in a tab of their own."""

    def __init__(self, tab, page, account):
        self.tab = tab
        self.account = account
        tab.open(f"{page}?account={account}")

    def state(self):
        return self.tab.run("const s = document.getElementById('state');"
                            "return [s.dataset.state, s.textContent]")

    def wait_state(self, state):
        """The text of the state line, once it is in this state."""
        def reached():
            now, text = self.state()
            return text if now == state else None
        return wait_for(f"{self.account} to be {state}, at present {self.state()}", reached)

    def log_in(self):
        wait_for("the page to know where to connect",
                 lambda: self.tab.run("return document.getElementById('url').value"))
        self.tab.click("#connect")
        return self.wait_state("online")

    def entries(self, kind):
        """The log's entries of a kind, oldest first: their text and message id."""
        return self.tab.run(
            "const rows = document.querySelectorAll(`#log li[data-kind='${arguments[0]}']`);"
            "return [...rows].reverse().map((row) => ({"
            " text: row.querySelector('.text').textContent,"
            " note: row.querySelector('.note')?.textContent, id: row.dataset.messageId }))", kind)

    def wait_entry(self, kind, text):
        def find():
            return next((e for e in self.entries(kind) if text in e["text"]), None)
        return wait_for(f"{self.account} to see {kind}: {text}", find)

    def talk(self, to, text):
        """The message id of the answer."""
        before = len(self.entries("taken"))
        self.tab.type("#to", to)
        self.tab.type("#talk-text", text)
        self.tab.click("#send")
        return wait_for("the talk's answer", lambda: self.entries("taken")[before:])[0]["id"]

"""Use a console in a browser, and note everything that a page must not do."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, ConsoleMessage, Dialog, Page, Request, expect
from running_station import Console

PATIENCE = 30_000
"""Milliseconds in which a page must show something; only one that never does needs as long."""


class Visit:
    """A browser that is signed in."""

    def __init__(self, context: BrowserContext, console: Console, link: str) -> None:
        """Open a link of the console."""
        self.context = context
        self.address = console.address
        self.foreign: list[str] = []
        """Requests that left the console."""
        self.errors: list[str] = []
        """Errors of JavaScript, and refusals by the content policy."""
        self.dialogs: list[str] = []
        """Dialogs that no test accepts."""
        context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        context.on("request", self._note_request)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("console", self._note_message)
        context.on("dialog", self._note_dialog)
        self.accepts_dialogs = False
        self.page = context.new_page()
        self.page.goto(link)
        self.page.wait_for_url(f"{self.address}/now")

    def open(self, path: str) -> Page:
        """Show a page in the first tab."""
        self.page.goto(f"{self.address}{path}")
        return self.page

    def take_control(self) -> None:
        """Press the button, and wait until the page says so."""
        self.page.get_by_role("button", name="Take control").click()
        self.page.get_by_text("You are in control").wait_for()

    def _note_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", "data:")):
            self.foreign.append(request.url)

    def _note_message(self, message: ConsoleMessage) -> None:
        # Chromium logs each failed request as an error, such as those to a console that was killed.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    def _note_dialog(self, dialog: Dialog) -> None:
        if self.accepts_dialogs:
            dialog.accept()
        else:
            self.dialogs.append(dialog.message)
            dialog.dismiss()

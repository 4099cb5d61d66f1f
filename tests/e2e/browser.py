"""browser: a headless Chromium with its own profile in a Lab's folder, which
reaches no other host, driven by Debian's packages.
"""

import contextlib
import json
import os
import shutil

from harness import Skip, TESTBIN, say, until

from selenium import webdriver
from selenium.common.exceptions import (
    JavascriptException, WebDriverException)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.common.by import By

PATIENCE = 60
# Raised by a condition while the page does not yet have its elements.
NOT_YET = (AttributeError, LookupError, TypeError, ValueError,
           JavascriptException)
# Installed there by scripts/install-deps axe.
AXE = TESTBIN + "/../node_modules/axe-core/axe.min.js"
OPTIONS = [
    "--headless=new", "--no-first-run", "--disable-gpu",
    "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--host-resolver-rules=MAP plain.test 127.0.0.1 , MAP * ~NOTFOUND , "
    "EXCLUDE 127.0.0.1",
    "--lang=en-GB", "--force-color-profile=srgb",
]


class Browser:
    def __init__(self, lab, url):
        self.url = url
        options = webdriver.ChromeOptions()
        for option in OPTIONS:
            options.add_argument(option)
        if os.geteuid() == 0:  # its sandbox needs another user
            options.add_argument("--no-sandbox")
        options.add_argument("--user-data-dir=" + lab.path("chromium"))
        options.binary_location = found("chromium")
        options.set_capability(
            "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = begun(options)
        self.driver.set_script_timeout(3 * PATIENCE)  # axe takes long
        self.requests = []  # URLs
        self.read = []  # the values of the last attempt

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.driver.quit()

    def log_in(self, bearer):
        self.open("/login")
        self.driver.add_cookie({
            "name": "messaging_session", "value": bearer, "path": "/",
            "httpOnly": True, "sameSite": "Strict"})

    def open(self, path):
        """Loads the page, even if only the part after # differs."""
        self.driver.get("about:blank")
        self.driver.get(self.url + path)

    def ask(self, expression, *arguments):
        return self.note(
            self.driver.execute_script("return " + expression, *arguments))

    def note(self, value):
        """Remembers a value for the error message if the wait fails."""
        self.read.append(value)
        return value

    @contextlib.contextmanager
    def first_running(self, script):
        """Pages loaded from now on run the script before their own."""
        added = self.driver.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument", {"source": script})
        try:
            yield
        finally:
            self.driver.execute_cdp_cmd(
                "Page.removeScriptToEvaluateOnNewDocument", added)

    def texts(self, selector):
        return self.ask("[...document.querySelectorAll(arguments[0])]"
                        ".map((e) => e.textContent)", selector)

    def text(self, selector):
        found_texts = self.texts(selector)
        return found_texts[0] if found_texts else None

    def rows(self, selector):
        """A table's rows, as {title: text} in the order of its columns."""
        return [dict(row) for row in self.ask(
            "[...document.querySelectorAll(arguments[0] + ' tbody tr')].map("
            "(tr) => [...tr.cells].map((c) => "
            "[c.dataset.label, c.textContent]))", selector)]

    def visible(self, selector):
        return self.ask(
            "document.querySelector(arguments[0]).checkVisibility()", selector)

    def until(self, condition, what):
        """Each attempt reads everything again: the page draws when it can, each
        part when its answer has arrived."""
        def look():
            self.read = []
            try:
                return condition()
            except NOT_YET as why:
                return self.note(why) is None

        try:
            return until(PATIENCE, look, what)
        except AssertionError as why:
            raise AssertionError(f"{why}; read last: {self.read}") from None

    def press(self, keys):
        """Types like a user without a mouse: to the focused element, also while
        it is redrawn."""
        ActionChains(self.driver).send_keys(keys).perform()

    def focused(self):
        return self.ask("document.activeElement.id")

    def resize(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1,
            "mobile": False})
        # The page learns of the new size before its next frame.
        self.until(lambda: self.ask("[innerWidth, innerHeight]")
                   == [width, height], "the size")
        self.driver.execute_async_script("requestAnimationFrame(arguments[0])")

    def scheme(self, name):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": name}]})
        self.until(lambda: self.ask("matchMedia(arguments[0]).matches",
                                    f"(prefers-color-scheme: {name})"), name)

    def picture(self, folder, name):
        os.makedirs(folder, exist_ok=True)
        self.driver.save_screenshot(os.path.join(folder, name + ".png"))

    def findings(self):
        """The findings of axe-core; none if it is not installed."""
        path = os.environ.get("AXE", AXE)
        if not os.path.exists(path):
            say("axe-core is missing: scripts/install-deps axe")
            return []
        with open(path, encoding="utf-8") as f:
            self.driver.execute_script(f.read())
        return self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document).then((found) => "
            "done(found.violations.map((v) => [v.id, "
            "v.nodes.map((n) => n.html)])))")

    def take_requests(self):
        """URLs of all requests so far."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
        return self.requests

    def complaints(self):
        """Messages of the console since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")]


def begun(options, tries=3):
    """Starts Chromium. On a busy machine it may take longer than the minute
    that chromedriver waits."""
    service = Service(found("chromedriver"))
    try:
        return webdriver.Chrome(service=service, options=options)
    except WebDriverException:
        if tries == 1:
            raise
    service.stop()
    return begun(options, tries - 1)


def found(program):
    path = shutil.which(program)
    if path is None:
        raise Skip(f"{program} is missing; run: scripts/install-deps browser")
    return path

"""board_session: logins on the live board: data of two users never appear on
one page, a button logs out, and if the browser does not keep the token, the
login page explains why. Called by board, with its browser and world.
"""

from api_client import token
from board_faults import choose
from browser import Keys

# The server under a name that a browser treats as another machine without
# HTTPS.
ELSEWHERE = "http://plain.test"
COME_BACK = ("dispatchEvent(new PageTransitionEvent('pageshow', "
             "{ persisted: true }))")


def become(test, bearer):
    """Like a login in another tab."""
    test.browser.driver.delete_all_cookies()
    test.browser.driver.add_cookie({
        "name": "messaging_session", "value": bearer, "path": "/",
        "httpOnly": True, "sameSite": "Strict"})


def another_one_is_shown_alone(test):
    browser = test.browser
    other = token(tenant_id="nobody", role="lead")
    for bearer, look, want in (
            (other, lambda: choose(test, "range=90d"), "nobody"),
            (test.world.token("wall"), lambda: browser.ask(COME_BACK),
             test.world.tenant)):
        test.visit("lead", "/#range=28d")
        browser.until(lambda: browser.text("#summary-count .value"),
                      "the figures")
        browser.ask("window.mark = 1")
        become(test, bearer)
        look()
        browser.until(lambda: browser.ask("window.mark") is None,
                      "it to be loaded anew")
        test.shows(lambda: browser.text("#tenant") == want
                   and browser.text("#connection") == "live"
                   and browser.texts("main a:not(#csv)") == [],
                   f"nothing but that of {want}")
    browser.complaints()


def a_button_logs_out(test):
    """Also for another tab when it requests a view."""
    browser = test.browser
    test.visit("lead", "/#wall")
    test.that(not browser.visible("#logout-button"), "it is on the wall")
    test.visit("lead", "/#range=28d")
    browser.until(lambda: browser.text("#summary-count .value"), "figures")
    browser.ask("document.getElementById('logout-button').click()")
    browser.until(lambda: browser.ask("location.pathname") == "/login",
                  "the login")
    test.that(browser.driver.get_cookies() == [], "the cookie is there")
    test.visit("lead", "/#range=28d")
    browser.until(lambda: browser.text("#summary-count .value"), "figures")
    browser.driver.delete_all_cookies()
    choose(test, "range=90d")
    browser.until(lambda: browser.ask("location.pathname") == "/login",
                  "the login, of the other tab")
    browser.complaints()


def a_login_without_https_says_why(test):
    browser = test.browser
    browser.driver.get(f"{ELSEWHERE}:{test.world.server.port}/")
    for _ in range(2):  # before and after the token is sent
        test.shows(lambda: browser.ask("location.pathname") == "/login"
                   and browser.visible("#insecure")
                   and not browser.visible("#refused"), "why it is not kept")
        browser.ask("document.forms[0].dataset.old = 1")
        browser.ask("document.getElementById('token').focus()")
        browser.press(test.world.token("lead") + Keys.ENTER)
        browser.until(lambda: browser.ask(
            "document.forms[0].dataset.old") is None, "the answer")
    test.that(browser.findings() == [], "axe: the login without HTTPS")
    browser.picture("build/board", "login-insecure")
    browser.open("/login")
    test.that(not browser.visible("#insecure"), "a page that is safe says it")
    browser.complaints()


def test(t):
    another_one_is_shown_alone(t)
    a_button_logs_out(t)
    a_login_without_https_says_why(t)

"""board_rows: rows of the live board keep their identity while its tables are
redrawn: a click that began before an event still counts after it, and the
focus does not disappear with a row. Called by board, with its browser and
world.
"""

import board_opened
from board_world import CHANNELS, TENANT
from browser import ActionChains, By

TITLE = ["H2", "Waiting customers"]
# The focused element: its kind and text.
FOCUSED = """(() => {
    const node = document.activeElement;
    return [node.nodeName, node.textContent.slice(0, 20)];
})()"""
LINK = "#waiting-table tr[data-chat='{}'] a"


def put_waiting(test, tenant_chats, seconds=900):
    """Adds waiting chats, the first with the longest wait."""
    for n, chat in enumerate(tenant_chats):
        test.world.put_chat(TENANT, chat, seconds - n, "1", CHANNELS[0],
                            f"Customer of {chat}")
    test.world.put_tenant(TENANT)


def remove(test, chats):
    for chat in chats:
        test.sql(f"DELETE FROM chat_metrics WHERE chat = '{chat}'")
    test.world.put_tenant(TENANT)


def is_there(test, chat):
    test.browser.until(lambda: test.browser.text(LINK.format(chat)), chat)


def rename(test, chat, name):
    """Changes a row, and waits until the page shows it."""
    test.sql(f"UPDATE chat_metrics SET customer_name = '{name}', "
             f"version = version + 1 WHERE chat = '{chat}'")
    test.world.put_tenant(TENANT)
    test.browser.until(lambda: name in [
        row["Customer"] for row in test.waiting()], f"{chat} to be {name}")


def a_click_ends_behind_an_event(test):
    """Between press and release, the row changes and others disappear, appear
    and move. It keeps its place on the screen."""
    browser = test.browser
    test.visit("lead", "/#all=waiting")
    put_waiting(test, ["click1", "click2", "click3"])
    is_there(test, "click2")
    link = browser.driver.find_element(
        By.CSS_SELECTOR, LINK.format("click2"))
    mouse = ActionChains(browser.driver, duration=0)
    mouse.move_to_element(link).click_and_hold().perform()
    test.sql("DELETE FROM chat_metrics WHERE chat = 'click1'")
    test.world.put_chat(TENANT, "click4", 890, None, "web", "Another one")
    test.sql("UPDATE chat_metrics SET waiting_since = waiting_since - INTERVAL "
             "10 SECOND WHERE chat = 'click3'")
    rename(test, "click2", "Renamed")
    chats = [row["Chat"] for row in test.waiting()]
    test.that([chat for chat in chats if chat.startswith("click")]
              == ["click3", "click2", "click4"], f"the order of {chats}")
    ActionChains(browser.driver, duration=0).release().perform()
    test.shows(lambda: browser.text("#opened-title") == "Chat click2"
               and browser.ask("document.getElementById('opened').open"),
               "the click opens its chat")
    board_opened.close(test)
    remove(test, ["click2", "click3", "click4"])


def the_focus_stays_in_its_table(test):
    """The focus stays on its row while the row exists, then moves to the row
    below, above, and finally to the title."""
    browser = test.browser
    chats = ["focus1", "focus2", "focus3"]
    test.visit("lead", "/#operator=4&channel=whatsapp")
    for n, chat in enumerate(chats):
        test.world.put_chat(TENANT, chat, 800 - n, "4", "whatsapp", chat)
    test.sql("UPDATE chat_metrics SET waiting_since = NULL, tag = 'was' WHERE "
             "operator = '4' AND channel = 'whatsapp' AND chat NOT LIKE "
             "'focus%'")
    test.world.put_tenant(TENANT)
    browser.until(lambda: [row["Chat"] for row in test.waiting()] == chats,
                  "three rows")
    browser.ask("document.querySelector(arguments[0]).focus()",
                LINK.format("focus2"))
    rename(test, "focus2", "Renamed")
    test.that(browser.ask(FOCUSED) == ["A", "focus2"],
              f"the focus went to {browser.ask(FOCUSED)}")
    for gone, want in (("focus2", ["A", "focus3"]),
                       ("focus3", ["A", "focus1"]), ("focus1", TITLE)):
        remove(test, [gone])
        test.shows(lambda: browser.ask(FOCUSED) == want,
                   f"without {gone} the focus is at {want}")
    test.sql("UPDATE chat_metrics SET waiting_since = UTC_TIMESTAMP(3), tag = "
             "NULL WHERE tag = 'was'")
    test.world.put_tenant(TENANT)


def a_row_may_go_while_it_is_open(test):
    """The title gets the focus when the opened panel is closed."""
    browser = test.browser
    test.visit("lead", "/#all=waiting")
    put_waiting(test, ["open1"])
    is_there(test, "open1")
    browser.ask("(() => { const a = document.querySelector(arguments[0]); "
                "a.focus(); a.click(); })()", LINK.format("open1"))
    board_opened.timeline_is_there(test, "open1")
    remove(test, ["open1"])
    browser.until(lambda: not browser.text(LINK.format("open1")), "it to go")
    board_opened.close(test)
    test.shows(lambda: browser.ask(FOCUSED) == TITLE, "the focus is in sight")


def an_hour_of_the_week_stays(test):
    """Links in a table whose rows have no keys."""
    browser = test.browser
    test.visit("lead", "/#range=28d")
    link = "#heatmap-table a"
    browser.until(lambda: browser.text(link), link)
    browser.ask("window.first = document.querySelector(arguments[0])", link)
    asked = test.asked_for("heatmap")
    test.world.put_tenant(TENANT)
    browser.until(lambda: test.asked_for("heatmap") > asked, "it to be asked")
    browser.ask("(() => { window.drawn = 0; new MutationObserver(() => { "
                "window.drawn++; }).observe(document.getElementById("
                "'heatmap-legend'), { childList: true }); })()")
    test.world.put_tenant(TENANT)
    browser.until(lambda: browser.ask("window.drawn") > 0, "it to be drawn")
    test.that(browser.ask("window.first.isConnected"), "its links are others")


def test(t):
    a_click_ends_behind_an_event(t)
    the_focus_stays_in_its_table(t)
    a_row_may_go_while_it_is_open(t)
    an_hour_of_the_week_stays(t)

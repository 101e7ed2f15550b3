"""The upper part of the page in a real Chromium: words, findings and tables, as a reader meets them."""

import pytest

pytestmark = pytest.mark.browser


def test_a_term_tells_its_sentence(visit):
    """Pointing, tapping or focusing must show the sentence, above a dialog too, and Escape hide it alone."""
    tab = visit()
    tab.locator(".card").first.click()
    put = "(() => { const own = mm.term('chance'); own.id = 'own'; document.querySelector('#unit .sheet').prepend(own); })()"
    tab.evaluate(put)
    term, note = tab.locator("#own button"), tab.locator(".note-of")
    assert not note.is_visible()
    term.hover()
    assert note.is_visible()
    assert note.inner_text().startswith("What a unit that knows nothing would score")
    tab.mouse.move(0, 0)
    assert not note.is_visible()
    term.focus()
    tab.keyboard.press("Tab")
    tab.keyboard.press("Shift+Tab")
    assert note.is_visible()
    tab.keyboard.press("Escape")
    assert not note.is_visible()
    assert tab.locator("dialog#unit").is_visible()
    term.dispatch_event("click")
    assert note.is_visible()


def test_a_grade_tells_what_to_quote(visit):
    """A badge must have the card's letter, and its reason for whoever listens; a column without a card has none."""
    tab = visit()
    tab.evaluate("document.querySelector('main').append(mm.grade('selectivity'))")
    assert tab.locator("main > .said-of button").inner_text() == "E"
    assert tab.evaluate("mm.grade('unit')") is None

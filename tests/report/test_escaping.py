"""Texts of strangers in tables: they stand there as they are, and do nothing."""

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixmnist.report.escaping import for_latex, for_markdown
from mixmnist.report.tables import as_markdown, write_table

HOSTILE = [
    r"\input{/etc/passwd}",
    "a | b",
    "a\n\n# b",
    "<script>alert(1)</script>",
    "<!-- x",
    "50 % & # _ $ ^ ~ { } \\",
    r"\end{document}",
    "`rm`",
    "[link](javascript:alert)",
    r"a\|b",
    "x > y < z",
    "\x1b[31mred\x07",
    "![i](http://x)",
]


def test_latex_is_written_letter_by_letter():
    """Each sign with a meaning in LaTeX must be written so that it is printed."""
    assert for_latex(r"\{}$^~&%#_") == (r"\textbackslash{}\{\}\$\textasciicircum{}\textasciitilde{}\&\%\#\_")
    assert for_latex("a < b > c [d]") == r"a \textless{} b \textgreater{} c {[}d]"
    assert for_latex("a\n\nb\x00") == "a b"


@given(st.text())
def test_no_text_means_anything_in_latex(text):
    """Whatever the text, no sign of LaTeX may be left that is not escaped, and no end of a line."""
    left = re.sub(r"\\text(backslash|asciicircum|asciitilde|less|greater)\{\}|\\[{}$&%#_]|\{\[\}", "", for_latex(text))
    assert not re.search(r"[\\{}$&%#_^~<>\[\x00-\x1f]", left)


@given(st.text())
def test_no_text_ends_a_cell_of_markdown(text):
    """Whatever the text, a cell must stay in its row and column, and hold no html."""
    cell = for_markdown(text)
    assert "|" not in re.sub(r"\\.", "", cell)
    assert not re.search(r"[\x00-\x1f]|<[A-Za-z/!?]", re.sub(r"\\.", "", cell))
    (row,) = as_markdown(pd.DataFrame({"a": [text], "b": ["end"]})).splitlines()[2:]
    assert len(re.split(r"(?<!\\)(?:\\\\)*\|", row)) == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_every_written_table_escapes_names_and_notes(tmp_path, text):
    """A class, a column, a title of somebody's own may stand in cells, heads and notes of every format."""
    write_table(tmp_path, "t", pd.DataFrame({text: [1.0], "concept": [text]}), [f"Study {text}."])
    tex, md = ((tmp_path / f"t.{kind}").read_text() for kind in ("tex", "md"))
    assert tex.count(for_latex(text)) >= 2
    assert text not in tex or for_latex(text) == text
    assert md.count(for_markdown(text)) >= 3
    assert "<script" not in re.sub(r"\\.", "", md)
    assert len(md.splitlines()) == 5


def test_ordinary_texts_stay_as_they_are():
    """Numbers, names of columns and intervals must be readable in a terminal, too."""
    for text in ("p_layer", "0.123 [0.100, 0.200]", "p < .001", "wide-dropout", "a & b", "100 %"):
        assert for_markdown(text) == text

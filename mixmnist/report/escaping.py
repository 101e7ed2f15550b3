"""Escaping: texts of strangers, names of classes, concepts, columns, in tables for people; they are shown, and mean nothing."""

import re

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")  # ends of lines, and what moves a terminal's cursor
LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "[": "{[}",  # after the end of a row it would be a length
        **{sign: f"\\{sign}" for sign in "{}$&%#_"},
    }
)
MEANS = re.compile(r"\\(?=[\\|<\[!])|\||<(?=[A-Za-z/!?])|\[(?=[^\]\[]*\]\()")  # a way out of a cell, html, a link


def for_latex(text: str) -> str:
    r"""Writes a text so that LaTeX prints it, in one line.

    Example:
        >>> for_latex("50 % of \\input{x}")
        '50 \\% of \\textbackslash{}input\\{x\\}'
    """
    return CONTROL.sub(" ", text).rstrip().translate(LATEX)


def for_markdown(text: str) -> str:
    r"""Writes a text so that it stays in a cell of a table in Markdown, in one line, and is no html and no link.

    Example:
        >>> for_markdown("a | <b>")
        'a \\| \\<b>'
    """
    return MEANS.sub(lambda found: f"\\{found[0]}", CONTROL.sub(" ", text).rstrip())

"""Cautions: which ways are known to show what is not there, and on which plant that was seen."""

FOOLED = "in the plant fooled_view, whose logits say nothing of it,"
KNOWN = {
    "dgn": f"is known to be fooled: {FOOLED} its pictures show the planted digit as often as the true one, or more often",
    "fourier": f"is known to be fooled: {FOOLED} its pictures show the planted digit more often than the true one",
    "maco": f"is known to be fooled: {FOOLED} most of its pictures show the planted digit, and hardly any the true one",
    "pixels": "excites a unit more than any canvas does, and as a rule shows no digit: do not read its pictures",
    "variation": "excites a unit more than any canvas does, and as a rule shows no digit: do not read its pictures",
    "guided": "points at the box of a digit and hardly ever at its ink, whatever the unit wants of it",
    "deconvolution": "points at the box of a digit and hardly ever at its ink, whatever the unit wants of it",
    "constant": "is a control: it looks at no net",
    "edges": "is a control: it looks at no net",
    "ink": "is a control: it looks at no net",
}


def caution(way: str) -> str:
    """Says what must be known of a way of the shelf before its pictures are believed; nothing of others.

    Example:
        >>> caution("ink"), caution("integrated")
        ('ink is a control: it looks at no net.', '')
    """
    return f"{way} {KNOWN[way]}." if way in KNOWN else ""

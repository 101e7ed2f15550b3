"""Cautions: which ways are known to show what is not there, as the study `ways` measured it on the plant fooled_view."""

FALLS = 0.05  # of the own ink, or of the readings, from which a way is fooled: the rule of its card
PICTURES = {  # share with the own digit read, of sound nets and with a switch; and with the planted digit read, with a switch
    "dgn": (0.875, 0.024, 0.817),
    "maco": (0.669, 0.000, 0.704),
    "fourier": (0.454, 0.000, 0.444),
    "pixels": (0.182, 0.011, 0.182),
    "variation": (0.207, 0.022, 0.251),
}
MAPS = {  # share of the ink in a map on the own digit: of sound nets, with a switch, with a ripple
    "integrated": (0.952, 0.952, 0.769),
    "gradient_input": (0.972, 0.972, 0.521),
    "gradient": (0.973, 0.973, 0.519),
    "guided": (0.977, 0.977, 0.524),
    "deconvolution": (0.970, 0.970, 0.521),
    "smoothgrad": (0.926, 0.484, 0.525),
}
NO_DIGIT = "excites a unit more than any canvas does, and as a rule shows no digit"
NOT_INK = "points at the box of a digit and hardly ever at its ink"
CONTROL = "is a control: it looks at no net"
BESIDES = {
    "pixels": NO_DIGIT,
    "variation": NO_DIGIT,
    "gradient": NOT_INK,
    "guided": NOT_INK,
    "deconvolution": NOT_INK,
    "smoothgrad": NOT_INK,
    "constant": CONTROL,
    "edges": CONTROL,
    "ink": CONTROL,
}
PLANT = "is known to be fooled: in the plant fooled_view, where no response to a canvas changes,"


def caution(way: str) -> str:
    """Says what must be known of a way of the shelf before its pictures are believed; nothing of others.

    Example:
        >>> caution("ink"), caution("hirescam")
        ('ink is a control: it looks at no net.', '')
        >>> caution("integrated")  # doctest: +ELLIPSIS
        'integrated is known to be fooled: ... the own digit has 0.77 with a ripple (without: 0.95, chance: 0.5).'
    """
    said = [BESIDES[way]] if way in BESIDES else []
    if way in PICTURES:
        sound, own, planted = PICTURES[way]
        read = f"the own digit is read in {own:.2f} of its pictures (without: {sound:.2f}), and the planted one in {planted:.2f}"
        said.append(f"{PLANT} with a switch {read}")
    if way in MAPS:
        sound, *left = MAPS[way]
        pairs = zip(("switch", "ripple"), left, strict=True)
        told = " and ".join(f"{ink:.2f} with a {what}" for what, ink in pairs if sound - ink > FALLS)
        said.append(f"{PLANT} of the ink in its maps the own digit has {told} (without: {sound:.2f}, chance: 0.5)")
    return f"{way} {'; it '.join(said)}." if said else ""

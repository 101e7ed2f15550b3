"""Examples in docstrings shown as examples: this house writes "Example:", mkdocstrings knows "Examples:" only."""

import re

from griffe import Extension, Object

SINGULAR = re.compile(r"^(\s*)Example:\s*$", re.MULTILINE)


class Examples(Extension):
    """Reads one word for the other, in every docstring that is rendered."""

    def on_object(self, *, obj: Object, **_: object) -> None:
        """Called for each object when it has been collected."""
        if obj.docstring is not None:
            obj.docstring.value = SINGULAR.sub(r"\1Examples:", obj.docstring.value)

"""What a handler of one kind of content promises."""

from __future__ import annotations

from typing import ClassVar, Protocol

from tersely.core.structure import Structure


class ContentHandler(Protocol):
    """Says how texts of one kind may be shortened so that they stay of that kind.

    Handlers are frozen dataclasses: their fields are settings, all with defaults.

    Attributes:
        name: What the kind is called: "json", "code", ...
    """

    name: ClassVar[str]

    def matches(self, text: str) -> bool:
        """Return whether the text is certainly of this kind. Prose never is."""
        ...

    def read(self, text: str) -> Structure:
        """Say what may go.

        Raises:
            PromptError: The text is not of this kind; the message says where it stops being so.
        """
        ...

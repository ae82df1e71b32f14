"""How a verdict, a hint and a solution look: a box in the notebook, the same words as plain text elsewhere."""

import html
import re

HEADS = {"correct": "Correct.", "incorrect": "Not yet.", "not attempted": "Nothing to check yet."}
COLOURS = {"correct": "#009E73", "incorrect": "#D55E00", "not attempted": "#767676"}


class Box:
    """Text with a coloured edge; the words alone carry the meaning."""

    def __init__(self, head, body, colour, is_code=False):
        self.head, self.body, self.colour, self.is_code = head, body, colour, is_code

    def _repr_mimebundle_(self, include=None, exclude=None):
        body = f"<pre>{html.escape(self.body)}</pre>" if self.is_code else inline(self.body)
        style = f"border-left: 4px solid {self.colour}; padding: 0.4em 0.8em; max-width: 46em"
        separator = "\n" if self.is_code else " "
        return {
            "text/html": f'<div style="{style}"><strong>{self.head}</strong> {body}</div>',
            "text/plain": f"{self.head}{separator}{self.body}",
        }


def inline(text):
    """Turn `code` and **bold** into HTML; everything else is escaped."""
    text = html.escape(text, quote=False)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)


def verdict(outcome):
    """The box for an `Outcome`."""
    return Box(HEADS[outcome.status], outcome.message, COLOURS[outcome.status])


def note(head, text):
    """The box for a hint."""
    return Box(head, text, "#0072B2")


def code(head, text):
    """The box for a solution."""
    return Box(head, text, "#0072B2", is_code=True)

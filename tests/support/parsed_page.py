"""A page taken apart: its elements with their attributes and texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr", "path", "line", "circle", "rect"}


@dataclass
class Element:
    """One element."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The texts in it, with single and plain spaces."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(parts).replace("\u202f", " ").split())

    def all(self, tag: str | None = None, **attributes: str) -> list[Element]:
        """The elements below it with a tag and attributes."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                wanted = {name.rstrip("_"): value for name, value in attributes.items()}
                if tag in (None, child.tag) and all(child.attributes.get(n) == v for n, v in wanted.items()):
                    found.append(child)
                found += child.all(tag, **attributes)
        return found

    def rows(self) -> list[list[str]]:
        """The texts of a table's cells."""
        return [[cell.text for cell in row.all("td")] for row in self.all("tr") if row.all("td")]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack = [Element("", {})]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.stack[-1].children.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_startendtag(self, tag, attrs):
        self.stack[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        found = self.stack.pop()
        assert found.tag == tag, f"</{tag}> closes <{found.tag}>"

    def handle_data(self, data):
        self.stack[-1].children.append(data)


def parse(page: str) -> Element:
    """The page's root; elements that are not closed in order are an error."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    assert len(builder.stack) == 1, f"<{builder.stack[-1].tag}> is not closed"
    return builder.stack[0]


def section(page: Element, heading: str) -> Element:
    """The section with an id of its heading."""
    (found,) = page.all("section", **{"aria-labelledby": heading})
    return found

"""Reads web pages and pieces of HTML: headings, paragraphs, lists and tables, and nothing that a reader would not see.

Among the readers. Menus, forms, scripts and hidden elements are left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from lxml import etree
from lxml import html as lxml_html

from actions.answering.importing.decode import decoded
from actions.answering.importing.document import Block, BlockKind, Document, RefusedError, block, clean

_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "dt", "summary", "caption"})
_PARAGRAPHS = frozenset(
    {"p", "div", "section", "article", "main", "body", "blockquote", "dd", "td", "th", "tr", "figcaption", "details",
     "header", "address", "pre", "center", "table", "tbody", "thead", "ul", "ol", "dl", "html"}
)  # fmt: skip
_UNREAD = frozenset(
    {"script", "style", "noscript", "template", "nav", "footer", "aside", "form", "button", "select", "option", "head",
     "iframe", "object", "embed", "svg", "canvas", "audio", "video", "textarea", "input", "sup", "dialog", "menu"}
)  # fmt: skip
_HIDING = ("display:none", "visibility:hidden", "font-size:0", "opacity:0", "left:-", "text-indent:-", "clip:rect(0")


def blocks_of_html(text: str) -> tuple[Block, ...]:
    """Return the blocks of a piece of HTML; none when it holds no words."""
    root = _parsed(text)
    return tuple(_blocks(root)) if root is not None else ()


def read_html(path: Path) -> Document:
    """Return the page as a document.

    Raises:
        RefusedError: It is not text or holds no words.
    """
    root = _parsed(decoded(path))
    blocks = tuple(_blocks(root)) if root is not None else ()
    if root is None or not blocks:
        raise RefusedError("it holds no words outside of menus and scripts; save the page with its text")
    first = next((found.text for found in blocks if found.kind is BlockKind.HEADING), "")
    named = first if root.find(".//h1") is not None else clean(root.findtext(".//title") or "") or first
    url = next(iter(root.xpath("//link[@rel='canonical']/@href")), "") or _meta(root, "og:url")
    return Document(
        key="",
        title=named or path.stem,
        blocks=blocks,
        url=url if url.startswith("https://") else "",
        language=_language(root.get("lang")),
        publisher=_meta(root, "og:site_name") or _meta(root, "publisher") or None,
        licence=_meta(root, "license") or _meta(root, "dcterms.license") or None,
        written_on=_date(
            _meta(root, "article:modified_time") or _meta(root, "dcterms.modified") or _meta(root, "date")
        ),
    )


def _parsed(text: str) -> lxml_html.HtmlElement | None:
    if not text.strip():
        return None
    try:
        # Entity and network access are off in this parser by default; huge trees stay refused.
        parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
        found: lxml_html.HtmlElement = lxml_html.document_fromstring(text.encode("utf-8"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return None
    return found


def _blocks(root: lxml_html.HtmlElement) -> Iterator[Block]:
    body = root.find("body") if root.tag == "html" else root
    gathered: list[str] = []
    kind = BlockKind.PARAGRAPH

    def flush() -> Iterator[Block]:
        found = block(kind, "".join(gathered))
        gathered.clear()
        if found is not None:
            yield found

    # A walk by hand: the depth of a page must not be the depth of our own calls.
    steps: list[tuple[str, lxml_html.HtmlElement, BlockKind]] = [("enter", body if body is not None else root, kind)]
    while steps:
        step, element, outer = steps.pop()
        tag = element.tag if isinstance(element.tag, str) else ""
        starts_block = tag in _HEADINGS or tag in _PARAGRAPHS or tag == "li"
        if step == "enter":
            if tag in _UNREAD or not tag or _is_hidden(element):
                gathered.append((element.tail or "") if step == "enter" else "")
                continue
            if starts_block and outer is BlockKind.ITEM:
                # A list within an item stays one sentence with it.
                gathered.append(_joint(gathered) if tag == "li" else " ")
                starts_block = False
            if starts_block:
                yield from flush()
                kind = _kind_of(tag)
            elif tag == "br":
                gathered.append(" ")
            gathered.append(element.text or "")
            steps.append(("leave", element, outer))
            steps.extend(("enter", child, kind) for child in reversed(element))
            continue
        if starts_block and outer is not BlockKind.ITEM:
            yield from flush()
            kind = outer
        gathered.append(element.tail or "")
    yield from flush()


def _joint(gathered: list[str]) -> str:
    """Return what stands between an item's words and those of an item within it."""
    before = "".join(gathered).rstrip()
    return " " if not before or before[-1] in ":;,.!?" else ", "


def _kind_of(tag: str) -> BlockKind:
    if tag in _HEADINGS:
        return BlockKind.HEADING
    return BlockKind.ITEM if tag == "li" else BlockKind.PARAGRAPH


def _is_hidden(element: lxml_html.HtmlElement) -> bool:
    style = (element.get("style") or "").replace(" ", "").lower()
    return (
        element.get("hidden") is not None
        or (element.get("aria-hidden") or "").lower() == "true"
        or any(way in style for way in _HIDING)
    )


def _meta(root: lxml_html.HtmlElement, name: str) -> str:
    for attribute in ("name", "property", "itemprop"):
        for element in root.iterfind(f".//meta[@{attribute}]"):
            if (element.get(attribute) or "").lower() == name:
                return clean(element.get("content") or "")
    return ""


def _language(tag: str | None) -> str | None:
    return tag.strip().lower() or None if tag else None


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None

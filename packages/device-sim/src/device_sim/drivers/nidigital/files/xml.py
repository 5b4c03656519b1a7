"""Read XML without what its author could do to the reader."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from device_sim.errors import READING_FILE_FAILED, DriverError


def parse(content: bytes, root_name: str) -> etree._Element:
    """Return the root of a file.

    Raises:
        DriverError: It is not XML, or has another root.
    """
    # An entity could name a file of this machine, or grow without limit. So none is resolved.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(content.removeprefix(b"\xef\xbb\xbf"), parser)
    except etree.XMLSyntaxError as error:
        raise DriverError(READING_FILE_FAILED, f"The file is not XML: {error.msg}.") from None
    if local_name(root) != root_name:
        raise DriverError(
            READING_FILE_FAILED,
            f"The file has {local_name(root)} where a {root_name} is expected. Choose another.",
        )
    return root


def children(element: etree._Element, *path: str) -> Iterator[etree._Element]:
    """Yield the elements at a path of names below an element, without name spaces."""
    if not path:
        yield element
        return
    for child in element:
        if local_name(child) == path[0]:
            yield from children(child, *path[1:])


def text(element: etree._Element, name: str) -> str:
    """Return the text of a child, "" if there is none."""
    return next(((child.text or "").strip() for child in children(element, name)), "")


def local_name(element: etree._Element) -> str:
    """Return the name of an element without its name space, "" for a comment."""
    tag: object = element.tag  # a function for a comment, which lxml's stubs do not know
    return etree.QName(tag).localname if isinstance(tag, str) else ""

"""The viewer page in front of the entries, and the two elements in its head that are filled in.

`emix-package` says what the file is, `emix-slots` holds the ways to its key. Both have a fixed
length, so that they can be changed in place without moving an offset.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from emixcli.container.encoding import from_json, is_package_id, to_json
from emixcli.errors import EmixError, PackageDamagedError, PackageVersionError

if TYPE_CHECKING:
    from emixcli.container.slots import Slot

FORMAT = "emix/1"
PACKAGE_LENGTH, SLOTS_LENGTH = 1024, 16384
_ELEMENT = b'<script type="application/json" id="%s">'
_PACKAGE, _SLOTS = _ELEMENT % b"emix-package", _ELEMENT % b"emix-slots"
_PLACEHOLDERS = {
    _PACKAGE: (b"@@EMIX_PACKAGE@@", PACKAGE_LENGTH),
    _SLOTS: (b"@@EMIX_SLOTS@@", SLOTS_LENGTH),
}
#: Longest page that a reader looks for the two elements in.
MAX_PAGE = 16 * 1024 * 1024


def load_bundle() -> bytes:
    """Return the built viewer page that ships with emix.

    Raises
    ------
    EmixError
        The installation has none.
    """
    try:
        return resources.files("emixcli").joinpath("viewer", "viewer.html").read_bytes()
    except OSError as exc:
        raise EmixError(
            "the viewer page is missing from this installation",
            hint="install emix again, or run python3 dev.py build in its source tree",
        ) from exc


@dataclass(frozen=True)
class Page:
    """A page with room for both elements, up to the first entry.

    `blank` holds blanks in both; `package_offset` and `slots_offset` are where they start.
    """

    blank: bytes
    package_offset: int
    slots_offset: int

    @property
    def sha256(self) -> str:
        """Digest of the page with both elements blanked, hexadecimal."""
        return hashlib.sha256(self.blank).hexdigest()

    def patch(self, package: dict[str, Any], slots: list[Slot]) -> tuple[int, bytes]:
        """Return offset and bytes that fill both elements."""
        filled = bytearray(self.blank)
        _fill(filled, self.package_offset, PACKAGE_LENGTH, to_json(package))
        _fill(filled, self.slots_offset, SLOTS_LENGTH, slots_json(slots))
        start = min(self.package_offset, self.slots_offset)
        end = max(self.package_offset + PACKAGE_LENGTH, self.slots_offset + SLOTS_LENGTH)
        return start, bytes(filled[start:end])


def slots_json(slots: list[Slot]) -> bytes:
    """Return the text of the slots element, padded with blanks to its length.

    Raises
    ------
    EmixError
        More slots than the element holds.
    """
    text = to_json({"v": 1, "slots": slots}).replace(b"<", b"\\u003c")
    if len(text) > SLOTS_LENGTH:
        raise EmixError("there are too many keys for one package", hint="remove one first")
    return text.ljust(SLOTS_LENGTH)


def _fill(page: bytearray, offset: int, length: int, text: bytes) -> None:
    page[offset : offset + length] = text.ljust(length)


def make_page(bundle: bytes) -> Page:
    """Return the page of a viewer bundle.

    Raises
    ------
    EmixError
        The bundle does not keep to the rules of `docs/format/package-v1.md`.
    """
    if not bundle.isascii() or not bundle.startswith(b"<!DOCTYPE html>"):
        raise EmixError("the viewer page is not an ASCII page", hint="build the viewer again")
    blank = bundle.rstrip(b"\n") + b"\n"
    for element, (placeholder, length) in _PLACEHOLDERS.items():
        if blank.count(placeholder) != 1 or blank.count(element + placeholder) != 1:
            raise EmixError("the viewer page lacks an element", hint="build the viewer again")
        blank = blank.replace(placeholder, b" " * length)
    # Not at the top: numpy comes with it, and whoever reads a page does not need that.
    from emixcli.container.glue import OPEN

    return find_page(blank + OPEN)


def find_page(head: bytes) -> Page:
    """Return the page that `head`, everything before the first entry, holds.

    Raises
    ------
    PackageDamagedError
        An element is missing, doubled or of another length.
    """
    blank = bytearray(head)
    offsets = []
    for element, (_, length) in _PLACEHOLDERS.items():
        offset = find_element(head, element, length)
        blank[offset : offset + length] = b" " * length
        offsets.append(offset)
    return Page(bytes(blank), *offsets)


def find_element(head: bytes, element: bytes, length: int) -> int:
    """Return the offset of the content of one of the two elements."""
    offset = head.find(element) + len(element)
    end = offset + length
    if head.count(element) != 1 or head[end : end + 9] != b"</script>":
        raise PackageDamagedError("the head of the package is damaged")
    return offset


def read_package_element(head: bytes) -> dict[str, Any]:
    """Return what the head says of the package; not authenticated.

    Raises
    ------
    PackageVersionError
        Made by a newer format version.
    PackageDamagedError
        Missing or malformed.
    """
    offset = find_element(head, _PACKAGE, PACKAGE_LENGTH)
    try:
        package = from_json(head[offset : offset + PACKAGE_LENGTH])
    except ValueError as exc:
        raise PackageDamagedError("the head of the package is damaged") from exc
    if not isinstance(package, dict):
        raise PackageDamagedError("the head of the package is damaged")
    check_format(package.get("format"))
    numbers = (package.get(name) for name in ("size", "page_length", "entries"))
    if not is_package_id(package.get("package_id")) or not all(
        type(number) is int and number >= 0 for number in numbers
    ):
        raise PackageDamagedError("the head of the package is damaged")
    return package


def require_page(head: bytes) -> None:
    """Refuse what never was a package, in other words than a damaged one.

    Raises
    ------
    PackageDamagedError
        The page of a package does not begin like this.
    """
    if _PACKAGE not in head:
        raise PackageDamagedError(
            "this is no emix package", hint="give the file that emix pack made: NAME.emix.html"
        )


def check_format(text: object) -> None:
    """Refuse formats that this version does not know.

    Raises
    ------
    PackageVersionError
        A later version of the format.
    PackageDamagedError
        No version at all.
    """
    if text == FORMAT:
        return
    if isinstance(text, str) and text.startswith("emix/"):
        raise PackageVersionError(
            "the package was made by a newer version of emix", hint="update emix"
        )
    raise PackageDamagedError("the package does not say its format")


def read_slots(head: bytes) -> list[Slot]:
    """Return the slots in `head`, at least the page of a package; malformed ones are left out.

    Raises
    ------
    PackageDamagedError
        The element is missing or not JSON.
    """
    offset = find_slots(head)
    try:
        document = from_json(head[offset : offset + SLOTS_LENGTH])
    except ValueError as exc:
        raise PackageDamagedError("the key slots of the package are damaged") from exc
    slots = document.get("slots") if isinstance(document, dict) else None
    if not isinstance(slots, list):
        raise PackageDamagedError("the key slots of the package are damaged")
    return [slot for slot in slots if isinstance(slot, dict)]


def find_slots(head: bytes) -> int:
    """Return the offset of the content of the slots element."""
    return find_element(head, _SLOTS, SLOTS_LENGTH)

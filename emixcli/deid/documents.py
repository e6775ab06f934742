"""Blank documents that take the place of encapsulated ones (PS3.15 Table E.1-1, (0042,0011))."""

from __future__ import annotations

import struct
from typing import Final

from emixcli.deid.refusal import DeidError, Reason

_PDF_OBJECTS: Final = (
    b"<< /Type /Catalog /Pages 2 0 R >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << >> >>",
)
_CDA: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<ClinicalDocument xmlns="urn:hl7-org:v3">\n'
    b'  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>\n'
    b'  <id nullFlavor="MSK"/>\n  <code nullFlavor="MSK"/>\n'
    b'  <effectiveTime nullFlavor="MSK"/>\n  <confidentialityCode nullFlavor="MSK"/>\n'
    b'  <recordTarget nullFlavor="MSK"/>\n  <author nullFlavor="MSK"/>\n'
    b'  <custodian nullFlavor="MSK"/>\n'
    b"  <component><nonXMLBody><text/></nonXMLBody></component>\n</ClinicalDocument>\n"
)
#: As the standard has it, and as writers had it before.
_STL: Final = frozenset({
    "model/stl", "model/x.stl-binary", "model/x.stl-ascii", "application/sla",
    "application/vnd.ms-pki.stl",
})  # fmt: skip


def blank(mime_type: str) -> bytes:
    """Return a document of a MIME type that shows nothing.

    Raises
    ------
    DeidError
        If none of this type is known.
    """
    kind = mime_type.split(";", maxsplit=1)[0].strip().lower()
    if kind in ("application/pdf", "application/x-pdf"):
        return _pdf()
    if kind in ("text/xml", "application/xml"):
        return _CDA
    if kind in _STL:
        # One triangle without extent: binary STL with none at all is refused by some readers.
        return bytes(80) + struct.pack("<I", 1) + bytes(50)
    if kind == "model/obj":
        return b"v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3\n"
    if kind == "model/mtl":
        return b"newmtl removed\n"
    if kind.startswith("text/"):
        return b"REMOVED\n"
    raise DeidError(Reason.DOCUMENT)


def _pdf() -> bytes:
    parts = [b"%PDF-1.4\n"]
    offsets = []
    for number, content in enumerate(_PDF_OBJECTS, 1):
        offsets.append(sum(map(len, parts)))
        parts.append(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = sum(map(len, parts))
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    n_entries = len(offsets) + 1
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n%s" % (n_entries, table))
    parts.append(b"trailer\n<< /Size %d /Root 1 0 R >>\n" % n_entries)
    parts.append(b"startxref\n%d\n%%%%EOF\n" % start)
    return b"".join(parts)

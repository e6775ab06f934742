"""Keys of directory records that a scan does not keep, taken from a whole header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emixcli.container.dicomdir import encode_code
from emixcli.container.record_types import INSTANCE
from emixcli.model import KEYWORDS

if TYPE_CHECKING:
    from pydicom import Dataset

_KEYWORDS = {
    key.keyword for keys in INSTANCE.values() for key in keys if key.keyword not in KEYWORDS
}
_VERIFIED = "VerificationDateTime"


def find_keys(dataset: Dataset) -> dict[str, str | bytes]:
    """Return text of each key that is there, and the concept name as an encoded code item."""
    found: dict[str, str | bytes] = {}
    for observer in list(dataset.get("VerifyingObserverSequence") or []):
        # PS3.3 section F.5.21: the latest
        time = str(observer.get("VerificationDateTime") or "")
        found[_VERIFIED] = max(time, str(found.get(_VERIFIED, "")))
    for keyword in _KEYWORDS - {_VERIFIED}:
        value = dataset.get(keyword)
        if value is None:
            continue
        if keyword == "ConceptNameCodeSequence":
            items = list(value)
            if items:
                found[keyword] = encode_code(
                    *(
                        str(items[0].get(name) or "")
                        for name in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
                    )
                )
        else:
            found[keyword] = str(value)
    return found

"""Why an object is refused rather than de-identified badly."""

from __future__ import annotations

import enum

from emixcli.errors import DeidUnsafeError


class Reason(enum.StrEnum):
    """Stable ids; those about pixel data begin with `pixels.` and stand beside their code."""

    NO_DICOM = "object.no-dicom"
    DICOMDIR = "object.dicomdir"
    TRUNCATED = "object.truncated"
    MALFORMED = "object.malformed"
    TOO_DEEP = "object.too-deep"
    TOO_LARGE = "object.header-too-large"
    DEFLATED = "object.deflated-damaged"
    NO_SOP_CLASS = "object.no-sop-class"
    UNKNOWN_SOP_CLASS = "object.unknown-sop-class"
    NO_UID = "object.no-instance-uid"
    UNKNOWN_SYNTAX = "object.unknown-transfer-syntax"
    ENCODING = "object.encoding-mismatch"
    DOCUMENT = "object.document-kind"
    VOICE = "object.voice"
    SECOND_LOOK = "object.second-look"
    REPORT = "report.not-deidentified"


_WORDS = {
    Reason.NO_DICOM: "it is not a DICOM object",
    Reason.DICOMDIR: "a DICOMDIR is made anew from de-identified objects, never copied",
    Reason.TRUNCATED: "it ends before its last element does",
    Reason.MALFORMED: "its elements cannot be told apart",
    Reason.TOO_DEEP: "its sequences are nested too deeply",
    Reason.TOO_LARGE: "its header is too large",
    Reason.DEFLATED: "its deflated data set is damaged",
    Reason.NO_SOP_CLASS: "it names no SOP class",
    Reason.UNKNOWN_SOP_CLASS: "its SOP class is none of the standard",
    Reason.NO_UID: "it has no SOP Instance UID",
    Reason.UNKNOWN_SYNTAX: "its transfer syntax is none of the standard",
    Reason.ENCODING: "its data set is not written as its transfer syntax says",
    Reason.DOCUMENT: "no blank document of its kind is known",
    Reason.VOICE: "it is a sound recording: a voice says who speaks",
    Reason.SECOND_LOOK: "the second look found values in it that cannot be taken out",
    Reason.REPORT: "a report beside the images is not de-identified",
}


class DeidError(DeidUnsafeError):
    """The object is refused; nothing of it may go out.

    Attributes
    ----------
    reason
        A stable id: a `Reason`, or one of the pixel checks (`pixels.…`). The message never holds
        a value of the object.
    """

    def __init__(self, reason: str, *, words: str = "", hint: str = "") -> None:
        known = {str(key): text for key, text in _WORDS.items()}.get(reason, reason)
        super().__init__(f"refused: {words or known}", hint=hint)
        self.reason = str(reason)

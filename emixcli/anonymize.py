"""De-identification of DICOM objects: the Basic Profile of PS3.15 Annex E with every option.

`Anonymizer.anonymize` is a pure function of key, profile, the bytes of one object and what a second
look found in it: the same bytes come out on any machine, in any order and in any process. Objects
that cannot be made safe are refused by a `DeidError`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from emixcli.deid.anonymized import Anonymized, Identifier
from emixcli.deid.body import Body
from emixcli.deid.explain import Explanation, explain, find_tag, loosened, profile_rows
from emixcli.deid.objects import Objects, PixelPlace
from emixcli.deid.options import Option, Profile, SiteRules
from emixcli.deid.refusal import DeidError, Reason
from emixcli.deid.siterules import load_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emixcli.deid.pixels.faces import FaceMask
    from emixcli.deid.repair import Repair

__all__ = [
    "Anonymized",
    "Anonymizer",
    "Body",
    "DeidError",
    "Explanation",
    "Identifier",
    "Option",
    "PixelPlace",
    "Profile",
    "Reason",
    "SiteRules",
    "explain",
    "find_tag",
    "load_rules",
    "loosened",
    "new_key",
    "profile_rows",
]

KEY_LENGTH = 32


def new_key() -> bytes:
    """Return a fresh key; who forgets it cannot link two runs."""
    return os.urandom(KEY_LENGTH)


class Anonymizer:
    """De-identifies objects one after the other.

    Make one per process and thread, from the same profile and key; results do not depend on which
    object went through which.

    Parameters
    ----------
    profile
        What is done.
    key
        32 secret bytes. The same key gives the same pseudonyms, UIDs and date shifts.
    faces
        Where the face is, by old Series Instance UID (`deid.pixels.faces.find_face`); None where
        faces are not taken away, so that heads are refused if Clean Recognizable Visual Features
        is asked.
    ocr
        Whether text is looked for in pixels, which takes seconds per image. None: where Clean
        Pixel Data is asked, and `emixcli[ocr]` is installed.
    """

    def __init__(
        self,
        profile: Profile,
        key: bytes,
        *,
        faces: Mapping[str, FaceMask] | None = None,
        ocr: bool | None = None,
    ) -> None:
        self.profile = profile
        self._objects = Objects(profile, key, faces=faces, ocr=ocr)

    def pixel_place(self, file: BinaryIO) -> PixelPlace | None:
        """Return where the pixels of an object are, and what is known of them; None without.

        Raises
        ------
        DeidError
            If the object cannot be de-identified anyway.
        """
        return self._objects.pixel_place(file)

    def anonymize(self, file: BinaryIO, repair: Repair | None = None) -> Anonymized:
        """Return the object without what identifies the patient.

        Parameters
        ----------
        file
            Seekable, and kept open while `Anonymized.iter_bytes` is used.
        repair
            What the second look found in the result without.

        Raises
        ------
        DeidError
            If it cannot be de-identified safely.
        OSError
            If it cannot be read.
        """
        if repair is not None and repair.is_refused:
            raise DeidError(Reason.SECOND_LOOK)
        return self._objects.make(file, repair)

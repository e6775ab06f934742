"""One data set after the other: cut, looked up, treated and joined again.

Most elements of a series are the same bytes in each of its objects. What became of an element is
remembered together with everything that this depends on (`Context`), so that only those that
differ are treated. Nothing else is carried from one object to the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.deid import iods, private, tables
from emixcli.deid.identity import Identity, Known
from emixcli.deid.keyed import Keyed
from emixcli.deid.options import Option, Profile
from emixcli.deid.refusal import DeidError, Reason
from emixcli.deid.render import Content, Renderer, join_sorted
from emixcli.deid.repair import Repair
from emixcli.deid.rules import CHARACTER_SET, Rules
from emixcli.deid.scope import Context, Patient, Scope
from emixcli.deid.split import PixelElement, Record, Splitter
from emixcli.deid.text import TextCleaner
from emixcli.deid.textdates import TextDates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emixcli.deid.pages import Scratch
    from emixcli.deid.source import Source

SOP_CLASS: Final = 0x00080016
SOP_INSTANCE: Final = 0x00080018
STUDY: Final = 0x0020000D
SERIES: Final = 0x0020000E
_DIRECTORY: Final = "1.2.840.10008.1.3.10"
#: Basic Voice and General Audio Waveform Storage (PS3.4 table B.5-1).
_SOUNDS: Final = frozenset({"1.2.840.10008.5.1.4.1.1.9.4.1", "1.2.840.10008.5.1.4.1.1.9.4.2"})
_PATIENT_NAME: Final = 0x00100010
_PATIENT_ID: Final = 0x00100020
_BIRTH_DATE: Final = 0x00100030
_MIME_TYPE: Final = 0x00420012
_MAX_CONTEXTS: Final = 256
_DA_LENGTH: Final = 8
#: Bytes of an element with a short head and no value.
_EMPTY: Final = 8
#: Attributes that must not stand without a value of another (PS3.3 sections C.7.1.1, C.7.1.3): the
#: role of a responsible person, and an ethics committee without the number of its approval.
_DEPENDENT: Final = {0x00102298: 0x00102297, 0x00120081: 0x00120082}


class DataSet(NamedTuple):
    """A treated data set.

    Attributes
    ----------
    records
        Its elements, each with what became of it.
    pixels
        Where its pixel data stands.
    """

    records: Sequence[Record]
    pixels: PixelElement | None
    context: Context
    scope: Scope

    def naming(self) -> dict[int, Record]:
        """Return the elements that say what this object is."""
        # Of two with the same tag the first counts.
        return {record.tag: record for record in reversed(self.records) if record.is_naming}


class Engine:
    """Treats data sets for one profile and key."""

    def __init__(self, profile: Profile, key: bytes) -> None:
        self.profile = profile
        self.rules = Rules(profile)
        self.keyed = Keyed(key, profile.rules.max_shift_days)
        self.splitter = Splitter(self.rules)
        self._contexts: dict[tuple[object, ...], tuple[Context, Scope]] = {}

    def treat(self, source: Source, repair: Repair | None = None) -> DataSet:
        """Return the data set with every element treated.

        Parameters
        ----------
        repair
            What the second look found in an object that was treated without.

        Raises
        ------
        DeidError
            If it cannot be told apart, or is of a kind that nobody knows how to make safe.
        """
        records, pixels = self.splitter.split(source, source.dataset)
        context, scope = self._context_of(records, source, repair)
        self.splitter.learn_blocks(records)
        records = without_doubles(records)
        self.render(records, context, scope, source.scratch)
        return DataSet(records, pixels, context, scope)

    @staticmethod
    def render(records: Sequence[Record], context: Context, scope: Scope, scratch: Scratch) -> None:
        """Treat what has not been treated in this context."""
        renderer = Renderer(context, scratch)
        for record in records:
            if record.context is not context:
                renderer.actions = record.actions = {}
                record.out = renderer.top(record.raw, record.element, scope)
                record.context = context

    # -- what elements share ------------------------------------------------------------------

    def _context_of(
        self, records: Sequence[Record], source: Source, repair: Repair | None
    ) -> tuple[Context, Scope]:
        shared = [record for record in records if record.is_shared]
        charset = next((r.text() for r in shared if r.tag == CHARACTER_SET), "")
        study = ""
        if not _names_patient(shared):
            study = _text(records, STUDY) or _text(records, SOP_INSTANCE) or source.media_instance
        keys = (record.key for record in shared)
        key = (source.explicit, source.media_class, study, repair, *keys)
        found = self._contexts.get(key)
        if found is None:
            if len(self._contexts) >= _MAX_CONTEXTS:
                self._contexts.clear()
            found = self._contexts[key] = self._new_context(
                shared, source, charset=charset, study=study, repair=repair or Repair()
            )
        return found

    def _new_context(
        self,
        shared: Sequence[Record],
        source: Source,
        *,
        charset: str,
        study: str,
        repair: Repair,
    ) -> tuple[Context, Scope]:
        sop_class = _text(shared, SOP_CLASS) or source.media_class
        self._check_sop_class(sop_class)
        types = iods.types_of(sop_class)
        patient = self._patient(shared, study)
        known = [
            item
            for record in shared
            for item in record.known
            if not self.keyed.is_own_pseudonym(item.value)
        ]
        known += [Known("found", word) for word in repair.words]
        identity = Identity(known)
        map_uid = None if Option.RETAIN_UIDS in self.profile.options else self.keyed.uid
        birth = _text(shared, _BIRTH_DATE)
        never = birth if len(birth) == _DA_LENGTH and birth.isdigit() else ""
        dates = TextDates(patient.days, patient.keeps_dates, never)
        cleaner = TextCleaner(identity, map_uid, dates)
        context = Context(
            self.rules.without(repair.tags) if repair.tags else self.rules,
            self.keyed,
            patient,
            identity,
            cleaner,
            types,
            charset,
            _text(shared, _MIME_TYPE),
        )
        creators: dict[int, str] = {}
        for record in shared:
            creators |= private.creators_of(record.raw, [record.element])
        return context, Scope(source.explicit, charset, types, creators)

    def _check_sop_class(self, sop_class: str) -> None:
        if sop_class == _DIRECTORY:
            raise DeidError(Reason.DICOMDIR)
        if not sop_class:
            raise DeidError(Reason.NO_SOP_CLASS)
        accepted = self.profile.rules.accept_sop_classes
        if sop_class not in tables.uids()[0] and sop_class not in accepted:
            raise DeidError(Reason.UNKNOWN_SOP_CLASS)
        if sop_class in _SOUNDS and sop_class not in accepted:
            raise DeidError(Reason.VOICE)

    def _patient(self, shared: Sequence[Record], study: str) -> Patient:
        """Return who the patient is: by ID, else by name and birth date, else by the study.

        An object without any of these stands for itself.
        """
        who = _text(shared, _PATIENT_ID)
        if not who:
            name = _text(shared, _PATIENT_NAME).strip("^= ")
            is_own = self.keyed.is_own_pseudonym(name)
            who = name if is_own or not name else f"{name}\0{_text(shared, _BIRTH_DATE)}"
        days: int | None = None
        if Option.RETAIN_MODIFIED_DATES in self.profile.options:
            # Colour palettes of the standard have UIDs of the standard and belong to nobody.
            is_done = not who and self.keyed.uid(study) == study
            days = 0 if is_done else self.keyed.shift_days(who or study)
        keeps = Option.RETAIN_FULL_DATES in self.profile.options
        return Patient(self.keyed.pseudonym(who or study), days, keeps)

    # -- joining ------------------------------------------------------------------------------

    @staticmethod
    def join(dataset: DataSet, made: Mapping[int, bytes]) -> Content:
        """Return the treated elements and those that are made here, in the order of their tags."""
        elements = {record.tag: record.out for record in dataset.records if record.out}
        for tag, other in _DEPENDENT.items():
            if tag in elements and _is_emptied(dataset.records, other):
                del elements[tag]
        elements.update(made)
        return join_sorted(elements)


def _is_emptied(records: Sequence[Record], tag: int) -> bool:
    """Whether an element had a value and has none any more."""
    found = next((record for record in records if record.tag == tag), None)
    return found is not None and bool(found.value_data) and len(found.out) <= _EMPTY


def _text(records: Sequence[Record], tag: int) -> str:
    return next((record.text() for record in records if record.tag == tag), "")


def _names_patient(records: Sequence[Record]) -> bool:
    return bool(_text(records, _PATIENT_ID) or _text(records, _PATIENT_NAME).strip("^= "))


def without_doubles(records: list[Record]) -> list[Record]:
    """Return elements each with a tag of its own: of two with the same tag the first counts."""
    if len({record.tag for record in records}) == len(records):
        return records
    return list({record.tag: record for record in reversed(records)}.values())[::-1]

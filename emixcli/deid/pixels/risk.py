"""Whether an image may go out: as it is, with regions blackened, or not at all."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from typing import Final, NamedTuple

from emixcli.deid.pixels.facts import KEYWORDS, Facts, Region
from emixcli.deid.pixels.rectangles import outside
from emixcli.deid.pixels.rules import (
    Risk,
    Rule,
    all_hold,
    load_head,
    load_risks,
    load_rules,
    lower_texts,
    reasons,
)
from emixcli.deid.pixels.syntaxes import can_clean
from emixcli.syntaxes import is_video

NEEDS_CLEANING: Final = "pixels.needs-cleaning"
CODEC: Final = "pixels.codec"
FACE: Final = "pixels.face"
FACE_REMOVAL: Final = "pixels.face-removal"
#: Calibrated regions that cover more of an image than this leave no margin for text.
_MOST: Final = 0.97
_OTHER_HEADS: Final = re.compile(r"(femoral|humeral|radial|ulnar|metatarsal|pancreatic) head")


class Policy(NamedTuple):
    """What was asked for.

    Attributes
    ----------
    clean
        Clean Pixel Data: blacken what is known to be text (PS3.15 section E.3.1).
    faces
        Clean Recognizable Visual Features: take faces away (PS3.15 section E.3.2).
    accept_risk
        Why images that would be refused go out all the same, None where they must not.
    masks
        Whether the caller takes away what `Assessment.face` asks for.
    ocr
        Whether text is looked for in images of kinds that often show it.
    """

    clean: bool = False
    faces: bool = False
    accept_risk: str | None = None
    site_rules: tuple[Rule, ...] = ()
    masks: bool = False
    ocr: bool = False


class Assessment(NamedTuple):
    """What must happen to the pixels of an image.

    Attributes
    ----------
    refusal
        Why the image must not go out, None where it may.
    accepted
        The reason that would have refused it, had the risk not been accepted.
    regions
        What is blackened in every frame.
    rules
        Ids of the rules that named the regions.
    cleaned
        Whether Burned In Annotation is NO after the regions are blackened.
    face
        Whether the face must be taken away.
    look
        Whether text is to be looked for in the pixels, and what is found blackened too.
    """

    refusal: str | None = None
    accepted: str | None = None
    regions: tuple[Region, ...] = ()
    rules: tuple[str, ...] = ()
    cleaned: bool = False
    face: bool = False
    look: bool = False


def describe(reason: str) -> str:
    """Return a reason in words that fit behind "refused:"."""
    return reasons()[reason]


def hint(reason: str) -> str:
    """Return what a user can do about a refusal."""
    if reason == FACE:
        return "use --clean-recognizable, or --accept-risk REASON"
    if reason in {NEEDS_CLEANING, "pixels.ultrasound", "pixels.burned-in"}:
        return "use --clean-pixel-data, a rule of your site, or --accept-risk REASON"
    return "look at the images, then use a rule of your site, or --accept-risk REASON"


def assess(facts: Facts, policy: Policy) -> Assessment:
    """Return what must happen to the pixels of an image, without reading them."""
    return _assess(_Keyed(facts), policy)


class _Keyed:
    """Facts that are equal where their keys are, for the cache."""

    __slots__ = ("facts", "hash")

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.hash = hash(facts.key)

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and self.facts.key == other.facts.key


@lru_cache(maxsize=512)
def _assess(keyed: _Keyed, policy: Policy) -> Assessment:
    facts = keyed.facts
    texts = lower_texts(facts)
    rules = [rule for rule in (*policy.site_rules, *load_rules()) if all_hold(rule.clauses, texts)]
    regions = [region for rule in rules for region in rule.regions_in(facts)]
    names = [rule.id for rule in rules]
    margins = _margins(facts)
    if margins:
        regions += margins
        names.append("us-regions")
    enough = bool(margins) or any(rule.enough for rule in rules)
    by_site = any(rule.id.startswith("site-") for rule in rules)
    risks = [risk for risk in load_risks() if all_hold(risk.clauses, texts)]
    reason = next(
        (
            risk.id
            for risk in risks
            if not (policy.clean and (by_site or (risk.clean and enough)))
            and not _denied(risk, facts)
        ),
        None,
    ) or _other_reason(facts, policy, regions)
    face = policy.faces and shows_a_head(facts)
    if reason is not None and policy.accept_risk is None:
        return Assessment(refusal=reason, rules=tuple(names), face=face)
    cleanable = policy.clean and can_clean(facts.transfer_syntax_uid)
    return Assessment(
        accepted=reason,
        regions=tuple(dict.fromkeys(regions)) if cleanable else (),
        rules=tuple(names) if cleanable and regions else (),
        cleaned=policy.clean and reason is None,
        face=face,
        look=policy.ocr and cleanable and bool(risks or regions),
    )


def _denied(risk: Risk, facts: Facts) -> bool:
    """Whether the header says, believably, that the image shows nothing of the kind."""
    if not risk.believe or facts.text("BurnedInAnnotation") != "NO":
        return False
    return not risk.visible or facts.text("RecognizableVisualFeatures") == "NO"


def _other_reason(facts: Facts, policy: Policy, regions: list[Region]) -> str | None:
    """Return why an image of no risky kind is refused."""
    if regions and not policy.clean and facts.text("BurnedInAnnotation") != "NO":
        return NEEDS_CLEANING
    if is_video(facts.transfer_syntax_uid):
        return CODEC  # nobody has looked at its pictures; text around them goes (`pixels.video`)
    head = shows_a_head(facts)
    if head and not policy.faces:
        return FACE
    if head and not policy.masks:
        return FACE_REMOVAL
    changes = head or (policy.clean and bool(regions))
    return CODEC if changes and not can_clean(facts.transfer_syntax_uid) else None


def _margins(facts: Facts) -> list[Region]:
    """Return what lies outside all calibrated ultrasound regions, [] where they say nothing.

    Regions are where image data lies (PS3.3 section C.8.5.5); names and institutions are written
    beside them. Regions that cover the whole image say nothing about text.
    """
    regions = facts.ultrasound_regions()
    if not regions:
        return []
    rest = outside(regions, columns=facts.columns, rows=facts.rows)
    area = sum((region.x1 - region.x0) * (region.y1 - region.y0) for region in rest)
    return rest if area >= (1 - _MOST) * facts.columns * facts.rows else []


def shows_a_head(facts: Facts) -> bool:
    """Whether the image is a CT or MR slice from which a face could be made."""
    head = load_head()
    if facts.text("SOPClassUID") not in head.classes:
        return False
    if facts.text("RecognizableVisualFeatures") == "NO":
        return False
    if facts.text("BodyPartExamined").lower() in head.parts:
        return True
    region = facts.values.get(KEYWORDS["AnatomicRegionSequence"], b"")
    if any(code in region for code in head.codes):
        return True
    return any(
        word in head.words
        for keyword in ("StudyDescription", "SeriesDescription", "ProtocolName")
        for word in _words(facts.text(keyword))
    )


def _words(text: str) -> list[str]:
    """Return the words of a description in lower case, without heads of bones."""
    with suppress(UnicodeDecodeError):  # then it was latin-1
        text = text.encode("latin-1").decode("utf-8")
    return re.findall(r"[^\W\d_]+", _OTHER_HEADS.sub(" ", text.lower()))

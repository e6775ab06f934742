"""The address guard: every kind of mistake has its verdict, and true addresses pass."""

from __future__ import annotations

import pytest

from emixcli.guard.book import Book, KnownAddress
from emixcli.guard.check import FreeMail, Level, Policy, check_address
from emixcli.guard.slips import is_neighbour, slip_words, within

BOOK = Book(
    [
        KnownAddress("j.harmon@radiology.example.org"),
        KnownAddress("old@blocked.example.net", is_blocked=True),
        KnownAddress("ward7@hopital.example.net", is_trusted=False),
        KnownAddress("r.kimmer@clinic-north.com"),
        KnownAddress("lee@gmail.com"),
    ]
)


@pytest.mark.parametrize(
    ("typed", "level", "reason", "meant"),
    [
        ("j.harmon@radiology.example.org", "ok", "", ""),
        ("J.Harmon@Radiology.Example.ORG", "ok", "", ""),
        ("someone.new@radiology.example.org", "ok", "", ""),
        ("someone.new@elsewhere.test", "ok", "", ""),
        ("ward7@hopital.example.net", "ok", "", ""),
        (
            "j.harmon@radiolgoy.example.org",
            "block",
            "domain.near",
            "j.harmon@radiology.example.org",
        ),
        ("j.hamron@radiolgy.example.org", "block", "domain.near", "j.harmon@radiology.example.org"),
        ("j.harmon@radiology.exampleorg", "block", "domain.near", "j.harmon@radiology.example.org"),
        (
            "j.harmonr@adiology.example.org",
            "block",
            "domain.near",
            "j.harmon@radiology.example.org",
        ),
        (
            "j.hamron@radiology.example.org",
            "block",
            "address.near",
            "j.harmon@radiology.example.org",
        ),
        (
            "j.harrnon@radiology.example.org",
            "block",
            "address.look_alike",
            "j.harmon@radiology.example.org",
        ),
        ("r.kirnrner@clinic-north.com", "block", "address.look_alike", "r.kimmer@clinic-north.com"),
        ("r.kimmer@clinic-north.net", "block", "domain.other_ending", "r.kimmer@clinic-north.com"),
        ("r.kimmer@cl1n1c-n0rth.com", "block", "domain.near", "r.kimmer@clinic-north.com"),
        ("a@gmial.com", "block", "domain.typo", "a@gmail.com"),
        ("a@gmail.con", "block", "domain.ending", "a@gmail.com"),
        ("a@clinic-east.comn", "block", "domain.ending", "a@clinic-east.com"),
        ("a@clinic-east.c0m", "block", "domain.ending", "a@clinic-east.com"),
        ("a@clinic-east.con.com", "block", "domain.ending", "a@clinic-east.com"),
        ("a@proton.me.com", "block", "domain.ending", "a@proton.me"),
        ("a@clinic-east.pet", "ok", "", ""),
        ("a@clinic-east.com.br", "ok", "", ""),
        ("a@gmial.co.uk", "block", "domain.typo", "a@gmail.com"),
        ("a@gmqil.com", "block", "domain.near", "a@gmail.com"),
        ("a@ymail.com", "ok", "", ""),
        ("a@xn--gml-hoa9f.com", "block", "domain.letters", ""),
        ("\u0430@gmail.com", "block", "address.letters", "a@gmail.com"),
        ("m\u00fcller@example.org", "block", "address.letters", "muller@example.org"),
        ("a@example.org, b@example.org", "block", "address.invalid", ""),
        ("A <a@example.org>", "block", "address.invalid", ""),
        ("a@@example.org", "block", "address.invalid", ""),
        ("everyone@elsewhere.test", "warn", "address.list", ""),
        ("oncology-list@elsewhere.test", "warn", "address.list", ""),
        ("radiology@elsewhere.test", "warn", "address.role", ""),
        ("old@blocked.example.net", "block", "contact.blocked", ""),
    ],
)
def test_each_kind_of_mistake_has_its_verdict(
    typed: str, level: str, reason: str, meant: str
) -> None:
    verdict = check_address(typed, BOOK)
    assert (verdict.level, verdict.reason, verdict.meant) == (level, reason, meant)
    assert bool(verdict.words) == (level != "ok")
    assert typed not in verdict.words


def test_use_makes_no_domain_known() -> None:
    used = Book(
        [
            KnownAddress("a@hopital.example.net"),
            KnownAddress("b@hoptial.example.net", is_trusted=False),
        ]
    )
    assert check_address("b@hoptial.example.net", used).reason == "domain.near"
    assert check_address("c@hoptial.example.net", used).reason == "domain.near"


@pytest.mark.parametrize(
    ("policy", "typed", "level"),
    [
        (Policy(allow_domains=("example.org",)), "a@ward.example.org", "ok"),
        (Policy(allow_domains=("example.org",)), "a@notexample.org", "block"),
        (Policy(allow_domains=("example.org",)), "lee@gmail.com", "block"),
        (Policy(free_mail=FreeMail.WARN), "new.person@gmail.com", "warn"),
        (Policy(free_mail=FreeMail.REFUSE), "new.person@gmail.com", "block"),
        (Policy(free_mail=FreeMail.REFUSE), "lee@gmail.com", "ok"),
    ],
)
def test_the_policy_of_the_organisation_holds(policy: Policy, typed: str, level: str) -> None:
    assert check_address(typed, BOOK, policy).level == Level(level)


@pytest.mark.parametrize(
    ("a", "b", "n"),
    [
        ("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("abc", "ac", 1), ("abc", "abd", 1),
        ("abcd", "badc", 2), ("kitten", "sitting", 3), ("ca", "abc", 3), ("aab", "ab", 1),
        ("hospital", "hopsital", 1), ("abxy", "xyab", 4),
    ],
)  # fmt: skip
def test_slips_are_counted(a: str, b: str, n: int) -> None:
    for limit in (1, 2, 3, 4):
        assert within(a, b, limit) == within(b, a, limit) == (n <= limit)


def test_slips_have_names() -> None:
    assert slip_words("hopsital", "hospital") == "two letters swapped"
    assert slip_words("hospitall", "hospital") == "a letter typed twice"
    assert slip_words("miler", "miller") == "a doubled letter typed once"
    assert slip_words("hospial", "hospital") == "a letter missing"
    assert slip_words("hosxpital", "hospital") == "a letter too many"
    assert slip_words("hospiyal", "hospital") == "a neighbouring key"
    assert slip_words("hospizal", "hospital") == "one letter different"
    assert slip_words("h0sp1tal", "hospital") == "it looks almost the same"
    assert is_neighbour("q", "a")
    assert not is_neighbour("a", "e")
    assert not is_neighbour("é", "e")

"""Make the vectors of package format v1 again: `python tests/vectors/make_package_v1.py`.

Random parts (salts of slots, nonces) differ each time; the readers must take any.
"""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import tempfile
import textwrap
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from emixcli.container import slots as slots_module
from emixcli.container.cipher import make_salt
from emixcli.container.code import check_symbol, find_code, show_code
from emixcli.container.encoding import to_base64url, to_json
from emixcli.container.glue import fixups, is_fit, make_glue
from emixcli.container.identity import PublicIdentity, new_identity
from emixcli.container.page import SLOTS_LENGTH, find_page
from emixcli.container.reader import read_head
from emixcli.container.zipreader import read_directory
from emixcli.package import Sender, open_package, plan_package, write_package
from tests.unit.package.building import BUNDLE, FIXED_ID, MemoryReader, MemorySink, small_file_set

FOLDER = Path(__file__).with_name("package-v1")
KEY = bytes(range(32))
CODE = "K7QM3XVD9T" + check_symbol("K7QM3XVD9T")
Line = tuple[str, str]
_OPENED: Line = ("key", KEY.hex())


def write(name: str, lines: Sequence[Line], body: bytes = b"") -> None:
    """Write one vector."""
    head = list(lines)
    packed = zlib.compress(body, 9)
    if len(packed) < len(body):
        head.append(("compressed", "zlib"))
        body = packed
    text = "".join(f"{key}: {value}\n" for key, value in head) + "\n"
    if body:
        text += "\n".join(textwrap.wrap(base64.b64encode(body).decode(), 100)) + "\n"
    (FOLDER / f"{name}.txt").write_text(text, encoding="ascii", newline="\n")


def codes() -> None:
    """Access codes as people type them."""
    wrong = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[
        ("0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(CODE[-1]) + 1) % 32
    ]
    misread = "01L0O1ILOI".translate(str.maketrans("OIL", "011"))
    symbols = misread + check_symbol(misread)
    cases = {
        "shown": (show_code(CODE), "as it is shown"),
        "plain": (CODE, "without hyphens"),
        "lower": (show_code(CODE).lower(), "in lower case"),
        "blanks": (f"  {CODE[:3]} {CODE[3:]}\t", "with blanks"),
        "misread": ("01L0O-1ILOI-" + symbols[-1], "letters O, I, L for digits"),
        "no-check": (CODE[:-1], "without its check symbol"),
        "wrong-check": (CODE[:-1] + wrong, "with a wrong check symbol"),
        "swapped": (CODE[1] + CODE[0] + CODE[2:], "two neighbours swapped"),
        "one-wrong": ("8" + CODE[1:], "one symbol wrong"),
        "letter-u": (CODE[:4] + "U" + CODE[5:], "a letter that no code has"),
        "too-long": (CODE + "0", "one symbol too many"),
        "empty": ("", "nothing"),
    }
    for name, (typed, comment) in cases.items():
        code = find_code(typed)
        lines = [("kind", "code"), ("expect", "success" if code else "mistyped")]
        lines += [("comment", comment), ("input", f"|{typed}|".replace("\t", " "))]
        write(f"code-{name}", lines + ([("code", code)] if code else []))


def slots() -> None:
    """Slots of each kind."""
    code_slots()
    passphrase_slot()
    hpke_slots()


def code_slots() -> None:
    """Slots of access codes, right and hostile."""
    slot, auth = slots_module.make_code_slot(CODE, KEY, package_id=FIXED_ID)
    other = "0000000000" + check_symbol("0000000000")
    text, code = to_json(slot).decode(), ("code", CODE)
    opened = (("key", KEY.hex()), ("auth", auth.hex()))
    _slot("code", "success", "an access code", ("slot", text), code, *opened)
    _slot("code-other", "no match", "another code", ("slot", text), ("code", other))
    for name, change in {
        "memory": {"m": 2**30}, "passes": {"t": 1000}, "lanes": {"p": 255}, "little": {"m": 4},
        "scrypt": {"name": "scrypt"}, "text": {"m": "65536"}, "salt": {"salt": "AAAA"},
    }.items():  # fmt: skip
        hostile = ("slot", to_json(slot | {"kdf": slot["kdf"] | change}).decode())
        comment = "a key derivation that nobody asked for"
        _slot(f"code-hostile-{name}", "damaged", comment, hostile, code)
    for name, change in {
        "nonce": {"nonce": "AA"},
        "wrapped": {"wrapped": slot["wrapped"][:-4]},
        "version": {"v": 2},
    }.items():
        malformed = ("slot", to_json(slot | change).decode())
        _slot(f"code-bad-{name}", "damaged", f"malformed {name}", malformed, code)


def passphrase_slot() -> None:
    """A slot of a passphrase, typed in another normal form and with blanks around it."""
    passphrase = "gro\u00dfe \u212bngstr\u00f6m-Lampe 7 f\u00e4hrt"
    words = slots_module.make_passphrase_slot(passphrase, KEY, package_id=FIXED_ID)
    typed = ("passphrase", to_json(f" {passphrase}  ").decode())
    slot = ("slot", to_json(words).decode())
    _slot("passphrase", "success", "a passphrase that NFKC changes", slot, typed, _OPENED)


def hpke_slots() -> None:
    """Slots of recipients' keys."""
    identity = new_identity()
    private = ("identity", identity.to_json().decode().strip())

    def slot_for(public: PublicIdentity, package_id: str) -> Line:
        made = slots_module.make_hpke_slot(public, KEY, package_id=package_id)
        return ("slot", to_json(made).decode())

    hybrid = slot_for(identity.public, FIXED_ID)
    _slot("hpke-hybrid", "success", "ML-KEM-768 and X25519", hybrid, private, _OPENED)
    bare = type(identity)(identity.signing_key, identity.x25519, None)
    classic = slot_for(bare.public, FIXED_ID)
    _slot("hpke-x25519", "success", "X25519 alone", classic, private, _OPENED)
    moved = slot_for(identity.public, FIXED_ID[::-1].lower())
    _slot("hpke-moved", "no match", "a slot of another package", moved, private)


def _slot(name: str, expect: str, comment: str, *lines: Line) -> None:
    head = [("kind", "slot"), ("expect", expect), ("comment", comment), ("package_id", FIXED_ID)]
    write(f"slot-{name}", [*head, *lines])


def salts() -> None:
    """Salts of entries."""
    for attempt in (0, 1, 258):
        identity = hashlib.sha256(b"content").digest() + struct.pack(
            "<QI", 7, zlib.crc32(b"content")
        )
        salt = make_salt(KEY, "DICOM/S0001/E0001/I00001", identity, attempt)
        write(f"salt-{attempt}", [
            ("kind", "salt"), ("expect", "success"), ("comment", "HMAC-SHA-256, cut"),
            ("key", KEY.hex()), ("name", "DICOM/S0001/E0001/I00001"), ("identity", identity.hex()),
            ("attempt", str(attempt)), ("salt", salt.hex()),
        ])  # fmt: skip


def glue() -> None:
    """Contents of script elements."""
    cases = {
        "all-bytes": bytes(range(256)) * 2,
        "line-ends": b"\n\r\r\n\n\r\n\r\r\r\n\n\n",
        "cr-last": b"PK\r",
        "nul": b"\0\0\r\0\n\0",
        "none": b"no line end",
        "empty": b"",
        "nearly": b"<!- -<scripr<scrip<</scrip><!",
        "unfit-comment": b"abc<!--",
        "unfit-open": b"abc<sCRipt",
        "unfit-close": b"abc</SCRIPT>",
    }
    for name, content in cases.items():
        fit = is_fit(content)
        parsed = _parsed(content)
        lines = [
            ("kind", "glue"),
            ("expect", "success" if fit else "unfit"),
            ("comment", name),
            ("offset", "12345"),
        ]
        if fit:
            lines.append(("glue", make_glue(12345, len(content), fixups(content)).decode()))
            lines.append(("parsed_sha256", hashlib.sha256(parsed.encode()).hexdigest()))
        write(f"glue-{name}", lines, content)


def _parsed(content: bytes) -> str:
    """Return what an HTML parser makes of the content of a script (WHATWG Encoding, HTML 13.2)."""
    text = content.decode("latin-1").translate(
        {
            code: bytes([code]).decode("cp1252", "replace")
            for code in range(0x80, 0xA0)
            if code not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
        }
    )
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def packages() -> None:
    """A whole package, and what must not be taken for one."""
    good = _package()
    with open_package(io.BytesIO(good), key=KEY) as package:
        entries = [
            f"{entry.name} {entry.size} {entry.sha256}"
            for entry in package.manifest.entries.values()
        ]
    base = [("code", CODE), ("key", KEY.hex())]

    def case(name: str, expect: str, comment: str, body: bytes, *more: Line) -> None:
        write(
            f"package-{name}",
            [("kind", "package"), ("expect", expect), ("comment", comment), *base, *more],
            body,
        )

    case(
        "good",
        "success",
        "two CT slices, a cine loop, a report",
        good,
        *(("entry", entry) for entry in entries),
    )
    other = "0000000000" + check_symbol("0000000000")
    write(
        "package-other-code",
        [("kind", "package"), ("expect", "no match"), ("comment", "another code"), ("code", other)],
        good,
    )
    for name, (comment, change, found_by) in _CHANGES.items():
        expect = "version" if name == "future" else "damaged"
        case(name, expect, comment, change(good), *([("found_by", "verify")] if found_by else []))


def _package() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.txt")
        report.write_text("FINDINGS\r\nNone; a made-up report.\r\n", encoding="ascii", newline="")
        file_set, contents = small_file_set()
        reader = MemoryReader(contents)
        plan = plan_package(
            file_set, reports=[report], sender=Sender("A. Sender", "Example Hospital"),
            package_id=FIXED_ID, created="2026-01-02T03:04:05Z", reader=reader, bundle=BUNDLE,
        )  # fmt: skip
        identity = new_identity()
        slot, _ = slots_module.make_code_slot(CODE, KEY, package_id=FIXED_ID)
        mine = slots_module.make_hpke_slot(identity.public, KEY, package_id=FIXED_ID)
        unknown = {"kind": "carrier-pigeon", "v": 7, "ring": to_base64url(b"coo")}
        sink = MemorySink()
        write_package(
            plan, sink, key=KEY, slots=[unknown, mine, slot], reader=reader,
            signing_key=identity.signing_key,
        )  # fmt: skip
    return bytes(sink.content)


def _at(package: bytes, name: str) -> int:
    entries = read_directory(io.BytesIO(package)).entries
    return next(entry.data_offset for entry in entries if entry.name == name)


def _flip(package: bytes, at: int) -> bytes:
    return package[:at] + bytes([package[at] ^ 1]) + package[at + 1 :]


def _swap(package: bytes) -> bytes:
    """Swap the names of two entries in both of their headers."""
    one, two = b"S0001/E0001/I00001", b"S0001/E0001/I00002"
    return package.replace(one, b"\0" * 18).replace(two, one).replace(b"\0" * 18, two)


def _slots(package: bytes, text: bytes) -> bytes:
    page = find_page(package[: read_head(io.BytesIO(package)).page_length])
    at = page.slots_offset
    return package[:at] + text.ljust(SLOTS_LENGTH) + package[at + SLOTS_LENGTH :]


def _script(package: bytes) -> bytes:
    """Change the glue between two entries so that a browser would run something."""
    at = _at(package, "DICOMDIR")
    glue_at = package.index(b"</script><i hidden", at)
    return package[: glue_at + 9] + b"<b hidden" + package[glue_at + 18 :]


def _flipped(name: str, delta: int = 40) -> Callable[[bytes], bytes]:
    return lambda package: _flip(package, _at(package, name) + delta)


def _replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda package: package.replace(old, new, 1)


def _last_replaced(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda package: new.join(package.rsplit(old, 1))


def _count(package: bytes) -> bytes:
    at = package.rindex(b"PK\x05\x06")
    count = struct.unpack_from("<H", package, at + 8)[0] - 1
    return package[: at + 8] + struct.pack("<HH", count, count) + package[at + 12 :]


#: What is changed, how, and whether only `emix verify` can notice it.
_CHANGES: dict[str, tuple[str, Callable[[bytes], bytes], bool]] = {
    "future": ("format emix/2", _replaced(b'"format":"emix/1"', b'"format":"emix/2"'), False),
    "flipped-entry": ("one bit of an entry", _flipped("DICOM/S0001/E0001/I00001"), False),
    "flipped-index": ("one bit of the index", _flipped("EMIX/INDEX.JSN"), False),
    "flipped-manifest": ("one bit of the manifest", _flipped("EMIX/MANIFEST.JSN"), False),
    "flipped-signature": ("one bit of the signature", _flipped("EMIX/MANIFEST.SIG"), True),
    "flipped-glue": ("one bit of the glue", _flipped("DICOMDIR", -70), True),
    "swapped": ("names of two entries swapped", _swap, False),
    "cut-1": ("the last byte is missing", lambda p: p[:-1], False),
    "cut-half": ("the second half is missing", lambda p: p[: len(p) // 2], False),
    "cut-head": ("ends within the page", lambda p: p[:1000], False),
    "trailing": ("a byte behind the end", lambda p: p + b"\n", False),
    "empty": ("no byte at all", lambda _: b"", False),
    "page-changed": ("another viewer page", _replaced(b"placeholder", b"placeh0lder"), True),
    "glue-changed": ("other glue", _script, True),
    "slots-not-json": ("slots that are not JSON", lambda p: _slots(p, b"{"), False),
    "slots-deep": ("slots nested too deeply", lambda p: _slots(p, b"[" * 8000), False),
    "directory-name": ("another name there", _last_replaced(b"I00002", b"I00003"), False),
    "directory-count": ("a smaller number of entries", _count, False),
}


if __name__ == "__main__":
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    codes()
    slots()
    salts()
    glue()
    packages()

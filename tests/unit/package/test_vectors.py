"""Runs the vectors of the package format, which the viewer runs too."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from emixcli.container.cipher import make_salt
from emixcli.container.code import normalise_code
from emixcli.container.glue import fixups, is_fit, make_glue
from emixcli.container.identity import parse_identity
from emixcli.container.slots import code_proof, open_slots
from emixcli.container.verify import verify
from emixcli.errors import (
    EmixError,
    NoMatchingKeyError,
    PackageDamagedError,
    PackageVersionError,
    PassphraseError,
)
from emixcli.package import open_package

FOLDER = Path(__file__).parents[2] / "vectors" / "package-v1"
ERRORS: dict[str, type[EmixError]] = {
    "mistyped": PassphraseError,
    "no match": NoMatchingKeyError,
    "damaged": PackageDamagedError,
    "version": PackageVersionError,
}


class Vector:
    """One case: lines by name, and a body."""

    def __init__(self, path: Path) -> None:
        head, _, body = path.read_text(encoding="ascii").partition("\n\n")
        self.lines: dict[str, list[str]] = {}
        for line in head.splitlines():
            name, _, value = line.partition(": ")
            self.lines.setdefault(name, []).append(value)
        self.body = base64.b64decode(body)
        if self.find("compressed") == "zlib":
            self.body = zlib.decompress(self.body)

    def find(self, name: str) -> str | None:
        values = self.lines.get(name)
        return values[0] if values else None

    def __getitem__(self, name: str) -> str:
        return self.lines[name][0]


def run_code(vector: Vector) -> None:
    assert normalise_code(vector["input"][1:-1]) == vector["code"]


def run_slot(vector: Vector) -> None:
    slot = json.loads(vector["slot"])
    passphrase = vector.find("passphrase")
    identity = vector.find("identity")
    key = open_slots(
        [slot],
        package_id=vector["package_id"],
        code=vector.find("code") if passphrase is None else json.loads(passphrase),
        identity=None if identity is None else parse_identity(identity.encode()),
    )
    assert key.hex() == vector["key"]
    if "auth" in vector.lines:
        assert code_proof(slot, vector["code"]).hex() == vector["auth"]
        assert code_proof(slot["kdf"], vector["code"]).hex() == vector["auth"]


def run_salt(vector: Vector) -> None:
    key, identity = bytes.fromhex(vector["key"]), bytes.fromhex(vector["identity"])
    salt = make_salt(key, vector["name"], identity, int(vector["attempt"]))
    assert salt.hex() == vector["salt"]


def run_glue(vector: Vector) -> None:
    assert is_fit(vector.body) == (vector["expect"] == "success")
    if vector["expect"] == "success":
        glue = make_glue(int(vector["offset"]), len(vector.body), fixups(vector.body))
        assert glue.decode() == vector["glue"]


def run_package(vector: Vector) -> None:
    with open_package(io.BytesIO(vector.body), code=vector["code"]) as package:
        assert package.key.hex() == vector["key"]
        found = [
            f"{name} {len(content)} {hashlib.sha256(content).hexdigest()}"
            for name in package.manifest.entries
            for content in [package.read(name)]
        ]
        if "found_by" in vector.lines:
            verify(package)
        assert found == vector.lines["entry"]


RUN: dict[str, Callable[[Vector], None]] = {
    "code": run_code,
    "slot": run_slot,
    "salt": run_salt,
    "glue": run_glue,
    "package": run_package,
}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_vector(path: Path) -> None:
    vector = Vector(path)
    error = ERRORS.get(vector["expect"])
    if error is None:
        RUN[vector["kind"]](vector)
    else:
        with pytest.raises(error):
            RUN[vector["kind"]](vector)


def test_there_are_vectors_of_every_kind() -> None:
    kinds = {Vector(path)["kind"] for path in FOLDER.glob("*.txt")}
    assert kinds == set(RUN)

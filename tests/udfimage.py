"""A writer for UDF images of every kind that is found on discs, small and for tests only.

ECMA-167 and OSTA UDF 1.02 to 2.50: plain, with a virtual partition (written packet by packet), with
a sparable partition, with a metadata partition; short, long and embedded allocation descriptors.
"""

from __future__ import annotations

import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

BLOCK = 2048
START = 272  # first block of the partition: behind the anchor
_PACKET = 32
_EMPTY = bytes(12)


def tag(number: int, body: bytes, location: int) -> bytes:
    """Return a descriptor: the tag of ECMA-167 section 3/7.2 before its body."""
    crc = binascii.crc_hqx(body, 0)
    head = struct.pack("<2H2B3HL", number, 2, 0, 0, 1, crc, len(body), location)
    return head[:4] + bytes((sum(head) & 255,)) + head[5:] + body


def entity(name: bytes) -> bytes:
    return b"\0" + name.ljust(23, b"\0") + bytes(8)


def cs0(name: str) -> bytes:
    """Return compressed unicode."""
    if all(ord(char) < 256 for char in name):
        return b"\x08" + name.encode("latin-1")
    return b"\x10" + name.encode("utf-16-be")


@dataclass
class UdfImage:
    """One image, made by `build`.

    Attributes
    ----------
    kind
        "plain", "virtual" (UDF 1.50), "virtual2" (2.00), "sparable", "metadata".
    form
        "short", "long", "embedded" (where it fits), "chained": extents of one block whose
        descriptors lie in allocation extents.
    extended
        Extended file entries.
    anchors
        Where to put anchors: "256", "N".
    """

    files: Mapping[str, bytes]
    kind: str = "plain"
    form: str = "short"
    extended: bool = False
    anchors: tuple[str, ...] = ("256", "N")
    deleted: tuple[str, ...] = ()
    blocks: dict[int, bytes] = field(default_factory=dict)
    places: dict[str, list[int]] = field(default_factory=dict)
    entries: dict[str, int] = field(default_factory=dict)
    _next: int = 2
    _virtual: list[int] = field(default_factory=list)

    def build(self) -> bytes:
        """Return the image."""
        root = self._folder("", self._tree(), None)
        inner = 1 if self.kind in ("virtual", "virtual2", "metadata") else 0
        fsd = self._file_set(root, inner)
        if self.kind.startswith("virtual"):
            self._write_vat()
        n_blocks = self._next + START
        moved = self._spare() if self.kind == "sparable" else {}
        meta = self._metadata_file(n_blocks) if self.kind == "metadata" else 0
        n_blocks = 1 + max([START + block for block in self.blocks] + list(moved.values()))
        out = bytearray(n_blocks * BLOCK)
        for block, data in self.blocks.items():
            at = (moved.get(block, START + block)) * BLOCK
            out[at : at + len(data)] = data
        if not self.kind.startswith("virtual"):
            out += bytes(300 * BLOCK)
        self._volume(out, (fsd, inner), moved, meta)
        return bytes(out)

    # -- files --------------------------------------------------------------------------------

    def _tree(self) -> dict[str, object]:
        root: dict[str, object] = {}
        for path, data in self.files.items():
            *folders, name = path.split("/")
            node = root
            for part in folders:
                node = node.setdefault(part, {})  # type: ignore[assignment]  # a tree of itself
            node[name] = data
        return root

    def _take(self, n_blocks: int) -> int:
        at, self._next = self._next, self._next + n_blocks
        return at

    def _icb(self, block: int) -> int:
        """Return the address of an entry: a virtual one where the partition is virtual."""
        if self.kind.startswith("virtual"):
            self._virtual.append(block)
            return len(self._virtual) - 1
        return block

    def _folder(self, path: str, node: Mapping[str, object], parent: int | None) -> int:
        block = self._take(1)
        address = self._icb(block)
        self.entries[path] = block
        up = address if parent is None else parent
        identifiers = self._identifier("", up, 0x0A, block)
        for name, child in node.items():
            inner = f"{path}/{name}" if path else name
            if isinstance(child, dict):
                found, flags = self._folder(inner, child, address), 2
            else:
                assert isinstance(child, bytes)
                found, flags = self._file(inner, child), 0
            if inner in self.deleted:
                flags |= 4
            identifiers += self._identifier(name, found, flags, block)
        self._entry(block, 4, identifiers, path)
        return address

    def _file(self, path: str, data: bytes) -> int:
        block = self._take(1)
        self.entries[path] = block
        self._entry(block, 5, data, path)
        return self._icb(block)

    def _identifier(self, name: str, icb: int, flags: int, location: int) -> bytes:
        inner = 1 if self.kind in ("virtual", "virtual2", "metadata") else 0
        coded = cs0(name) if name else b""
        body = struct.pack("<HBB", 1, flags, len(coded))
        body += struct.pack("<LLH6x", BLOCK, icb, inner) + struct.pack("<H", 0) + coded
        body += bytes(-(len(body) + 16) % 4)
        return tag(257, body, location)

    def _entry(self, block: int, kind: int, data: bytes, path: str) -> None:
        fixed = 216 if self.extended else 176
        form = self.form if kind == 5 or self.form == "embedded" else "short"
        if form == "embedded" and fixed + len(data) <= BLOCK:
            descriptors, flags = data, 3
            self.places[path] = [block]
        elif form == "chained":
            descriptors, flags = self._chained(data, path), 0
        else:
            descriptors, flags = self._descriptors(data, path, is_long=form == "long")
        icb = struct.pack("<LHHHBB6xH", 0, 4, 0, 1, 0, kind, flags)
        body = icb + struct.pack("<LLLHBBLQ", 0, 0, 0, 1, 0, 0, 0, len(data))
        if self.extended:
            body += struct.pack("<QQ", len(data), 1) + _EMPTY * 4 + struct.pack("<LL", 1, 0)
            body += bytes(16) * 2 + entity(b"*emix") + struct.pack("<Q", 0)
        else:
            body += struct.pack("<Q", 1) + _EMPTY * 3 + struct.pack("<L", 1)
            body += bytes(16) + entity(b"*emix") + struct.pack("<Q", 0)
        body += struct.pack("<2L", 0, len(descriptors)) + descriptors
        self.blocks[block] = tag(266 if self.extended else 261, body, block)

    def _descriptors(self, data: bytes, path: str, *, is_long: bool) -> tuple[bytes, int]:
        n_blocks = -(-len(data) // BLOCK)
        is_virtual = self.kind.startswith("virtual")
        start = self._take(n_blocks)
        for index in range(n_blocks):
            self.blocks[start + index] = data[index * BLOCK : (index + 1) * BLOCK]
        self.places[path] = list(range(start, start + n_blocks))
        if not data:
            return b"", 0
        if is_long or is_virtual or self.kind == "metadata":
            return struct.pack("<LLH6x", len(data), start, 0), 1
        return struct.pack("<LL", len(data), start), 0

    def _chained(self, data: bytes, path: str) -> bytes:
        """Return short descriptors of one block each, with a chain of allocation extents."""
        pieces = []
        for at in range(0, len(data), BLOCK):
            block = self._take(2)  # a block between two pieces stays free
            self.blocks[block] = data[at : at + BLOCK]
            self.places.setdefault(path, []).append(block)
            pieces.append(struct.pack("<LL", len(self.blocks[block]), block))
        chain = b""
        for first in range(len(pieces) // 3 * 3, -1, -3):
            here = b"".join(pieces[first : first + 3]) + chain
            if not first:
                return here
            block = self._take(1)
            body = struct.pack("<2L", 0, len(here)) + here
            self.blocks[block] = tag(258, body, block)
            chain = struct.pack("<LL", 3 << 30 | BLOCK, block)
        return chain

    def _file_set(self, root: int, partition: int) -> int:
        block = self._take(1)
        body = bytes(384) + struct.pack("<LLH6x", BLOCK, root, partition)
        self.blocks[block] = tag(256, body.ljust(496, b"\0"), block)
        return self._icb(block)

    # -- partitions ---------------------------------------------------------------------------

    def _write_vat(self) -> None:
        table = struct.pack(f"<{len(self._virtual)}L", *self._virtual)
        if self.kind == "virtual2":
            table = struct.pack("<HH", 152, 0).ljust(152, b"\0") + table
        else:
            table += entity(b"*UDF Virtual Alloc Tbl") + struct.pack("<L", 0xFFFFFFFF)
        form, self.form = self.form, "embedded"
        self._entry(self._take(1), 248 if self.kind == "virtual2" else 0, table, "vat")
        self.form = form

    def _spare(self) -> dict[int, int]:
        """Move the second packet to the end of the disc."""
        spare = START + self._next + _PACKET
        packet = range(_PACKET, 2 * _PACKET)
        return {block: spare + block - _PACKET for block in packet if block in self.blocks}

    def _metadata_file(self, n_blocks: int) -> int:
        """Put an entry that lets the metadata partition be all of the physical one."""
        block = n_blocks - START
        size = n_blocks - START
        icb = struct.pack("<LHHHBB6xH", 0, 4, 0, 1, 0, 250, 0)
        body = icb + struct.pack("<LLLHBBLQ", 0, 0, 0, 1, 0, 0, 0, size * BLOCK)
        body += struct.pack("<QQ", 0, 1) + _EMPTY * 4 + struct.pack("<LL", 1, 0)
        body += bytes(16) * 2 + entity(b"*emix") + struct.pack("<Q", 0)
        body += struct.pack("<2L", 0, 8) + struct.pack("<LL", size * BLOCK, 0)
        self.blocks[block] = tag(266, body, block)
        return block

    def _maps(self, out: bytearray, moved: dict[int, int], meta: int) -> list[bytes]:
        plain = struct.pack("<BBHH", 1, 6, 1, 0)
        if self.kind.startswith("virtual"):
            virtual = b"\x02\x40\0\0" + entity(b"*UDF Virtual Partition") + struct.pack("<HH", 1, 0)
            return [plain, virtual.ljust(64, b"\0")]
        if self.kind == "metadata":
            made = b"\x02\x40\0\0" + entity(b"*UDF Metadata Partition") + struct.pack("<HH", 1, 0)
            return [plain, (made + struct.pack("<LLL", meta, meta, 0xFFFFFFFF)).ljust(64, b"\0")]
        if self.kind != "sparable":
            return [plain]
        spare = min((place - block % _PACKET for block, place in moved.items()), default=0)
        body = entity(b"*UDF Sparing Table") + struct.pack("<HHL", 1, 0, 1)
        body += struct.pack("<LL", _PACKET, spare)
        out[270 * BLOCK : 270 * BLOCK + len(body) + 16] = tag(0, body, 270)
        made = b"\x02\x40\0\0" + entity(b"*UDF Sparable Partition") + struct.pack("<HH", 1, 0)
        made += struct.pack("<HBBLL", _PACKET, 1, 0, BLOCK, 270)
        return [made.ljust(64, b"\0")]

    def _volume(
        self, out: bytearray, fsd: tuple[int, int], moved: dict[int, int], meta: int
    ) -> None:
        """Write volume recognition, volume descriptors and anchors."""

        def put(block: int, data: bytes) -> None:
            out[block * BLOCK : block * BLOCK + len(data)] = data

        for block, name in ((16, b"BEA01"), (17, b"NSR02"), (18, b"TEA01")):
            put(block, b"\0" + name + b"\x01")
        n_blocks = len(out) // BLOCK - START
        charset = b"\0OSTA Compressed Unicode".ljust(64, b"\0")
        label = cs0("EMIX").ljust(31, b"\0") + b"\x05"
        primary = struct.pack("<LL", 1, 0) + label + struct.pack("<HHHHLL", 1, 1, 2, 2, 1, 1)
        partition = struct.pack("<LHH", 2, 1, 0) + entity(b"+NSR02") + bytes(128)
        partition += struct.pack("<LLL", 1, START, n_blocks)
        maps = self._maps(out, moved, meta)
        logical = struct.pack("<L", 3) + charset + label.ljust(127, b"\0") + b"\x05"
        logical += struct.pack("<L", BLOCK) + entity(b"*OSTA UDF Compliant")
        logical += struct.pack("<LLH6x", BLOCK, *fsd) + struct.pack(
            "<LL", sum(map(len, maps)), len(maps)
        )
        logical += entity(b"*emix") + bytes(128) + bytes(8) + b"".join(maps)
        for start in (32, 64):
            put(start, tag(1, primary.ljust(496, b"\0"), start))
            put(start + 1, tag(5, partition.ljust(496, b"\0"), start + 1))
            put(start + 2, tag(6, logical, start + 2))
            put(start + 3, tag(8, bytes(496), start + 3))
        anchor = struct.pack("<LLLL", 16 * BLOCK, 32, 16 * BLOCK, 64).ljust(496, b"\0")
        if "256" in self.anchors:
            put(256, tag(2, anchor, 256))
        last = len(out) // BLOCK - 1
        if "N" in self.anchors and not self.kind.startswith("virtual"):
            put(last, tag(2, anchor, last))

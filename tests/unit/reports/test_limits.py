"""Readers on large and strange input: an answer or a `ReportError`, in bounded time and memory.

Each runs in a process of its own. The kernel ends it where it takes far more processor time than
the two seconds that a reader may; what it took of memory is asked of the kernel.
"""

from __future__ import annotations

import base64
import contextlib
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emixcli.errors import EmixError
from emixcli.reports import reading
from emixcli.reports.inner import with_inner
from tests.builders import pdf

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")

SIZE = 20 * 2**20
MOST_MEMORY_KIB = 256 * 1024
MOST_CPU_S = 20
CHILD = """
import resource, sys
seconds = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
from emixcli.reports import reading
from emixcli.reports.matching import Identifier, Identity
from emixcli.reports.names import parse_pn
with open(sys.argv[2], "rb") as file:
    read = reading.read(file.read(), sys.argv[3])
images = Identity(parse_pn("Example^Anna"), (Identifier("4711-08"),), "19610312", "F")
if read.identities or read.words:
    reading.judge_for(images, read)
# not getrusage: the kernel counts what the parent had before the program was started
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
HL7 = b"MSH|^~\\&|A|B|C|D|2026||ORU^R01|1|P|2.5\rPID|1||4711||Example^Anna||19610312|F\r"
BODY = b'<ClinicalDocument xmlns="urn:hl7-org:v3"><component>'
CDA = (
    BODY + b"<structuredBody><component><section><text>",
    b"</text></section></component></structuredBody></component></ClinicalDocument>",
)
CCR = (
    b'<ContinuityOfCareRecord xmlns="urn:astm-org:CCR"><Body><Problems><Problem><Text>',
    b"</Text></Problem></Problems></Body></ContinuityOfCareRecord>",
)
NONXML = (
    BODY + b'<nonXMLBody><text mediaType="application/pdf" representation="B64">',
    b"</text></nonXMLBody></component></ClinicalDocument>",
)
RTF_SIZE = 4 * 2**20


def full(unit: bytes, head: bytes = b"", tail: bytes = b"", size: int = SIZE) -> bytes:
    """Return units between head and tail, as many as a size takes."""
    return head + unit * ((size - len(head) - len(tail)) // len(unit)) + tail


def large_pdf() -> bytes:
    return pdf() + random.Random(1).randbytes(15 * 2**20)


def packed(data: bytes) -> bytes:
    return base64.b64encode(data[: 15 * 2**20 - 1000])


def limited(data: bytes, kind: str, folder: Path) -> None:
    """Read in a process of its own, under the limits."""
    path = folder / "report"
    path.write_bytes(data)

    command = [sys.executable, "-c", CHILD, str(MOST_CPU_S), str(path), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-400:]
    assert int(done.stdout) < MOST_MEMORY_KIB


CASES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "hl7 one long text": ("hl7v2", lambda: full(b"word ", HL7 + b"OBX|1|TX|A||", b"\r")),
    "hl7 one long text, wide": ("hl7v2", lambda: full("wö 山 ".encode(), HL7 + b"OBX|1|TX|A||")),
    "hl7 escapes": ("hl7v2", lambda: full(b"a\\.br\\", HL7 + b"OBX|1|FT|A||")),
    "hl7 lines": ("hl7v2", lambda: full(b"OBX|1|TX|A||word word\r", HL7)),
    "hl7 continued lines": ("hl7v2", lambda: full(b"word\n", HL7 + b"OBX|1|TX|A||")),
    "hl7 messages": ("hl7v2", lambda: full(b"MSH|^~\\&|\r")),
    "hl7 a PDF": ("hl7v2", lambda: HL7 + b"OBX|1|ED|A||a^b^c^Base64^" + packed(large_pdf())),
    "hl7 a text": (
        "hl7v2",
        lambda: HL7 + b"OBX|1|ED|A||a^b^c^Base64^" + packed(full(b"Patient: Anna Example\n")),
    ),
    "cda words": ("cda", lambda: full(b"word ", *CDA)),
    "cda paragraphs": ("cda", lambda: full(b"<paragraph>word word</paragraph>", *CDA)),
    "cda long lines": ("cda", lambda: full(b"<br/>" + b"word " * 200, *CDA)),
    "cda a cell": (
        "cda", lambda: full(b"word ", CDA[0] + b"<table><tr><td>", b"</td></tr></table>" + CDA[1]),
    ),
    "cda a wide table": (
        "cda",
        lambda: CDA[0] + b"<table><tr>" + b"<td/>" * 30_000 + b"</tr>"
        + b"<tr><td/></tr>" * 15_000 + b"</table>" + CDA[1],
    ),
    "cda spans": (
        "cda", lambda: full(b"<tr><td colspan='99' rowspan='99'/></tr>", CDA[0] + b"<table>",
                            b"</table>" + CDA[1], 700_000),
    ),
    "rtf not of seven bits": (
        "rtf", lambda: full("漢 ".encode(), b"{\\rtf1 ", b"}", 190_000),
    ),
    "cda a PDF": ("cda", lambda: NONXML[0] + packed(large_pdf()) + NONXML[1]),
    "cda an attribute": ("cda", lambda: full(b"word ", CDA[0] + b'<b ID="', b'"/>' + CDA[1])),
    "cda depth": ("cda", lambda: CDA[0] + b"<list><item>" * 90_000),
    "ccr words": ("ccr", lambda: full(b"word ", *CCR)),
    "ccr elements": ("ccr", lambda: full(b"<Text>" + b"word " * 200 + b"</Text>", *CCR)),
    "rtf too large": ("rtf", lambda: full(b"word ", b"{\\rtf1 ", b"}")),
    "rtf paragraphs": ("rtf", lambda: full(b"\\par wordword ", b"{\\rtf1 ", b"}", RTF_SIZE)),
    "rtf depth": ("rtf", lambda: b"{" * 190_000 + b"\\rtf1" + b"}" * 190_000),
    "rtf raised": ("rtf", lambda: full(b"\\super", b"{\\rtf1 ", b" x}", 2_000_000)),
    "rtf headers": ("rtf", lambda: full(b"{\\header a", b"{\\rtf1 ", b"}", RTF_SIZE)),
    "text labels": ("text", lambda: full(b"Patient: Anna Example 01.02.1970 MRN: 77\n")),
    "text one line": ("text", lambda: full(b"Example Anna ")),
    "text marks": ("text", lambda: full("\u0301".encode(), b"a")),
    "text of names": (
        "text",
        lambda: b"".join(b"Patient: Anna Example%d\nDOB: 1.2.%d\n" % (n, n) for n in range(9999)),
    ),
    "text wide": ("text", lambda: b"\xff\xfe\0\0" + full("\U00010400 ".encode("utf-32-le"))),
    "pdf and more": ("pdf", large_pdf),
    "pdf noise": ("pdf", lambda: b"%PDF-1.4\n" + random.Random(1).randbytes(SIZE)),
    "pdf array": (
        "pdf", lambda: pdf().replace(b"/Type /Catalog", b"/Type /Catalog /X [" + b"1 " * 9_000_000),
    ),
    "pdf operations": ("pdf", lambda: pages(b"BT (Anna Example) Tj ET " * 30_000)),
    "pdf operands": ("pdf", lambda: pages(b"1 " * 9_000_000)),
}  # fmt: skip


def pages(content: bytes) -> bytes:
    """Return a PDF whose one page has this content; the offsets are wrong, which readers repair."""
    start, end = pdf().split(b"BT /F1", 1)
    start = start.rpartition(b"<< /Length")[0]
    rest = end.partition(b"endstream")[2]
    return start + b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content) + rest


@pytest.mark.parametrize("case", CASES)
def test_large_input(case: str, tmp_path: Path) -> None:
    kind, make = CASES[case]
    limited(make(), kind, tmp_path)


HL7_PARTS = st.sampled_from(
    [b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b"OBX|1|TX|", b"OBX|2|ED|A||^^^Base64^",
     b"NTE|1||", b"JVBERi0xLjQK", b"\\.br\\", b"\\X41\\", b"\\H\\", b"PID|1||7||A^B",
     b"MSH|^~\\&|", b"word ",
     b"\xff", "山".encode(), b"\x1b$B", b"\x0b", b"\x1c\r", b"{\\rtf1 a}", b"ZDS|1.2.3.4"]
)  # fmt: skip
XML_PARTS = st.sampled_from(
    [b"<table>", b"</table>", b"<tr>", b"<td>", b"</td>", b"</tr>", b"<list>", b"<item>",
     b"</item>", b"</list>", b"<br/>", b"<text>", b"</text>", b"<section>",
     b"</section>", b"word ", b"&amp;",
     b"&#x202e;", b"<!-- c -->", b"<![CDATA[<b>]]>", b"<?pi?>", b'<renderMultiMedia a="b"/>',
     b"<recordTarget/>", b"<Actor><ActorID>1</ActorID></Actor>", b"<Text>x</Text>", b"\xff"]
)  # fmt: skip
RTF_PARTS = st.sampled_from(
    [b"{", b"}", b"\\par ", b"\\'e4", b"\\u9999?", b"\\u-1?", b"\\bin5 ", b"\\pict", b"\\header ",
     b"\\v ", b"\\*", b"\\ansicpg932", b"\\fcharset128 ", b"\\uc0", b"word ", b"\\\\", b"\xff",
     b"\\fonttbl", b"\\field", b"\\fldinst HYPERLINK", b"\\f0", b"\\object"]
)  # fmt: skip
KINDS = {
    "hl7v2": (HL7_PARTS, HL7, b""), "cda": (XML_PARTS, *CDA), "ccr": (XML_PARTS, *CCR),
    "rtf": (RTF_PARTS, b"{\\rtf1 ", b"}"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_any_mixture_of_what_means_something(kind: str) -> None:
    parts, head, tail = KINDS[kind]

    @settings(max_examples=150, deadline=None)
    @given(st.lists(parts, max_size=40))
    def fuzz(found: list[bytes]) -> None:
        with contextlib.suppress(EmixError):
            list(with_inner(reading.load(head + b"".join(found) + tail, kind)))

    fuzz()


@pytest.mark.parametrize("kind", KINDS)
def test_any_mixture_that_goes_on_for_long(kind: str, tmp_path: Path) -> None:
    parts, head, tail = KINDS[kind]
    size = RTF_SIZE if kind == "rtf" else SIZE

    @settings(
        max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @given(st.lists(parts, min_size=1, max_size=12), st.integers(1, 400))
    def fuzz(found: list[bytes], n_words: int) -> None:
        unit = b"".join(found) + b"word " * n_words
        limited(full(unit, head, tail, size), kind, tmp_path)

    fuzz()

"""Reports of a made-up patient as other systems write them, for packages of these tests."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from emixcli.demo.pdf import Rule, Text, make_pdf
from tests.builders import pdf


@dataclass(frozen=True)
class Subject:
    """Whom a report is about."""

    family: str
    given: str
    number: str
    born: str
    sex: str
    accession: str


def oru(who: Subject, *, document: bytes = b"") -> bytes:
    """Return an ORU: text in lines, results with a note, a document, an RTF, a local segment."""
    packed = base64.b64encode(document or pdf("Key image")).decode()
    lines = [
        "MSH|^~\\&|RIS|RIVERSIDE|EMIX|RIVERSIDE|20260114113000||ORU^R01|77|P|2.5.1",
        f"PID|1||{who.number}||{who.family}^{who.given}||{who.born}|{who.sex}",
        f"OBR|1||{who.accession}|CTTHORAX^CT of the thorax|||20260114101500||||||||||||||||||P",
        "OBX|1|TX|FIND^Findings||Lungs clear, no nodule.||||||F",
        "OBX|2|TX|FIND^Findings||||||||F",
        "OBX|3|TX|FIND^Findings||No effusion & no <b>free air</b>.||||||F",
        "OBX|4|TX|IMP^Impression||No sign of embolism.||||||F",
        "OBX|5|NM|CREA^Creatinine||1.9|mg/dL|0.6-1.1|HH|||F",
        "NTE|1||Called to the ward.",
        "OBX|6|NM|HB^Haemoglobin||13.1|g/dL|12-16|N|||F",
        f"OBX|7|ED|IMG^Key image||RIS^AP^^Base64^{packed}||||||F",
        "OBX|8|ED|LET^Letter||RIS^AP^^Base64^e1xydGYxIEx1bmdzIGNsZWFyLn0=||||||F",
        "ZAA|something of this hospital",
    ]
    return "\r".join(lines).encode() + b"\r"


def cda(who: Subject) -> bytes:
    """Return a CDA whose narrative has text, lists in lists and a table."""
    return f"""<?xml version="1.0" encoding="utf-8"?>
<?xml-stylesheet type="text/xsl" href="https://example.org/CDA.xsl"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
<id root="2.25.9"/><code code="18748-4" displayName="Diagnostic imaging report"/>
<title>CT of the thorax, report</title><effectiveTime value="20260114113000"/>
<recordTarget><patientRole><id extension="{who.number}" root="2.25.8"/><patient>
<name><given>{who.given}</given><family>{who.family}</family></name>
<administrativeGenderCode code="{who.sex}"/><birthTime value="{who.born}"/>
</patient></patientRole></recordTarget>
<inFulfillmentOf><order><id extension="{who.accession}" root="2.25.7"/></order></inFulfillmentOf>
<component><structuredBody>
<component><section><title>Findings</title><text>
<paragraph>Lungs clear. <content styleCode="Bold">No nodule.</content></paragraph>
<list><item>Left lung<list><item>upper lobe</item><item>lower lobe</item></list></item>
<item>Right lung</item></list></text></section></component>
<component><section><title>Measurements</title><text><table>
<caption>Sizes</caption><thead><tr><th>Structure</th><th>Size</th></tr></thead>
<tbody><tr><td>Aorta</td><td>31 mm</td></tr></tbody></table>
<linkHtml href="javascript:alert(1)">More</linkHtml></text></section></component>
</structuredBody></component></ClinicalDocument>""".encode()


def letter(who: Subject) -> bytes:
    """Return a PDF of one page that names the patient as letters do."""
    lines = [
        ("Riverside Hospital, Department of Radiology", 11.0), ("CT of the thorax", 18.0),
        (f"Patient: {who.family}, {who.given}", 11.0),
        (f"Date of birth: {who.born[:4]}-{who.born[4:6]}-{who.born[6:]}", 11.0),
        (f"Patient ID: {who.number}", 11.0), (f"Accession number: {who.accession}", 11.0),
        ("Dear colleague,", 11.0), ("the lungs are clear, without nodule or effusion.", 11.0),
        ("No sign of embolism.", 11.0),
    ]  # fmt: skip
    items: list[Text | Rule] = [
        Text(62, 80 + 26 * n, text, size=size) for n, (text, size) in enumerate(lines)
    ]
    return make_pdf([items], title="CT of the thorax")

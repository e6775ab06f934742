"""The report on the sample CD, as a department's system prints it."""

from __future__ import annotations

from emixcli.demo.pdf import Rule, Text, make_pdf

_LEFT = 62
_WIDTH = 471

_HEAD = (
    ("Patient", "DEMO, ANNA"),
    ("Patient ID", "DEMO-0001"),
    ("Born", "12 April 1957"),
    ("Sex", "female"),
    ("Examination", "CT thorax with intravenous contrast, 17 March 2026"),
    ("Accession", "DEMO-CT-1"),
    ("Referred by", "Sample Referrer, Family Medicine"),
)

_BODY = (
    (
        "Clinical question",
        "Cough for eight weeks. The radiograph of 12 March 2026 was not conclusive in the right",
        "upper field.",
    ),
    (
        "Technique",
        "Helical acquisition from the apices to the upper poles of the kidneys in venous phase,",
        "80 ml of contrast agent. 2.5 mm slices, 144 images.",
    ),
    (
        "Findings",
        "Solid nodule of 9 mm in the right upper lobe (series 2, image 33), with slightly",
        "irregular edge. No other nodule. No consolidation, no effusion, no pneumothorax.",
        "Trachea and main bronchi are free. Heart and great vessels of normal size; no filling",
        "defect in the central pulmonary arteries. No enlarged lymph nodes. Liver, spleen, the",
        "visible parts of kidneys and stomach without finding. No suspicious lesion of ribs",
        "and spine.",
    ),
    (
        "Impression",
        "Solid pulmonary nodule of 9 mm in the right upper lobe. Earlier images for comparison, or",
        "a control CT in three months, are advised.",
    ),
)
_NOTE = (
    "This report belongs to the made-up patient of emix's sample CD. Images and text were",
    "computed; nothing in them comes from a person, and nothing in them is medical advice.",
)


def make_report() -> bytes:
    """Return the report as a PDF of one page."""
    items: list[Text | Rule] = [
        Text(_LEFT, 70, "EMIX SAMPLE HOSPITAL", size=9, grey=0.4),
        Text(_LEFT, 84, "Department of Radiology", size=9, grey=0.4),
        Text(_LEFT, 122, "Radiology report", size=20, bold=True),
        Rule(_LEFT, 136, _WIDTH),
    ]
    y = 158.0
    for name, value in _HEAD:
        items += [Text(_LEFT, y, name, grey=0.4), Text(_LEFT + 92, y, value)]
        y += 16
    items.append(Rule(_LEFT, y - 4, _WIDTH))
    y += 22
    for title, *lines in _BODY:
        items.append(Text(_LEFT, y, title, size=11.5, bold=True))
        y += 17
        for line in lines:
            items.append(Text(_LEFT, y, line))
            y += 15
        y += 13
    items.append(Text(_LEFT, y + 8, "Signed electronically: Sample Radiologist, 17 March 2026"))
    for index, line in enumerate(_NOTE):
        items.append(Text(_LEFT, 780 + 12 * index, line, size=8.5, grey=0.45))
    return make_pdf([items], title="Radiology report")

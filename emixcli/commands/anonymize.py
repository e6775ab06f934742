"""`emix anonymize`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emixcli.commands import _anonymizing as options
from emixcli.commands import _deid as deid
from emixcli.commands import _deid_key as keyed
from emixcli.commands import _deid_shown as shown
from emixcli.commands._anonymizing import Files
from emixcli.commands._media import Patients, Studies
from emixcli.commands._options import DryRun, Json, Quiet, Verbose

if TYPE_CHECKING:
    from emixcli.services.anonymize import AnonymizeRequest


def command(
    paths: options.Paths = None,
    *,
    output: options.Output = None,
    patient: Patients = None,
    study: Studies = None,
    profile: options.ProfileName = "basic",
    clean_pixel_data: deid.CleanPixelData = False,
    clean_recognizable: deid.CleanRecognizable = False,
    clean_graphics: deid.CleanGraphics = False,
    clean_structured_content: deid.CleanStructuredContent = False,
    clean_descriptors: deid.CleanDescriptors = False,
    retain_full_dates: deid.RetainFullDates = False,
    retain_modified_dates: deid.RetainModifiedDates = False,
    retain_patient_characteristics: deid.RetainPatient = False,
    retain_device: deid.RetainDevice = False,
    retain_institution: deid.RetainInstitution = False,
    retain_uids: deid.RetainUids = False,
    retain_safe_private: deid.RetainSafePrivate = False,
    rules: deid.Rules = None,
    key_file: keyed.KeyFile = None, key: keyed.KeptKey = None,
    accept_risk: deid.AcceptRisk = None,
    ocr: deid.Ocr = None,
    verify: options.Verify = True,
    report: options.ReportFile = None,
    table: keyed.Table = None, table_passphrase_file: keyed.TablePassphrase = None,
    dicomdir: options.Dicomdir = False,
    jobs: options.Jobs = None,
    dry_run: DryRun = False, new_key: keyed.NewKey = None,
    explain: shown.Explain = None, profile_doc: shown.ProfileDoc = False,
    json: Json = False, quiet: Quiet = False, verbose: Verbose = 0,
) -> None:  # fmt: skip
    """Remove what identifies the patient (PS3.15 Annex E), then prove it.

    The source is never written. Objects that cannot be made safe are refused: the others are
    written, the result lists the refused ones, and the command ends with 80. Where all could be
    made safe that could be read, but files could not be or are missing, it ends with 3.
    """
    del verbose  # handled by its callback
    wanted = {
        "clean-pixel-data": clean_pixel_data, "clean-recognizable": clean_recognizable,
        "clean-graphics": clean_graphics, "clean-structured-content": clean_structured_content,
        "clean-descriptors": clean_descriptors, "retain-full-dates": retain_full_dates,
        "retain-modified-dates": retain_modified_dates, "retain-device": retain_device,
        "retain-patient-characteristics": retain_patient_characteristics,
        "retain-institution": retain_institution, "retain-uids": retain_uids,
        "retain-safe-private": retain_safe_private,
    }  # fmt: skip
    chosen = deid.make_profile(wanted, name=profile, rules=rules, accept_risk=accept_risk)
    only_key = None if paths else new_key
    if only_key or explain or profile_doc:
        shown.show(chosen, new_key=only_key, explain=explain, json=json)
        return
    keys = keyed.Keys(key_file, key, new_key, table, table_passphrase_file)
    files = Files(paths or [], output, report, keys, patient, study)
    files.check(dry_run=dry_run)
    if dry_run:
        files = files.unwritten()
    how = deid.find_how(chosen, keys, ocr=ocr, dry_run=dry_run)
    _run(files.request(how, verify, dicomdir, jobs), json=json, quiet=quiet)


def _run(request: AnonymizeRequest, *, json: bool, quiet: bool) -> None:
    from emixcli.commands import _anonymized as anonymized
    from emixcli.services.anonymize import anonymize
    from emixcli.ui.progress import progress

    with progress(quiet) as listener:
        result = anonymize(request, progress=listener)
    anonymized.show(result, request, json=json)
    anonymized.require_all(result)

"""What a package will hold and who sends it: the step that packing and sending have in common."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from emixcli import config
from emixcli.package import PackagePlan, Sender, plan_package
from emixcli.progress import SILENT, ProgressListener
from emixcli.services.selection import Choice, Selection, choose, deidentified

if TYPE_CHECKING:
    from emixcli.exchange.interface import Account


def find_sender(account: Account | None = None, *, profile: str | None = None) -> Sender:
    """Return who sends: the settings, else what the exchange says of the account."""
    settings = config.load(profile)
    name, organisation = settings.sender_name, settings.organisation
    if account is not None:
        name, organisation = name or account.name, organisation or account.organisation
    return Sender(name, organisation)


def plan_choice(
    choice: Choice,
    sender: Sender,
    *,
    package_id: str | None = None,
    created: str | None = None,
) -> PackagePlan:
    """Return the plan of the package; id and time are given to make an earlier one again."""
    return plan_package(
        choice.file_set,
        reports=choice.reports,
        accept_reports=choice.accept_reports,
        sender=sender,
        reader=choice.reader,
        deidentification=choice.deidentification,
        package_id=package_id,
        created=created,
    )


def plan_selection(
    selection: Selection,
    sender: Sender,
    *,
    package_id: str | None = None,
    progress: ProgressListener = SILENT,
) -> tuple[Choice, PackagePlan]:
    """Scan the media and plan a package of what is meant; writes nothing.

    Where de-identification is asked for without a key, it has one of its own that is forgotten.
    The choice that is returned is closed: what is opened later opens the media again.

    Raises
    ------
    EmixError
        Nothing to pack, several patients and no choice, objects that cannot be de-identified, a
        report of another patient.
    """
    choice = choose(selection, progress=progress)
    if (how := selection.deidentification) is not None:
        from emixcli.anonymize import new_key  # 60 ms: only where something is de-identified

        choice = deidentified(choice, how.keyed(new_key()), progress=progress)
    progress.stage("indexing")
    with contextlib.closing(choice):
        return choice, plan_choice(choice, sender, package_id=package_id)

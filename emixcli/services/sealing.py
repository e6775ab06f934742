"""The secrets of a new package: its id and key, the access code, and the slots they make.

Light to import, and the slow key derivation begins at once: it is done before the medium is read.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from emixcli.container.code import find_code, generate_code
from emixcli.container.encoding import new_package_id
from emixcli.container.slots import (
    KEY_LENGTH,
    Slot,
    check_passphrase,
    make_code_slot,
    make_hpke_slot,
    make_passphrase_slot,
)

if TYPE_CHECKING:
    from emixcli.container.identity import PublicIdentity


class Sealing:
    """What only the sender of one package knows.

    Parameters
    ----------
    secret
        An access code or passphrase of the sender's own; an access code is generated where None.

    Attributes
    ----------
    package_id
        Of the package that this is for; slots are bound to it.
    key
        The package key.
    code
        The access code where one was generated.
    """

    def __init__(self, secret: str | None = None) -> None:
        self.package_id = new_package_id()
        self.key = secrets.token_bytes(KEY_LENGTH)
        self.code = generate_code() if secret is None else None
        pool = ThreadPoolExecutor(1, thread_name_prefix="emix-seal")
        self._first = pool.submit(self._derive, secret or self.code or "")
        pool.shutdown(wait=False)

    def _derive(self, secret: str) -> Slot:
        if find_code(secret) is not None:
            return make_code_slot(secret, self.key, package_id=self.package_id)[0]
        return make_passphrase_slot(secret, self.key, package_id=self.package_id)

    def slots(self, publics: Iterable[PublicIdentity]) -> list[Slot]:
        """Return the slot of the code or passphrase, and those of holders of keys.

        Raises
        ------
        PassphraseError
            The passphrase is too weak.
        """
        hpke = [make_hpke_slot(public, self.key, package_id=self.package_id) for public in publics]
        return [self._first.result(), *hpke]


def check_secret(secret: str) -> None:
    """Refuse a secret that is neither an access code nor a strong passphrase, before any work.

    Raises
    ------
    PassphraseError
        Too weak.
    """
    if find_code(secret) is None:
        check_passphrase(secret)

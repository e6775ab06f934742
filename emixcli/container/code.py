"""Access codes: ten random symbols and one that checks them, shown as `K7QM3-XVD9T-…`.

The check symbol makes the sum of `symbol x weight` zero in GF(32) (polynomial x^5 + x^2 + 1), where
the weights are the powers x^10 ... x^0. The weights differ, so one wrong symbol and any two swapped
ones are always found, before the slow key derivation runs.
"""

from __future__ import annotations

import secrets

from emixcli.container.encoding import ALPHABET
from emixcli.errors import PassphraseError

SYMBOLS = 10
_GROUP = 5
_POLYNOMIAL = 0b100101
_ALIASES = str.maketrans({"O": "0", "I": "1", "L": "1", "-": "", " ": "", "\t": ""})
_DASHES = (
    "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}\N{EN DASH}\N{MINUS SIGN}\N{NO-BREAK SPACE}"
)


def generate_code() -> str:
    """Return a new access code of 50 random bits, as it is shown."""
    symbols = "".join(secrets.choice(ALPHABET) for _ in range(SYMBOLS))
    return show_code(symbols + check_symbol(symbols))


def show_code(code: str) -> str:
    """Return a normalised code in groups: `K7QM3-XVD9T-R`."""
    return f"{code[:_GROUP]}-{code[_GROUP:SYMBOLS]}-{code[SYMBOLS:]}"


def check_symbol(symbols: str) -> str:
    """Return the check symbol of ten normalised symbols."""
    check = 0
    for symbol in symbols:
        check = (check ^ ALPHABET.index(symbol)) << 1
        if check & 32:
            check ^= _POLYNOMIAL
    return ALPHABET[check]


def find_code(text: str) -> str | None:
    """Return the normalised code, None where `text` is not one."""
    symbols = text.strip().upper().translate(dict.fromkeys(map(ord, _DASHES), "-"))
    symbols = symbols.translate(_ALIASES)
    well_formed = len(symbols) == SYMBOLS + 1 and all(symbol in ALPHABET for symbol in symbols)
    if well_formed and check_symbol(symbols[:SYMBOLS]) == symbols[SYMBOLS]:
        return symbols
    return None


def normalise_code(text: str) -> str:
    """Return ten symbols and the check symbol, upper case, without hyphens.

    Case, blanks and hyphens do not matter; O is read as 0, I and L as 1.

    Raises
    ------
    PassphraseError
        Wrong length, a symbol that no code has, or the check symbol does not fit.
    """
    code = find_code(text)
    if code is None:
        raise PassphraseError(
            "the access code is mistyped",
            hint="it has eleven letters and digits, like ABCDE-12345-X; compare each one",
        )
    return code

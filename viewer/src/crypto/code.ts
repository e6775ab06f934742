/** Access codes: ten symbols and a check symbol, `K7QM3-XVD9T-…` (docs/format/package-v1.md). */

/** Crockford's base32: no I, L, O, U. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOLS = 10;
/** x^5 + x^2 + 1, the field of the check symbol. */
const POLYNOMIAL = 0b100101;
const IGNORED = /[\s\u00a0\u2010\u2011\u2012\u2013\u2212-]/g;

/** The check symbol of ten normalised symbols. */
export function checkSymbol(symbols: string): string {
  let check = 0;
  for (const symbol of symbols) {
    check = (check ^ ALPHABET.indexOf(symbol)) << 1;
    if (check & 32) check ^= POLYNOMIAL;
  }
  return ALPHABET[check]!;
}

/** Eleven symbols, upper case, without hyphens; undefined where `text` is not an access code. */
export function findCode(text: string): string | undefined {
  const symbols = text.replace(IGNORED, "").toUpperCase().replace(/O/g, "0").replace(/[IL]/g, "1");
  if (symbols.length !== SYMBOLS + 1) return undefined;
  for (const symbol of symbols) if (!ALPHABET.includes(symbol)) return undefined;
  return checkSymbol(symbols.slice(0, SYMBOLS)) === symbols[SYMBOLS] ? symbols : undefined;
}

/** What is hashed of a passphrase: NFKC, outer blanks removed. */
export const normalisePassphrase = (text: string): string => text.normalize("NFKC").trim();

/** What a reader is told when something about the package is wrong. */
import type { PackageErrorCode } from "./types.ts";

const WORDS: Readonly<Record<PackageErrorCode, string>> = {
  "code.invalid": "This is not an access code: a letter or digit is missing or mistyped.",
  "code.wrong": "This access code does not open this package.",
  "slot.none": "This package cannot be opened with an access code.",
  "package.damaged": "The package is damaged: part of it is not what the sender wrote.",
  "package.swapped": "The package has been altered: it holds something else than the sender listed.",
  "package.truncated": "The package is incomplete: the file ends too early.",
  "package.version": "This package was made by a newer version of emix than this viewer can read.",
  "package.other": "This is another file than the one that this page belongs to.",
  "entry.missing": "The package does not hold this item.",
  "source.unreachable": "The package can no longer be read. Check the connection or the drive.",
  "source.forbidden":
    "The exchange no longer gives this package: it was revoked, has expired, or the session is over.",
  aborted: "No longer wanted.",
};

export const packageMessage = (code: PackageErrorCode): string => WORDS[code];

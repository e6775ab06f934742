/** Errors of a package in plain words. */
import { PackageError, type PackageErrorCode } from "../package/types.ts";
import { type StringKey, t } from "../strings.ts";

const WORDS: Readonly<Record<PackageErrorCode, StringKey>> = {
  "code.invalid": "unlock.mistyped",
  "code.wrong": "unlock.wrong",
  "slot.none": "error.slots",
  "package.damaged": "error.damaged",
  "package.swapped": "error.swapped",
  "package.truncated": "error.truncated",
  "package.version": "error.version",
  "package.other": "error.other",
  "entry.missing": "error.missing",
  "source.unreachable": "error.unreachable",
  "source.forbidden": "error.forbidden",
  aborted: "error.unknown",
};

/** What happened and what to do; what the program said is added by the caller as details. */
export function wordsOf(error: unknown): string {
  if (error instanceof PackageError) return t(WORDS[error.code] ?? "error.unknown");
  return t("error.unknown");
}

export function detailsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

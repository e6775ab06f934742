/** What the head of the page says of the package that it stands in; nothing of it is authenticated. */
import { checkFormat } from "../package/documents.ts";
import { failure } from "../package/reader.ts";
import type { Slot } from "../package/types.ts";

export interface Head {
  readonly packageId: string;
  /** Of the whole file. */
  readonly size: number;
  /** Offset of the first entry. */
  readonly pageLength: number;
  readonly slots: readonly Slot[];
}

const whole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Throws PackageError: package.other where the page stands in no package, package.version, package.damaged. */
export function readHead(packageText: string, slotsText: string): Head {
  if (packageText.includes("@@")) throw failure("package.other");
  let head: Record<string, unknown>;
  let slots: unknown;
  try {
    head = JSON.parse(packageText) as Record<string, unknown>;
    slots = (JSON.parse(slotsText) as { slots?: unknown }).slots;
  } catch {
    throw failure("package.damaged");
  }
  checkFormat(head["format"]);
  const { package_id: packageId, size, page_length: pageLength } = head;
  if (typeof packageId !== "string" || !whole(size) || !whole(pageLength) || pageLength >= size)
    throw failure("package.damaged");
  const usable = Array.isArray(slots)
    ? (slots as Slot[]).filter((slot) => typeof slot === "object" && slot !== null)
    : [];
  return { packageId, size, pageLength, slots: usable };
}

/** The package id in the first bytes of a file, undefined where it is no package. */
export function findPackageId(head: string): string | undefined {
  const text = /id="emix-package">([^<]*)</.exec(head)?.[1];
  try {
    return String((JSON.parse(text ?? "") as Record<string, unknown>)["package_id"]);
  } catch {
    return undefined;
  }
}

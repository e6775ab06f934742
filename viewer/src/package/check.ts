/** Does the file hold what its manifest says? ZIP's own names, places and sizes are not authenticated. */
import { Turns } from "../base/turns.ts";
import { type Manifest, type ManifestEntry, PackageError, type PackageErrorCode } from "./types.ts";
import { packageMessage } from "./words.ts";
import type { ZipRecord } from "./zip.ts";

export interface Facts {
  readonly packageId: string;
  /** SHA-256 of the index that was read. */
  readonly index: string;
  readonly records: ReadonlyMap<string, ZipRecord>;
  /** Entries that are written after the manifest's content is known. */
  readonly exempt: readonly string[];
}

const fail = (code: PackageErrorCode): PackageError => new PackageError(code, packageMessage(code));

/** The manifest's entries by name. Throws PackageError. */
export async function checkManifest(manifest: Manifest, facts: Facts): Promise<Map<string, ManifestEntry>> {
  const turns = new Turns();
  if (manifest.package_id !== facts.packageId || manifest.index_sha256 !== facts.index)
    throw fail("package.swapped");
  const entries = new Map<string, ManifestEntry>();
  for (const entry of manifest.entries) {
    const record = facts.records.get(entry.name);
    if (!record) throw fail("package.damaged");
    if (entries.has(entry.name) || !agree(entry, record)) throw fail("package.swapped");
    entries.set(entry.name, entry);
    const rest = turns.rest();
    if (rest) await rest;
  }
  for (const name of facts.records.keys())
    if (!entries.has(name) && !facts.exempt.includes(name)) throw fail("package.swapped");
  return entries;
}

const agree = (entry: ManifestEntry, record: ZipRecord): boolean =>
  entry.offset === record.offset &&
  entry.data_length === record.dataLength &&
  entry.size === record.size &&
  (entry.method === "deflated") === record.deflated &&
  entry.data_offset > record.offset;

/**
 * How the viewer finds the package that it stands in (DESIGN 3.1), and how the recipient page opens one
 * on the exchange.
 */
import { type Bytes, fromBase64, toBase64Url } from "../base/bytes.ts";
import { findCode } from "../crypto/code.ts";
import { authProof, unwrap, wrapKey } from "../crypto/slots.ts";
import { type Catalog, CentralCatalog, ParsedCatalog } from "../package/catalog.ts";
import { LockedPackage } from "../package/locked.ts";
import type { WorkerPool } from "../package/pool.ts";
import { failure, PackageReader, toPackageError } from "../package/reader.ts";
import { type CodeSlot, type Locked, type OpenPackage, PackageError } from "../package/types.ts";
import { FileSource, fetchSelf } from "../source/file.ts";
import { ParsedSource } from "../source/parsed.ts";
import { RangeSource } from "../source/range.ts";
import type { Source } from "../source/source.ts";
import { findPackageId, type Head, readHead } from "./head.ts";
import { readAhead, readServed, servedCodecs } from "./served.ts";
import { createPool, pageEnd } from "./workers.ts";

/** Up to this size a file from disk is parsed to its end by the browser: no click is needed. */
const PARSE_LIMIT = 100_000_000;

const text = (id: string): string => document.getElementById(id)?.textContent ?? "";

/**
 * Calls `onLocked` as soon as an access code can be tried. Where the page cannot read itself,
 * `onNeedFile` asks for this same file by drop or choice: call `accept` with it, as often as needed (a wrong
 * file is reported to `onError` with code package.other).
 */
export function boot(
  onLocked: (locked: Locked) => void,
  onNeedFile: (accept: (file: File) => void) => void,
  onError: (error: PackageError) => void,
): void {
  const report = (error: unknown): void => {
    const known = toPackageError(error);
    onError(known instanceof PackageError ? known : failure("package.damaged"));
  };
  try {
    const head = readHead(text("emix-package"), text("emix-slots"));
    if (/^https?:$/.test(location.protocol)) {
      const { source, catalog } = readServed(head);
      lock(head, createPool(servedCodecs(source, head.pageLength)), onLocked)(source, catalog);
      return;
    }
    const found = lock(head, createPool(), onLocked);
    void choose(head, found, onNeedFile, report).catch(report);
  } catch (error) {
    report(error);
  }
}

type Found = (source: Source, catalog: Catalog) => void;

const lock =
  (head: Head, pool: WorkerPool, onLocked: (locked: Locked) => void): Found =>
  (source, catalog) =>
    onLocked(
      new LockedPackage(head.slots, head.packageId, pool, (key) =>
        PackageReader.open(source, catalog, pool, key, { packageId: head.packageId, size: head.size }),
      ),
    );

async function choose(
  head: Head,
  found: Found,
  onNeedFile: (accept: (file: File) => void) => void,
  report: (error: unknown) => void,
): Promise<void> {
  if (head.size <= PARSE_LIMIT) {
    const source = new ParsedSource(head.size, head.pageLength, fromBase64);
    found(source, new ParsedCatalog(source));
    return;
  }
  await pageEnd;
  window.stop();
  const self = await fetchSelf();
  if (self?.size === head.size) {
    found(self, new CentralCatalog(self));
    return;
  }
  onNeedFile((file) => {
    void accept(head, file, found).catch(report);
  });
}

async function accept(head: Head, file: File, found: Found): Promise<void> {
  let start: string;
  try {
    start = new TextDecoder("latin1").decode(
      await file.slice(0, Math.min(file.size, 128 << 10)).arrayBuffer(),
    );
  } catch {
    throw failure("source.unreachable");
  }
  if (findPackageId(start) !== head.packageId) throw failure("package.other");
  if (file.size !== head.size) throw failure("package.truncated");
  const source = new FileSource(file);
  found(source, new CentralCatalog(source));
}

// ------------------------------------------------------------------- on the exchange

let shared: WorkerPool | undefined;
const sharedPool = (): WorkerPool => {
  shared ??= createPool();
  return shared;
};

/** What an access code gives: the proof for the exchange and the key that unwraps the slot. */
export interface CodeSecret {
  /** base64url of `auth`. */
  readonly proof: string;
  readonly wrapKey: Bytes;
}

/** Argon2id off the main thread. Rejects with PackageError code.invalid on a mistyped code. */
export async function deriveCode(code: string, kdf: CodeSlot["kdf"]): Promise<CodeSecret> {
  const secret = findCode(code);
  if (secret === undefined) throw failure("code.invalid");
  const { derived } = await sharedPool().run({ type: "argon2", secret, kdf } as const);
  return { proof: toBase64Url(await authProof(derived)), wrapKey: await wrapKey(derived) };
}

export interface RangeRequest {
  /** Of the whole package file. */
  readonly url: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  readonly slot: CodeSlot;
  readonly packageId: string;
  /** From `deriveCode`, so that Argon2id runs once for the proof and the key. */
  readonly secret: CodeSecret;
  readonly signal?: AbortSignal;
}

/** Opens a package by Range requests. */
export async function openRange(request: RangeRequest): Promise<OpenPackage> {
  try {
    const source = new RangeSource(request.url, { token: request.token, signal: request.signal });
    const catalog = readAhead(source);
    const key = await unwrap(request.slot, request.secret.wrapKey, request.packageId);
    if (!key) throw failure("code.wrong");
    const { packageId } = request;
    return await PackageReader.open(source, catalog, sharedPool(), key, { packageId });
  } catch (error) {
    throw toPackageError(error);
  }
}

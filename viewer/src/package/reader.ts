/** An open package: hands out entries and frames, each checked against the manifest. */
import { fromBase64, fromUtf8, toBase64Url } from "../base/bytes.ts";
import { verifyEd25519 } from "../crypto/signature.ts";
import { LEAD } from "../crypto/winzip.ts";
import { type DecodedFrame, type FrameSpec, UID } from "../decode/spec.ts";
import { type Bytes, type Source, SourceError } from "../source/source.ts";
import type { Catalog } from "./catalog.ts";
import { checkManifest } from "./check.ts";
import { openIndex, openManifest } from "./documents.ts";
import type { Content } from "./jobs.ts";
import type { JobRunner } from "./pool.ts";
import {
  type Index,
  type Manifest,
  type ManifestEntry,
  type OpenPackage,
  PackageError,
  type PackageErrorCode,
  type SignatureState,
} from "./types.ts";
import { packageMessage } from "./words.ts";
import { HEADER_ROOM, ZipError, type ZipRecord } from "./zip.ts";

export const INDEX = "EMIX/INDEX.JSN";
const MANIFEST = "EMIX/MANIFEST.JSN";
const SIGNATURE = "EMIX/MANIFEST.SIG";
/** Decrypted multi-frame objects without a frame table that are kept. */
const CACHE = 192 << 20;
const LATER = 5;
/** The manifest is checked this long after the first image was handed out, or after the index was read. */
const DRAW_MS = 60;
const QUIET_MS = 300;

export const failure = (code: PackageErrorCode): PackageError => new PackageError(code, packageMessage(code));

/** Errors of the rooms below, in the words of the seam. */
export function toPackageError(error: unknown): unknown {
  if (error instanceof ZipError) return failure("package.damaged");
  if (!(error instanceof SourceError)) return error;
  switch (error.code) {
    case "truncated":
      return failure("package.truncated");
    case "forbidden":
      return failure("source.forbidden");
    case "aborted":
      return failure("aborted");
    default:
      return failure("source.unreachable");
  }
}

/** An entry that has been opened before the index said that it is an image. */
interface Early {
  readonly name: string;
  readonly bytes: Bytes;
  readonly sha256: string;
}

export interface Expected {
  readonly packageId: string;
  /** Of the file, where the page's head says it. */
  readonly size?: number | undefined;
}

export class PackageReader implements OpenPackage {
  readonly index: Index;
  readonly password: string;
  readonly manifest: Promise<Manifest>;
  readonly signature: Promise<SignatureState>;
  readonly #source: Source;
  readonly #catalog: Catalog;
  readonly #pool: JobRunner;
  readonly #indexHash: string;
  /** Resolves when the manifest may be checked: the first image has the processors to itself. */
  readonly #quiet: Promise<void>;
  #endQuiet: () => void = () => undefined;
  /** Set once the manifest has been read and found right. */
  #entries: ReadonlyMap<string, ManifestEntry> | undefined;
  /** Hashes of what was handed out before. */
  readonly #seen = new Map<string, string>();
  readonly #plain = new Map<string, Promise<Bytes>>();
  #early: Promise<Early | undefined> | undefined;
  readonly #listeners: ((error: PackageError) => void)[] = [];
  #damage: PackageError | undefined;

  private constructor(
    source: Source,
    catalog: Catalog,
    pool: JobRunner,
    opened: {
      index: Index;
      hash: string;
      password: string;
      expected: Expected;
      early: Promise<Early | undefined>;
    },
  ) {
    this.#source = source;
    this.#catalog = catalog;
    this.#pool = pool;
    this.index = opened.index;
    this.#indexHash = opened.hash;
    this.password = opened.password;
    this.#early = opened.early;
    this.#quiet = new Promise((resolve) => {
      this.#endQuiet = resolve;
      setTimeout(resolve, QUIET_MS);
    });
    const manifest = this.#readManifest(opened.expected);
    this.manifest = manifest.then(({ document }) => document);
    this.manifest.catch((error: unknown) => this.#report(error));
    this.signature = manifest
      .then(({ bytes }) => this.#checkSignature(bytes))
      .catch(() => "invalid" as const);
  }

  /** Reads the index. The key is known to be right, since its slot was authenticated. */
  static async open(
    source: Source,
    catalog: Catalog,
    pool: JobRunner,
    key: Bytes,
    expected: Expected,
  ): Promise<PackageReader> {
    const password = toBase64Url(key);
    pool.setPassword(password);
    try {
      const record = await catalog.find(INDEX);
      if (!record) {
        await catalog.all;
        throw failure("package.damaged");
      }
      const early = openFirst(source, catalog, pool);
      early.catch(() => undefined);
      const content = await sealed(source, record, undefined, -1);
      const { batches, sha256 } = await pool.run({ type: "index", content } as const, -1);
      const index = await openIndex(batches);
      if (index.package_id !== expected.packageId) throw failure("package.swapped");
      return new PackageReader(source, catalog, pool, { index, hash: sha256, password, expected, early });
    } catch (error) {
      throw toPackageError(error);
    }
  }

  get progress(): { readonly loaded: number; readonly total: number } {
    return this.#source.progress;
  }

  onDamage(listener: (error: PackageError) => void): void {
    this.#listeners.push(listener);
    if (this.#damage) listener(this.#damage);
  }

  #report(error: unknown): void {
    if (!(error instanceof PackageError) || error.code === "aborted") return;
    this.#damage ??= error;
    for (const listener of this.#listeners) listener(error);
  }

  // ---------------------------------------------------------------------- manifest

  async #readManifest(expected: Expected): Promise<{ document: Manifest; bytes: Bytes }> {
    try {
      const record = await this.#catalog.find(MANIFEST);
      const records = await this.#catalog.all;
      if (!record) throw failure("package.truncated");
      const content = await sealed(this.#source, record, undefined, LATER);
      await this.#quiet;
      const { batches, bytes } = await this.#pool.run({ type: "manifest", content } as const, LATER);
      const document = await openManifest(batches);
      const size = this.#source.size;
      if (expected.size !== undefined && size !== expected.size) throw failure("package.truncated");
      const entries = await checkManifest(document, {
        packageId: expected.packageId,
        index: this.#indexHash,
        records,
        exempt: [MANIFEST, SIGNATURE],
      });
      for (const [name, hash] of this.#seen)
        if (entries.get(name)?.sha256 !== hash) throw failure("package.swapped");
      this.#entries = entries;
      this.#seen.clear();
      return { document, bytes };
    } catch (error) {
      throw toPackageError(error);
    }
  }

  async #checkSignature(manifest: Bytes): Promise<SignatureState> {
    const record = await this.#catalog.find(SIGNATURE);
    if (!record) return "absent";
    const content = await sealed(this.#source, record, undefined, LATER);
    const { bytes } = await this.#pool.run({ type: "open", content } as const, LATER);
    const { alg, key, signature } = JSON.parse(fromUtf8(bytes)) as Record<string, unknown>;
    // the key must be the one that the index names as the sender's
    if (alg !== "Ed25519" || key !== this.index.sender?.key) return "invalid";
    return await verifyEd25519(fromBase64(String(key)), fromBase64(String(signature)), manifest);
  }

  /** The manifest's word on an entry; undefined until it is known or where it never will be. */
  #expect(name: string): string | undefined {
    const listed = this.#entries?.get(name);
    if (this.#entries && !listed) throw failure("entry.missing");
    return listed?.sha256;
  }

  /** Keeps the hash of what was handed out before the manifest was known. */
  #remember(name: string, hash: string): void {
    const listed = this.#entries?.get(name);
    if (listed && listed.sha256 !== hash) {
      const error = failure("package.swapped");
      this.#report(error);
      throw error;
    }
    if (!this.#entries) this.#seen.set(name, hash);
  }

  // ----------------------------------------------------------------------- entries

  async #whole(name: string, priority: number, signal?: AbortSignal): Promise<Content> {
    const record = await this.#catalog.find(name);
    if (!record) {
      await this.#catalog.all;
      throw failure("entry.missing");
    }
    return await sealed(this.#source, record, this.#expect(name), priority, signal);
  }

  async entry(name: string, priority = 0, signal?: AbortSignal): Promise<Bytes> {
    try {
      const content = await this.#whole(name, priority, signal);
      const { bytes, sha256 } = await this.#pool.run({ type: "open", content } as const, priority, signal);
      this.#remember(name, sha256);
      return bytes;
    } catch (error) {
      throw toPackageError(error);
    }
  }

  async bytes(name: string, offset: number, length: number, priority = 0): Promise<Bytes> {
    try {
      const part = await this.#part(name, offset, length, priority);
      if (part) return (await this.#pool.run({ type: "open", content: part } as const, priority)).bytes;
      const whole = await this.#cached(name, priority);
      if (offset < 0 || offset + length > whole.length) throw failure("package.damaged");
      return whole.slice(offset, offset + length);
    } catch (error) {
      throw toPackageError(error);
    }
  }

  /** A frame of the manifest's table by its range; undefined where it is none. */
  async #part(
    name: string,
    offset: number,
    length: number,
    priority: number,
    signal?: AbortSignal,
  ): Promise<Content | undefined> {
    const listed = this.#entries?.get(name);
    const row = listed?.frames?.find((frame) => frame[0] === offset && frame[1] === length);
    return listed && row ? await this.#sealedPart(listed, row, priority, signal) : undefined;
  }

  async #sealedPart(
    listed: ManifestEntry,
    [offset, length, sha256]: readonly [number, number, string],
    priority: number,
    signal?: AbortSignal,
  ): Promise<Content> {
    const start = listed.data_offset;
    const [lead, input] = await Promise.all([
      this.#source.read(start, LEAD, { priority, signal }),
      this.#source.read(start + LEAD + offset, length, { priority, signal }),
    ]);
    return { kind: "part", lead, input, offset, sha256 };
  }

  /** The content of a multi-frame object that has no frame table, opened once. */
  #cached(name: string, priority: number): Promise<Bytes> {
    let plain = this.#plain.get(name);
    if (!plain) {
      plain = this.entry(name, priority);
      this.#plain.set(name, plain);
      plain.then(
        () => this.#trim(name),
        () => this.#plain.delete(name),
      );
    }
    return plain;
  }

  async #trim(latest: string): Promise<void> {
    let total = 0;
    for (const [name, plain] of [...this.#plain].reverse()) {
      total += (await plain.catch(() => new Uint8Array(0))).length;
      if (total > CACHE && name !== latest) this.#plain.delete(name);
    }
  }

  // ------------------------------------------------------------------------ frames

  /** One decoded frame; see decode/index.ts. */
  async frame(
    name: string,
    spec: FrameSpec,
    frame: number,
    priority: number,
    signal?: AbortSignal,
  ): Promise<DecodedFrame> {
    try {
      if (spec.frames > 1) return await this.#oneOfMany(name, spec, frame, priority, signal);
      const early = await this.#takeEarly(name);
      const content: Content = early
        ? { kind: "plain", input: early.bytes }
        : await this.#whole(name, priority, signal);
      const job = { type: "frame", content, spec, frame, alone: false } as const;
      const result = await this.#pool.run(job, priority, signal);
      this.#remember(name, early?.sha256 ?? result.sha256);
      if (!this.#entries) setTimeout(this.#endQuiet, DRAW_MS);
      return result.frame;
    } catch (error) {
      throw toPackageError(error);
    }
  }

  /** What was opened ahead, once; later calls find nothing. */
  async #takeEarly(name: string): Promise<Early | undefined> {
    const early = this.#early;
    this.#early = undefined;
    const opened = await early?.catch(() => undefined);
    return opened?.name === name ? opened : undefined;
  }

  async #oneOfMany(
    name: string,
    spec: FrameSpec,
    frame: number,
    priority: number,
    signal?: AbortSignal,
  ): Promise<DecodedFrame> {
    this.#endQuiet();
    // the manifest comes soon, except while the page is parsed
    if (!this.#entries && this.#source.progress.loaded !== this.#source.progress.total)
      await Promise.race([this.manifest.catch(() => undefined), this.#catalog.find(name)]);
    const listed = this.#entries?.get(name);
    const row = needsWhole(spec) ? undefined : listed?.frames?.[frame];
    if (listed && row) {
      const content = await this.#sealedPart(listed, row, priority, signal);
      const job = { type: "frame", content, spec, frame, alone: true } as const;
      return (await this.#pool.run(job, priority, signal)).frame;
    }
    const input = await this.#cached(name, priority);
    const job = {
      type: "frame",
      content: { kind: "plain", input: input.slice() },
      spec,
      frame,
      alone: false,
    } as const;
    return (await this.#pool.run(job, priority, signal)).frame;
  }
}

/** Whether bytes are swapped in pairs is told by the header before the first frame (see decode/frame.ts). */
const needsWhole = (spec: FrameSpec): boolean =>
  spec.transferSyntax === UID.bigEndian && spec.bitsAllocated <= 8;

/** Opens the image that will probably be shown first, while the index is read. */
async function openFirst(source: Source, catalog: Catalog, pool: JobRunner): Promise<Early | undefined> {
  const record = await catalog.first;
  if (!record) return undefined;
  const content = await sealed(source, record, undefined, 0);
  const { bytes, sha256 } = await pool.run({ type: "open", content } as const, 0);
  return { name: record.name, bytes, sha256 };
}

/** An entry as the worker takes it: from its local header on. */
async function sealed(
  source: Source,
  record: ZipRecord,
  sha256: string | undefined,
  priority: number,
  signal?: AbortSignal,
): Promise<Content> {
  const input = await source.read(record.offset, HEADER_ROOM + record.dataLength, { priority, signal });
  return { kind: "entry", name: record.name, input, sha256 };
}

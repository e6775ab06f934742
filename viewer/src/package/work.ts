/** A worker's trade: read, decrypt, check, inflate, decode. Nothing here needs a worker around it. */
import { type Bytes, fromUtf8 } from "../base/bytes.ts";
import { InflateError, inflate } from "../base/inflate.ts";
import { Cipher } from "../crypto/aes.ts";
import { sha256 } from "../crypto/hash.ts";
import { argon2, SlotError } from "../crypto/slots.ts";
import {
  AuthenticationError,
  checkLead,
  deriveKeys,
  type EntryKeys,
  importPassword,
  openEntry,
  SALT,
} from "../crypto/winzip.ts";
import { type CodecSource, decode } from "../decode/frame.ts";
import { FrameError, type FrameSpec, UID } from "../decode/spec.ts";
import { packIndex, packManifest } from "./documents.ts";
import type { Content, FailureKind, Job, SealedEntry, SealedPart } from "./jobs.ts";
import { PackageError, type PackageErrorCode } from "./types.ts";
import { readLocal, ZipError } from "./zip.ts";

/** Bytes after which the browser has made its fast code of the cipher. */
const WARM = 1 << 19;
/** And an image, after which it has that for pixels. */
const WARM_IMAGE: FrameSpec = {
  transferSyntax: UID.explicit,
  rows: 64,
  columns: 512,
  samples: 1,
  planar: 0,
  photometric: "MONOCHROME2",
  bitsAllocated: 16,
  bitsStored: 12,
  highBit: 11,
  signed: false,
  frames: 1,
  pixelOffset: 0,
  pixelLength: 1 << 16,
  pixelType: "integer",
  deflatedFrom: null,
  palette: null,
};

class Failure extends Error {
  constructor(readonly code: PackageErrorCode) {
    super(code);
  }
}

type FrameJob = Extract<Job, { readonly type: "frame" }>;

interface Opened {
  readonly bytes: Bytes;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Deflate cannot pack more tightly (RFC 1951: 258 bytes in two bits). */
const MOST_RATIO = 1032;
/** Keys of multi-frame entries that are kept: deriving them costs more than a small frame. */
const MAX_KEYS = 64;

async function toBytes(input: Blob | Bytes): Promise<Bytes> {
  if (input instanceof Uint8Array) return input;
  try {
    return new Uint8Array(await input.arrayBuffer());
  } catch {
    throw new Failure("source.unreachable");
  }
}

/** Bytes that own their memory, so that it can be handed over. */
const owned = (bytes: Bytes): Bytes => (bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice());

export class Bench {
  readonly #cipher = Cipher.load();
  readonly #codecs: CodecSource;
  readonly #partKeys = new Map<string, Promise<EntryKeys>>();
  #password: Promise<CryptoKey> | undefined;

  constructor(codecs: CodecSource) {
    this.#codecs = codecs;
  }

  /** Goes once through what every entry needs, so that the first one finds it compiled and loaded. */
  async warm(): Promise<void> {
    const password = await importPassword("warm");
    const { aes } = await deriveKeys(password, new Uint8Array(SALT));
    const bytes = new Uint8Array(WARM);
    (await this.#cipher).apply(aes, bytes);
    await decode(WARM_IMAGE, bytes, 0, false, this.#codecs);
    await sha256(await inflate(new Uint8Array([0x63, 0, 0]), 1));
  }

  setPassword(password: string): void {
    this.#password = importPassword(password);
  }

  /** The result of a job, and memory that may be handed over with it. */
  async run(job: Job): Promise<readonly [unknown, ArrayBuffer[]]> {
    if (job.type === "argon2") return [{ derived: await argon2(job.secret, job.kdf) }, []];
    const opened = await this.#open(job.content);
    if (job.type === "open") {
      const bytes = owned(opened.bytes);
      return [{ bytes, sha256: opened.sha256 }, [bytes.buffer]];
    }
    if (job.type === "frame") return await this.#decode(job, opened);
    const bytes = owned(opened.bytes);
    const batches = (job.type === "index" ? packIndex : packManifest)(fromUtf8(bytes));
    return [{ batches, bytes, sha256: opened.sha256 }, [bytes.buffer]];
  }

  async #decode(job: FrameJob, opened: Opened): Promise<readonly [unknown, ArrayBuffer[]]> {
    const frame = await decode(job.spec, opened.bytes, job.frame, job.alone, this.#codecs);
    const data = frame.data.byteLength === frame.data.buffer.byteLength ? frame.data : frame.data.slice();
    return [{ frame: { ...frame, data }, sha256: opened.sha256 }, [data.buffer]];
  }

  async #getPassword(): Promise<CryptoKey> {
    if (!this.#password) throw new Failure("code.wrong");
    return await this.#password;
  }

  /** Content and its SHA-256; only what was authenticated. */
  async #open(content: Content): Promise<Opened> {
    if (content.kind === "plain") return { bytes: content.input, sha256: "" };
    return content.kind === "entry" ? await this.#openWhole(content) : await this.#openPart(content);
  }

  async #openWhole(content: SealedEntry): Promise<Opened> {
    const input = await toBytes(content.input);
    const entry = readLocal(input, 0);
    if (entry.name !== content.name) throw new Failure("package.swapped");
    const data = input.subarray(entry.dataOffset, entry.dataOffset + entry.dataLength);
    if (data.length < entry.dataLength) throw new Failure("package.truncated");
    // the size in the header is not authenticated
    if (entry.size > data.length * MOST_RATIO) throw new Failure("package.damaged");
    const plain = await openEntry(await this.#cipher, await this.#getPassword(), data);
    const bytes = entry.deflated ? await inflate(plain, entry.size, true) : plain;
    if (bytes.length !== entry.size) throw new Failure("package.damaged");
    const digest = await sha256(bytes);
    // authentic, but not what the manifest says stands here
    if (content.sha256 !== undefined && digest !== content.sha256) throw new Failure("package.swapped");
    return { bytes, sha256: digest };
  }

  /** A frame: there is no HMAC over it, so its hash in the manifest vouches for it. */
  async #openPart(content: SealedPart): Promise<Opened> {
    const keys = await this.#keysOf(await toBytes(content.lead));
    const bytes = await toBytes(content.input);
    (await this.#cipher).apply(keys.aes, bytes, content.offset);
    const digest = await sha256(bytes);
    if (digest !== content.sha256) throw new Failure("package.damaged");
    return { bytes, sha256: digest };
  }

  #keysOf(lead: Bytes): Promise<EntryKeys> {
    const id = String.fromCharCode(...lead);
    let keys = this.#partKeys.get(id);
    if (!keys) {
      keys = this.#deriveKeys(lead);
      this.#partKeys.set(id, keys);
      for (const oldest of this.#partKeys.keys()) {
        if (this.#partKeys.size <= MAX_KEYS) break;
        this.#partKeys.delete(oldest);
      }
    }
    return keys;
  }

  async #deriveKeys(lead: Bytes): Promise<EntryKeys> {
    const keys = await deriveKeys(await this.#getPassword(), lead.slice(0, SALT));
    checkLead(keys, lead);
    return keys;
  }
}

/** What kind of failure an error is, and words for the screen where it has some. */
export function explain(error: unknown): { readonly failure: FailureKind; readonly message: string } {
  if (error instanceof FrameError) return { failure: { decode: error.code }, message: error.message };
  if (error instanceof PackageError) return { failure: { package: error.code }, message: "" };
  if (error instanceof Failure) return { failure: { package: error.code }, message: "" };
  const damaged = [SlotError, AuthenticationError, InflateError, ZipError].some(
    (type) => error instanceof type,
  );
  return { failure: damaged ? { package: "package.damaged" } : { decode: "damaged" }, message: "" };
}

/** A worker: reads, decrypts, checks, inflates and decodes, so that the page's own thread stays free. */
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
import type { Codec, CodecName, CodecTable } from "../decode/codecs/emscripten.ts";
import { decode } from "../decode/frame.ts";
import { FrameError } from "../decode/spec.ts";
import type { Content, FailureKind, FromWorker, Job, SealedEntry, SealedPart, ToWorker } from "./jobs.ts";
import type { PackageErrorCode } from "./types.ts";
import { readLocal, ZipError } from "./zip.ts";

type Bytes = Uint8Array<ArrayBuffer>;

interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  importScripts(url: string): void;
  readonly emixCodecs?: CodecTable;
}

const scope = globalThis as unknown as WorkerScope;
const cipher = Cipher.load();
let password: Promise<CryptoKey> | undefined;

class Failure extends Error {
  constructor(readonly code: PackageErrorCode) {
    super(code);
  }
}

// --------------------------------------------------------------------------- codecs

const codecs = new Map<CodecName, Promise<Codec>>();
const scripts = new Map<string, (text: string) => void>();

function getCodec(name: CodecName): Promise<Codec> {
  let codec = codecs.get(name);
  if (!codec) {
    codec = loadCodec(name);
    codecs.set(name, codec);
  }
  return codec;
}

async function loadCodec(name: CodecName): Promise<Codec> {
  const text = await new Promise<string>((resolve) => {
    scripts.set(name, resolve);
    scope.postMessage({ need: name });
  });
  // at file:// a worker cannot load the page's blobs, only its own
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  scope.importScripts(url);
  URL.revokeObjectURL(url);
  const load = scope.emixCodecs?.[name];
  if (!load) throw new FrameError("unsupported", "This kind of compression is not supported.");
  return await load();
}

// -------------------------------------------------------------------------- opening

async function toBytes(input: Blob | Bytes): Promise<Bytes> {
  if (input instanceof Uint8Array) return input;
  try {
    return new Uint8Array(await input.arrayBuffer());
  } catch {
    throw new Failure("source.unreachable");
  }
}

async function getPassword(): Promise<CryptoKey> {
  if (!password) throw new Failure("code.wrong");
  return await password;
}

/** Content and its SHA-256; only what was authenticated. */
async function open(content: Content): Promise<{ bytes: Bytes; sha256: string }> {
  if (content.kind === "plain") return { bytes: content.input, sha256: "" };
  return content.kind === "entry" ? await openWhole(content) : await openPart(content);
}

async function openWhole(content: SealedEntry): Promise<{ bytes: Bytes; sha256: string }> {
  const input = await toBytes(content.input);
  const entry = readLocal(input, 0);
  if (entry.name !== content.name) throw new Failure("package.swapped");
  const data = input.subarray(entry.dataOffset, entry.dataOffset + entry.dataLength);
  if (data.length < entry.dataLength) throw new Failure("package.truncated");
  const plain = await openEntry(await cipher, await getPassword(), data);
  const bytes = entry.deflated ? await inflate(plain, entry.size, true) : plain;
  if (bytes.length !== entry.size) throw new Failure("package.damaged");
  const digest = await sha256(bytes);
  // authentic, but not what the manifest says stands here
  if (content.sha256 !== undefined && digest !== content.sha256) throw new Failure("package.swapped");
  return { bytes, sha256: digest };
}

/** The keys of multi-frame entries, by salt: deriving them costs more than a small frame. */
const partKeys = new Map<string, Promise<EntryKeys>>();
const MAX_KEYS = 64;

function keysOf(lead: Bytes): Promise<EntryKeys> {
  const id = String.fromCharCode(...lead);
  let keys = partKeys.get(id);
  if (!keys) {
    keys = getPassword().then(async (key) => {
      const derived = await deriveKeys(key, lead.slice(0, SALT));
      checkLead(derived, lead);
      return derived;
    });
    partKeys.set(id, keys);
    for (const oldest of partKeys.keys()) {
      if (partKeys.size <= MAX_KEYS) break;
      partKeys.delete(oldest);
    }
  }
  return keys;
}

/** A frame: there is no HMAC over it, so its hash in the manifest vouches for it. */
async function openPart(content: SealedPart): Promise<{ bytes: Bytes; sha256: string }> {
  const keys = await keysOf(await toBytes(content.lead));
  const bytes = await toBytes(content.input);
  (await cipher).apply(keys.aes, bytes, content.offset);
  const digest = await sha256(bytes);
  if (digest !== content.sha256) throw new Failure("package.damaged");
  return { bytes, sha256: digest };
}

// ----------------------------------------------------------------------------- jobs

/** Bytes that own their memory, so that it can be handed over. */
const owned = (bytes: Bytes): Bytes => (bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice());

async function run(job: Job): Promise<readonly [unknown, ArrayBuffer[]]> {
  if (job.type === "argon2") {
    const derived = await argon2(job.secret, job.kdf);
    return [{ derived }, []];
  }
  const opened = await open(job.content);
  if (job.type === "open") {
    const bytes = owned(opened.bytes);
    return [{ bytes, sha256: opened.sha256 }, [bytes.buffer]];
  }
  const frame = await decode(job.spec, opened.bytes, job.frame, job.alone, getCodec);
  const data = frame.data.byteLength === frame.data.buffer.byteLength ? frame.data : frame.data.slice();
  return [{ frame: { ...frame, data }, sha256: opened.sha256 }, [data.buffer]];
}

function explain(error: unknown): FailureKind {
  if (error instanceof FrameError) return { decode: error.code };
  if (error instanceof Failure) return { package: error.code };
  if (error instanceof SlotError) return { package: "package.damaged" };
  if (error instanceof AuthenticationError || error instanceof InflateError || error instanceof ZipError)
    return { package: "package.damaged" };
  return { decode: "damaged" };
}

scope.onmessage = ({ data: message }) => {
  if ("password" in message) {
    password = importPassword(message.password);
  } else if ("codec" in message) {
    scripts.get(message.codec)?.(message.text);
  } else {
    const { id, job } = message;
    run(job).then(
      ([result, transfer]) => scope.postMessage({ id, result }, transfer),
      (error: unknown) =>
        scope.postMessage({
          id,
          failure: explain(error),
          message: error instanceof FrameError ? error.message : "",
        }),
    );
  }
};

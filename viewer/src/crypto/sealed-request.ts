/** A request for images, sealed for those who answer it (docs/format/request-v1.md). */
import { type Bytes, concat, equal, fromBase64, toBase64Url, toHex, toUtf8 } from "../base/bytes.ts";
import { sha256 } from "./hash.ts";
import { sealTo } from "./hpke.ts";
import { verifyEd25519 } from "./signature.ts";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const PADDING = 1024;
const SUITE = "x25519-hkdfsha256-aes256gcm";

/** Somebody who can open requests. */
export interface Reader {
  readonly fingerprint: string;
  readonly x25519: Bytes;
}

/** A key that the exchange gave is none, or its parts do not belong together. */
export class ReaderKeyError extends Error {}

/** The reader of a public key file, its signature and fingerprint checked. */
export async function readKey(text: string): Promise<Reader> {
  let signing: Bytes;
  let x25519: Bytes;
  let mlkem: Bytes;
  let signature: Bytes;
  try {
    const found = JSON.parse(text) as Record<string, string | undefined>;
    signing = fromBase64(found["ed25519"] ?? "");
    x25519 = fromBase64(found["x25519"] ?? "");
    mlkem = fromBase64(found["mlkem768"] ?? "");
    signature = fromBase64(found["signature"] ?? "");
  } catch {
    throw new ReaderKeyError();
  }
  if (signing.length !== 32 || x25519.length !== 32) throw new ReaderKeyError();
  const bound = concat([toUtf8("emix/v1/keys"), x25519, mlkem]);
  if ((await verifyEd25519(signing, signature, bound)) === "invalid") throw new ReaderKeyError();
  const digest = await sha256(concat([toUtf8("emix/v1/fingerprint"), signing]));
  return { fingerprint: digest.slice(0, 40), x25519 };
}

/** 26 symbols of 128 random bits, as a package id. */
export function newBinding(random: Bytes = crypto.getRandomValues(new Uint8Array(16))): string {
  let number = BigInt(`0x${toHex(random)}`);
  let text = "";
  for (let i = 0; i < 26; i++) {
    text = ALPHABET[Number(number & 31n)] + text;
    number >>= 5n;
  }
  return text;
}

const FORMS: readonly (readonly [string, Bytes])[] = [
  ["application/pdf", toUtf8("%PDF-")],
  ["image/jpeg", Uint8Array.of(0xff, 0xd8, 0xff)],
  ["image/png", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)],
];

/** What a signed form is by its first bytes; undefined where it is nothing that is taken. */
export function formType(form: Bytes): string | undefined {
  return FORMS.find(([, magic]) => equal(form.subarray(0, magic.length), magic))?.[0];
}

/** JSON in ASCII, for the header. */
const ascii = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

function padded(document: unknown): Bytes {
  const plain = toUtf8(JSON.stringify(document));
  const filled = new Uint8Array(Math.ceil(plain.length / PADDING) * PADDING).fill(0x20);
  filled.set(plain);
  return filled;
}

export interface Addressed {
  readonly to: string;
  readonly purpose: string;
  readonly readers: readonly Reader[];
}

/** The whole request; nothing of it can be read without a reader's private key. */
export async function sealRequest(document: unknown, form: Bytes, where: Addressed): Promise<Bytes> {
  const binding = newBinding();
  const secret = crypto.getRandomValues(new Uint8Array(32));
  const key = await crypto.subtle.importKey("raw", secret, "AES-GCM", false, ["encrypt"]);
  const encrypt = async (name: string, plain: Bytes): Promise<{ nonce: Bytes; sealed: Bytes }> => {
    const nonce = crypto.getRandomValues(new Uint8Array(12));
    const additionalData = toUtf8(`emix/v1/request/${binding}/${name}`);
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce, additionalData }, key, plain);
    return { nonce, sealed: new Uint8Array(sealed) };
  };
  const body = await encrypt("document", padded(document));
  const attached = await encrypt("form", form);
  if (form.length === 0) attached.sealed = new Uint8Array(0);
  const info = toUtf8(`emix/v1/request/${binding}`);
  const slots = await Promise.all(
    where.readers.map(async (reader) => ({
      kind: "hpke",
      v: 1,
      suite: SUITE,
      fingerprint: reader.fingerprint,
      "enc+ct": toBase64Url(await sealTo(reader.x25519, info, secret)),
    })),
  );
  const part = ({ nonce, sealed }: { nonce: Bytes; sealed: Bytes }) => ({
    nonce: toBase64Url(nonce),
    size: sealed.length,
  });
  const { to, purpose } = where;
  const head = {
    emix: "request", v: 1, to, purpose, binding,
    document: part(body), form: part(attached), slots,
  }; // biome-ignore format: one line a group
  return concat([toUtf8(`${ascii(head)}\n`), body.sealed, attached.sealed]);
}

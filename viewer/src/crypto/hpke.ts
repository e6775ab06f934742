/** HPKE in base mode, one message: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (RFC 9180). */
import { type Bytes, concat, toUtf8 } from "../base/bytes.ts";

const KEM = Uint8Array.of(0, 0x20);
const KEM_SUITE = concat([toUtf8("KEM"), KEM]);
const SUITE = concat([toUtf8("HPKE"), KEM, Uint8Array.of(0, 1, 0, 2)]);
const VERSION = toUtf8("HPKE-v1");
const NOTHING = new Uint8Array(0);

/** This browser has no X25519: those before 2025 may lack it. */
export class NoX25519Error extends Error {}

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  // An empty key is no key to WebCrypto; HMAC fills it up with zeros anyway (RFC 2104).
  const raw = key.length === 0 ? new Uint8Array(32) : key;
  const imported = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

/** RFC 9180 section 4: LabeledExtract. */
const extract = (suite: Bytes, salt: Bytes, label: string, ikm: Bytes): Promise<Bytes> =>
  hmac(salt, concat([VERSION, suite, toUtf8(label), ikm]));

/** RFC 9180 section 4: LabeledExpand, of at most 32 bytes. */
async function expand(suite: Bytes, key: Bytes, label: string, info: Bytes, length: number): Promise<Bytes> {
  const labeled = [Uint8Array.of(0, length), VERSION, suite, toUtf8(label), info, Uint8Array.of(1)];
  return (await hmac(key, concat(labeled))).slice(0, length);
}

async function agree(publicKey: Bytes): Promise<{ readonly secret: Bytes; readonly encapsulated: Bytes }> {
  let own: CryptoKeyPair;
  let theirs: CryptoKey;
  try {
    own = (await crypto.subtle.generateKey("X25519", true, ["deriveBits"])) as CryptoKeyPair;
    theirs = await crypto.subtle.importKey("raw", publicKey, "X25519", false, []);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") throw new NoX25519Error();
    throw error;
  }
  const encapsulated = new Uint8Array(await crypto.subtle.exportKey("raw", own.publicKey));
  const bits = await crypto.subtle.deriveBits({ name: "X25519", public: theirs }, own.privateKey, 256);
  const mixed = await extract(KEM_SUITE, NOTHING, "eae_prk", new Uint8Array(bits));
  const context = concat([encapsulated, publicKey]);
  return { secret: await expand(KEM_SUITE, mixed, "shared_secret", context, 32), encapsulated };
}

/** The encapsulated key and the ciphertext, as one. */
export async function sealTo(publicKey: Bytes, info: Bytes, plain: Bytes): Promise<Bytes> {
  const { secret, encapsulated } = await agree(publicKey);
  const context = concat([
    Uint8Array.of(0),
    await extract(SUITE, NOTHING, "psk_id_hash", NOTHING),
    await extract(SUITE, NOTHING, "info_hash", info),
  ]);
  const schedule = await extract(SUITE, secret, "secret", NOTHING);
  const raw = await expand(SUITE, schedule, "key", context, 32);
  const iv = await expand(SUITE, schedule, "base_nonce", context, 12);
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain);
  return concat([encapsulated, new Uint8Array(sealed)]);
}

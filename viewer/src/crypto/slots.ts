/** From a secret to the package key: Argon2id (RFC 9106), HKDF (RFC 5869), AES-256-GCM. */
import { type Bytes, fromBase64, toUtf8 } from "../base/bytes.ts";
import { deriveArgon2 } from "./argon2.ts";

/** The highest costs that are taken from a file; the same as in Python. */
const LIMITS = { m: 262_144, t: 10, p: 4 };

export interface KdfParameters {
  readonly name: string;
  readonly salt: string;
  readonly m: number;
  readonly t: number;
  readonly p: number;
}

/** The slot is malformed or asks for unreasonable work. */
export class SlotError extends Error {}

function checkCosts(kdf: KdfParameters): Bytes {
  const { m, t, p } = kdf;
  const whole = [m, t, p].every((n) => Number.isInteger(n) && n >= 1);
  const fair = whole && m <= LIMITS.m && t <= LIMITS.t && p <= LIMITS.p && m >= 8 * p;
  if (kdf.name !== "argon2id" || !fair) throw new SlotError("unreasonable work");
  return member(kdf.salt, 16);
}

function member(text: unknown, length: number): Bytes {
  try {
    const bytes = fromBase64(String(text));
    if (bytes.length === length) return bytes;
  } catch {
    // reported below
  }
  throw new SlotError("malformed");
}

/** 32 bytes; slow on purpose (64 MiB), so for workers only. */
export async function argon2(secret: string, kdf: KdfParameters): Promise<Bytes> {
  return await deriveArgon2(toUtf8(secret), checkCosts(kdf), kdf);
}

async function expand(derived: Bytes, info: string): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", derived, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: toUtf8(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 256));
}

/** The key that unwraps a slot. */
export const wrapKey = (derived: Bytes): Promise<Bytes> => expand(derived, "emix/v1/wrap");
/** The proof for the exchange. */
export const authProof = (derived: Bytes): Promise<Bytes> => expand(derived, "emix/v1/auth");

/** The package key, or undefined when `key` does not open the slot. Throws SlotError. */
export async function unwrap(
  slot: { readonly nonce?: unknown; readonly wrapped?: unknown },
  key: Bytes,
  packageId: string,
): Promise<Bytes | undefined> {
  const iv = member(slot.nonce, 12);
  const wrapped = member(slot.wrapped, 48);
  const gcm = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const additionalData = toUtf8(`emix/v1/${packageId}`);
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, gcm, wrapped));
  } catch {
    return undefined;
  }
}

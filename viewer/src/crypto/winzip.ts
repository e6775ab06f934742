/**
 * One AE-2 entry (APPNOTE appendix E, AES-256): salt (16), password check (2), ciphertext, HMAC-SHA-1 (10).
 */

import { type Bytes, equal, toUtf8 } from "../base/bytes.ts";
import type { Cipher } from "./aes.ts";

export const SALT = 16;
const CHECK = 2;
const MAC = 10;
/** Bytes before the ciphertext. */
export const LEAD = SALT + CHECK;

export class AuthenticationError extends Error {}

export interface EntryKeys {
  readonly aes: Bytes;
  readonly mac: Bytes;
  readonly check: Bytes;
}

/** The password as PBKDF2 input; import it once. */
export const importPassword = (password: string): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", toUtf8(password), "PBKDF2", false, ["deriveBits"]);

/** PBKDF2-HMAC-SHA-1, 1000 rounds, 66 bytes: cipher key, MAC key, password check. */
export async function deriveKeys(password: CryptoKey, salt: Bytes): Promise<EntryKeys> {
  const bits = await crypto.subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-1", salt, iterations: 1000 },
    password,
    66 * 8,
  );
  const all = new Uint8Array(bits);
  return { aes: all.slice(0, 32), mac: all.slice(32, 64), check: all.slice(64) };
}

/** Throws AuthenticationError when the lead bytes were not written under these keys. */
export function checkLead(keys: EntryKeys, lead: Bytes): void {
  if (!equal(keys.check, lead.subarray(SALT, LEAD))) throw new AuthenticationError("password check");
}

async function checkMac(keys: EntryKeys, ciphertext: Bytes, mac: Bytes): Promise<void> {
  const key = await crypto.subtle.importKey("raw", keys.mac, { name: "HMAC", hash: "SHA-1" }, false, [
    "sign",
  ]);
  const full = new Uint8Array(await crypto.subtle.sign("HMAC", key, ciphertext));
  if (!equal(full.subarray(0, MAC), mac)) throw new AuthenticationError("HMAC");
}

/**
 * Decrypts a whole entry in place and returns the view of its content (still deflated where it is).
 * Nothing is decrypted before the HMAC is right.
 */
export async function openEntry(cipher: Cipher, password: CryptoKey, data: Bytes): Promise<Bytes> {
  if (data.length < LEAD + MAC) throw new AuthenticationError("too short");
  const keys = await deriveKeys(password, data.slice(0, SALT));
  checkLead(keys, data);
  const ciphertext = data.subarray(LEAD, data.length - MAC);
  await checkMac(keys, ciphertext, data.subarray(data.length - MAC));
  cipher.apply(keys.aes, ciphertext);
  return ciphertext;
}

import { type Bytes, toHex } from "../base/bytes.ts";

/** SHA-256, hexadecimal. */
export const sha256 = async (bytes: Bytes): Promise<string> =>
  toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));

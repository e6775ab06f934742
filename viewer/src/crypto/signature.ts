/** Ed25519 (RFC 8032) by WebCrypto; browsers before 2025 may lack it. */
import type { Bytes } from "../base/bytes.ts";

export async function verifyEd25519(
  publicKey: Bytes,
  signature: Bytes,
  message: Bytes,
): Promise<"valid" | "invalid" | "unsupported"> {
  let key: CryptoKey;
  try {
    key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  } catch (error) {
    return error instanceof DOMException && error.name === "NotSupportedError" ? "unsupported" : "invalid";
  }
  return (await crypto.subtle.verify("Ed25519", key, signature, message)) ? "valid" : "invalid";
}

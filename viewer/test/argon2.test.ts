import { expect, test } from "vitest";
import { toHex, toUtf8 } from "../src/base/bytes.ts";
import { deriveArgon2, derivePlain, warmArgon2 } from "../src/crypto/argon2.ts";

const salt = new Uint8Array(16).map((_, i) => 3 * i + 1);

// hash-wasm is the oracle; the slots among the format's vectors, written by Python, are another one
test.each([
  { m: 8, t: 1, p: 1 },
  { m: 67, t: 2, p: 1 },
  { m: 256, t: 3, p: 1 },
  { m: 1024, t: 2, p: 1 },
  { m: 64, t: 1, p: 4 },
])("our Argon2id gives the same bytes as hash-wasm's: %o", async (costs) => {
  for (const secret of [
    "",
    "K7QM3XVD9TH",
    "a passphrase of many words, longer than a block of BLAKE2b ".repeat(4),
  ]) {
    const bytes = toUtf8(secret || "x");
    expect(toHex(await deriveArgon2(bytes, salt, costs))).toBe(toHex(await derivePlain(bytes, salt, costs)));
  }
});

test("memory that was made ready serves a derivation smaller and larger than itself", async () => {
  for (const m of [64, 70_000]) {
    await warmArgon2();
    const costs = { m, t: 1, p: 1 };
    const ours = await deriveArgon2(toUtf8("code"), salt, costs);
    expect(toHex(ours)).toBe(toHex(await derivePlain(toUtf8("code"), salt, costs)));
  }
});

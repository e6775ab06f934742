import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { fromBase64, toHex } from "../src/base/bytes.ts";
import { readHead } from "../src/boot/head.ts";
import { findCode } from "../src/crypto/code.ts";
import { argon2, authProof } from "../src/crypto/slots.ts";
import { CentralCatalog } from "../src/package/catalog.ts";
import { findKey } from "../src/package/locked.ts";
import { PackageReader, toPackageError } from "../src/package/reader.ts";
import { type CodeSlot, PackageError, type Slot } from "../src/package/types.ts";
import { FileSource } from "../src/source/file.ts";
import { Unparser } from "../src/source/parsed.ts";
import { DirectRunner } from "./runner.ts";
import { one, type Vector, vectors } from "./vectors.ts";

/** The error codes that each `expect:` may show as. */
const CODES: Readonly<Record<string, readonly string[]>> = {
  mistyped: ["code.invalid"],
  "no match": ["code.wrong"],
  damaged: ["package.damaged", "package.swapped", "package.truncated", "package.other", "slot.none"],
  version: ["package.version"],
};

async function outcome(work: () => Promise<void>): Promise<string> {
  try {
    await work();
    return "success";
  } catch (error) {
    const known = toPackageError(error);
    if (known instanceof PackageError) return known.code;
    throw error;
  }
}

function check(vector: Vector, result: string): void {
  const expected = one(vector, "expect");
  if (expected === "success") expect(result).toBe("success");
  else expect(CODES[expected]).toContain(result);
}

describe("access codes", () => {
  test.each(vectors("code"))("$name", (vector) => {
    const typed = one(vector, "input").slice(1, -1);
    expect(findCode(typed)).toBe(one(vector, "expect") === "success" ? one(vector, "code") : undefined);
  });
});

describe("slots", () => {
  const usable = vectors("slot").filter((vector) => !one(vector, "slot").includes('"hpke"'));
  test.each(usable)("$name", async (vector) => {
    const slot = JSON.parse(one(vector, "slot")) as Slot;
    const phrase = one(vector, "passphrase");
    const typed = phrase ? (JSON.parse(phrase) as string) : one(vector, "code");
    const result = await outcome(async () => {
      const key = await findKey(new DirectRunner(), [slot], typed, one(vector, "package_id"));
      expect(toHex(key)).toBe(one(vector, "key"));
    });
    check(vector, result);
    if (one(vector, "auth")) {
      const derived = await argon2(typed, (slot as CodeSlot).kdf);
      expect(toHex(await authProof(derived))).toBe(one(vector, "auth"));
    }
  });
});

/** Node 20's own decoder takes windows-1252 for ISO 8859-1. */
function fromWindows1252(bytes: Uint8Array): string {
  const high = "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f";
  const more = "\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";
  const table = high + more;
  return Array.from(bytes, (byte) => table[byte - 0x80] ?? String.fromCharCode(byte)).join("");
}

describe("glue", () => {
  const fit = vectors("glue").filter((vector) => one(vector, "expect") === "success");
  test.each(fit)("$name", (vector) => {
    const { body } = vector;
    // what an HTML parser makes of the bytes (HTML, 13.2.3.5 and 13.2.5.4)
    const parsed = fromWindows1252(body).replace(/\r\n?/g, "\n").replace(/\0/g, "\ufffd");
    expect(createHash("sha256").update(parsed, "utf8").digest("hex")).toBe(one(vector, "parsed_sha256"));
    const fixups = /data-f="([^"]*)"/.exec(one(vector, "glue"))?.[1] ?? "";
    const unparser = new Unparser(body.length, fromBase64(fixups));
    unparser.add(parsed);
    expect(unparser.complete).toBe(true);
    expect(unparser.bytes).toEqual(body);
  });
});

/** What an element of the page's head holds. */
const element = (page: string, id: string): string =>
  new RegExp(`<script type="application/json" id="${id}">([^<]*)</script>`).exec(page)?.[1] ?? "";

async function readAll({ body }: Vector, code: string): Promise<string[]> {
  const page = Buffer.from(body).toString("latin1");
  const head = readHead(element(page, "emix-package"), element(page, "emix-slots"));
  const source = new FileSource(new Blob([body]));
  const runner = new DirectRunner();
  const key = await findKey(runner, head.slots, code, head.packageId);
  const { packageId, size } = head;
  const pkg = await PackageReader.open(source, new CentralCatalog(source), runner, key, { packageId, size });
  const entries = [];
  for (const { name } of (await pkg.manifest).entries) {
    const bytes = await pkg.entry(name);
    entries.push(`${name} ${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`);
  }
  if ((await pkg.signature) !== "valid") throw new PackageError("package.damaged", "signature");
  return entries;
}

describe("packages", () => {
  const noticed = vectors("package").filter((vector) => !one(vector, "found_by"));
  test.each(noticed)("$name", async (vector) => {
    const result = await outcome(async () => {
      expect(await readAll(vector, one(vector, "code"))).toEqual(vector.head.get("entry"));
    });
    check(vector, result);
  });
});

import { describe, expect, it } from "vitest";
import { toUtf8 } from "../../src/base/bytes.ts";
import {
  formType,
  newBinding,
  ReaderKeyError,
  readKey,
  sealRequest,
} from "../../src/crypto/sealed-request.ts";

const READER = { fingerprint: "0".repeat(40), x25519: new Uint8Array(32).fill(9) };

describe("a sealed request", () => {
  it("has a header in ASCII that adds up", async () => {
    const form = toUtf8("%PDF-");
    const where = { to: "Sp\u00edtal \u{1f3e5}", purpose: "treatment", readers: [READER, READER] };
    const sealed = await sealRequest({ v: 1 }, form, where);
    const end = sealed.indexOf(10);
    const line = new TextDecoder().decode(sealed.subarray(0, end));
    expect(line).toMatch(/^[\x20-\x7e]+$/);
    const header = JSON.parse(line);
    expect(header.to).toBe(where.to);
    expect(header.slots).toHaveLength(2);
    expect(header.document.size).toBe(1024 + 16);
    expect(header.form.size).toBe(form.length + 16);
    expect(end + 1 + header.document.size + header.form.size).toBe(sealed.length);
    expect(header.document.nonce).not.toBe(header.form.nonce);
  });

  it("has no form where there is none, and is never the same twice", async () => {
    const where = { to: "A", purpose: "test", readers: [READER] };
    const [one, two] = await Promise.all([1, 2].map(() => sealRequest({}, new Uint8Array(0), where)));
    const header = JSON.parse(new TextDecoder().decode(one!.subarray(0, one!.indexOf(10))));
    expect(header.form.size).toBe(0);
    expect(one).not.toEqual(two);
  });
});

describe("its parts", () => {
  it("are bound by 26 symbols, high bits first", () => {
    expect(newBinding(new Uint8Array(16))).toBe("0".repeat(26));
    expect(newBinding(new Uint8Array(16).fill(255))).toBe(`7${"z".repeat(25)}`);
    expect(newBinding()).not.toBe(newBinding());
  });

  it("take forms by their first bytes", () => {
    expect(formType(toUtf8("%PDF-1.7"))).toBe("application/pdf");
    expect(formType(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0))).toBe("image/jpeg");
    expect(formType(toUtf8("<html>"))).toBeUndefined();
    expect(formType(new Uint8Array(0))).toBeUndefined();
  });

  it.each(["", "{}", '{"ed25519":"AA"}', "[]"])("refuse what is no key: %s", async (text) => {
    await expect(readKey(text)).rejects.toBeInstanceOf(ReaderKeyError);
  });
});

import { describe, expect, it } from "vitest";
import { failureOf, ownPath } from "../../src/recipient/api.ts";
import { digitsOf } from "../../src/recipient/fields.ts";

describe("answers of the exchange", () => {
  it("are told apart by status", () => {
    const kinds = [400, 401, 403, 404, 409, 429, 500, 507].map((status) => failureOf(status, {}).kind);
    expect(kinds).toEqual(["wrong", "session", "wrong", "wrong", "unsealed", "rate", "server", "server"]);
  });

  it("carry the tries left, and tell locked from revoked", () => {
    expect(failureOf(403, { tries_left: 3 }).triesLeft).toBe(3);
    expect(failureOf(403, {}).triesLeft).toBeNull();
    const gone = (id: string): string => failureOf(410, { error: { id } }).kind;
    expect(gone("share.locked")).toBe("locked");
    expect(gone("exchange.gone")).toBe("gone");
  });

  it("lead to this origin only", () => {
    expect(ownPath("https://other.example/v1/packages/x/content?a=1", "https://here.example/r/t")).toBe(
      "/v1/packages/x/content?a=1",
    );
  });
});

describe("six digits", () => {
  it("are found in what was pasted", () => {
    expect(digitsOf(" 123 456 ")).toBe("123456");
    expect(digitsOf("Code: 12-34-567")).toBe("123456");
    expect(digitsOf("\uff11\uff12\uff13")).toBe("123");
  });
});

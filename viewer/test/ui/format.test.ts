import { describe, expect, it } from "vitest";
import { age, bytes, date, length, number, personName, time, windowValue } from "../../src/ui/format.ts";

describe("formatting", () => {
  it("writes names as family, given", () => {
    expect(personName("DOE^JANE")).toBe("DOE, JANE");
    expect(personName("Adams^John Robert Quincy^^Rev.^B.A. M.Div.")).toBe(
      "Adams, Rev. John Robert Quincy B.A. M.Div.",
    );
    expect(personName("Yamada^Tarou=\u5c71\u7530^\u592a\u90ce")).toBe(
      "Yamada, Tarou (\u5c71\u7530, \u592a\u90ce)",
    );
    expect(personName("^^")).toBe("");
    expect(personName(undefined)).toBe("");
    expect(personName("  Anonymous  ")).toBe("Anonymous");
  });

  it("writes dates with the month as a word", () => {
    expect(date("19610312")).toBe("12 Mar 1961");
    expect(date("1997.04.01")).toBe("1 Apr 1997");
    expect(date("20260114120000")).toBe("14 Jan 2026");
    expect(date("19611332")).toBe("19611332");
    expect(date("unknown")).toBe("unknown");
    expect(date(undefined)).toBe("");
  });

  it("writes times", () => {
    expect(time("101530.25")).toBe("10:15");
    expect(time("")).toBe("");
  });

  it("counts age in units that fit", () => {
    expect(age("19610312", "20260311")).toBe("64 y");
    expect(age("19610312", "20260312")).toBe("65 y");
    expect(age("20250901", "20260114")).toBe("4 mo");
    expect(age("20260110", "20260114")).toBe("4 d");
    expect(age("20260115", "20260114")).toBe("");
    expect(age(undefined, "20260114")).toBe("");
  });

  it("writes numbers without noise", () => {
    expect(number(-0.04)).toBe("0");
    expect(number(2.5)).toBe("2.5");
    expect(windowValue(399.6, 400)).toBe("400");
    expect(windowValue(0.12345, 0.5)).toBe("0.123");
    expect(bytes(999)).toBe("999 B");
    expect(bytes(1_500_000)).toBe("1.5 MB");
    expect(length(50)).toBe("5 cm");
    expect(length(2)).toBe("2 mm");
  });
});

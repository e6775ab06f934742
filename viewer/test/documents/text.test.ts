import { describe, expect, it } from "vitest";
import { decodeText } from "../../src/documents/text.ts";
import { fileNameOf, isPdf } from "../../src/documents/view.ts";

describe("text of unknown encoding", () => {
  it("is read as UTF-8, UTF-16 or Windows-1252", () => {
    expect(decodeText(new TextEncoder().encode("Stra\u00dfe"))).toBe("Stra\u00dfe");
    expect(decodeText(Uint8Array.of(0x53, 0xe9))).toBe("S\u00e9");
    expect(decodeText(Uint8Array.of(0xff, 0xfe, 0x41, 0))).toBe("A");
  });

  it("holds no control characters and no direction tricks", () => {
    expect(decodeText(new TextEncoder().encode("a\r\nb\u0007\u202ec"))).toBe("a\nb  c");
  });
});

describe("documents", () => {
  it("are PDF by content", () => {
    expect(isPdf(new TextEncoder().encode("%PDF-1.7"))).toBe(true);
    expect(isPdf(new TextEncoder().encode("<script>1</script>%PDF-1.7"))).toBe(false);
    expect(isPdf(new TextEncoder().encode("<html>"))).toBe(false);
  });

  it("get harmless file names", () => {
    expect(fileNameOf("REPORTS/R0001.PDF", "")).toBe("r0001.pdf");
    expect(fileNameOf("DICOM/S0001/E0001/I00001", "application/pdf")).toBe("i00001.pdf");
    expect(fileNameOf("../..", "")).not.toContain("/");
  });
});

import { describe, expect, it } from "vitest";
import { checkSymbol } from "../../src/crypto/code.ts";
import { codeState, grouped, symbolsOf, typedText } from "../../src/ui/code-field.ts";

const SYMBOLS = "K7QM3XVD9T";
const CODE = SYMBOLS + checkSymbol(SYMBOLS);

/** Types one character after the other at the end, as the field does. */
function type(text: string): { typed: string; shown: string } {
  let state = { typed: "", shown: "" };
  for (const character of text) {
    const typed = typedText(state, state.shown + character);
    const symbols = symbolsOf(typed);
    state = { typed, shown: symbols === null || symbols === "" ? typed : grouped(symbols) };
  }
  return state;
}

describe("access code while typing", () => {
  it("groups and accepts look-alikes", () => {
    expect(type(CODE.toLowerCase()).shown).toBe(`K7QM3-XVD9T-${CODE[10]}`);
    expect(symbolsOf("oil- 0")).toBe("0110");
    expect(symbolsOf("u")).toBeNull();
    expect(symbolsOf("0".repeat(12))).toBeNull();
  });

  it("knows complete, mistyped and partial codes", () => {
    expect(codeState(CODE)).toBe("complete");
    expect(codeState(`  ${grouped(CODE)} `)).toBe("complete");
    expect(codeState(CODE.replace("K", "M"))).toBe("mistyped");
    expect(codeState("K7Q")).toBe("partial");
    expect(codeState(" ")).toBe("empty");
    expect(codeState("purple monkey dishwasher")).toBe("free");
  });

  it("does not change a passphrase that begins like a code", () => {
    expect(type("correct horse battery")).toEqual({
      typed: "correct horse battery",
      shown: "correct horse battery",
    });
  });

  it("follows backspace", () => {
    const before = type("k7qm3x");
    expect(before.shown).toBe("K7QM3-X");
    expect(typedText(before, "K7QM3-")).toBe("k7qm3");
    expect(typedText(before, "K7Q")).toBe("k7q");
  });

  it("takes edits in the middle as they stand", () => {
    expect(typedText(type("k7qm3x"), "KQM3-X")).toBe("KQM3-X");
  });
});

import { describe, expect, it } from "vitest";
import { outline, readBlocks } from "../../src/documents/outline.ts";

const item = (text: string, level?: number) => ({ kind: "item", text, ...(level && { level }) });

describe("blocks of a report", () => {
  it("are what they say, with what is usual filled in", () => {
    expect(readBlocks([{ kind: "table", rows: [["a", "b"]], head: 1, strong: true }])).toEqual([
      { kind: "table", text: "", level: 1, rows: [["a", "b"]], head: 1, strong: true },
    ]);
  });

  it.each([undefined, null, 5, "blocks", {}, [null, 1, "x", [[]]]])("are none in %j", (found) => {
    expect(readBlocks(found)).toEqual([]);
  });

  it("hold text only, whatever a package says", () => {
    const found = [{ kind: {}, text: 7, level: 99, rows: [1, ["a", { b: 1 }]], head: -2, strong: "yes" }];
    expect(readBlocks(found)).toEqual([
      { kind: "", text: "", level: 6, rows: [["a", ""]], head: 0, strong: false },
    ]);
    expect(readBlocks([{ kind: "heading", level: -3 }])[0]!.level).toBe(1);
    expect(readBlocks([{ kind: "heading", level: 1.5 }])[0]!.level).toBe(1);
  });
});

describe("items", () => {
  const texts = (parts: ReturnType<typeof outline>): unknown =>
    parts.map((part) => (part.type === "block" ? part.block.text : lines(part.list)));
  const lines = ({ items }: { items: readonly { text: string; below: readonly object[] }[] }): unknown =>
    items.map(({ text, below }) =>
      below.length > 0 ? [text, ...below.map((one) => lines(one as never))] : text,
    );

  it("that follow each other are one list, and what stands between ends it", () => {
    const found = readBlocks([item("a"), item("b"), { kind: "text", text: "-" }, item("c")]);
    expect(texts(outline(found))).toEqual([["a", "b"], "-", ["c"]]);
  });

  it("of a deeper level stand below the one before", () => {
    const found = readBlocks([item("a"), item("b", 2), item("c", 3), item("d", 2), item("e")]);
    expect(texts(outline(found))).toEqual([[["a", [["b", ["c"]], "d"]], "e"]]);
  });

  it("that begin deep, or go up to a level that was not there, are kept in order", () => {
    expect(texts(outline(readBlocks([item("a", 4), item("b", 2), item("c", 3)])))).toEqual([
      ["a"],
      [["b", ["c"]]],
    ]);
  });
});

import { expect, test } from "vitest";
import { hasBytes, insideBytes, readInside } from "../../src/documents/inside.ts";

const HELLO = "185f8db32271fe25f561a6fc938b2e264306ec304eda518007d1764826381969"; // of "Hello"
const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

const inside = (more: object) => readInside([{ kind: "text", sha256: HELLO, ...more }])[0]!;

test.each([
  ["in one piece", "..SGVsbG8=..", [[2, 8]]],
  ["in lines", "SGVs\r\n bG8=", [[0, 11]]],
  ["with the breaks of HL7", "SGVs\\.br\\bG\\X0D0A\\8=", [[0, 20]]],
  [
    "in two parts",
    "SGU=|OBX|bGxv",
    [
      [0, 4],
      [9, 4],
    ],
  ],
])("a document comes out of its report: %s", async (_, original, parts) => {
  expect(await insideBytes(bytes(original), inside({ parts }))).toEqual(bytes("Hello"));
});

test("one that stands in another form is told whole", async () => {
  expect(await insideBytes(bytes(""), inside({ content: "SGVsbG8=" }))).toEqual(bytes("Hello"));
});

test.each([
  ["another place", { parts: [[1, 8]] }],
  ["a place outside", { parts: [[90, 8]] }],
  ["no Base64", { content: "%%%" }],
])("what is not the document of the hash is refused: %s", async (_, more) => {
  await expect(insideBytes(bytes("SGVsbG8="), inside(more))).rejects.toThrow();
});

test("an index of anybody is read as far as it makes sense", () => {
  expect(readInside("x")).toEqual([]);
  expect(readInside([null, 5])).toEqual([]);
  const [one] = readInside([{ kind: 7, parts: [[1], ["a", 2], [-1, 3], [4, 5]], blocks: "x" }]);
  expect(one).toEqual({ kind: "", title: "", sha256: "", parts: [[4, 5]], content: "", blocks: [] });
  expect(hasBytes(inside({}))).toBe(false);
});

/** The vectors of package format v1, which Python runs too (tests/vectors/package-v1/README.md). */
import { readdirSync, readFileSync } from "node:fs";
import { inflateSync } from "node:zlib";

const FOLDER = new URL("../../tests/vectors/package-v1/", import.meta.url);

export interface Vector {
  readonly name: string;
  readonly head: ReadonlyMap<string, readonly string[]>;
  readonly body: Uint8Array<ArrayBuffer>;
}

function readVector(name: string): Vector {
  const text = readFileSync(new URL(name, FOLDER), "latin1");
  const end = text.indexOf("\n\n");
  const head = new Map<string, string[]>();
  for (const line of text.slice(0, end).split("\n")) {
    const colon = line.indexOf(": ");
    const key = line.slice(0, colon);
    head.set(key, [...(head.get(key) ?? []), line.slice(colon + 2)]);
  }
  let body: Uint8Array = Buffer.from(text.slice(end), "base64");
  if (head.has("compressed")) body = inflateSync(body);
  return { name, head, body: new Uint8Array(body) };
}

export const one = ({ head }: Vector, key: string): string => head.get(key)?.[0] ?? "";

export const vectors = (kind: string): Vector[] =>
  readdirSync(FOLDER)
    .filter((name) => name.startsWith(`${kind}-`) && name.endsWith(".txt"))
    .map(readVector);

/** Documents inside a report: their bytes are taken out of the original, and checked. */
import { concat } from "../base/bytes.ts";
import { sha256 } from "../crypto/hash.ts";
import { PackageError } from "../package/types.ts";
import { packageMessage } from "../package/words.ts";
import { type Block, readBlocks } from "./outline.ts";

export interface Inside {
  readonly kind: string;
  readonly title: string;
  readonly sha256: string;
  /** Offset and length of each part in the original, in Base64. */
  readonly parts: readonly (readonly [number, number])[];
  /** The document itself in Base64, where it stands in the original in another form. */
  readonly content: string;
  readonly blocks: readonly Block[];
}

/** What the index says of the documents inside a report; it may be made by anybody. */
export function readInside(found: unknown): Inside[] {
  if (!Array.isArray(found)) return [];
  return found.filter(isObject).map((one) => ({
    kind: words(one["kind"]),
    title: words(one["title"]),
    sha256: words(one["sha256"]),
    parts: Array.isArray(one["parts"]) ? one["parts"].filter(isPlace) : [],
    content: words(one["content"]),
    blocks: readBlocks(one["blocks"]),
  }));
}

/** Whether its bytes can be had; those of a reference, which is never followed, cannot. */
export const hasBytes = (inside: Inside): boolean => inside.parts.length > 0 || inside.content !== "";

/** The document, bit for bit. Throws package.damaged. */
export async function insideBytes(original: Uint8Array, inside: Inside): Promise<Uint8Array> {
  const parts =
    inside.parts.length > 0
      ? inside.parts.map(([offset, length]) => decode(latin1(original.subarray(offset, offset + length))))
      : [decode(inside.content)];
  const whole = concat(parts);
  if ((await sha256(whole)) !== inside.sha256)
    throw new PackageError("package.damaged", packageMessage("package.damaged"));
  return whole;
}

/** Base64 of either alphabet, with the line breaks of HL7 v2 (`\.br\`, `\X0D\`) and of files. */
function decode(text: string): Uint8Array {
  const packed = text
    .replace(/\\\.br\\|\\X0[AD](?:0[AD])?\\|\s+/gi, "")
    .replace(/-/g, "+")
    .replace(/_/g, "/")
    .replace(/=+$/, "");
  try {
    return Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("windows-1252").decode(bytes);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isPlace = (value: unknown): value is [number, number] =>
  Array.isArray(value) &&
  value.length === 2 &&
  value.every((one: unknown) => Number.isSafeInteger(one) && (one as number) >= 0);

const words = (value: unknown): string => (typeof value === "string" ? value : "");

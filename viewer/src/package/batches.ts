/**
 * Large documents on their way from a worker to the page: a structured clone or one JSON.parse of many thousand
 * objects would stop the page, so long lists travel as JSON texts of some hundred each.
 */
import { Turns } from "../base/turns.ts";

type Json = Record<string, unknown>;

/** Objects in one text: a millisecond of parsing. */
const BATCH = 256;

export interface Batches {
  /** The document with empty lists. */
  readonly head: string;
  /** For each list, in order of the document, its texts. */
  readonly lists: readonly (readonly string[])[];
}

/** Takes the lists out of a document that is not used any more. `lists` names [object, member] of each. */
export function pack(document: Json, lists: readonly (readonly [Json, string])[]): Batches {
  const texts = lists.map(([owner, name]) => {
    const list = Array.isArray(owner[name]) ? (owner[name] as unknown[]) : [];
    owner[name] = [];
    const batches: string[] = [];
    for (let i = 0; i < list.length; i += BATCH) batches.push(JSON.stringify(list.slice(i, i + BATCH)));
    return batches;
  });
  return { head: JSON.stringify(document), lists: texts };
}

/** The document again; `find` names the same lists in it, and `make` is applied to each of their objects. */
export async function unpack(
  { head, lists }: Batches,
  find: (document: Json) => readonly (readonly [Json, string])[],
  make: (owner: Json, item: Json) => unknown = (_, item) => item,
): Promise<Json> {
  const turns = new Turns();
  const document = JSON.parse(head) as Json;
  for (const [i, [owner, name]] of find(document).entries()) {
    const whole: unknown[] = [];
    for (const text of lists[i] ?? []) {
      for (const item of JSON.parse(text) as Json[]) whole.push(make(owner, item));
      const rest = turns.rest();
      if (rest) await rest;
    }
    owner[name] = whole;
  }
  return document;
}

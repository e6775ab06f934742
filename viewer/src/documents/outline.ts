/** Blocks of a report as the index of a package has them: checked, and items gathered into lists. */

export interface Block {
  readonly kind: string;
  readonly text: string;
  readonly level: number;
  readonly rows: readonly (readonly string[])[];
  readonly head: number;
  readonly strong: boolean;
}

/** A list: its own lines, each with the lists below it. */
export interface List {
  readonly items: { readonly text: string; readonly below: List[] }[];
}

export type Part =
  | { readonly type: "list"; readonly list: List }
  | { readonly type: "block"; readonly block: Block };

const DEEPEST = 6;

/** The blocks that a package holds; what is not one is left out, since a package may be made by anybody. */
export function readBlocks(found: unknown): Block[] {
  if (!Array.isArray(found)) return [];
  return found.filter(isObject).map((one) => ({
    kind: words(one["kind"]),
    text: words(one["text"]),
    level: Math.min(DEEPEST, Math.max(1, whole(one["level"], 1))),
    rows: rowsOf(one["rows"]),
    head: Math.max(0, whole(one["head"], 0)),
    strong: one["strong"] === true,
  }));
}

/** Blocks in their order, with the items that follow each other as one list. */
export function outline(blocks: readonly Block[]): Part[] {
  const parts: Part[] = [];
  let open: { level: number; list: List }[] = [];
  for (const block of blocks) {
    if (block.kind !== "item") {
      open = [];
      parts.push({ type: "block", block });
      continue;
    }
    while ((open.at(-1)?.level ?? 0) > block.level) open.pop();
    let last = open.at(-1);
    if (last === undefined || last.level < block.level) {
      const list: List = { items: [] };
      const above = last?.list.items.at(-1);
      if (above === undefined) parts.push({ type: "list", list });
      else above.below.push(list);
      last = { level: block.level, list };
      open.push(last);
    }
    last.list.items.push({ text: block.text, below: [] });
  }
  return parts;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const words = (value: unknown): string => (typeof value === "string" ? value : "");

const whole = (value: unknown, usual: number): number =>
  typeof value === "number" && Number.isInteger(value) ? value : usual;

function rowsOf(value: unknown): string[][] {
  if (!Array.isArray(value)) return [];
  return value.filter(Array.isArray).map((row: unknown[]) => row.map(words));
}

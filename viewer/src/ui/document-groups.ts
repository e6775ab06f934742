/** The list of documents, so that it stays short: one row for a series of many. */
import type { DocumentItem } from "./model.ts";

/** A series with more documents than this stands as one row that opens. */
const FEW = 3;

/** One row of the list: a document, or those of one series. */
export interface DocumentPart {
  readonly title: string;
  readonly items: readonly [DocumentItem, ...DocumentItem[]];
}

/** Documents in their order; a series of many is one part, in the place of its first document. */
export function partsOf(documents: readonly DocumentItem[]): DocumentPart[] {
  const bySeries = new Map<object, DocumentItem[]>();
  for (const item of documents) {
    if (item.series === null) continue;
    const members = bySeries.get(item.series);
    if (members === undefined) bySeries.set(item.series, [item]);
    else members.push(item);
  }
  const parts: DocumentPart[] = [];
  for (const item of documents) {
    const members = item.series === null ? undefined : bySeries.get(item.series);
    if (members === undefined || members.length <= FEW) parts.push({ title: item.title, items: [item] });
    else if (members[0] === item) parts.push({ title: item.name, items: [item, ...members.slice(1)] });
  }
  return parts;
}

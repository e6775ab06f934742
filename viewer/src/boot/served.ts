/** A package that is read over HTTP: what is asked for before there is an access code. */
import { sha256 } from "../crypto/hash.ts";
import { type Catalog, CentralCatalog } from "../package/catalog.ts";
import { failure, INDEX } from "../package/reader.ts";
import { HEADER_ROOM } from "../package/zip.ts";
import { RangeSource } from "../source/range.ts";
import { type Source, toBytes } from "../source/source.ts";
import type { Head } from "./head.ts";

/** Bytes behind the page that are read early: the index of some hundred objects. */
const INDEX_GUESS = 64 << 10;
/** Bytes of the index that are read before somebody asks. */
const MOST = 4 << 20;

export interface Served {
  readonly source: Source;
  readonly catalog: Catalog;
}

/** The package that the page itself stands in. */
export function readServed(head: Head): Served {
  const source = new RangeSource(location.href.replace(/#.*/, ""), { size: head.size });
  source.prefetch(head.pageLength, INDEX_GUESS);
  return { source, catalog: readAhead(source) };
}

/** Starts to read the end of the file, then the index and the image that will probably be shown first. */
export function readAhead(source: RangeSource): Catalog {
  const catalog = new CentralCatalog(source, source.start());
  for (const entry of [catalog.find(INDEX), catalog.first])
    entry.then(
      (record) => record && source.prefetch(record.offset, HEADER_ROOM + Math.min(record.dataLength, MOST)),
      () => undefined, // whoever opens the package hears of it
    );
  return catalog;
}

/** Scripts of the codecs out of the file: the browser stopped before them. */
export function servedCodecs(source: Source, pageLength: number): (name: string) => Promise<string> {
  return async (name) => {
    const span = EMIX_CODECS[name];
    if (!span) throw failure("package.damaged");
    const bytes = await toBytes(await source.read(pageLength - span.back, span.length, { priority: -1 }));
    if ((await sha256(bytes)) !== span.sha256) throw failure("package.damaged");
    return new TextDecoder("latin1").decode(bytes);
  };
}

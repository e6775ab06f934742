/**
 * JPEG processes that libjpeg-turbo's 8-bit build lacks: lossless (T.81 annex H, all predictors, 2 to 16 bits)
 * and sequential DCT of 12 bits (annex F). Huffman coding only: DICOM allows no other.
 */
import { BitReader, type HuffmanTable, readHuffmanTables } from "./jpeg-huffman.ts";
import { type JpegHeader, readJpegHeader, segments } from "./jpeg-markers.ts";
import { damaged, FrameError, MAX_SAMPLES, type Raster } from "./spec.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Plane = Uint16Array<ArrayBuffer>;

interface ScanComponent {
  /** Index in the frame header. */
  readonly index: number;
  readonly dc: HuffmanTable;
  readonly ac: HuffmanTable | undefined;
}

export interface Scan {
  readonly components: readonly ScanComponent[];
  /** Predictor (lossless) or start of spectral selection. */
  readonly selection: number;
  /** Point transform. */
  readonly shift: number;
  /** MCUs between restart markers, 0: none. */
  readonly interval: number;
  readonly bits: BitReader;
}

/** Every scan with the tables that are in force for it. */
function readScans(
  bytes: Bytes,
  header: JpegHeader,
  quantisation: Uint16Array[],
  decode: (scan: Scan) => void,
): void {
  const tables: HuffmanTable[] = [];
  let interval = 0;
  let at = 2;
  for (let scans = 0; scans < 64; scans++) {
    let found = false;
    for (const { marker, at: where, data } of segments(bytes, at)) {
      if (marker === 0xc4) readHuffmanTables(data, tables);
      else if (marker === 0xdb) readQuantisation(data, quantisation);
      else if (marker === 0xdd) interval = (data[0]! << 8) | data[1]!;
      else if (marker === 0xda) {
        const scan = readScan(data, header, tables, interval, new BitReader(bytes, where + 4 + data.length));
        decode(scan);
        at = scan.bits.at;
        found = true;
      }
    }
    if (!found) return;
  }
}

function readScan(
  data: Bytes,
  header: JpegHeader,
  tables: readonly HuffmanTable[],
  interval: number,
  bits: BitReader,
): Scan {
  const n = data[0]!;
  if (n < 1 || n > 4 || data.length < 4 + 2 * n) throw damaged();
  const components = Array.from({ length: n }, (_, i) => {
    const index = header.components.findIndex(({ id }) => id === data[1 + 2 * i]);
    const select = data[2 + 2 * i]!;
    const dc = tables[(select >> 4) & 3];
    if (index < 0 || !dc) throw damaged();
    return { index, dc, ac: tables[4 + (select & 3)] };
  });
  return { components, selection: data[1 + 2 * n]!, shift: data[3 + 2 * n]! & 15, interval, bits };
}

function readQuantisation(data: Bytes, tables: Uint16Array[]): void {
  for (let at = 0; at < data.length; ) {
    const wide = data[at]! >> 4;
    const table = new Uint16Array(64);
    for (let i = 0; i < 64; i++)
      table[i] = wide ? (data[at + 1 + 2 * i]! << 8) | data[at + 2 + 2 * i]! : data[at + 1 + i]!;
    tables[data[at]! & 3] = table;
    at += 65 + 64 * wide;
  }
}

/** Samples of all components, interleaved. */
function toRaster(header: JpegHeader, planes: readonly Plane[]): Raster {
  const { rows, columns, precision } = header;
  const samples = planes.length;
  const n = rows * columns;
  let data: Uint8Array<ArrayBuffer> | Plane;
  if (samples === 1 && precision > 8) {
    data = planes[0]!;
  } else {
    data = precision > 8 ? new Uint16Array(n * samples) : new Uint8Array(n * samples);
    planes.forEach((plane, s) => {
      for (let i = 0; i < n; i++) data[i * samples + s] = plane[i]!;
    });
  }
  return { rows, columns, samples, bits: precision, signed: false, data, rgb: false };
}

// ------------------------------------------------------------------------ lossless

/** One difference (T.81 section H.1.2.2); category 16 has no further bits. */
function difference(bits: BitReader, table: HuffmanTable): number {
  const size = bits.decode(table);
  return size >= 16 ? 32768 : bits.receive(size);
}

/** Decodes one scan of lossless JPEG into its planes, in runs between restart markers. */
function decodeLossless(header: JpegHeader, scan: Scan, planes: readonly Plane[]): void {
  const { rows, columns } = header;
  const { bits, components, selection, shift, interval } = scan;
  if (selection < 1 || selection > 7) throw damaged();
  const n = rows * columns;
  const run = interval || n;
  for (let from = 0; from < n; from += run) {
    if (from > 0 && !bits.restart()) return;
    losslessRun(header, scan, planes, from, Math.min(n, from + run));
  }
  if (shift === 0) return;
  for (const { index } of components) {
    const plane = planes[index]!;
    for (let i = 0; i < n; i++) plane[i] = plane[i]! << shift;
  }
}

/** Samples `from` up to `to`: the first is predicted as half the range, its row from the left (T.81 H.1.2.1). */
function losslessRun(
  header: JpegHeader,
  scan: Scan,
  planes: readonly Plane[],
  from: number,
  to: number,
): void {
  const { columns, precision } = header;
  const { bits, components, selection, shift } = scan;
  const start = 1 << (precision - shift - 1);
  const firstRowEnd = (Math.floor(from / columns) + 1) * columns;
  for (let i = from; i < to; i++) {
    const atLeft = i % columns === 0;
    for (const { index, dc } of components) {
      const plane = planes[index]!;
      let prediction: number;
      if (i === from) prediction = start;
      else if (i < firstRowEnd) prediction = plane[i - 1]!;
      else if (atLeft) prediction = plane[i - columns]!;
      else prediction = predict(selection, plane[i - 1]!, plane[i - columns]!, plane[i - columns - 1]!);
      plane[i] = prediction + difference(bits, dc);
    }
  }
}

/** T.81 table H.1: a is left, b above, c above left. */
function predict(selection: number, a: number, b: number, c: number): number {
  switch (selection) {
    case 1:
      return a;
    case 2:
      return b;
    case 3:
      return c;
    case 4:
      return a + b - c;
    case 5:
      return a + ((b - c) >> 1);
    case 6:
      return b + ((a - c) >> 1);
    default:
      return (a + b) >> 1;
  }
}

// ------------------------------------------------------------------- sequential DCT

const ZIGZAG = new Uint8Array([
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46,
  53, 60, 61, 54, 47, 55, 62, 63,
]);

/** cos((2x + 1) u pi / 16) / 2, with 1 / sqrt(8) for u = 0 (T.81 section A.3.3). */
const COSINES = Float64Array.from({ length: 64 }, (_, i) => {
  const u = i & 7;
  return u === 0 ? Math.SQRT1_2 / 2 : Math.cos(((2 * (i >> 3) + 1) * u * Math.PI) / 16) / 2;
});

const work = new Float64Array(64);

/** Inverse DCT of dequantised coefficients, in place. */
function inverse(block: Float64Array): void {
  for (let v = 0; v < 8; v++)
    for (let x = 0; x < 8; x++) {
      let sum = 0;
      for (let u = 0; u < 8; u++) sum += COSINES[8 * x + u]! * block[8 * v + u]!;
      work[8 * v + x] = sum;
    }
  for (let x = 0; x < 8; x++)
    for (let y = 0; y < 8; y++) {
      let sum = 0;
      for (let v = 0; v < 8; v++) sum += COSINES[8 * y + v]! * work[8 * v + x]!;
      block[8 * y + x] = sum;
    }
}

/** One block of coefficients (T.81 section F.2.2), dequantised and in natural order. */
function readBlock(
  scan: Scan,
  component: ScanComponent,
  dc: number,
  q: Uint16Array,
  block: Float64Array,
): number {
  const { bits } = scan;
  if (!component.ac) throw damaged();
  block.fill(0);
  const sum = dc + bits.receive(Math.min(16, bits.decode(component.dc)));
  block[0] = sum * q[0]!;
  for (let k = 1; k < 64; k++) {
    const symbol = bits.decode(component.ac);
    const size = symbol & 15;
    if (size === 0) {
      if (symbol !== 0xf0) break;
      k += 15;
      continue;
    }
    k += symbol >> 4;
    if (k > 63) throw damaged();
    block[ZIGZAG[k]!] = bits.receive(size) * q[k]!;
  }
  return sum;
}

/** A component's own grid of samples. */
interface Grid {
  readonly width: number;
  readonly height: number;
  readonly data: Plane;
}

class SequentialDecoder {
  readonly #header: JpegHeader;
  readonly #quantisation: readonly Uint16Array[];
  readonly #block = new Float64Array(64);
  readonly grids: Grid[];
  readonly #hMax: number;
  readonly #vMax: number;

  constructor(header: JpegHeader, quantisation: readonly Uint16Array[]) {
    this.#header = header;
    this.#quantisation = quantisation;
    this.#hMax = Math.max(...header.components.map(({ h }) => h));
    this.#vMax = Math.max(...header.components.map(({ v }) => v));
    const across = Math.ceil(header.columns / (8 * this.#hMax));
    const down = Math.ceil(header.rows / (8 * this.#vMax));
    this.grids = header.components.map(({ h, v }) => {
      const [width, height] = [across * h * 8, down * v * 8];
      return { width, height, data: new Uint16Array(width * height) };
    });
  }

  decode(scan: Scan): void {
    const { components } = this.#header;
    const alone = scan.components.length === 1;
    const only = components[scan.components[0]!.index]!;
    // a scan of one component has one block per MCU and no padding (T.81 section A.2.2)
    const across = Math.ceil(
      (this.#header.columns * (alone ? only.h / this.#hMax : 1)) / (8 * (alone ? 1 : this.#hMax)),
    );
    const down = Math.ceil(
      (this.#header.rows * (alone ? only.v / this.#vMax : 1)) / (8 * (alone ? 1 : this.#vMax)),
    );
    const dc = scan.components.map(() => 0);
    for (let mcu = 0; mcu < across * down; mcu++) {
      if (scan.interval && mcu && mcu % scan.interval === 0) {
        if (!scan.bits.restart()) return;
        dc.fill(0);
      }
      const [mx, my] = [mcu % across, Math.floor(mcu / across)];
      scan.components.forEach((component, i) => {
        const { h, v } = alone ? { h: 1, v: 1 } : components[component.index]!;
        for (let y = 0; y < v; y++)
          for (let x = 0; x < h; x++) dc[i] = this.#one(scan, component, dc[i]!, mx * h + x, my * v + y);
      });
    }
  }

  #one(scan: Scan, component: ScanComponent, dc: number, bx: number, by: number): number {
    const q = this.#quantisation[this.#header.components[component.index]!.quantisation & 3];
    if (!q) throw damaged();
    const block = this.#block;
    const sum = readBlock(scan, component, dc, q, block);
    inverse(block);
    const { width, data } = this.grids[component.index]!;
    const half = 1 << (this.#header.precision - 1);
    const most = 2 * half - 1;
    for (let y = 0; y < 8; y++)
      for (let x = 0; x < 8; x++)
        data[(by * 8 + y) * width + bx * 8 + x] = Math.max(
          0,
          Math.min(most, Math.round(block[8 * y + x]!) + half),
        );
    return sum;
  }

  /** Full-size planes; subsampled components are repeated. */
  planes(): Plane[] {
    const { rows, columns, components } = this.#header;
    return this.grids.map(({ width, data }, index) => {
      const plane = new Uint16Array(rows * columns);
      const [sx, sy] = [components[index]!.h / this.#hMax, components[index]!.v / this.#vMax];
      for (let y = 0; y < rows; y++)
        for (let x = 0; x < columns; x++)
          plane[y * columns + x] = data[Math.floor(y * sy) * width + Math.floor(x * sx)]!;
      return plane;
    });
  }
}

/** Decodes lossless and sequential code streams; colours are left as they are. */
export function readJpeg(bytes: Bytes): Raster {
  const header = readJpegHeader(bytes);
  const { rows, columns, components, process } = header;
  if (rows * columns * components.length > MAX_SAMPLES)
    throw new FrameError("too_large", "The image is too large.");
  if (rows * columns === 0 || components.length === 0) throw damaged();
  if (components.some(({ h, v }) => h < 1 || v < 1 || h > 4 || v > 4)) throw damaged();
  const quantisation: Uint16Array[] = [];
  if (process === 3) {
    if (components.some(({ h, v }) => h !== components[0]!.h || v !== components[0]!.v))
      throw new FrameError("unsupported", "Subsampled lossless JPEG images are not supported.");
    const planes = components.map(() => new Uint16Array(rows * columns));
    readScans(bytes, header, quantisation, (scan) => decodeLossless(header, scan, planes));
    return toRaster(header, planes);
  }
  if (process > 1) throw new FrameError("unsupported", "This kind of JPEG image is not supported.");
  const decoder = new SequentialDecoder(header, quantisation);
  readScans(bytes, header, quantisation, (scan) => decoder.decode(scan));
  return toRaster(header, decoder.planes());
}

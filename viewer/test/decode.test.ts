import { deflateRawSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { inflate, inflatePadded } from "../src/base/inflate.ts";
import { findFrame, joinItems } from "../src/decode/encapsulated.ts";
import { decode } from "../src/decode/frame.ts";
import { FrameError, type FrameSpec, UID } from "../src/decode/spec.ts";

const SPEC: FrameSpec = {
  transferSyntax: UID.explicit,
  rows: 2,
  columns: 2,
  samples: 1,
  planar: 0,
  photometric: "MONOCHROME2",
  bitsAllocated: 16,
  bitsStored: 12,
  highBit: 11,
  signed: false,
  frames: 1,
  pixelOffset: 4,
  pixelLength: 8,
  pixelType: "integer",
  deflatedFrom: null,
  palette: null,
};

const none = () => Promise.reject(new Error("no codec"));
const bytes = (...values: number[]) => new Uint8Array(values);
const run = (spec: Partial<FrameSpec>, data: Uint8Array<ArrayBuffer>, frame = 0) =>
  decode({ ...SPEC, ...spec }, data, frame, false, none);
const item = (...values: number[]) => [0xfe, 0xff, 0x00, 0xe0, values.length, 0, 0, 0, ...values];

describe("native", () => {
  test("unused high bits are masked", async () => {
    const { data } = await run({}, bytes(0, 0, 0, 0, 0x34, 0xf2, 1, 0, 2, 0x10, 0xff, 0xff));
    expect([...data]).toEqual([0x234, 1, 2, 0xfff]);
  });

  test("signed values keep their sign below sixteen bits", async () => {
    const { data, min, max } = await run(
      { signed: true },
      bytes(0, 0, 0, 0, 0xff, 0x0f, 1, 0, 0, 0x08, 0xff, 0x07),
    );
    expect([...data]).toEqual([-1, 1, -2048, 2047]);
    expect([min, max]).toEqual([-2048, 2047]);
  });

  test("big-endian words", async () => {
    const { data } = await run({ transferSyntax: UID.bigEndian }, bytes(0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8));
    expect([...data]).toEqual([0x102, 0x304, 0x506, 0x708]);
  });

  test("frames of one bit share bytes", async () => {
    const spec = { bitsAllocated: 1, bitsStored: 1, highBit: 0, columns: 3, frames: 2, pixelLength: 2 };
    const second = await run(spec, bytes(0, 0, 0, 0, 0b01_000000, 0b1101), 1);
    expect([...second.data]).toEqual([1, 0, 1, 0, 1, 1]);
  });

  test("planes become pixels", async () => {
    const spec = {
      samples: 3,
      planar: 1,
      photometric: "RGB",
      bitsAllocated: 8,
      bitsStored: 8,
      highBit: 7,
      rows: 1,
    };
    const { data, color } = await run(spec, bytes(0, 0, 0, 0, 1, 2, 3, 4, 5, 6));
    expect([...data]).toEqual([1, 3, 5, 2, 4, 6]);
    expect(color).toBe("rgb");
  });

  test("YBR_FULL_422 has one chroma pair for two pixels", async () => {
    const spec = {
      samples: 3,
      photometric: "YBR_FULL_422",
      bitsAllocated: 8,
      bitsStored: 8,
      highBit: 7,
      rows: 1,
    };
    const { data } = await run(spec, bytes(0, 0, 0, 0, 10, 200, 128, 128));
    expect([...data]).toEqual([10, 10, 10, 200, 200, 200]);
  });

  test("too few bytes are damage, not a black image", async () => {
    await expect(run({}, bytes(0, 0, 0, 0, 1, 2))).rejects.toMatchObject({ code: "damaged" });
  });

  test("a size that no image has is refused before memory is taken", async () => {
    const spec = { rows: 65535, columns: 65535 };
    await expect(run(spec, bytes(0))).rejects.toMatchObject({ code: "too_large" });
  });
});

test("palette entries of sixteen bits give their upper byte", async () => {
  const table = (high: number) => ({
    first: 1,
    bits: 16,
    data: Buffer.from([0, 0, 0xff, high]).toString("base64"),
  });
  const spec = {
    bitsAllocated: 8,
    bitsStored: 8,
    highBit: 7,
    palette: [table(1), table(2), table(3)] as const,
  };
  const { data } = await run(spec, bytes(0, 0, 0, 0, 0, 1, 2, 9));
  expect([...data]).toEqual([0, 0, 0, 0, 0, 0, 1, 2, 3, 1, 2, 3]);
});

describe("RLE", () => {
  const header = (...offsets: number[]) => {
    const words = new Uint32Array(16);
    words.set([offsets.length, ...offsets]);
    return [...new Uint8Array(words.buffer)];
  };
  const spec = { transferSyntax: UID.rle, pixelLength: null, bitsStored: 16, highBit: 15 };

  test("high bytes come first", async () => {
    const frame = [...header(64, 66), 0xfd, 0x12, 3, 1, 2, 3, 4, 0];
    const { data } = await run(spec, bytes(0, 0, 0, 0, ...item(), ...item(...frame)));
    expect([...data]).toEqual([0x1201, 0x1202, 0x1203, 0x1204]);
  });

  test("segments that lie outside are damage", async () => {
    const frame = [...header(64, 900), 0xfd, 0x12];
    await expect(run(spec, bytes(0, 0, 0, 0, ...item(), ...item(...frame)))).rejects.toBeInstanceOf(
      FrameError,
    );
  });
});

describe("fragments", () => {
  test("an offset table groups them", () => {
    const data = bytes(...item(0, 0, 0, 0, 18, 0, 0, 0), ...item(1), ...item(2), ...item(3));
    expect([...findFrame(data, 0, 2, 0)]).toEqual([1, 2]);
    expect([...findFrame(data, 0, 2, 1)]).toEqual([3]);
  });

  test("without a table a code stream's start begins a frame", () => {
    const data = bytes(...item(), ...item(0xff, 0xd8), ...item(9), ...item(0xff, 0xd8, 7));
    expect([...findFrame(data, 0, 2, 0)]).toEqual([0xff, 0xd8, 9]);
    expect([...findFrame(data, 0, 2, 1)]).toEqual([0xff, 0xd8, 7]);
  });

  test("one frame's own items are joined", () => {
    expect([...joinItems(bytes(...item(1, 2), ...item(3)))]).toEqual([1, 2, 3]);
    expect(() => joinItems(bytes(1, 2, 3))).toThrow(FrameError);
  });
});

describe("inflate", () => {
  const content = new Uint8Array(1000).fill(7);
  const packed = new Uint8Array(deflateRawSync(content));

  test("stops at the limit", async () => {
    await expect(inflate(packed, 999)).rejects.toThrow("more bytes");
    await expect(inflate(packed, 1001, true)).rejects.toThrow("fewer bytes");
  });

  test("a zero or the end of a gzip file may follow", async () => {
    expect(await inflatePadded(bytes(...packed, 0), 1000)).toEqual(content);
    const gzip = new Uint8Array(gzipSync(content)).slice(10);
    expect(await inflatePadded(gzip, 1000)).toEqual(content);
  });

  test("damage is an error", async () => {
    await expect(inflatePadded(bytes(...packed.slice(0, 4)), 1000)).rejects.toThrow();
  });
});

test("random bytes raise nothing but FrameError", async () => {
  const syntaxes = [
    UID.explicit,
    UID.bigEndian,
    UID.rle,
    UID.deflatedFrame,
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.51",
  ];
  let seed = 1;
  const random = () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed >>> 16;
  };
  for (let i = 0; i < 600; i++) {
    const data = Uint8Array.from({ length: random() % 300 }, () => random());
    const start = [0xff, 0xd8, 0xff, random() % 2 ? 0xc3 : 0xc1, 0, 11, 12, 0, 9, 0, 9, 1, 1, 0x11, 0];
    const stream = i % 2 ? [...start, ...data] : [...data];
    const encapsulated = i % 3 ? [...item(), ...item(...stream.slice(0, 255))] : stream;
    const spec = {
      transferSyntax: syntaxes[i % syntaxes.length]!,
      pixelLength: i % syntaxes.length < 2 ? 8 : null,
      pixelOffset: 0,
    };
    await run(spec, bytes(...encapsulated)).catch((error: unknown) =>
      expect(error).toBeInstanceOf(FrameError),
    );
  }
});

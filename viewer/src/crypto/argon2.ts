/** Argon2id (RFC 9106). Our own WebAssembly with SIMD takes less than half of the time that hash-wasm takes. */
import packed from "emix:argon2.wasm";
import { argon2id, createBLAKE2b } from "hash-wasm";
import { type Bytes, concat } from "../base/bytes.ts";
import { inflateBase64 } from "../base/inflate.ts";

/** Costs are those of RFC 9106: m KiB, t passes, p lanes. */
export interface Costs {
  readonly m: number;
  readonly t: number;
  readonly p: number;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  reserve(blocks: number, passes: number): number;
  fill(pass: number, slice: number): void;
}

const TAG = 32;
const BLOCK = 1024;
const VERSION = 0x13;
const TYPE_ID = 2;

let compiled: Promise<WebAssembly.Module | undefined> | undefined;

/** The compiled code; undefined where the browser has no SIMD. */
function getModule(): Promise<WebAssembly.Module | undefined> {
  compiled ??= inflateBase64(packed)
    .then((bytes) => WebAssembly.compile(bytes))
    .catch(() => undefined);
  return compiled;
}

async function instantiate(module: WebAssembly.Module): Promise<Exports> {
  const abort = (): never => {
    throw new Error("argon2 aborted");
  };
  return (await WebAssembly.instantiate(module, { env: { abort } })).exports as unknown as Exports;
}

/** Memory that has been touched: the first write to each page costs a quarter of a derivation. */
let ready: Exports | undefined;
/** What our writers ask for (docs/format/package-v1.md, section 4.1), in blocks of 1 KiB. */
const USUAL = 65_536;
/** Blocks after which the browser has made its fast code. */
const TRIAL = 1024;

/** Of the processor's memory, the smallest there are. */
const PAGE = 4096;

/** Prepares for the next derivation: compiles, runs a little, touches the memory. */
export async function warmArgon2(): Promise<void> {
  const [module] = await Promise.all([getModule(), hasher(64), hasher(TAG)]);
  if (!module) return;
  const wasm = await instantiate(module);
  if (!wasm.reserve(TRIAL, 1)) return;
  for (let slice = 0; slice < 4; slice++) wasm.fill(0, slice);
  const base = wasm.reserve(USUAL, 1) >>> 0;
  const memory = new Uint8Array(wasm.memory.buffer);
  if (base) for (let at = base; at < memory.length; at += PAGE) memory[at] = 0;
  ready = wasm;
}

/** 32 bytes. Slow on purpose, so for workers only. */
export async function deriveArgon2(password: Bytes, salt: Bytes, costs: Costs): Promise<Bytes> {
  const module = costs.p === 1 ? await getModule() : undefined;
  return module ? await deriveFast(module, password, salt, costs) : await derivePlain(password, salt, costs);
}

/** Without SIMD, or with several lanes, which no writer of ours asks for. */
export async function derivePlain(password: Bytes, salt: Bytes, { m, t, p }: Costs): Promise<Bytes> {
  const costs = { memorySize: m, iterations: t, parallelism: p };
  return new Uint8Array(await argon2id({ password, salt, ...costs, hashLength: TAG, outputType: "binary" }));
}

async function deriveFast(
  module: WebAssembly.Module,
  password: Bytes,
  salt: Bytes,
  { m, t }: Costs,
): Promise<Bytes> {
  const prepared = ready;
  // used once, so that the browser can have the memory back
  ready = undefined;
  const [wasm, long, short] = await Promise.all([prepared ?? instantiate(module), hasher(64), hasher(TAG)]);
  const inputs = [words(1, TAG, m, t, VERSION, TYPE_ID), counted(password), counted(salt), words(0, 0)];
  const seed = long(concat(inputs));
  const blocks = 4 * Math.floor(m / 4);
  const base = wasm.reserve(blocks, t) >>> 0;
  if (base === 0) return await derivePlain(password, salt, { m, t, p: 1 });
  const memory = new Uint8Array(wasm.memory.buffer);
  for (const i of [0, 1]) memory.set(block(long, concat([seed, words(i, 0)])), base + i * BLOCK);
  for (let pass = 0; pass < t; pass++) for (let slice = 0; slice < 4; slice++) wasm.fill(pass, slice);
  const end = base + blocks * BLOCK;
  return short(concat([words(TAG), memory.slice(end - BLOCK, end)]));
}

type Hash = (bytes: Bytes) => Bytes;

async function hasher(length: number): Promise<Hash> {
  const blake = await createBLAKE2b(8 * length);
  return (bytes) => new Uint8Array(blake.init().update(bytes).digest("binary"));
}

/** RFC 9106 section 3.3, H' for the length of a block. */
function block(hash: Hash, input: Bytes): Bytes {
  let value = hash(concat([words(BLOCK), input]));
  const parts = [value.subarray(0, 32)];
  while (parts.length < 30) {
    value = hash(value);
    parts.push(value.subarray(0, 32));
  }
  return concat([...parts, hash(value)]);
}

/** Little-endian 32-bit numbers. */
function words(...numbers: number[]): Bytes {
  const bytes = new Uint8Array(4 * numbers.length);
  const view = new DataView(bytes.buffer);
  for (const [i, number] of numbers.entries()) view.setUint32(4 * i, number, true);
  return bytes;
}

const counted = (bytes: Bytes): Bytes => concat([words(bytes.length), bytes]);

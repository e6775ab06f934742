/** The reading side of the viewer without its face: tests drive it through `globalThis.probe`. */
import { boot } from "../../src/boot/index.ts";
import { decodeFrame } from "../../src/decode/index.ts";
import type { Instance, Locked, OpenPackage } from "../../src/package/types.ts";

const started = performance.now();
let locked: ((value: Locked) => void) | undefined;
const ready = new Promise<Locked>((resolve) => {
  locked = resolve;
});
let pkg: OpenPackage | undefined;

const toBase64 = async (data: ArrayBufferView): Promise<string> => {
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const reader = new FileReader();
  return await new Promise((resolve) => {
    reader.onload = () => resolve(String(reader.result).replace(/^.*,/, ""));
    reader.readAsDataURL(new Blob([bytes]));
  });
};

const describe = (error: unknown) => ({
  error: (error as { code?: string }).code ?? String(error),
  message: (error as Error).message,
});

const probe = {
  errors: [] as object[],
  damage: [] as object[],
  accept: undefined as ((file: File) => void) | undefined,
  ready,
  async unlock(code: string) {
    try {
      pkg = await (await ready).unlock(code);
    } catch (error) {
      return describe(error);
    }
    pkg.onDamage((error) => probe.damage.push(describe(error)));
    return { index: pkg.index, password: pkg.password };
  },
  async outcome() {
    const manifest = await pkg?.manifest.then(({ counts }) => ({ counts }), describe);
    return { manifest, signature: await pkg?.signature, progress: pkg?.progress };
  },
  instances(): Instance[] {
    return (pkg?.index.patients ?? []).flatMap(({ studies }) =>
      studies.flatMap(({ series }) => series.flatMap(({ instances }) => instances)),
    );
  },
  async frame(entry: string, frame: number) {
    const instance = probe.instances().find((other) => other.entry === entry);
    if (!pkg || !instance) return { error: "no such entry" };
    const before = performance.now();
    try {
      const { data, ...rest } = await decodeFrame(pkg, instance, frame);
      const now = performance.now();
      return {
        ...rest,
        type: data.constructor.name,
        data: await toBase64(data),
        ms: now - before,
        at: now - started,
      };
    } catch (error) {
      return describe(error);
    }
  },
  /** Decodes many frames at once without handing them out: milliseconds. */
  async race(entries: readonly (readonly [string, number])[]) {
    const instances = new Map(probe.instances().map((instance) => [instance.entry, instance]));
    const before = performance.now();
    await Promise.all(entries.map(([entry, frame]) => decodeFrame(pkg!, instances.get(entry)!, frame)));
    return performance.now() - before;
  },
  async entry(name: string) {
    try {
      return { data: await toBase64(await pkg!.entry(name)) };
    } catch (error) {
      return describe(error);
    }
  },
};

(globalThis as unknown as { probe: typeof probe }).probe = probe;

boot(
  (value) => locked?.(value),
  (accept) => {
    probe.accept = accept;
  },
  (error) => probe.errors.push(describe(error)),
);

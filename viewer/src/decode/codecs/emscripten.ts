/** What the @cornerstonejs codecs have in common. */
import { inflateBase64 } from "../../base/inflate.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface CodecResult {
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  readonly bits: number;
  readonly signed: boolean;
  readonly bytes: Bytes;
}

export type Codec = (stream: Bytes) => CodecResult;

interface Decoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  decode(): void;
  getFrameInfo(): {
    width: number;
    height: number;
    bitsPerSample: number;
    componentCount: number;
    isSigned?: boolean;
  };
  delete(): void;
}

type Module = Record<string, new () => Decoder>;
export type Factory = (options: object) => Promise<Module>;

/** Instantiates a codec; its wasm comes packed in the script. */
export async function loadCodec(factory: Factory, packed: string, decoder: string): Promise<Codec> {
  const silent = () => undefined;
  const module = await factory({ wasmBinary: await inflateBase64(packed), print: silent, printErr: silent });
  const Type = module[decoder]!;
  return (stream) => {
    const instance = new Type();
    try {
      instance.getEncodedBuffer(stream.length).set(stream);
      instance.decode();
      const info = instance.getFrameInfo();
      return {
        rows: info.height,
        columns: info.width,
        samples: info.componentCount,
        bits: info.bitsPerSample,
        signed: info.isSigned === true,
        bytes: instance.getDecodedBuffer().slice() as Bytes,
      };
    } finally {
      instance.delete();
    }
  };
}

export type CodecName = "charls" | "turbo" | "openjpeg" | "openjph";

/** Each codec's script leaves its loader here when it has run. */
export type CodecTable = Partial<Record<CodecName, () => Promise<Codec>>>;

export function register(name: CodecName, load: () => Promise<Codec>): void {
  const scope = globalThis as { emixCodecs?: CodecTable };
  scope.emixCodecs ??= {};
  scope.emixCodecs[name] = load;
}

import packed from "emix:aes.wasm";
import type { Bytes } from "../base/bytes.ts";
import { inflateBase64 } from "../base/inflate.ts";

interface Exports {
  readonly memory: WebAssembly.Memory;
  key(): number;
  buffer(): number;
  size(): number;
  expand(): void;
  ctr(block: bigint, n: number): void;
}

/** AES-256 in WinZip's counter mode; one per worker. */
export class Cipher {
  readonly #wasm: Exports;
  readonly #memory: Uint8Array;
  #key: Uint8Array | undefined;

  private constructor(wasm: Exports) {
    this.#wasm = wasm;
    this.#memory = new Uint8Array(wasm.memory.buffer);
  }

  static async load(): Promise<Cipher> {
    const { instance } = await WebAssembly.instantiate(await inflateBase64(packed), {
      env: {
        abort() {
          throw new Error("cipher aborted");
        },
      },
    });
    return new Cipher(instance.exports as unknown as Exports);
  }

  /**
   * Encrypts or decrypts in place.
   *
   * @param key 32 bytes
   * @param offset of the first byte within the key stream
   */
  apply(key: Uint8Array, data: Bytes, offset = 0): void {
    if (key.length !== 32) throw new RangeError("the key has 32 bytes");
    if (this.#key !== key) {
      this.#memory.set(key, this.#wasm.key());
      this.#wasm.expand();
      this.#key = key;
    }
    const buffer = this.#wasm.buffer();
    const size = this.#wasm.size();
    let block = Math.floor(offset / 16);
    let skip = offset % 16;
    for (let at = 0; at < data.length; ) {
      const n = Math.min(size - skip, data.length - at);
      this.#memory.set(data.subarray(at, at + n), buffer + skip);
      this.#wasm.ctr(BigInt(block), skip + n);
      data.set(this.#memory.subarray(buffer + skip, buffer + skip + n), at);
      block += (skip + n) / 16;
      at += n;
      skip = 0;
    }
  }
}

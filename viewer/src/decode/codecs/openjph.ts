/** High-Throughput JPEG 2000 (OpenJPH). */

import packed from "@cornerstonejs/codec-openjph/wasm";
import factory from "@cornerstonejs/codec-openjph/wasmjs";
import { loadCodec, register } from "./emscripten.ts";

register("openjph", () => loadCodec(factory, packed, "HTJ2KDecoder"));

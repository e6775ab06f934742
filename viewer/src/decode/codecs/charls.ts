/** JPEG-LS (CharLS). */

import packed from "@cornerstonejs/codec-charls/decodewasm";
import factory from "@cornerstonejs/codec-charls/decodewasmjs";
import { loadCodec, register } from "./emscripten.ts";

register("charls", () => loadCodec(factory, packed, "JpegLSDecoder"));

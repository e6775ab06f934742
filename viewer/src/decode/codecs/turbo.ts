/** JPEG of 8 bits, baseline to progressive (libjpeg-turbo). */

import packed from "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm";
import factory from "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs";
import { loadCodec, register } from "./emscripten.ts";

register("turbo", () => loadCodec(factory, packed, "JPEGDecoder"));

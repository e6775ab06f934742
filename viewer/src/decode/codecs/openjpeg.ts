/** JPEG 2000 (OpenJPEG). */

import packed from "@cornerstonejs/codec-openjpeg/decodewasm";
import factory from "@cornerstonejs/codec-openjpeg/decodewasmjs";
import { loadCodec, register } from "./emscripten.ts";

register("openjpeg", () => loadCodec(factory, packed, "J2KDecoder"));

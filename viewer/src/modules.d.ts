/** WebAssembly, as base64 of raw deflate; `inflateBase64` unpacks it. */
declare module "emix:*.wasm" {
  const packed: string;
  export default packed;
}
declare module "@cornerstonejs/*wasm" {
  const packed: string;
  export default packed;
}
declare module "@cornerstonejs/*wasmjs" {
  const factory: import("./decode/codecs/emscripten.ts").Factory;
  export default factory;
}
declare module "*.css";
/** Where the page's codecs are, counted back from the first entry; set by the build, empty on the exchange's page. */
declare const EMIX_CODECS: Readonly<
  Record<string, { readonly back: number; readonly length: number; readonly sha256: string }>
>;

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

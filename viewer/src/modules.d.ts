/** WebAssembly, as base64 of raw deflate; `inflateBase64` unpacks it. */
declare module "*.wasm" {
  const packed: string;
  export default packed;
}
declare module "@cornerstonejs/*/decodewasm" {
  const packed: string;
  export default packed;
}
declare module "*.css";

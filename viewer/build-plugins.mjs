// Turns WebAssembly into text for one HTML file. Used by esbuild (build.mjs) and vitest alike.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import asc from "assemblyscript/asc";

const require = createRequire(import.meta.url);
const ASSEMBLY = fileURLToPath(new URL("./assembly/", import.meta.url));

/** Raw deflate, then base64: a third of the size of plain base64. */
function pack(bytes) {
  return deflateRawSync(bytes, { level: 9 }).toString("base64");
}

/** Compiles assembly/NAME.ts with AssemblyScript: no clang is needed on the building machine. */
async function compileAssembly(name) {
  const files = new Map();
  const { error, stderr } = await asc.main(
    [
      `${name}.ts`,
      "--outFile",
      "out.wasm",
      "--runtime",
      "stub",
      "-O3",
      "--noAssert",
      "--converge",
      "--enable",
      "simd",
    ],
    {
      readFile: async (path, base) => {
        try {
          return await readFile(new URL(path, `file://${base.startsWith("/") ? base : ASSEMBLY}/`), "utf8");
        } catch {
          return null;
        }
      },
      writeFile: (path, data) => files.set(path, data),
      listFiles: () => [],
    },
    // asc joins names with the base directory that is given here
  );
  if (error) throw new Error(`AssemblyScript: ${error.message}\n${stderr}`);
  const wasm = files.get("out.wasm");
  if (!wasm) throw new Error("AssemblyScript wrote nothing");
  return wasm;
}

/** The base64 text for an import of `emix:NAME.wasm` or of a package's wasm file. */
export async function packedWasm(specifier) {
  const own = /^emix:(\w+)\.wasm$/.exec(specifier);
  const bytes = own ? await compileAssembly(own[1]) : await readFile(require.resolve(specifier));
  return pack(bytes);
}

const WASM = /^emix:\w+\.wasm$|\/decodewasm$|\/wasm$|\.wasm$/;

export const esbuildWasm = {
  name: "emix-wasm",
  setup(build) {
    build.onResolve({ filter: WASM }, (args) => ({ path: args.path, namespace: "emix-wasm" }));
    build.onLoad({ filter: /.*/, namespace: "emix-wasm" }, async (args) => ({
      contents: await packedWasm(args.path),
      loader: "text",
    }));
  },
};

export const viteWasm = {
  name: "emix-wasm",
  enforce: "pre",
  resolveId: (id) => (WASM.test(id) ? `\0emix-wasm:${id}` : null),
  load: async (id) =>
    id.startsWith("\0emix-wasm:")
      ? `export default ${JSON.stringify(await packedWasm(id.slice("\0emix-wasm:".length)))}`
      : null,
};

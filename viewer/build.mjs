// Builds the pages: emixcli/viewer/viewer.html (embedded in every package), and recipient.html and
// request.html (served by the exchange). One file each, ASCII, no network, every script named by its hash in the CSP.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { esbuildWasm } from "./build-plugins.mjs";

const ROOT = dirname(fileURLToPath(import.meta.url));
const OUT = join(ROOT, "..", "emixcli", "viewer");
const CODECS = ["charls", "turbo", "openjpeg", "openjph"];
const LIMIT = 1_500_000;

/** One IIFE script (and the style sheets it imports) from an entry point. */
async function bundle(entry, define = {}) {
  const result = await esbuild.build({
    entryPoints: [join(ROOT, entry)],
    bundle: true,
    write: false,
    outdir: "out",
    absWorkingDir: ROOT,
    format: "iife",
    platform: "browser",
    target: ["chrome110", "firefox110", "safari16.4"],
    charset: "ascii",
    minify: true,
    legalComments: "none",
    external: ["node:fs", "fs", "path", "node:path", "node:crypto", "crypto", "module", "node:module"],
    loader: { ".svg": "text", ".png": "dataurl", ".woff2": "dataurl" },
    plugins: [esbuildWasm],
    define,
    logLevel: "warning",
  });
  const pick = (end) => result.outputFiles.filter((f) => f.path.endsWith(end)).map((f) => f.text.trim());
  return { js: pick(".js").join("\n"), css: pick(".css").join("\n") };
}

const sha256 = (text) => createHash("sha256").update(text).digest("base64");
const hash = (text) => `'sha256-${sha256(text)}'`;

/** Text that stands inside an HTML script element and stays there. */
function inert(text, name) {
  if (/[^\x00-\x7f]/.test(text)) throw new Error(`${name} is not ASCII`);
  if (/<!--|<\/?script/i.test(text)) throw new Error(`${name} would end its script element`);
  return text;
}

const data = (id, text) => `<script type="text/plain" id="${id}">${inert(text, id)}</script>\n`;

const PAGE_END = "globalThis.emixPageEnd?.()";
/**
 * The first script of the page: a worker needs longer to start than the page, so one starts before all else and
 * makes ready for the access code. A name reaches a worker with its script, a message only when this thread is
 * free. The main script takes it over (src/boot/workers.ts).
 */
const START = `{const u=URL.createObjectURL(new Blob([document.getElementById("emix-worker").textContent],\
{type:"text/javascript"}));globalThis.emixStarted={url:u,worker:new Worker(u,{name:"code"})}}`;
/**
 * Runs the main script, which stands before it as text. A worker starts when this thread has taken two answers of
 * the browser. So over HTTP the page stops itself here, before codecs and entries, which are read when they are
 * needed, and leaves the thread to the answers for some milliseconds.
 */
const run = (embedded) => `{const run=()=>{const s=document.createElement("script");\
s.text=document.getElementById("emix-main").textContent;document.head.append(s)};\
${embedded ? "if(/^https?:$/.test(location.protocol)){stop();setTimeout(run,6)}else " : ""}run()}`;
/** What a package's writer puts behind the page (docs/format/package-v1.md, section 2.1). */
const FIRST_ENTRY = "<script type=x>";

/** What stands behind the main script: over HTTP the page stops before it, and reads from it what it needs. */
const codecPart = (codecs) =>
  `${codecs.map(({ name, js }) => data(`emix-codec-${name}`, js)).join("")}<script>${PAGE_END}</script>\n`;

/** Where the codecs' texts are, counted back from the first entry, and their SHA-256. */
function codecSpans(codecs) {
  const part = codecPart(codecs) + FIRST_ENTRY;
  const span = ({ name, js }) => {
    const start = part.indexOf(js, part.indexOf(`"emix-codec-${name}"`));
    const digest = createHash("sha256").update(js).digest("hex");
    return [name, { back: part.length - start, length: js.length, sha256: digest }];
  };
  return Object.fromEntries(codecs.map(span));
}

/** Without one of its own the browser would ask the server for /favicon.ico. */
const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3'\
 fill='%23101418'/%3E%3Ccircle cx='8' cy='8' r='4.5' fill='none' stroke='%238ab4c8' stroke-width='1.5'/%3E%3C/svg%3E";

/** The whole page. `slots` tells whether it is embedded in a package (placeholders) or served. */
function page({ title, main, worker, codecs, notice, embedded }) {
  const scripts = [START, run(embedded), main.js, PAGE_END];
  const csp = [
    "default-src 'none'",
    `script-src ${scripts.map(hash).join(" ")} 'wasm-unsafe-eval' blob:`,
    `style-src ${main.css ? hash(main.css) : "'none'"}`,
    "img-src blob: data:",
    "worker-src blob:",
    "frame-src blob:",
    "object-src blob:",
    "media-src blob:",
    "font-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  if (/@@|<\/style/i.test(main.css)) throw new Error("the style sheet would end its element");
  const placeholders = embedded
    ? `<script type="application/json" id="emix-package">@@EMIX_PACKAGE@@</script>
<script type="application/json" id="emix-slots">@@EMIX_SLOTS@@</script>
`
    : "";
  return `<!DOCTYPE html><html lang="en"><meta charset="windows-1252">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">
<meta name="color-scheme" content="dark">
<meta http-equiv="Content-Security-Policy" content="${csp}">
<link rel="icon" href="${ICON}">
<title>${title}</title>
${placeholders}${data("emix-worker", worker.js)}<script>${START}</script>
${main.css ? `<style>${main.css}</style>\n` : ""}</head><body>
<noscript>This file shows medical images and needs JavaScript, which is switched off in this browser.</noscript>
<div id="app"></div>
${data("emix-notice", notice)}${data("emix-main", main.js)}<script>${run(embedded)}</script>
${codecPart(codecs)}`;
}

/** A page without images: one script, one style sheet, and the exchange that it came from. */
function plainPage(title, main) {
  const csp = [
    "default-src 'none'",
    `script-src ${hash(main.js)}`,
    `style-src ${hash(main.css)}`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  if (/<\/style/i.test(main.css)) throw new Error("the style sheet would end its element");
  return `<!DOCTYPE html><html lang="en"><meta charset="windows-1252">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">
<meta name="color-scheme" content="dark">
<meta http-equiv="Content-Security-Policy" content="${csp}">
<link rel="icon" href="${ICON}">
<title>${title}</title>
<style>${main.css}</style>
</head><body>
<noscript>This page encrypts what you write and needs JavaScript, which is switched off in this browser.</noscript>
<div id="app"></div>
<script>${inert(main.js, "main")}</script>
`;
}

async function* walk(folder) {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else yield path;
  }
}

/**
 * One digest of all that the pages are made from: SHA-256 over the lines `PATH NUL SHA256-hex LF`,
 * sorted by PATH (relative to viewer/, divided by slashes): src/**, assembly/**, NOTICE,
 * package.json, package-lock.json, tsconfig.json, build.mjs, build-plugins.mjs.
 */
export async function sourcesDigest() {
  const files = [
    "NOTICE",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "build.mjs",
    "build-plugins.mjs",
  ];
  for (const folder of ["src", "assembly"])
    for await (const path of walk(join(ROOT, folder))) files.push(relative(ROOT, path).split(sep).join("/"));
  files.sort();
  const all = createHash("sha256");
  for (const name of files) {
    const one = createHash("sha256")
      .update(await readFile(join(ROOT, name)))
      .digest("hex");
    all.update(`${name}\0${one}\n`);
  }
  return all.digest("hex");
}

async function write(folder, name, text) {
  const path = join(folder, name);
  await writeFile(`${path}.partial`, text);
  await rename(`${path}.partial`, path);
}

/** What all pages share. */
async function shared() {
  const [notice, worker, ...codecs] = await Promise.all([
    readFile(join(ROOT, "NOTICE"), "utf8"),
    bundle("src/package/worker.ts"),
    ...CODECS.map(async (name) => ({ name, ...(await bundle(`src/decode/codecs/${name}.ts`)) })),
  ]);
  return { notice: notice.trim(), worker, codecs, title: "Medical images" };
}

function check(name, text, embedded) {
  inert(text.replace(/<\/?script/g, ""), name);
  const placeholders = (text.match(/@@EMIX_/g) ?? []).length;
  if (placeholders !== (embedded ? 2 : 0)) throw new Error(`${name} has ${placeholders} placeholders`);
  if (text.length > LIMIT) throw new Error(`${name} has ${text.length} bytes, more than ${LIMIT}`);
  console.log(`${name}: ${text.length} bytes`);
}

async function build(folder, name, entry, parts, embedded) {
  const define = { EMIX_CODECS: JSON.stringify(embedded ? codecSpans(parts.codecs) : {}) };
  const text = page({ ...parts, main: await bundle(entry, define), embedded });
  check(name, text, embedded);
  await mkdir(folder, { recursive: true });
  await write(folder, name, text);
}

/** The pages of the package; with `--probe` a page for tests instead, in viewer/dist. */
async function main() {
  const parts = await shared();
  if (process.argv.includes("--probe")) {
    await build(join(ROOT, "dist"), "probe.html", "test/pages/probe.ts", parts, true);
    return;
  }
  const digest = await sourcesDigest();
  await build(OUT, "viewer.html", "src/ui/main.ts", parts, true);
  await build(OUT, "recipient.html", "src/recipient/main.ts", parts, false);
  const asking = plainPage("Ask for medical images", await bundle("src/asking/main.ts"));
  check("request.html", asking, false);
  await write(OUT, "request.html", asking);
  await write(OUT, "sources.sha256", `${digest}\n`);
}

await main();

// Builds src/netpulse/static (or the folder given as argument): each file with its hash in its name, beside it .gz and .br,
// and manifest.json, which says what each name is called now. The same sources give the same files.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "../src/netpulse/static");
const target = ["chrome123", "firefox121", "safari17.5"];

const modules = (await readdir(join(here, "js"))).filter((name) => name.endsWith(".js")).sort();
const made = await build({
  absWorkingDir: here,
  entryPoints: ["css/app.css", ...modules.map((name) => `js/${name}`)],
  outdir: "built",
  bundle: true,
  minify: true,
  write: false,
  format: "esm",
  charset: "utf8",
  legalComments: "none",
  target,
});
const files = new Map(made.outputFiles.map((file) => [basename(file.path), Buffer.from(file.contents)]));

// Made beside the folder that is served and put in its place when it is whole: what fails or is interrupted changes nothing.
const fresh = `${out}.new`;
const stale = `${out}.old`;
for (const left of [fresh, stale]) await rm(left, { recursive: true, force: true });
await mkdir(fresh, { recursive: true });
const manifest = {};
for (const [name, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const ending = extname(name);
  const hashed = `${basename(name, ending)}.${hash}${ending}`;
  manifest[name] = hashed;
  const packed = {
    "": bytes,
    ".gz": gzipSync(bytes, { level: 9 }),
    ".br": brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
  };
  for (const [suffix, content] of Object.entries(packed)) await writeFile(join(fresh, hashed + suffix), content);
  console.log(`${hashed.padEnd(28)} ${bytes.length} bytes, gzip ${packed[".gz"].length}, brotli ${packed[".br"].length}`);
}
await writeFile(join(fresh, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
if (existsSync(out)) await rename(out, stale);
await rename(fresh, out);
await rm(stale, { recursive: true, force: true });

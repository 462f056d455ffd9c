// Builds src/netpulse/static (or the folder given as argument): each file with its hash in its name, beside it .gz and .br,
// and manifest.json, which says what each name is called now. The same sources give the same files.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
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

// htmx as its authors publish it, the event extension behind it; no script of theirs is changed.
const vendor = join(here, "node_modules/htmx.org");
const { version } = JSON.parse(await readFile(join(vendor, "package.json"), "utf8"));
const parts = await Promise.all(
  ["dist/htmx.min.js", "dist/ext/hx-sse.min.js"].map((name) => readFile(join(vendor, name), "utf8")),
);
const bare = parts.map((text) => text.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, ""));
files.set("htmx.js", Buffer.from(`/* htmx ${version} and hx-sse, Zero-Clause BSD, https://htmx.org */\n${bare.join(";\n")}\n`));

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
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
  for (const [suffix, content] of Object.entries(packed)) await writeFile(join(out, hashed + suffix), content);
  console.log(`${hashed.padEnd(28)} ${bytes.length} bytes, gzip ${packed[".gz"].length}, brotli ${packed[".br"].length}`);
}
await writeFile(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);

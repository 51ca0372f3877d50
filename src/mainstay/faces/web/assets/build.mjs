// Bundles what the browser needs into static/mainstay/dist: content-hashed names, a manifest, and the licences.
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../../../../..");
const dist = join(here, "../static/mainstay/dist");

// Names are given relative to the root, so that the hashes do not depend on where the build runs.
process.chdir(root);
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const entries = ["app.js", "app.css", "acknowledge.css", "mark.svg"].map((name) => relative(root, join(here, name)));
const result = await build({
  entryPoints: entries,
  outdir: dist,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  target: ["es2022"],
  loader: { ".woff2": "file", ".svg": "copy" },
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
});

const manifest = {};
for (const [out, made] of Object.entries(result.metafile.outputs)) {
  if (made.entryPoint) manifest[basename(made.entryPoint)] = basename(out);
  for (const source of Object.keys(made.inputs)) {
    if (source.endsWith(".woff2") && out.endsWith(".woff2")) manifest["inter.woff2"] = basename(out);
  }
}
writeFileSync(join(dist, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);

for (const [name, file] of [
  ["htmx.org", "LICENSE"],
  ["uplot", "LICENSE"],
  ["@fontsource-variable/inter", "LICENSE"],
  ["dejavu-fonts-ttf", "LICENSE"],
]) {
  copyFileSync(join(root, "node_modules", name, file), join(dist, `LICENSE-${basename(name)}.txt`));
}

// Records are written as PDF with these; browsers never ask for them.
mkdirSync(join(dist, "fonts"), { recursive: true });
for (const name of ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf"]) {
  copyFileSync(join(root, "node_modules/dejavu-fonts-ttf/ttf", name), join(dist, "fonts", name));
}

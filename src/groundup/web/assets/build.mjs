// Bundles the page's scripts and styles. Run by hatch_build.py as: node build.mjs OUT
import { build } from "esbuild";

const out = process.argv[2];
if (!out) throw new Error("say where to put the result: node build.mjs OUT");

// KaTeX lists its fonts as woff2, woff and ttf; every browser since 2016 reads the first.
const onlyWoff2 = {
  name: "only-woff2",
  setup(bundle) {
    bundle.onResolve({ filter: /\.(woff|ttf)$/ }, () => ({ path: "font-not-shipped", external: true }));
  },
};

const common = { bundle: true, minify: true, target: ["es2022"], legalComments: "none", logLevel: "warning", charset: "utf8" };

await build({ ...common, entryPoints: ["assets/theme.ts"], format: "iife", outdir: out });
await build({
  ...common,
  entryPoints: ["assets/page.ts", "assets/topic.ts", "assets/run.ts", "assets/model.ts", "assets/first.ts", "assets/topic.css"],
  format: "esm",
  splitting: true,
  outdir: out,
  chunkNames: "chunks/[name]-[hash]",
  assetNames: "fonts/[name]-[hash]",
  loader: { ".woff2": "file" },
  plugins: [onlyWoff2],
});

// Draws each docs/figures/*.dot as an SVG of the same name.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { instance } from "@viz-js/viz";

const folder = new URL("../docs/figures/", import.meta.url);
const viz = await instance();

/** The figures' names with their SVGs. */
export function drawFigures(): { readonly name: string; readonly svg: string }[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".dot"))
    .map((name) => {
      const svg = viz.renderString(readFileSync(new URL(name, folder), "utf8"), { format: "svg" });
      return { name: name.replace(/dot$/, "svg"), svg };
    });
}

if (process.argv[1] === import.meta.filename) {
  for (const { name, svg } of drawFigures()) writeFileSync(new URL(name, folder), svg);
}

// The figures in the documents are drawn from their text as it is now.
import { readdirSync } from "node:fs";
import test from "ava";
import { drawFigures } from "../../scripts/draw-figures.js";
import { readText } from "./documents.js";

const figures = drawFigures();

for (const { name, svg } of figures) {
  test(`docs/figures/${name} is drawn from its text`, (t) => {
    t.is(readText(`docs/figures/${name}`), svg, "run `npm run figures`");
  });
}

test("each figure is drawn by a program, and shown in a document", (t) => {
  const drawn = [...figures.map(({ name }) => name), "speed.svg"]; // bench/report.ts draws the chart
  const files = readdirSync(new URL("../../docs/figures/", import.meta.url));
  t.deepEqual(files.filter((name) => name.endsWith(".svg")).sort(), drawn.sort());
  const documents = readText("README.md") + readText("CONTRIBUTING.md");
  for (const name of drawn) t.true(documents.includes(`(docs/figures/${name})`), name);
});

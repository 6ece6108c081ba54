import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHART, type RenderOptions, render, type Values } from "./rendered-chart.js";

/** `helm template` does not render NOTES.txt, so a template in a copy of the chart includes it. */
const SHOWS_NOTES = `apiVersion: v1
kind: ConfigMap
metadata:
  name: shown-notes
data:
  notes: {{ include (print .Template.BasePath "/NOTES.txt") . | toJson }}
`;

/** The notes that Helm prints after an install or upgrade with these values. */
export function notesOf(values: Values = {}, options: RenderOptions = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "chart-"));
  try {
    cpSync(CHART, folder, { recursive: true });
    writeFileSync(join(folder, "templates/shown-notes.yaml"), SHOWS_NOTES);
    const { data = {} } = render(values, { ...options, chart: folder }).get("ConfigMap", "shown-notes");
    return data["notes"] ?? "";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

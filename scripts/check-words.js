// Fails if the sources or documents use words that plain technical English replaces: see WORDS.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Each word with what to write instead. */
const WORDS = [
  [/\b(tells?|told)\b/i, "report, return, log, ask, show"],
  [/\b(nobody|somebody|whoever)\b/i, "no one, a client, any caller that"],
  [/\b(goes|going|went|to go) on\b/i, "continue"],
  [/\bso many\b/i, "the number of"],
  [/\b(that|which|what) is none\b/i, "an invalid …"],
  [/\banew\b/i, "again"],
];
const PLACES = ["src", "docs", "chart", "deploy", "demo", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"];

const files = execFileSync("git", ["ls-files", ...PLACES], { encoding: "utf8" })
  .split("\n")
  .filter((file) => file !== "" && !/\.generated\.|\.(png|svg|tgz)$/.test(file));
let count = 0;
for (const file of files) {
  for (const [n, line] of readFileSync(file, "utf8").split("\n").entries()) {
    for (const [word, instead] of WORDS) {
      const found = word.exec(line);
      if (found === null) continue;
      console.error(`${file}:${n + 1}: "${found[0]}": write ${instead}`);
      count++;
    }
  }
}
if (count > 0) process.exit(1);
console.log(`The words of ${files.length} files are plain.`);

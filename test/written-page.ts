// Pages of docs/ whose middle is the last output of a program: the text between two markers is the program's, the rest is
// ours. Nobody edits between the markers.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./repository.ts";

const begin = "<!-- begin: written by the program named above -->";
const end = "<!-- end -->";

/** What stands between the page's markers; "" where the page is missing. */
export function writtenIn(page: string): string {
  const path = join(root, "docs", page);
  if (!existsSync(path)) return "";
  const text = readFileSync(path, "utf8");
  return text.slice(text.indexOf(begin) + begin.length, text.indexOf(end)).trim();
}

/**
 * Puts the text between the page's markers; a page that is missing is made of `heading` and the markers.
 * @param page below docs/, e.g. "performance.md"
 * @returns the page's path
 */
export function writeIntoPage(page: string, heading: string, text: string): string {
  const path = join(root, "docs", page);
  const before = existsSync(path) ? readFileSync(path, "utf8") : `${heading.trimEnd()}\n\n${begin}\n${end}\n`;
  const from = before.indexOf(begin);
  const to = before.indexOf(end);
  if (from === -1 || to < from) throw new Error(`docs/${page} lacks the lines "${begin}" and "${end}"`);
  writeFileSync(path, `${before.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${before.slice(to)}`);
  return path;
}

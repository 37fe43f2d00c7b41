// docs/errors.md and src/errors.ts say the same, both ways.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, errorTable } from "../src/errors.ts";
import { textOf } from "./repository.ts";

/** Rows of the form | `code` | kind | status | title | what to do |, however their cells are padded. */
function documented(): Map<string, { kind: string; status: number; title: string; advice: string }> {
  const rows = new Map<string, { kind: string; status: number; title: string; advice: string }>();
  for (const line of textOf("docs/errors.md").split("\n")) {
    const cells = line.split("|").map((cell) => cell.trim());
    const [, code] = /^`([a-z-]+)`$/.exec(cells[1] ?? "") ?? [];
    if (code === undefined) continue;
    const [, , kind, status, title, advice] = cells;
    assert.ok(!rows.has(code), `${code} is listed twice`);
    rows.set(code, { kind: kind!, status: Number(status), title: title!, advice: advice! });
  }
  return rows;
}

test("docs/errors.md lists exactly the codes of src/errors.ts, in the same order", () => {
  assert.deepEqual([...documented().keys()], Object.keys(errorTable));
});

test("docs/errors.md gives every code its kind, status and title", () => {
  for (const [code, { kind, status, title }] of documented())
    assert.deepEqual({ kind, status, title }, errorTable[code as ErrorCode], code);
});

test("docs/errors.md says of every code what to do, in a sentence", () => {
  for (const [code, { advice }] of documented()) assert.match(advice, /^[A-Z`].{20,}\.$/, code);
});

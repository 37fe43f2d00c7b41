// Holds every import in src/ to the layer table of layers.ts, and ARCHITECTURE.md to a true copy of it.
import assert from "node:assert/strict";
import { posix } from "node:path";
import { test } from "node:test";
import { layerTable, rows, shared, strangers } from "./layers.ts";
import { filesBelow, isTestFile, textOf } from "./repository.ts";
import { importsOf } from "./source-text.ts";

const { dirname, join } = posix;

/** Why `from` must not import `to` (both below src/), or undefined where it may. */
function refusal(from: string, to: string): string | undefined {
  const folder = strangers.find((name) => from.startsWith(`${name}/`) && to.startsWith(`${name}/`));
  if (folder !== undefined) {
    const child = (path: string): string => path.slice(folder.length + 1).split("/")[0]!;
    const bothInside = [from, to].every((path) => path.slice(folder.length + 1).includes("/"));
    if (bothInside && child(from) !== child(to)) return `${folder}/ holds strangers: none imports another`;
  }
  if (isTestFile(from)) return undefined;
  if (isTestFile(to)) return "only tests import what is only for tests";
  if (to === "flow.ts") return isWiring(from) ? undefined : "only those who wire import flow.ts";
  if (shared.includes(from))
    return to === "errors.ts" ? undefined : `${from} is below everyone and imports only errors.ts`;
  if (isWiring(from) || shared.includes(to)) return undefined;
  const layer = from.split("/")[0]!;
  if (to.split("/")[0] === layer) return undefined;
  const may = rows.find(({ layers }) => layers.includes(layer))?.may;
  if (may === undefined) return `${layer} is in no row of the layer table`;
  const allowed =
    may === "anything" || may.some((name) => (name.endsWith(".ts") ? to === name : to.startsWith(`${name}/`)));
  return allowed ? undefined : `${layer} may import ${may.length === 0 ? "nothing beside itself" : may.join(", ")}`;
}

/** A formatter may pad the cells of a table. */
function unpadded(text: string): string {
  return text.replace(/ +/g, " ").replace(/\| ?-+ ?(?=\|)/g, "|---");
}

function isWiring(path: string): boolean {
  return path === "flow.ts" || path.startsWith("flow/") || path.startsWith("cli/");
}

test("every import in src/ is one the layer table allows", () => {
  const offences = filesBelow("src")
    .filter((path) => path.endsWith(".ts"))
    .flatMap((path) =>
      importsOf(textOf(path))
        .filter(({ specifier }) => specifier.startsWith("."))
        .flatMap(({ specifier, line }) => {
          const target = join(dirname(path), specifier);
          const why = target.startsWith("src/")
            ? refusal(path.slice(4), target.slice(4))
            : isTestFile(path)
              ? undefined
              : "src/ imports nothing outside itself";
          return why === undefined ? [] : [`${path}:${line} imports ${target}: ${why}`];
        }),
    );
  assert.deepEqual(offences, []);
});

test("every folder of src/ is in one row of the layer table", () => {
  const folders = new Set(
    filesBelow("src").flatMap((path) => (path.split("/").length > 2 ? [path.split("/")[1]!] : [])),
  );
  const listed = rows.flatMap(({ layers }) => layers);
  assert.deepEqual(
    [...folders].filter((folder) => !listed.includes(folder)),
    [],
  );
  assert.deepEqual(
    listed.filter((layer, i) => listed.indexOf(layer) !== i),
    [],
  );
});

test("files in src/ itself are the shared ones and flow.ts", () => {
  const files = filesBelow("src").filter((path) => path.split("/").length === 2 && !isTestFile(path));
  assert.deepEqual(
    files.filter((path) => ![...shared, "flow.ts"].includes(path.slice(4))),
    [],
  );
});

test("files that the layer table names exist, where their layer does", () => {
  const files = filesBelow("src");
  const named = rows.flatMap(({ may }) => (may === "anything" ? [] : may)).filter((name) => name.endsWith(".ts"));
  assert.deepEqual(
    named.filter((name) => !files.includes(`src/${name}`)),
    [],
  );
});

test("ARCHITECTURE.md quotes the layer table", () => {
  if (!filesBelow().includes("ARCHITECTURE.md")) return; // docs.test.ts asks that it exists
  assert.ok(
    unpadded(textOf("ARCHITECTURE.md")).includes(unpadded(layerTable())),
    `ARCHITECTURE.md must hold exactly this table:\n\n${layerTable()}\n`,
  );
});

test("the rules refuse what they should", () => {
  assert.equal(refusal("event/event.ts", "errors.ts"), undefined);
  assert.match(refusal("event/event.ts", "durable/files.ts")!, /nothing beside itself/);
  assert.match(refusal("clock.ts", "log.ts")!, /only errors\.ts/);
  assert.match(refusal("query/pages.ts", "index/memory.ts")!, /may import/);
  assert.equal(refusal("query/pages.ts", "index/port.ts"), undefined);
  assert.match(refusal("dialects/ark/decode.ts", "dialects/taurusdb/decode.ts")!, /strangers/);
  assert.match(refusal("dialects/ark/decode.test.ts", "dialects/taurusdb/decode.ts")!, /strangers/);
  assert.match(refusal("server/server.ts", "dialects/ark/decode.ts")!, /may import/);
  assert.match(refusal("server/server.ts", "flow.ts")!, /wire/);
  assert.match(refusal("server/server.ts", "index/index-store.contract.ts")!, /only for tests/);
  assert.equal(refusal("server/server.test.ts", "index/index-store.contract.ts"), undefined);
  assert.equal(refusal("cli/main.ts", "dialects/ark/decode.ts"), undefined);
  assert.match(refusal("newfolder/a.ts", "event/event.ts")!, /no row/);
});

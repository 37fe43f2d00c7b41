// Holds src/ to the table of outside.ts: who may touch files, sockets, the environment, the clock.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Permission, permissions } from "./outside.ts";
import { filesBelow, isTestFile, textOf } from "./repository.ts";
import { codeOf, importsOf } from "./source-text.ts";

const sources = filesBelow("src").filter((path) => path.endsWith(".ts") && !isTestFile(path));

/** Places, as "path:line what is there", where a file touches what the permission is about. */
function touches(permission: Permission, path: string, text: string): readonly string[] {
  const modules = importsOf(text)
    .filter(({ specifier, typeOnly }) => !typeOnly && permission.modules.includes(withPrefix(specifier)))
    .map(({ specifier, line }) => `${path}:${line} ${specifier}`);
  const lines = codeOf(text).split("\n");
  const code = lines.flatMap((line, i) =>
    permission.code.some((pattern) => pattern.test(line)) ? [`${path}:${i + 1} ${line.trim()}`] : [],
  );
  return [...modules, ...code];
}

/** "fs" and "node:fs" are one module. */
function withPrefix(specifier: string): string {
  return permissions.some(({ modules }) => modules.includes(`node:${specifier}`)) ? `node:${specifier}` : specifier;
}

function isAllowed(path: string, { allowed }: Permission): boolean {
  const below = path.slice("src/".length);
  return allowed.some((name) => (name.endsWith("/") ? below.startsWith(name) : below === name));
}

for (const permission of permissions) {
  test(`${permission.what}: touched only by ${permission.allowed.join(", ") || "nobody"}`, () => {
    const offences = sources
      .filter((path) => !isAllowed(path, permission))
      .flatMap((path) => touches(permission, path, textOf(path)));
    assert.deepEqual(offences, [], permission.why);
  });
}

test("no permission is left that nobody uses", () => {
  const unused = permissions.flatMap((permission) =>
    permission.allowed
      .filter((name) => {
        const holders = sources.filter((path) => isAllowed(path, { ...permission, allowed: [name] }));
        return holders.every((path) => touches(permission, path, textOf(path)).length === 0);
      })
      .map((name) => `${name}: ${permission.what}`),
  );
  assert.deepEqual(unused, []);
});

test("importing does nothing: no file runs something at its top level but main.ts and threads", () => {
  const programs = /(^|\/)(main|[a-z-]*thread|[a-z-]*worker)\.ts$/;
  const offences = sources
    .filter((path) => !programs.test(path))
    .flatMap((path) =>
      codeOf(textOf(path))
        .split("\n")
        .flatMap((line, i) =>
          /^(?:(?:await|void|new)\s|[\w.]+\(|\(|if\s*\(|for\s*\(|while\s*\(|try\b)/.test(line) &&
          !/^function\b/.test(line)
            ? [`${path}:${i + 1} ${line}`]
            : [],
        ),
    );
  assert.deepEqual(offences, []);
});

test("the table finds what it is for", () => {
  const found = (text: string): readonly string[] =>
    permissions.filter((permission) => touches(permission, "src/x.ts", text).length > 0).map(({ what }) => what);
  assert.deepEqual(found(`import { readFileSync } from "fs";`), ["the file system"]);
  assert.deepEqual(found(`import type { DatabaseSync } from "node:sqlite";`), []);
  assert.deepEqual(found(`import { createServer } from "node:http";\nawait fetch("x");`), ["sockets and HTTP"]);
  assert.deepEqual(found(`cache.fetch(1)`), []);
  assert.deepEqual(found(`const a = process.env["A"];`), ["the environment"]);
  assert.deepEqual(found(`// Date.now()\nconst a = "Date.now()"; new Date(0);`), []);
  assert.deepEqual(found(`const a = Date.now(), b = new Date();`), ["the time of day"]);
});

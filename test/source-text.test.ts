// The rules of the house are only as good as the reading of the sources they rest on.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the strings are sources to be read
import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, importsOf } from "./source-text.ts";

const names = (text: string): string[] =>
  importsOf(text).map(({ specifier, typeOnly }) => `${typeOnly ? "type " : ""}${specifier}`);

test("imports of every form are found", () => {
  assert.deepEqual(names(`import { a } from "./a.ts";\nimport b, * as c from './b.ts'\nimport "./c.ts";`), [
    "./a.ts",
    "./b.ts",
    "./c.ts",
  ]);
  assert.deepEqual(names(`import {\n  a,\n  type B,\n} from "./a.ts";\nexport { d } from "./d.ts";`), [
    "./a.ts",
    "./d.ts",
  ]);
  assert.deepEqual(names(`const x = await import("./x.ts");\nnew Worker(new URL("./w.ts", import.meta.url));`), [
    "./x.ts",
    "./w.ts",
  ]);
});

test("an import of types alone is told apart", () => {
  assert.deepEqual(names(`import type { A } from "./a.ts";\nimport { type B, type C } from "./b.ts";`), [
    "type ./a.ts",
    "type ./b.ts",
  ]);
  assert.deepEqual(names(`export type { A } from "./a.ts";\nimport { type B, c } from "./b.ts";`), [
    "type ./a.ts",
    "./b.ts",
  ]);
});

test("what stands in a comment or a string is no import", () => {
  assert.deepEqual(names(`// import "./a.ts";\n/* import "./b.ts"; */\nconst t = \`\nimport "./c.ts";\n\`;`), []);
  assert.deepEqual(names(`const s = 'import("./d.ts")';`), []);
});

test("an export that is no re-export does not swallow what follows it", () => {
  assert.deepEqual(names(`export const a = 1;\nimport { b } from "./b.ts";`), ["./b.ts"]);
});

test("the line of an import is where its keyword stands", () => {
  assert.deepEqual(
    importsOf(`// one\n\nimport {\n  a,\n} from "./a.ts";\n`).map(({ line }) => line),
    [3],
  );
});

test("code is kept and comments, strings, templates and regular expressions are blanked", () => {
  assert.equal(codeOf(`a /* b */ + "c" // d`), `a         + " "     `);
  assert.equal(codeOf("`x ${ y } z` + w"), "`  ${ y }  ` + w");
  assert.equal(codeOf("`${ `a${{ b }}c` }` ; d"), "`${ ` ${{ b }} ` }` ; d");
  assert.equal(codeOf(`r = /"\\/[/"]/g; s`), `r = /       /g; s`);
  assert.equal(codeOf(`a = b / c / d; "e"`), `a = b / c / d; " "`);
  assert.equal(codeOf(`return /'/.test(x)`), `return / /.test(x)`);
  assert.equal(codeOf(`"a\\"b" + c`), `"    " + c`);
  assert.equal(codeOf(`"" + a + '' + \`\` + b`), `"" + a + '' + \`\` + b`);
});

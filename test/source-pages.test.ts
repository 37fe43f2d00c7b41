// The pages of sources as their readers take them: what stands there as a configuration names sources that exist, and options
// that they take; a record that stands there is read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Type } from "typebox";
import { sources } from "../src/agent/catalog.ts";
import { noEvents, sourceOptions } from "../src/agent/config.ts";
import { readYaml } from "../src/agent/yaml-file.ts";
import { isParsed, type Parser } from "../src/sources/source.ts";
import { filesBelow, textOf } from "./repository.ts";

const Part = Type.Object({
  sources: Type.Array(
    Type.Object(
      {
        name: Type.String(),
        source: Type.String(),
        input: Type.Record(Type.String(), Type.Unknown()),
        options: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
        ignore: Type.Optional(Type.Array(Type.Union(noEvents.map((why) => Type.Literal(why))))),
      },
      { additionalProperties: false },
    ),
  ),
});

function blocksOf(page: string, language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, text]) => text!);
}

function parserOf(name: string, options: Record<string, unknown> | undefined, place: string): Parser {
  const source = sources.get(name);
  assert.ok(source !== undefined, `${place}: the source ${name}`);
  return source.parser(sourceOptions(source.options, options, place) as never);
}

const pages = filesBelow().filter((path) => /^docs\/sources\/.*\.md$/.test(path));

test("the configurations on the pages of sources are taken as they stand", () => {
  let seen = 0;
  for (const page of pages)
    for (const block of blocksOf(textOf(page), "yaml").filter((text) => text.startsWith("sources:")))
      for (const { source, options } of readYaml(block, Part, page).sources) {
        parserOf(source, options, page);
        seen++;
      }
  assert.ok(seen >= 12, `${seen} configurations`);
});

test("the record on the page of key services is an event by the defaults", () => {
  const page = "docs/sources/tks-access.md";
  const [record] = blocksOf(textOf(page), "json");
  const outcomes = parserOf("tks-access", undefined, page).take({ text: record!.trim(), read: 0 });
  assert.ok(outcomes.length === 1 && isParsed(outcomes[0]!) && outcomes[0].draft.kind === "security");
  assert.deepEqual(
    outcomes[0].draft.contents.map(({ key }) => key),
    ["method", "RequestID", "KeyID", "User", "SourceIP", "Result"],
  );
});

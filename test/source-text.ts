// Reads TypeScript as text for the house's rules: which modules a file names, and what stands in it as code rather than
// in a comment or a string. A tokenizer of a page, not a parser: it knows comments, strings, templates and regular
// expressions, and nothing of meaning.

export interface Import {
  /** As written, e.g. "../errors.ts" or "node:fs". */
  readonly specifier: string;
  /** Nothing of it is left when the types are gone. */
  readonly typeOnly: boolean;
  /** From 1. */
  readonly line: number;
}

type Part = "code" | "comment" | "string";

/** The text with comments and the inside of strings, templates and regular expressions blanked; lines stay lines. */
export function codeOf(text: string): string {
  return blank(text, (part) => part !== "code");
}

/** Every module the text names: imports, re-exports, import() and new URL("x.ts", import.meta.url), a thread's program. */
export function importsOf(text: string): readonly Import[] {
  const code = codeOf(text);
  const spoken = blank(text, (part) => part === "comment");
  const found: Import[] = [];
  const collect = (pattern: RegExp, typeOnly: (match: RegExpMatchArray) => boolean): void => {
    for (const match of spoken.matchAll(pattern)) {
      const at = match.index + match[0].search(/\S/);
      if (code[at] !== spoken[at]) continue; // it stands in a string
      const line = spoken.slice(0, at).split("\n").length;
      found.push({ specifier: match.groups!.from!, typeOnly: typeOnly(match), line });
    }
  };
  collect(/^\s*(?:import|export)\s+(?:(?<names>[\w$*{},\s]+?)\s+from\s+)?["'](?<from>[^"'\n]+)["']/gm, (match) =>
    onlyTypes(match.groups!.names),
  );
  collect(/\bimport\s*\(\s*["'](?<from>[^"'\n]+)["']/g, () => false);
  collect(/\bnew URL\(\s*["'](?<from>[^"'\n]+\.ts)["']\s*,\s*import\.meta\.url/g, () => false);
  return found;
}

function onlyTypes(names: string | undefined): boolean {
  if (names === undefined) return false;
  if (/^type\b(?!\s*,)/.test(names)) return true;
  const braces = /^\{(.*)\}$/s.exec(names.trim());
  if (braces === null) return false;
  const items = braces[1]!.split(",").filter((item) => item.trim() !== "");
  return items.length > 0 && items.every((item) => /^\s*type\s/.test(item));
}

function blank(text: string, hide: (part: Part) => boolean): string {
  const out = [...partsOf(text)].map(([part, from, to]) => {
    const piece = text.slice(from, to);
    return hide(part) ? piece.replace(/[^\n]/g, " ") : piece;
  });
  return out.join("");
}

/** The text cut into parts, end to end. Quotes belong to the code around a string. */
function* partsOf(text: string): Generator<readonly [Part, number, number]> {
  /** For each template whose `${` we are in: how many braces are open inside it. */
  const templates: number[] = [];
  let start = 0;
  let at = 0;
  const cut = function* (part: Part, end: number): Generator<readonly [Part, number, number]> {
    if (end > start) yield [part, start, end];
    start = end;
    at = end;
  };
  while (at < text.length) {
    const char = text[at]!;
    const two = text.slice(at, at + 2);
    if (two === "//" || two === "/*") {
      yield* cut("code", at);
      const end = two === "//" ? text.indexOf("\n", at) : text.indexOf("*/", at + 2);
      yield* cut("comment", end === -1 ? text.length : two === "//" ? end : end + 2);
    } else if (char === '"' || char === "'") {
      yield* cut("code", at + 1);
      yield* cut(
        "string",
        endOf(text, at, (i) => text[i] === char || text[i] === "\n"),
      );
      at++;
    } else if (char === "`" || (char === "}" && templates.at(-1) === 0)) {
      if (char === "}") templates.pop();
      yield* cut("code", at + 1);
      const end = endOf(text, at, (i) => text[i] === "`" || text.startsWith("${", i));
      yield* cut("string", end);
      if (text[end] === "$") templates.push(0);
      at += text[end] === "$" ? 2 : 1;
    } else if (char === "/" && regularExpressionMayFollow(text.slice(Math.max(0, at - 200), at))) {
      yield* cut("code", at + 1);
      let inClass = false;
      const end = endOf(text, at, (i) => {
        if (text[i] === "[") inClass = true;
        else if (text[i] === "]") inClass = false;
        return text[i] === "\n" || (text[i] === "/" && !inClass);
      });
      yield* cut("string", end);
      at++;
    } else {
      const open = templates.length - 1;
      if (open >= 0 && char === "{") templates[open]!++;
      if (open >= 0 && char === "}") templates[open]!--;
      at++;
    }
  }
  yield* cut("code", text.length);
}

/** The first place at or after `from` that `ends` accepts and no backslash escapes. */
function endOf(text: string, from: number, ends: (at: number) => boolean): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (ends(at)) return at;
  }
  return text.length;
}

/** A slash divides after a value and opens a regular expression elsewhere. */
function regularExpressionMayFollow(before: string): boolean {
  const trimmed = before.trimEnd();
  if (trimmed === "") return true;
  if (/\b(return|typeof|case|in|of|do|else|yield|await|throw|void|delete|instanceof)$/.test(trimmed)) return true;
  return !/[\w$)\]}"'`]$/.test(trimmed);
}

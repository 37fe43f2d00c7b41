import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mostText, Pattern } from "./pattern.ts";

/** What both find, as [index, groups, named]; undefined where nothing. */
function ours(source: string, text: string) {
  const found = new Pattern(source).find(text);
  return found === undefined ? undefined : [found.index, [...found.groups], Object.fromEntries(found.named)];
}

function theirs(source: string, text: string) {
  const insensitive = source.startsWith("(?i)");
  const found = new RegExp(insensitive ? source.slice(4) : source, insensitive ? "ui" : "u").exec(text);
  return found === null ? undefined : [found.index, [...found], { ...found.groups }];
}

test("what it finds is what JavaScript finds", () => {
  const cases: readonly (readonly [pattern: string, ...texts: string[]])[] = [
    ["", "", "a"],
    ["a", "a", "ba", "b"],
    ["^a$", "a", "ab", "ba"],
    ["a|ab|abc", "abc"],
    ["(a|ab)(c|bcd)(d*)", "abcd"],
    ["a{2,3}", "a", "aa", "aaaa"],
    ["a{2,3}?", "aaaa"],
    ["a{0}b", "ab"],
    ["x*?y", "xxy"],
    ["(?<app>.+)-(?<hash>[0-9a-f]+)-[a-z0-9]{5}$", "web-front-6d4cf56db6-x7k2p", "web"],
    ["\\bnc\\b", "nc -l", "rsync", "sync nc"],
    ["\\Bx", "ax", "x"],
    ["[^a-c\\d]+", "abc123xyz"],
    ["[\\]\\-x]+", "a]-x"],
    ["[-a]", "-"],
    ["[a-]", "-"],
    ["\\d{1,3}(?:\\.\\d{1,3}){3}", "to 198.51.100.23:80"],
    ["\\x41\\u0042\\u{1F600}", "AB😀"],
    ["^.$", "😀", "é", "\n"],
    ["\\s\\S", "\u00a0x", "\u2003x", "x"],
    ["(?i)select|[d-f]", "SELECT", "xE"],
    ["(a)|(b)", "b"],
    ["(?:a|b)*c", "ababc"],
    ["a\\.b\\*", "a.b*", "axb*"],
    ["\\t\\n\\0", "\t\n\0"],
    ["", "日本"],
  ];
  for (const [pattern, ...texts] of cases)
    for (const text of texts) assert.deepEqual(ours(pattern, text), theirs(pattern, text), `${pattern} in ${text}`);
});

test("of any pattern and text it says as JavaScript does whether it matches, and where", () => {
  const atom = fc.constantFrom("a", "b", "c", ".", "[ab]", "[^a]", "\\w", "\\b", "^", "$");
  const { pattern } = fc.letrec<{ pattern: string; piece: string }>((tie) => ({
    piece: fc.oneof(
      { depthSize: "small" },
      atom,
      fc
        .tuple(fc.constantFrom("a", "b", "[bc]", "."), fc.constantFrom("*", "+", "?", "{2}", "{1,2}", "*?", "+?"))
        .map(([one, times]) => one + times),
      fc
        .tuple(tie("pattern"), fc.constantFrom("", "*", "+", "?", "{2}", "{0,2}"))
        .map(([inner, times]) => `(?:${inner})${times}`),
    ),
    pattern: fc.oneof(
      { depthSize: "small" },
      fc.array(tie("piece"), { maxLength: 4 }).map((pieces) => pieces.join("")),
      fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => `${a}|${b}`),
    ),
  }));
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c", " "), maxLength: 10 });
  fc.assert(
    fc.property(pattern, text, (source, subject) => {
      assert.equal(new Pattern(source).test(subject), new RegExp(source, "u").test(subject));
      // An empty round of a repetition is where JavaScript prefers otherwise.
      if (!/\)[*+{?]/.test(source)) assert.deepEqual(ours(source, subject), theirs(source, subject));
    }),
    { numRuns: 3_000 },
  );
});

test("the patterns that ruin a backtracking matcher end", () => {
  const many = "a".repeat(mostText);
  for (const source of ["(a+)+$", "(a|a)*b", "(a*)*b", "a*a*a*a*a*b", "(.*)(.*)(.*)(.*)[^a]", "(?:a?){200}a{200}b"])
    assert.equal(new Pattern(source).test(`${many}!`.slice(-mostText)), source === "(.*)(.*)(.*)(.*)[^a]", source);
});

test("of a very long text the beginning is looked at, and its end is not taken for the text's", () => {
  const long = `${"x".repeat(mostText)}y`;
  assert.equal(new Pattern("y").test(long), false);
  assert.equal(new Pattern("x$").test(long), false);
  assert.equal(new Pattern("^x+").test(long), true);
});

test("a pattern that cannot be matched in linear time, or is none, is refused with its place", () => {
  const refused: readonly (readonly [source: string, why: RegExp])[] = [
    ["(a)\\1", /^holds a backreference, which is not offered, at character 4$/],
    ["\\k<a>", /backreference/],
    ["a(?=b)", /^holds lookaround, which is not offered, at character 2$/],
    ["(?<!a)b", /lookaround/],
    ["(a", /^holds a group that is not closed, at character 1$/],
    ["a)", /^holds an unmatched \), at character 2$/],
    ["[a", /^holds a \[ that is not closed/],
    ["[b-a]", /range/],
    ["[\\d-x]", /range/],
    ["*a", /^holds a \* that repeats or closes nothing, at character 1$/],
    ["a**", /repeats or closes nothing/],
    ["^*", /^holds a repeated/],
    ["a{2", /holds a \{ that is no/],
    ["a{3,2}", /from more to less/],
    ["a{1001}", /more than 1000/],
    ["(?:(?:a{100}){100})", /^is too large/],
    ["\\", /at the end/],
    ["\\q", /means nothing/],
    ["\\u12", /without its number/],
    ["\\u{110000}", /without its number/],
    ["(?<1a>b)", /name/],
    ["(?<a>b)(?<a>c)", /two groups named a/],
    ["(?P<a>b)", /\(\? without/],
    [`${"(".repeat(60)}a${")".repeat(60)}`, /nested deeper/],
  ];
  for (const [source, why] of refused)
    assert.throws(() => new Pattern(source), { name: "SyntaxError", message: why }, source);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { ed25519, ed25519Cosignature, formatVerifierKey, verifierKey } from "./note.ts";
import { parsePolicy } from "./policy.ts";
import { portable } from "./primitives.ts";

const vkey = (name: string, type: number, seed: number): string =>
  formatVerifierKey(verifierKey(portable.sha256, name, type, new Uint8Array(32).fill(seed)));
const log = vkey("log.example/1", ed25519, 99);
const witnesses = Array.from({ length: 6 }, (_, i) => vkey(`w${i}.example/clock`, ed25519Cosignature, i));
const renamed = (seed: number): string => vkey("other.example/name", ed25519Cosignature, seed);
const defined = (names: readonly string[]): string =>
  names.map((name, i) => `witness ${name} ${witnesses[i]}`).join("\n");

test("the specification's example: two of three here and any of three there", () => {
  const policy = parsePolicy(
    portable.sha256,
    `
# a comment
log ${log} https://log.example/

${defined(["X1", "X2", "X3", "Y1", "Y2", "Y3"])}
  group\tX-witnesses 2 X1 X2 X3
group Y-witnesses any Y1 Y2 Y3
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`,
  );
  assert.equal(policy.logs[0]?.url, "https://log.example/");
  assert.equal(policy.witnesses.length, 6);
  const reaches = (...names: string[]): boolean => policy.isQuorum(new Set(names));
  assert.equal(reaches("X1", "X3", "Y2"), true);
  assert.equal(reaches("X1", "X2", "X3"), false);
  assert.equal(reaches("X1", "Y1", "Y2", "Y3"), false);
  assert.equal(reaches(), false);
});

test("a quorum of one witness, and one that asks for nothing", () => {
  const one = parsePolicy(portable.sha256, `witness A ${witnesses[0]} https://a.example\nquorum A\n`);
  assert.deepEqual([one.asks, one.isQuorum(new Set(["A"])), one.isQuorum(new Set())], [true, true, false]);
  const none = parsePolicy(portable.sha256, "quorum none");
  assert.deepEqual([none.asks, none.isQuorum(new Set())], [false, true]);
});

test("what is no policy is refused, naming the line", () => {
  const fails = (text: string, why: RegExp): void =>
    assert.throws(
      () => parsePolicy(portable.sha256, text),
      (thrown) => thrown instanceof SyntaxError && why.test(thrown.message),
      text,
    );
  const two = defined(["A", "B"]);
  fails("", /no quorum/);
  fails(two, /no quorum/);
  fails(`${two}\nquorum C`, /line 3: C is not defined/);
  fails(`${two}\nquorum A\nquorum B`, /line 4: .*one quorum/);
  fails(`${two}\ngroup G 3 A B\nquorum G`, /line 3: .*cannot ask for 3/);
  fails(`${two}\ngroup G 0 A B\nquorum G`, /cannot ask for 0/);
  fails(`${two}\ngroup G all\nquorum G`, /not a line/);
  fails(`${two}\ngroup G all A\ngroup H all A B\nquorum H`, /line 4: A is in a group already/);
  fails(`${two}\ngroup A all B\nquorum A`, /A is defined already/);
  fails(`${two}\ngroup none all B\nquorum none`, /none is defined already/);
  fails(`group G any A\n${two}\nquorum G`, /line 1: A is not defined/);
  fails(`${two}\nwitness C ${witnesses[0]}\nquorum A`, /line 3: the same key/);
  fails(`witness A ${log}\nquorum A`, /type 1/);
  fails(`witness A nonsense\nquorum A`, /line 1: not a verifier key/);
  fails(`log ${witnesses[0]}\nquorum none`, /line 1: .*type 4; logs' keys of type 1/);
  fails(`log ${log}\nlog ${log}\nquorum none`, /line 2: the same key/);
  fails(`witness A ${witnesses[0]}\nwitness B ${renamed(0)}\nquorum A`, /line 2: the same key/);
  fails(`${two}\r\nquorum A`, /line 2: .*U\+000D/);
  fails(`# \u0000\n${two}\nquorum A`, /line 1: .*U\+0000/);
  fails(`${two}\nmirror A\nquorum A`, /line 3: not a line/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, TaishiError } from "../../errors.ts";
import { type ParameterSource, readParameters } from "./parameters.ts";
import { parseForm, parseTarget } from "./query-string.ts";

const json = "application/json; charset=utf-8";
const form = "application/x-www-form-urlencoded";

function post(body: string | Uint8Array, parts: Partial<ParameterSource> = {}): ParameterSource {
  const source = { method: "POST" as const, query: [], contentType: json, contentEncoding: undefined };
  return { ...source, body: typeof body === "string" ? Buffer.from(body) : body, ...parts };
}

/** Through JSON, because parsed objects have no prototype. */
const values = (source: ParameterSource): unknown => JSON.parse(JSON.stringify(readParameters(source).values));
const get = (query: string): ParameterSource => ({
  ...post(""),
  method: "GET",
  query: parseTarget(`/?${query}`).query,
});
const refuses = (source: ParameterSource, code: ErrorCode): void => {
  assert.throws(
    () => readParameters(source),
    (error) => error instanceof TaishiError && error.code === code,
  );
};

test("a JSON body is taken as it is, however it calls itself", () => {
  for (const contentType of [json, "text/plain", undefined, form])
    assert.deepEqual(readParameters(post(' {"A":{"B":[1]}}', { contentType })), {
      form: "json",
      values: { A: { B: [1] } },
    });
  assert.deepEqual(readParameters(post("\ufeff{}")).values, {});
});

test("no body at all is no parameters", () => {
  assert.deepEqual(readParameters(post("")), { form: "json", values: {} });
});

test("what is no JSON object is refused", () => {
  for (const body of ["{", "[]", "null", '"x"', "1", '{"A":1,}', "<xml/>", '{"A":"cut in ha'])
    refuses(post(body), "malformed-body");
  refuses(post(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), "malformed-body");
});

test("deep nesting is refused before anything recursive sees it", () => {
  refuses(post(`{"A":${"[".repeat(200_000)}`), "malformed-body");
  refuses(post(`{"A":${"[".repeat(64)}${"]".repeat(64)}}`), "malformed-body");
  assert.equal(readParameters(post(`{"A":${"[".repeat(63)}${"]".repeat(63)}}`)).form, "json");
});

test("a compressed body is refused unexpanded", () => {
  for (const contentEncoding of ["gzip", "zstd", "br", "identity, gzip"])
    refuses(post("{}", { contentEncoding }), "unsupported-media-type");
  assert.equal(readParameters(post("{}", { contentEncoding: "Identity" })).form, "json");
  refuses(post("--x", { contentType: "multipart/form-data; boundary=x" }), "unsupported-media-type");
});

test("flattened parameters become the structure they name", () => {
  const query =
    "Action=A&Version=V&X-Date=D&ResourceId=ep+1&Filter.LogTypes.2=b&Filter.LogTypes.1=a&Filter.LogTypes.10=c";
  const expected = { ResourceId: "ep 1", Filter: { LogTypes: ["a", "b", "c"] } };
  assert.deepEqual(values(get(query)), expected);
  assert.deepEqual(values(post(query, { contentType: form })), expected);
  assert.deepEqual(values(get("L=b&L=a")), { L: ["b", "a"] });
});

test("flattened names cannot reach what an object inherits", () => {
  const { values } = readParameters(get("__proto__.polluted=1&constructor.prototype.polluted=1"));
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  assert.deepEqual(Object.keys(values), ["__proto__", "constructor"]);
});

test("ambiguous, empty and endless names are refused", () => {
  refuses(get("Filter=x&Filter.LogType=SshLogin"), "invalid-parameter");
  refuses(get("Filter..LogType=x"), "invalid-parameter");
  refuses(get(`${"a.".repeat(5000)}b=1`), "invalid-parameter");
  assert.deepEqual(values(get("Filter=&Filter.LogType=SshLogin")), { Filter: { LogType: "SshLogin" } });
});

test("query strings keep what has no value, and skip what is nothing", () => {
  assert.deepEqual(parseForm("a&&b=&c==&d=%E5%AE%A1+x"), [
    { name: "a", value: "" },
    { name: "b", value: "" },
    { name: "c", value: "=" },
    { name: "d", value: "审 x" },
  ]);
});

import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { test } from "node:test";
import { AKSKSigner } from "@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner.js";
import { BasicCredentials } from "@huaweicloud/huaweicloud-sdk-core/auth/BasicCredentials.js";
import fc from "fast-check";
import { type ErrorCode, TaishiError } from "../../errors.ts";
import type { Request } from "../../exchange.ts";
import type { Caller, Keyring } from "../../identity/caller.ts";
import {
  canonicalQueries,
  canonicalQuery,
  canonicalRequest,
  canonicalUri,
  emptyBodyHash,
} from "./canonical-request.ts";
import { parseCredential, readClaim, readCredential } from "./credential.ts";
import { parseQuery, percentEncode } from "./query-string.ts";
import { signatureMatches, verifySignature } from "./signature.ts";
import { signRequest } from "./signer.ts";
import { type Vector, vectors } from "./vectors.ts";

const now = Date.UTC(2026, 10, 21, 0, 27, 0);
const caller: Caller = { account: "2100000001", accessKey: "AKTEST", role: "auditor", operator: false };
const secretKey = "SKTEST";
const keyring: Keyring = {
  byAccessKey: (accessKey) => (accessKey === "AKTEST" ? { caller, secretKey } : undefined),
  byToken: () => undefined,
};

function request(parts: Partial<Request> = {}): Request {
  const headers = parts.headers ?? { host: "h:1" };
  return {
    method: "GET",
    target: "/v3/p/instances/i/audit-logs?limit=10",
    body: new Uint8Array(),
    address: "192.0.2.1",
    hosts: headers.host === undefined ? [] : [headers.host],
    ...parts,
    headers,
  };
}

function signed(parts: Partial<Request> = {}, at = now): Request {
  const plain = request(parts);
  const headers = Object.fromEntries(Object.entries(plain.headers).map(([name, value]) => [name, value ?? ""]));
  return { ...plain, headers: signRequest({ ...plain, headers }, { accessKey: "AKTEST", secretKey }, at) };
}

function parseHttp(text: string): Request {
  const end = text.indexOf("\n\n");
  const [line = "", ...lines] = text.slice(0, end).split("\n");
  const [method = "", target = ""] = line.split(" ");
  const headers = Object.fromEntries(
    lines.map((header) => {
      const colon = header.indexOf(":");
      return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()];
    }),
  );
  return request({ method, target, headers, body: Buffer.from(text.slice(end + 2)) });
}

const accepts = (sent: Request, at = now): void => assert.deepEqual(verifySignature(sent, keyring, at), caller);

const refuses = (sent: Request, code: ErrorCode, message = /./, at = now): void =>
  assert.throws(
    () => verifySignature(sent, keyring, at),
    (error) => {
      assert.ok(error instanceof TaishiError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    },
  );

/** Whether the vector's own key made this signature, whatever the clock. */
function matches(sent: Request, vector: Pick<Vector, "accessKey" | "secretKey">): boolean {
  try {
    const credential = parseCredential(sent);
    return credential.accessKey === vector.accessKey && signatureMatches(sent, credential, vector.secretKey);
  } catch (thrown) {
    if (thrown instanceof TaishiError) return false;
    throw thrown;
  }
}

for (const vector of vectors) {
  const { name, text } = vector;
  test(`a request signed by an SDK is accepted: ${name}`, () => {
    assert.equal(matches(parseHttp(text), vector), true);
    assert.equal(matches(parseHttp(text), { ...vector, secretKey: `${vector.secretKey}x` }), false);
  });

  test(`it is refused with any bit of it flipped: ${name}`, () => {
    const intact = parseHttp(text);
    const { signedHeaders } = parseCredential(intact);
    const flips = (value: string): string[] =>
      [...value].flatMap((character, at) =>
        [0, 1, 2, 3, 4, 5, 6]
          .map((bit) => String.fromCharCode(character.charCodeAt(0) ^ (1 << bit)))
          // What no HTTP parser lets into a head, and "#", which ends a target.
          .filter((flipped) => flipped > " " && flipped < "\u007f" && flipped !== "#")
          .map((flipped) => value.slice(0, at) + flipped + value.slice(at + 1)),
      );
    let tried = 0;
    const refused = (changed: Request, what: string): void => {
      tried++;
      assert.equal(matches(changed, vector), false, what);
    };
    for (const header of [...signedHeaders.split(";"), "authorization"])
      for (const changed of flips(intact.headers[header]!)) {
        const headers = { ...intact.headers, [header]: changed };
        refused({ ...intact, headers, hosts: [headers.host ?? ""] }, `${header}: ${changed}`);
      }
    for (const changed of flips(intact.target))
      if (meaning(changed) !== meaning(intact.target)) refused({ ...intact, target: changed }, changed);
    for (let at = 0; at < intact.body.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        const body = Uint8Array.from(intact.body);
        body[at]! ^= 1 << bit;
        refused({ ...intact, body }, `body byte ${at} bit ${bit}`);
      }
    assert.ok(tried > 300);
    refused({ ...intact, method: intact.method === "GET" ? "POST" : "GET" }, "method");
  });
}

/** What a target says, however it is spelled: %2f is %2F, "+" in a query may be a space, and empty pairs are nothing. */
function meaning(target: string): string {
  const [path = "", query = ""] = target.split(/\?(.*)/s, 2);
  try {
    const pairs = parseQuery(query, " ").map(({ name, value }) => `${name}=${value}`);
    return `${path.split("/").map(decodeURIComponent).join("/").replace(/\/$/, "")}?${pairs.sort().join("&")}`;
  } catch {
    return target;
  }
}

test("the canonical request of the worked example has its published form and hash", () => {
  const text = canonicalRequest({
    method: "GET",
    uri: canonicalUri("/path"),
    query: canonicalQuery("limit=1"),
    headers: ["x-sdk-date:20060102T150405Z"],
    signedHeaders: "x-sdk-date",
    bodyHash: emptyBodyHash,
  });
  assert.equal(
    text,
    `GET\n/path/\nlimit=1\nx-sdk-date:20060102T150405Z\n\nx-sdk-date\n${"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`,
  );
  assert.equal(hash("sha256", text), "85c3b7730f308aee452b16138a42a914397e43a8f0d732dfa521c0ef2afa98a4");
});

test("a query's canonical form is sorted by name and value, whatever was sent", () => {
  const query = "test=%E4%B8%80%20(%26%3D%3F!%23%25.*)&path=/tmp/123&multi=2&multi=1&multi=3&limit=1&enable=true";
  assert.equal(
    canonicalQuery(query),
    "enable=true&limit=1&multi=1&multi=2&multi=3&path=%2Ftmp%2F123&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29",
  );
  assert.equal(canonicalQuery("end_time&limit=0&offset=0&start_time"), "end_time=&limit=0&offset=0&start_time=");
  assert.deepEqual([...canonicalQueries("t=1+2")], ["t=1%2B2", "t=1%202"]);
  assert.equal(canonicalUri("/"), "/");
  assert.equal(canonicalUri("/a b/%e5%ae%a1"), "/a%20b/%E5%AE%A1/");
  assert.equal(canonicalUri("/%"), "/%/");
});

/** As the stock Node SDK signs: `host` from the endpoint, a body as JSON. */
function sdkSigned(target: string, data: unknown, headers: Record<string, string> = {}): Request {
  const [path = "", query = ""] = target.split("?", 2);
  const credential = new BasicCredentials({ ak: "AKTEST", sk: secretKey, projectId: "p" });
  const made: Record<string, string> = AKSKSigner.sign(
    {
      endpoint: `http://127.0.0.1:18080${path}`,
      method: data === undefined ? "GET" : "PUT",
      headers: { "content-type": "application/json", "X-Project-Id": "p", ...headers },
      queryParams: Object.fromEntries(new URLSearchParams(query)),
      data,
    } as Parameters<typeof AKSKSigner.sign>[0],
    credential,
  );
  const lower = Object.fromEntries(Object.entries(made).map(([name, value]) => [name.toLowerCase(), value]));
  return request({
    method: data === undefined ? "GET" : "PUT",
    target,
    headers: lower,
    body: data === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(data)),
  });
}

test("a request signed by the stock @huaweicloud/huaweicloud-sdk-core signer is accepted", () => {
  const dateOf = (sent: Request): number => {
    const date = sent.headers["x-sdk-date"]!;
    return Date.parse(date.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));
  };
  for (const sent of [
    sdkSigned("/v3/p/instances/i/audit-logs?start_time=2018-09-15T06%3A25%3A43%2B0800&limit=1&z=%27*~", undefined),
    sdkSigned("/v3/p/instances/i/audit-log-policy", { keep_days: 7, note: "安全 审计" }),
    sdkSigned("/v3/projects?name=cn-north-4", {}, { "X-Language": "zh-cn" }),
  ]) {
    accepts(sent, dateOf(sent));
    refuses({ ...sent, target: `${sent.target}x` }, "signature-mismatch", /./, dateOf(sent));
  }
});

test("what signRequest signs is verified, and refused with anything changed", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 12 });
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/).map((rest) => `x-t-${rest}`);
  const value = fc.stringMatching(/^[!-~]([ -~]{0,10}[!-~])?$/);
  fc.assert(
    fc.property(
      fc.constantFrom("GET", "POST", "DELETE"),
      fc.array(fc.tuple(text, text), { maxLength: 5 }),
      fc.dictionary(name, value, { maxKeys: 4 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom("/", "/v3/projects", "/a%20b/ä"),
      fc.nat(),
      (method, pairs, extra, body, path, choice) => {
        const query = pairs.map(([name, value]) => `&${percentEncode(name)}=${percentEncode(value)}`).join("");
        const sent = signed({ method, target: `${path}?a=1${query}`, headers: { ...extra, host: "h:1" }, body });
        accepts(sent);
        const changed: Request[] = [
          { ...sent, method: "PUT" },
          { ...sent, target: `${sent.target}&more=1` },
          { ...sent, target: sent.target.replace("a=1", "a=2") },
          { ...sent, target: `/x${sent.target}` },
          { ...sent, body: Buffer.concat([body, Buffer.from("x")]) },
          { ...sent, headers: { ...sent.headers, host: "other" }, hosts: ["other"] },
          { ...sent, headers: { ...sent.headers, "x-sdk-content-sha256": hash("sha256", "other") } },
          { ...sent, headers: { ...sent.headers, "x-sdk-content-sha256": "UNSIGNED-PAYLOAD" }, body: Buffer.from("y") },
        ];
        refuses(changed[choice % changed.length]!, "signature-mismatch");
        for (const dropped of Object.keys(extra))
          refuses({ ...sent, headers: { ...sent.headers, [dropped]: undefined } }, "signature-mismatch");
      },
    ),
    { numRuns: 150 },
  );
});

test("only x-sdk-date has to be signed, and it does have to be", () => {
  const sent = signed({ headers: {} });
  assert.match(sent.headers.authorization!, /SignedHeaders=x-sdk-date,/);
  accepts({ ...sent, headers: { ...sent.headers, host: "anything", "x-project-id": "any" } });
  const without = sent.headers.authorization!.replace("SignedHeaders=x-sdk-date", "SignedHeaders=host");
  refuses({ ...sent, headers: { ...sent.headers, authorization: without } }, "malformed-authorization", /x-sdk-date/);
});

test("a raw plus in a query may have been signed as a plus or as a space", () => {
  const as = (signedTarget: string, sentTarget: string): Request => ({
    ...signed({ target: signedTarget }),
    target: sentTarget,
  });
  accepts(as("/p?start_time=1%2B0800", "/p?start_time=1+0800"));
  accepts(as("/p?start_time=1%200800", "/p?start_time=1+0800"));
  accepts(as("/p?start_time=1%200800", "/p?start_time=1%200800"));
  refuses(as("/p?start_time=1%2B0800", "/p?start_time=1%200800"), "signature-mismatch");
});

test("a body hash in a header stands for the body, and UNSIGNED-PAYLOAD leaves it unsigned, where they were signed", () => {
  const body = Buffer.from('{"a":1}');
  const given = (value: string, sent = body): Request => ({
    ...signed({ method: "PUT", headers: { host: "h:1", "x-sdk-content-sha256": value }, body }),
    body: sent,
  });
  accepts(given(hash("sha256", body)));
  refuses(given(hash("sha256", "another")), "signature-mismatch", /X-Sdk-Content-Sha256/);
  refuses(given(hash("sha256", body), Buffer.from('{"a":2}')), "signature-mismatch");
  accepts(given("UNSIGNED-PAYLOAD"));
  refuses(given("anything"), "signature-mismatch");
  // Python's SDK sends the word and signs the hash of nothing.
  const python = signed({ headers: { host: "h:1" } });
  accepts({ ...python, headers: { ...python.headers, "x-sdk-content-sha256": "UNSIGNED-PAYLOAD" } });
});

test("the host may have been signed as a trusted proxy forwarded it, and without the port that goes without saying", () => {
  const at = (host: string, hosts: readonly string[] = [host]): Request => {
    const sent = signed({ headers: { host: "audit.example" } });
    return { ...sent, headers: { ...sent.headers, host }, hosts };
  };
  accepts(at("audit.example:443"));
  accepts(at("10.0.0.7:7548", ["10.0.0.7:7548", "audit.example"]));
  refuses(at("audit.example:8443"), "signature-mismatch");
  refuses(at("10.0.0.7:7548"), "signature-mismatch");
  const withPort = signed({ headers: { host: "audit.example:443" } });
  accepts({ ...withPort, headers: { ...withPort.headers, host: "audit.example" }, hosts: ["audit.example"] });
});

test("a signature lasts fifteen minutes either way and not a millisecond longer", () => {
  const sent = signed();
  accepts(sent, now + 900_000);
  accepts(sent, now - 900_000);
  const said = /^signature expired, signature time:20261121T002700Z,server time:20261121T004200Z$/;
  refuses(sent, "stale-signature", said, now + 900_001);
  refuses(sent, "stale-signature", /./, now - 900_001);
  refuses(sent, "stale-signature", /./, Number.NaN);
});

test("every way a credential can be malformed has its own error", () => {
  const good = signed();
  const authorization = good.headers.authorization!;
  const given = (value: string, more: Record<string, string | undefined> = {}): Request => ({
    ...good,
    headers: { ...good.headers, authorization: value, ...more },
  });
  refuses({ ...good, headers: {} }, "missing-credentials");
  refuses(given("SDK-HMAC-SHA256"), "malformed-authorization");
  refuses(given(authorization.slice(0, -1)), "malformed-authorization", /format/);
  refuses(given(`${authorization}0`), "malformed-authorization");
  refuses(given(authorization.toUpperCase()), "malformed-authorization");
  refuses(
    given(authorization.replace("SignedHeaders=", "SignedHeaders=;")),
    "malformed-authorization",
    /SignedHeaders/,
  );
  const many = authorization.replace("SignedHeaders=", `SignedHeaders=${"host;".repeat(70)}`);
  refuses(given(many), "malformed-authorization");
  for (const other of ["V11-HMAC-SHA256", "SDK-HMAC-SM3", "SDK-ECDSA-P256-SHA256", "SDK-SM2-SM3"])
    refuses(given(authorization.replace("SDK-HMAC-SHA256", other)), "malformed-authorization", /only the algorithm/);
  refuses(given(authorization, { "x-sdk-date": undefined }), "missing-date");
  refuses(given(authorization, { "x-sdk-date": "Mon, 01 Jan 2024 12:00:00 GMT" }), "stale-signature");
  refuses(given(authorization, { "x-sdk-date": "20260230T120000Z" }), "stale-signature");
  refuses(given(authorization.replace("AKTEST", "AKNOBODY")), "unknown-key", /^ak AKNOBODY not exist$/);
  refuses(given(authorization, { "x-security-token": "STS2abc" }), "unsupported-session-token");
  refuses(given(authorization.replace("host;", "constructor;")), "signature-mismatch", /constructor not found/);
  accepts(given(authorization.replaceAll(", ", ",")));
  accepts(given(authorization, { "x-security-token": "" }));
});

test("a mismatch tells the canonical request and none of the secrets in it", () => {
  const sent = signed({ headers: { host: "h:1", "x-auth-token": "MIIC-secret", cookie: "c=secret" } });
  const wrong = { ...sent, target: `${sent.target}&offset=0` };
  refuses(
    wrong,
    "signature-mismatch",
    /^verify aksk signature fail, canonicalRequest:GET\|\/v3\/p\/instances\/i\/audit-logs\/\|limit=10&offset=0\|cookie:\*\*\*\|host:h:1\|x-auth-token:\*\*\*\|x-sdk-date:20261121T002700Z\|\|cookie;host;x-auth-token;x-sdk-date\|e3b0c4/,
  );
});

test("one kind of credentials decides, whatever else is sent", () => {
  const claim = (headers: Record<string, string>): string => readClaim(request({ headers })).kind;
  assert.equal(claim({ authorization: "SDK-HMAC-SHA256 x", "x-auth-token": "t" }), "signature");
  assert.equal(claim({ authorization: "V11-HMAC-SHA256 x", "x-auth-token": "t" }), "signature");
  assert.equal(claim({ authorization: "Bearer x", "x-auth-token": "t" }), "bearer");
  assert.equal(claim({ authorization: "Basic eA==", "x-auth-token": "t" }), "user-token");
  assert.equal(claim({ "x-auth-token": "t" }), "user-token");
  assert.throws(() => claim({ authorization: "Basic eA==" }), { code: "malformed-authorization" });
  assert.throws(() => claim({ "x-auth-token": " " }), { code: "missing-credentials" });
});

test("the head alone is enough to refuse an unknown key, so that no body is read for it", () => {
  const { headers, method, target } = signed({ method: "PUT", body: Buffer.from("not looked at") });
  assert.equal(readCredential({ headers, method, target }, keyring, now).accessKey, "AKTEST");
  const nobody: Keyring = { byAccessKey: () => undefined, byToken: () => undefined };
  assert.throws(() => readCredential({ headers, method, target }, nobody, now), { code: "unknown-key" });
});

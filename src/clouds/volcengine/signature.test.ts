import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { createRequire } from "node:module";
import { test } from "node:test";
import fc from "fast-check";
import { type ErrorCode, TaishiError } from "../../errors.ts";
import type { Request } from "../../exchange.ts";
import type { Caller, Keyring } from "../../identity/caller.ts";
import {
  canonicalQueries,
  canonicalQuery,
  canonicalRequest,
  canonicalUri,
  computeSignature,
  emptyBodyHash,
  signingKey,
} from "./canonical-request.ts";
import { isSigned, parseCredential, readCredential } from "./credential.ts";
import { percentEncode } from "./query-string.ts";
import { signatureMatches, verifySignature } from "./signature.ts";
import { type SigningKey, signRequest } from "./signer.ts";
import { headerVectors, presignedVectors, type Vector } from "./vectors.ts";

const { Signer } = createRequire(import.meta.url)("@volcengine/openapi") as {
  Signer: new (
    request: object,
    service: string,
  ) => {
    request: { headers: Record<string, string> };
    addAuthorization(credentials: object, date: Date): void;
    getSignUrl(credentials: object, date: Date): string;
  };
};

const now = Date.UTC(2024, 0, 1, 12);
const caller: Caller = { account: "2100000001", accessKey: "AKTEST123", role: "auditor", operator: false };
const secretKey = "SKTEST456";
const keyring: Keyring = {
  byAccessKey: (accessKey) => (accessKey === "AKTEST123" ? { caller, secretKey } : undefined),
  byToken: () => undefined,
};
const key: SigningKey = { accessKey: "AKTEST123", secretKey, region: "cn-beijing", service: "ark" };
const target = "/?Action=ListAuditLogs&Version=2024-01-01";

function request(parts: Partial<Request> & Pick<Request, "headers">): Request {
  const { host } = parts.headers;
  const hosts = host === undefined ? [] : [host];
  return { method: "GET", target, body: new Uint8Array(), address: "192.0.2.1", hosts, ...parts };
}

/** As an HTTP server would hand it over: names in lower case, values without the whitespace around them. */
function parseHttp(text: string): Request {
  const [head = "", body = ""] = text.split("\n\n");
  const [line = "", ...lines] = head.split("\n");
  const [method = "", target = ""] = line.split(" ");
  const headers: Record<string, string> = {};
  for (const item of lines) {
    const colon = item.indexOf(":");
    headers[item.slice(0, colon).toLowerCase()] = item.slice(colon + 1).trim();
  }
  return request({ method, target, headers, body: Buffer.from(body) });
}

function signed(parts: Partial<Request> = {}, by: SigningKey = key, at = now): Request {
  const plain = request({ method: "POST", headers: { host: "127.0.0.1:7548" }, ...parts });
  const headers = signRequest({ ...plain, headers: plain.headers as Record<string, string> }, by, at);
  return { ...plain, headers };
}

/** A presigned GET, signed by the given parameters' own list unless told otherwise. */
function presigned(
  parameters: Readonly<Record<string, string>> = {},
  change: { unlisted?: readonly string[]; more?: string } = {},
): Request {
  const all: Record<string, string> = {
    Action: "ListAuditLogs",
    Version: "2024-01-01",
    "X-Algorithm": "HMAC-SHA256",
    "X-Credential": "AKTEST123/20240101/cn-beijing/ark/request",
    "X-Date": "20240101T120000Z",
    "X-NotSignBody": "",
    "X-SignedHeaders": "",
    ...parameters,
  };
  const listed = Object.keys(all).filter((name) => !(change.unlisted ?? []).includes(name));
  const query = canonicalQuery(listed.map((name) => ({ name, value: all[name]! })));
  const canonical = canonicalRequest({
    method: "GET",
    uri: "/",
    query,
    headers: [],
    signedHeaders: "",
    bodyHash: emptyBodyHash,
  });
  const scope = { date: "20240101", region: "cn-beijing", service: "ark" };
  all["X-SignedQueries"] = listed.sort().join(";");
  all["X-Signature"] = computeSignature(signingKey(secretKey, scope), all["X-Date"]!, scope, canonical).toString("hex");
  const text = Object.entries(all).map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`);
  return request({ target: `/?${text.join("&")}${change.more ?? ""}`, headers: { host: "any" } });
}

const accepts = (sent: Request, at = now): void => {
  assert.deepEqual(verifySignature(sent, keyring, at).caller, caller);
};
const refuses = (sent: Request, code: ErrorCode, at = now): void => {
  assert.throws(
    () => verifySignature(sent, keyring, at),
    (error) => {
      assert.ok(error instanceof TaishiError);
      assert.equal(error.code, code);
      return true;
    },
  );
};

/** Whether the vector's own key made this signature, whatever the clock and the session token. */
function matches(sent: Request, vector: Pick<Vector, "accessKey" | "secretKey">): boolean {
  try {
    const credential = parseCredential(sent);
    return credential.accessKey === vector.accessKey && signatureMatches(sent, credential, vector.secretKey);
  } catch (thrown) {
    if (thrown instanceof TaishiError) return false;
    throw thrown;
  }
}

const vectors: readonly Vector[] = [...headerVectors, ...presignedVectors];

for (const vector of vectors) {
  const { name, secretKey, text } = vector;
  test(`a request signed by an SDK is accepted: ${name}`, () => {
    assert.equal(matches(parseHttp(text), vector), true);
    assert.equal(matches(parseHttp(text), { ...vector, secretKey: `${secretKey}x` }), false);
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
    for (const header of [...signedHeaders.split(";").filter((name) => name !== ""), "authorization", "x-date"]) {
      const value = intact.headers[header];
      if (value === undefined) continue;
      for (const changed of flips(value)) {
        const headers = { ...intact.headers, [header]: changed };
        refused({ ...intact, headers, hosts: [headers.host ?? ""] }, `${header}: ${changed}`);
      }
    }
    const decoded = (text: string): string => {
      try {
        return JSON.stringify([...new URLSearchParams(text.slice(2))]);
      } catch {
        return text;
      }
    };
    // Whether the target says the same: %2f for %2F, and the session token that the SDK did not sign.
    const token = /X-Security-Token=[^&]*/;
    const unsigned = name.includes("unsigned") || name.includes("neither");
    const meaning = (text: string): string => decoded(unsigned ? text.replace(token, "") : text);
    for (const changed of flips(intact.target)) {
      if (meaning(changed) === meaning(intact.target)) continue;
      refused({ ...intact, target: changed }, changed);
    }
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

test("the worked example's canonical request has its published hash", () => {
  const query = canonicalQuery([
    { name: "Version", value: "2018-01-01" },
    { name: "Action", value: "ListUsers" },
    { name: "Offset", value: "0" },
    { name: "Limit", value: "10" },
  ]);
  const headers = ["host:iam.volcengineapi.com", "x-date:20240619T071306Z"];
  const signedHeaders = "host;x-date";
  const text = canonicalRequest({ method: "GET", uri: "/", query, headers, signedHeaders, bodyHash: emptyBodyHash });
  const digest = hash("sha256", text, "hex");
  assert.match(digest, /^5ed5bca3.*5cb$/);
});

test("a request signed by the stock @volcengine/openapi signer is accepted", () => {
  for (const body of [undefined, { ResourceId: "ep-1", Note: "安全 审计" }]) {
    const sdk = new Signer(
      {
        region: "cn-beijing",
        method: body === undefined ? "GET" : "POST",
        params: { Action: "ListAuditLogs", Version: "2024-01-01", List: ["b", "a", "c d*'"] },
        headers: { "x-trace": " a   b " },
        body,
      },
      "ark",
    );
    sdk.addAuthorization({ accessKeyId: "AKTEST123", secretKey }, new Date(now));
    const headers = Object.fromEntries(
      Object.entries(sdk.request.headers).map(([name, value]) => [name.toLowerCase(), value.trim()]),
    );
    accepts(
      request({
        method: body === undefined ? "GET" : "POST",
        target: `${target}&List=b&List=a&List=c+d*'`,
        headers: { ...headers, host: "anything" },
        body: Buffer.from(body === undefined ? "" : JSON.stringify(body)),
      }),
    );
  }
});

test("a URL presigned by the stock @volcengine/openapi signer is accepted", () => {
  const sdk = new Signer(
    { region: "cn-beijing", method: "GET", params: { Action: "ListAuditLogs", Version: "2024-01-01", Limit: "1 0" } },
    "ark",
  );
  const query = sdk.getSignUrl({ accessKeyId: "AKTEST123", secretKey }, new Date(now));
  accepts(request({ target: `/?${query}`, headers: { host: "any" } }));
});

test("what signRequest signs is verified, and refused with anything changed", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 12 });
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/).map((rest) => `x-t-${rest}`);
  const value = fc.stringMatching(/^[!-~]([ -~]{0,10}[!-~])?$/);
  fc.assert(
    fc.property(
      fc.constantFrom("GET", "POST"),
      fc.array(fc.tuple(text, text), { maxLength: 5 }),
      fc.dictionary(name, value, { maxKeys: 4 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom("/", "/api/v1/events", "/a%20b/ä"),
      fc.nat(),
      (method, pairs, extra, body, path, choice) => {
        const query = pairs.map(([name, value]) => `&${percentEncode(name)}=${percentEncode(value)}`).join("");
        const sent = signed({
          method,
          target: `${path}?Action=A&Version=1${query}`,
          headers: { ...extra, host: "h:1" },
          body,
        });
        accepts(sent);
        const changed: Request[] = [
          { ...sent, method: "PUT" },
          { ...sent, target: `${sent.target}&more=1` },
          { ...sent, target: sent.target.replace("Action=A", "Action=B") },
          { ...sent, target: `/x${sent.target}` },
          { ...sent, body: Buffer.concat([body, Buffer.from("x")]) },
          { ...sent, headers: { ...sent.headers, host: "other" }, hosts: ["other"] },
          { ...sent, headers: { ...sent.headers, "x-content-sha256": hash("sha256", "other") } },
        ];
        refuses(changed[choice % changed.length]!, "signature-mismatch");
        for (const dropped of Object.keys(extra))
          refuses({ ...sent, headers: { ...sent.headers, [dropped]: undefined } }, "signature-mismatch");
      },
    ),
    { numRuns: 150 },
  );
});

test("a signature lasts fifteen minutes either way and not a millisecond longer", () => {
  const sent = signed();
  accepts(sent, now + 900_000);
  accepts(sent, now - 900_000);
  refuses(sent, "stale-signature", now + 900_001);
  refuses(sent, "stale-signature", now - 900_001);
  refuses(sent, "stale-signature", Number.NaN);
});

test("every way a credential can be malformed has its own error", () => {
  const good = signed();
  const authorization = good.headers.authorization!;
  const given = (value: string, more: Record<string, string | undefined> = {}): Request => ({
    ...good,
    headers: { ...good.headers, authorization: value, ...more },
  });
  refuses({ ...good, headers: {} }, "missing-credentials");
  refuses(given(""), "malformed-authorization");
  refuses(given("Basic YTpi"), "malformed-authorization");
  refuses(given("HMAC-SHA256"), "malformed-authorization");
  refuses(given(authorization.slice(0, -1)), "malformed-authorization");
  refuses(given(`${authorization}0`), "malformed-authorization");
  refuses(given(authorization.toUpperCase()), "malformed-authorization");
  refuses(given(authorization.replace(/SignedHeaders=[^,]*/, "SignedHeaders=host")), "malformed-authorization");
  refuses(given(authorization.replace("SignedHeaders=", "SignedHeaders=;")), "malformed-authorization");
  refuses(
    given(authorization.replace("SignedHeaders=", `SignedHeaders=${"host;".repeat(70)}`)),
    "malformed-authorization",
  );
  refuses(given(authorization.replace("/request", "/aws4_request")), "malformed-credential");
  refuses(given(authorization.replace("/ark/", "/")), "malformed-credential");
  refuses(given(authorization.replace("/cn-beijing/", "//")), "malformed-credential");
  refuses(given(authorization.replace("AKTEST123", "")), "malformed-credential");
  refuses(given(authorization.replace("20240101", "2024-1-1")), "malformed-credential");
  refuses(given(authorization.replace("20240101", "20240102")), "malformed-credential");
  refuses(given(authorization, { "x-date": undefined }), "missing-date");
  refuses(given(authorization, { "x-date": "Mon, 01 Jan 2024 12:00:00 GMT" }), "stale-signature");
  refuses(given(authorization, { "x-date": "20240230T120000Z" }), "stale-signature");
  refuses(given(authorization.replace("AKTEST123", "AKNOBODY")), "unknown-key");
  refuses(given(authorization, { "x-security-token": "STS2abc" }), "unsupported-session-token");
  refuses(given(authorization.replace("host;", "constructor;")), "signature-mismatch");
  accepts(given(authorization.replaceAll(", ", ",")));
  accepts(given(authorization, { "x-security-token": "" }));
});

test("the head alone is enough to refuse an unknown key, so that no body is read for it", () => {
  const { headers, method, target } = signed({ body: Buffer.from("a body that is not looked at") });
  assert.equal(readCredential({ headers, method, target }, keyring, now).accessKey, "AKTEST123");
  const nobody: Keyring = { byAccessKey: () => undefined, byToken: () => undefined };
  assert.throws(
    () => readCredential({ headers, method, target }, nobody, now),
    (error) => error instanceof TaishiError && error.code === "unknown-key" && error.details.subject === "AKTEST123",
  );
});

test("any region and service may be signed for, and the scope is handed on", () => {
  const sent = signed({}, { ...key, region: "mars-1", service: "cloud_trail" });
  assert.deepEqual(verifySignature(sent, keyring, now).scope, {
    date: "20240101",
    region: "mars-1",
    service: "cloud_trail",
  });
});

test("the host may have been signed without its port, or as a trusted proxy forwarded it", () => {
  const at = (host: string, hosts: readonly string[] = [host]): Request => {
    const sent = signed({ headers: { host: "audit.example" } });
    return { ...sent, headers: { ...sent.headers, host }, hosts };
  };
  accepts(at("audit.example:80"));
  accepts(at("audit.example:443"));
  accepts(at("audit.example:8443"));
  accepts(at("10.0.0.7:7548", ["10.0.0.7:7548", "audit.example"]));
  refuses(at("10.0.0.7:7548"), "signature-mismatch");
});

test("signed values may differ in whitespace that HTTP libraries change, and in nothing else", () => {
  const sent = (value: string): Request => {
    const good = signed({ headers: { host: "h", "x-list": "a,b c" } });
    return { ...good, headers: { ...good.headers, "x-list": value } };
  };
  accepts(sent("a,b c"));
  accepts(sent("a, b c")); // repeated headers, joined by the HTTP library
  refuses(sent("a,b  d"), "signature-mismatch");
  const collapsed = signed({ headers: { host: "h", "x-list": "a b" } });
  accepts({ ...collapsed, headers: { ...collapsed.headers, "x-list": "a   b" } });
});

test("a body hash that disagrees with the body is refused even where nothing signed it", () => {
  const java = parseHttp(headerVectors.find(({ name }) => name.startsWith("java"))!.text);
  const saying = (value: string): Request => ({ ...java, headers: { ...java.headers, "x-content-sha256": value } });
  accepts(saying(hash("sha256", java.body)));
  refuses(saying(hash("sha256", "another body")), "signature-mismatch");
  refuses(saying(""), "signature-mismatch");
});

test("a header that is UTF-8 on the wire is verified as such", () => {
  const good = signed({ headers: { host: "h", "x-name": "审计" } });
  const latin1 = Buffer.from("审计", "utf8").toString("latin1");
  accepts({ ...good, headers: { ...good.headers, "x-name": latin1 } });
});

test("repeated query names are verified in the order sent and sorted by value", () => {
  const order = { name: "L", value: "b" };
  const forms = [...canonicalQueries([order, { name: "L", value: "a" }, { name: "A", value: "" }])];
  assert.deepEqual(forms, ["A=&L=b&L=a", "A=&L=a&L=b"]);
  assert.deepEqual(
    [...canonicalQueries([{ name: "a b", value: "~*'()!+/é" }])],
    ["a%20b=~%2A%27%28%29%21%2B%2F%C3%A9"],
  );
  assert.equal(canonicalUri("/a b/%e5%ae%a1/%"), "/a b/%e5%ae%a1/%");
  assert.equal(canonicalUri("/a%2fb/%e5%ae%a1"), "/a%2Fb/%E5%AE%A1");
});

test("a presigned GET is accepted for reading actions only, and never for another method", () => {
  for (const Action of ["ListAuditLogs", "LookupEvents", "GetUser", "DescribeTrails"]) accepts(presigned({ Action }));
  for (const Action of ["CreateTrail", "DeleteTrail", "StopLogging"])
    refuses(presigned({ Action }), "missing-credentials");
  refuses({ ...presigned(), method: "POST" }, "missing-credentials");
});

test("a presigned GET must list everything it says, and say it once", () => {
  refuses(presigned({ PageSize: "5" }, { unlisted: ["PageSize"] }), "signature-mismatch");
  refuses(presigned({}, { more: "&PageSize=5" }), "signature-mismatch");
  refuses(presigned({ "X-Expires": "86400" }, { unlisted: ["X-Expires"] }), "signature-mismatch");
  for (const name of ["Action=ListAuditLogs", "Version=2024-01-01", "X-Date=20240101T120000Z", "X-Expires=9"])
    refuses(
      presigned(name.startsWith("X-Expires") ? { "X-Expires": "9" } : {}, { more: `&${name}` }),
      "malformed-authorization",
    );
  accepts(presigned({ "Filter.RiskLevels.1": "High", PageSize: "5" }));
});

test("a presigned GET lasts fifteen minutes, or as long as a signed X-Expires up to seven days says", () => {
  accepts(presigned(), now + 900_000);
  refuses(presigned(), "stale-signature", now + 900_001);
  accepts(presigned({ "X-Expires": "604800" }), now + 604_800_000);
  refuses(presigned({ "X-Expires": "604800" }), "stale-signature", now + 604_800_001);
  refuses(presigned({ "X-Expires": "60" }), "stale-signature", now + 60_001);
  refuses(presigned({ "X-Expires": "604800" }), "stale-signature", now - 900_001);
  for (const seconds of ["604801", "0", "-1", "1e3", "x", ""])
    refuses(presigned({ "X-Expires": seconds }), "invalid-parameter");
});

test("an Authorization header overrules a presigned query", () => {
  const query = presigned();
  refuses({ ...query, headers: { authorization: "Basic YTpi" } }, "malformed-authorization");
  assert.equal(isSigned({ ...query, headers: { authorization: "Bearer token" } }), false);
  assert.equal(isSigned(query), true);
  assert.equal(isSigned(signed()), true);
  assert.equal(isSigned(request({ headers: {} })), false);
});

test("a query that is not percent-encoded UTF-8 is refused before anything is computed", () => {
  refuses({ ...signed(), target: "/?Action=%ff" }, "invalid-parameter");
  refuses({ ...signed(), target: `/?${"a&".repeat(1001)}` }, "invalid-parameter");
});

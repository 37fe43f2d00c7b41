// The signatures that the console makes in the browser: the same as the clouds' own SDKs made, and accepted by the verifiers.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { huaweiSignature, signHuawei } from "../console/src/signing/huawei.ts";
import { percentEncode, type Signable } from "../console/src/signing/request.ts";
import { signVolcengine, volcengineSignature } from "../console/src/signing/volcengine.ts";
import { verifySignature as verifyHuawei } from "../src/clouds/huawei/signature.ts";
import { vectors as huaweiVectors } from "../src/clouds/huawei/vectors.ts";
import { verifySignature as verifyVolcengine } from "../src/clouds/volcengine/signature.ts";
import { headerVectors } from "../src/clouds/volcengine/vectors.ts";
import type { Request } from "../src/exchange.ts";
import type { Caller, Keyring } from "../src/identity/caller.ts";

const now = Date.UTC(2026, 10, 21, 12);
const caller: Caller = { account: "2100000001", accessKey: "AKTEST", role: "auditor", operator: false };
const keyring: Keyring = {
  byAccessKey: (accessKey) => (accessKey === "AKTEST" ? { caller, secretKey: "SKTEST" } : undefined),
  byToken: () => undefined,
};

function parse(text: string): Signable & { readonly authorization: string } {
  const end = text.includes("\n\n") ? text.indexOf("\n\n") : text.length;
  const [line = "", ...lines] = text.slice(0, end).split("\n");
  const [method = "", target = ""] = line.split(" ");
  const headers = Object.fromEntries(
    lines.map((header) => {
      const colon = header.indexOf(":");
      return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()];
    }),
  );
  return {
    method: method as "GET",
    target,
    headers,
    body: text.slice(end + 2),
    authorization: headers.authorization ?? "",
  };
}

const member = (authorization: string, name: string): string =>
  new RegExp(`${name}=([^,]+)`).exec(authorization)?.[1] ?? "";

/** Whose SDK collapses the spaces within a value; nothing that is sent from here has such. */
const otherSpellings = /custom header/;

for (const { name, secretKey, text } of headerVectors.filter(({ name }) => !otherSpellings.test(name)))
  test(`Volcengine's signature is the SDK's: ${name}`, async () => {
    const { authorization, ...request } = parse(text);
    const [accessKey = "", , region = "", service = ""] = member(authorization, "Credential").split("/");
    const key = { accessKey, secretKey, region, service };
    const signature = await volcengineSignature(request, key, member(authorization, "SignedHeaders"));
    assert.equal(signature, member(authorization, "Signature"));
  });

for (const { name, secretKey, text } of huaweiVectors)
  test(`Huawei's signature is the SDK's: ${name}`, async () => {
    const { authorization, ...request } = parse(text);
    const signature = await huaweiSignature(request, secretKey, member(authorization, "SignedHeaders"));
    assert.equal(signature, member(authorization, "Signature"));
  });

const received = (request: Signable, headers: Record<string, string>): Request => ({
  ...request,
  headers,
  body: Buffer.from(request.body),
  address: "192.0.2.1",
  hosts: [headers.host ?? ""],
});

test("whatever is signed in the browser is accepted by the verifiers, and with another body refused", async () => {
  const text = fc.string({ unit: "grapheme", maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("GET", "POST") as fc.Arbitrary<"GET" | "POST">,
      fc.array(fc.tuple(text, text), { maxLength: 5 }),
      text,
      text,
      async (method, pairs, segment, body) => {
        const query = pairs.map(([name, value]) => `&${percentEncode(name)}=${percentEncode(value)}`).join("");
        const target = `/a/${percentEncode(segment)}?Action=A${query}`;
        const request: Signable = {
          method,
          target,
          headers: { host: "127.0.0.1:7548", "content-type": "application/json" },
          body,
        };
        const key = { accessKey: "AKTEST", secretKey: "SKTEST", region: "cn-beijing", service: "ark" };
        const volcengine = await signVolcengine(request, key, now);
        assert.deepEqual(verifyVolcengine(received(request, volcengine), keyring, now).caller, caller);
        const huawei = await signHuawei(request, key, now);
        assert.deepEqual(verifyHuawei(received(request, huawei), keyring, now), caller);
        const other = { ...request, body: `${body}x` };
        assert.throws(() => verifyVolcengine(received(other, volcengine), keyring, now));
        assert.throws(() => verifyHuawei(received(other, huawei), keyring, now));
      },
    ),
    { numRuns: 60 },
  );
});

test("without WebCrypto, as on plain http, the signatures are the same", async () => {
  const request: Signable = { method: "POST", target: "/?Action=A", headers: { host: "h" }, body: "{}" };
  const key = { accessKey: "AKTEST", secretKey: "SKTEST", region: "r", service: "ark" };
  const native = [await signVolcengine(request, key, now), await signHuawei(request, key, now)];
  const subtle = Object.getOwnPropertyDescriptor(Crypto.prototype, "subtle")!;
  Object.defineProperty(Crypto.prototype, "subtle", { ...subtle, get: () => undefined });
  try {
    assert.deepEqual([await signVolcengine(request, key, now), await signHuawei(request, key, now)], native);
  } finally {
    Object.defineProperty(Crypto.prototype, "subtle", subtle);
  }
});

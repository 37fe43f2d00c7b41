// The published examples of Ark's ListAuditLogs, both forms, replayed by the stock client from npm against the running
// program: nothing changed but the endpoint.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type * as OpenApi from "@volcengine/openapi";
import { root } from "./repository.ts";
import { TaishiProcess, taishiJson } from "./taishi-process.ts";

const { Service } = createRequire(import.meta.url)("@volcengine/openapi") as typeof OpenApi;

interface Example {
  readonly about: string;
  readonly appended: readonly { readonly resource: { readonly id: string } }[];
  readonly request: Record<string, unknown>;
  readonly result: Record<string, unknown>;
}

const folder = join(root, "src/dialects/ark/examples");
const examples = readdirSync(folder).map((name) => ({
  name,
  ...(JSON.parse(readFileSync(join(folder, name), "utf8")) as Example),
}));

let data: string;
let service: TaishiProcess;

before(async () => {
  data = mkdtempSync(join(tmpdir(), "taishi-sdk-"));
  service = await TaishiProcess.serve({ data });
});

after(async () => {
  assert.equal(await service.stop(), 0);
  rmSync(data, { recursive: true });
});

function client(accessKeyId: string, secretKey: string) {
  return new Service({
    host: service.host,
    protocol: "http:",
    serviceName: "ark",
    region: "cn-beijing",
    defaultVersion: "2024-01-01",
    accessKeyId,
    secretKey,
  }).createJSONAPI("ListAuditLogs");
}

test("there are the seven examples of today's page and the three of 2024-07", () => {
  assert.equal(examples.length, 10);
});

for (const { name, appended, request, result } of examples)
  test(`the stock client gets the published answer of ${name}, with a pair of keys it had before`, async () => {
    const { account } = await taishiJson<{ account: string }>("account", "create", "--name", name, "--data", data);
    const accessKey = `AKLT${Buffer.from(name).toString("hex")}`;
    const secretKey = "TkRFMk5qZ3laR0U0TURRd05HRTFZV0kxTURWak5EUTBOVFUyTlRVMU5UVQ==";
    const pair = ["--access-key", accessKey, "--secret-key", secretKey];
    const role = ["--account", account, "--role", "admin", "--data", data];
    const key = await taishiJson<{ token: string; secretKey: string }>("key", "create", ...role, ...pair);
    const answer = await fetch(`${service.url}/api/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${key.token}`, "content-type": "application/json" },
      body: JSON.stringify({ events: appended }),
    });
    assert.equal(answer.status, 200, await answer.clone().text());

    const response = await client(accessKey, secretKey)(request);
    const { RequestId, ...metadata } = response.ResponseMetadata as unknown as Record<string, string>;
    assert.match(RequestId ?? "", /^\d{14}[0-9A-F]{18,20}$/);
    assert.deepEqual(metadata, {
      Action: "ListAuditLogs",
      Version: "2024-01-01",
      Service: "ark",
      Region: "cn-beijing",
    });
    assert.deepEqual(response.Result, result);
  });

test("the stock client reads the error of a wrong secret", async () => {
  const response = await client("AKLTnobody", "wrong")({ ResourceId: "ep-1", ResourceType: "endpoint" });
  const error = response.ResponseMetadata.Error as unknown as Record<string, unknown>;
  assert.deepEqual(error, {
    CodeN: 100009,
    Code: "InvalidAccessKey",
    Message: "The accesskey [AKLTnobody] included in the request is invalid.",
  });
});

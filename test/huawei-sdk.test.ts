// The published example of TaurusDB's audit-logs, through the stock Huawei client from npm against the running program:
// nothing changed but the endpoint. The example's two files are imported first, each of the size the page prints.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { after, before, test } from "node:test";
import {
  auditLogLinkRequest,
  auditLogsRequest,
  BasicCredentials,
  type Credentials,
  huaweiClient as client,
  Region,
} from "./huawei-client.ts";
import { root } from "./repository.ts";
import { TaishiProcess, taishi, taishiJson } from "./taishi-process.ts";

const project = "054e292c9880d4992f02c0196d3ea468";
const instance = "3d39c18788b54a919bab633874c159dfin01";
/** As published; the size is 20481.835938 there, and the SDKs' Long takes the whole part. */
const published = [
  {
    id: "fa163ea0e2bet11e9d832166a2cf894c5br01",
    name: "317156_20190916032844_eb8fe5d181ec44a2850302691541f760in01_Audit_166a2cf8-d832-11e9-94c5-fa163ea0e2be",
    size: 20481,
    begin_time: "2019-11-06T09:03:34+0800",
    end_time: "2019-11-06T10:39:15+0800",
  },
  {
    id: "fa163ea0e2bet11e9d832136a668094c5br01",
    name: "317162_20190916032838_eb8fe5d181ec44a2850302691541f760in01_Audit_136a6680-d832-11e9-94c5-fa163ea0e2be",
    size: 20481,
    begin_time: "2019-11-07T09:04:35+0800",
    end_time: "2019-11-07T10:38:16+0800",
  },
];
const fileBytes = Math.round(20481.835938 * 1024);

let data: string;
let service: TaishiProcess;
let keys: { accessKey: string; secretKey: string; account: string };

before(async () => {
  data = mkdtempSync(join(tmpdir(), "taishi-huawei-"));
  service = await TaishiProcess.serve({ data });
  const { account } = await taishiJson<{ account: string }>("account", "create", "--name", "tenant", "--data", data);
  keys = await taishiJson("key", "create", "--account", account, "--role", "admin", "--data", data);
  await taishiJson("project", "create", "--account", account, "--name", "cn-north-4", "--id", project, "--data", data);
  await taishiJson("instance", "create", "--project", project, "--id", instance, "--data", data);
  const path = join(data, "file.txt");
  for (const [i, { id, name, begin_time, end_time }] of published.entries()) {
    await writeAuditFile(path, i);
    const told = ["--id", id, "--name", name, "--begin", begin_time, "--end", end_time];
    const where = ["--account", account, "--instance", instance, "--format", "huawei-audit-file", "--data", data];
    const { code, stderr } = await taishi("import", path, ...where, ...told);
    assert.equal(code, 0, stderr);
  }
});

after(async () => {
  await service.stop();
  rmSync(data, { recursive: true });
});

/** An audit file of exactly the published size. */
async function writeAuditFile(path: string, seed: number): Promise<void> {
  const file = createWriteStream(path);
  let left = fileBytes;
  for (let i = 0; left > 0; i++) {
    const line = (sql: string): string =>
      `"${10_000_000_000 + i}", "${100 + seed}", "0", "Query", "2019-11-06T02:00:${String(i % 60).padStart(2, "0")} UTC", "select", "${sql}", "root[root] @  [10.3.2.22]", "", "", "10.3.2.22", "portal"\n`;
    const bare = line("").length;
    const sql = left < 2 * (bare + 1000) ? "x".repeat(left - bare) : `select ${i} ${"y".repeat(900)}`;
    const text = line(sql);
    left -= text.length;
    if (!file.write(text)) await new Promise<void>((resolve) => file.once("drain", () => resolve()));
  }
  file.end();
  await finished(file);
  assert.equal(left, 0);
}

const credentials = (): Credentials => new BasicCredentials().withAk(keys.accessKey).withSk(keys.secretKey);

const window = { start_time: "2019-11-05T00:00:00+0800", end_time: "2019-11-09T00:00:00+0800", offset: 0, limit: 10 };

test("the stock client gets the published answer, its project id given", async () => {
  const given = client(credentials().withProjectId(project), (builder) => builder.withEndpoint(service.url));
  const { audit_logs, total_count } = await given.sendRequest(auditLogsRequest(instance, window));
  assert.deepEqual({ audit_logs, total_count }, { audit_logs: published, total_count: 2 });
});

test("with the project id left out the stock client finds it by itself, through our IAM", async () => {
  const found = client(credentials().withIamEndpoint(service.url), (builder) =>
    builder.withRegion(new Region("cn-north-4", service.url)),
  );
  const { audit_logs, total_count } = await found.sendRequest(auditLogsRequest(instance, window));
  assert.deepEqual({ audit_logs, total_count }, { audit_logs: published, total_count: 2 });
});

test("a downloaded file is what was imported, and its link says so", async () => {
  const given = client(credentials().withProjectId(project), (builder) => builder.withEndpoint(service.url));
  const answer = await given.sendRequest(auditLogLinkRequest(instance, [published[0]!.id]));
  const [link] = answer.links as string[];
  const download = await fetch(link!);
  assert.equal(download.status, 200);
  assert.equal(download.headers.get("content-length"), String(fileBytes));
  assert.match(download.headers.get("content-disposition") ?? "", /^attachment/);
  const text = await download.text();
  assert.equal(Buffer.byteLength(text), fileBytes);
  assert.match(
    text.slice(0, 200),
    /^"10000000000", "100", "0", "Query", "2019-11-06T02:00:00 UTC", "select", "select 0 y/,
  );
  assert.equal((await fetch(link!.replace(/.$/, (last) => (last === "0" ? "1" : "0")))).status, 403);
});

test("a wrong secret and another's project are refused in Huawei's form", async () => {
  const wrong = client(
    new BasicCredentials().withAk(keys.accessKey).withSk("wrong").withProjectId(project),
    (builder) => builder.withEndpoint(service.url),
  );
  await assert.rejects(wrong.sendRequest(auditLogsRequest(instance, window)), (thrown: Record<string, unknown>) => {
    assert.deepEqual([thrown.httpStatusCode, thrown.errorCode], [401, "APIGW.0301"]);
    return true;
  });
  const strange = client(credentials().withProjectId("f".repeat(32)), (builder) => builder.withEndpoint(service.url));
  await assert.rejects(strange.sendRequest(auditLogsRequest(instance, window)), (thrown: Record<string, unknown>) => {
    assert.equal(thrown.httpStatusCode, 403);
    return true;
  });
});

test("a user signs in with a password and lists with the token", async () => {
  const password = "correct horse battery";

  execFileSync(
    join(root, "taishi"),
    ["user", "create", "--account", keys.account, "--name", "reader", "--password-stdin", "--data", data, "--json"],
    { input: `${password}\n` },
  );
  const login = (secret: string) =>
    fetch(`${service.url}/v3/auth/tokens`, {
      method: "POST",
      headers: { "content-type": "application/json;charset=utf8" },
      body: JSON.stringify({
        auth: {
          identity: {
            methods: ["password"],
            password: { user: { name: "reader", password: secret, domain: { name: "tenant" } } },
          },
          scope: { project: { name: "cn-north-4" } },
        },
      }),
    });
  const refused = await login("wrong");
  assert.equal(refused.status, 401);
  assert.deepEqual(await refused.json(), {
    error: { message: "The username or password is wrong.", code: 401, title: "Unauthorized" },
  });
  const signed = await login(password);
  assert.equal(signed.status, 201);
  const token = signed.headers.get("x-subject-token") ?? "";
  const list = `${service.url}/v3/${project}/instances/${instance}/audit-logs?start_time=2019-11-05T00:00:00+0800&end_time=2019-11-09T00:00:00+0800&limit=10&offset=0`;
  const answer = await fetch(list, { headers: { "x-auth-token": token } });
  assert.equal(answer.status, 200, await answer.clone().text());
  assert.equal(((await answer.json()) as { total_count: number }).total_count, 2);
  assert.equal((await fetch(list, { headers: { "x-auth-token": `${token}x` } })).status, 401);
});

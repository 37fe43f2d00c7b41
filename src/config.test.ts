import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { type Flags, readConfig, type Setting, settings } from "./config.ts";
import { TaishiError } from "./errors.ts";

const fails = (flags: Flags, field: string, environment: Record<string, string> = {}): void => {
  assert.throws(
    () => readConfig(flags, environment),
    (thrown) => thrown instanceof TaishiError && thrown.details.field === field,
    field,
  );
};

test("without flags the defaults hold: loopback, ./data, secrets beside it", () => {
  const config = readConfig({}, {});
  assert.deepEqual([config.host, config.port, config.data], ["127.0.0.1", 7548, resolve("data")]);
  assert.equal(config.secrets, resolve("data/secrets"));
  assert.deepEqual([config.rateLimit, config.anchor, config.tls], [2000, undefined, undefined]);
  assert.deepEqual([config.auditFileBytes, config.auditFileSeconds], [100 * 1024 * 1024, 30 * 60]);
});

test("a flag wins over its variable, a variable over the default", () => {
  const environment = { TAISHI_LISTEN: "127.0.0.1:1", TAISHI_DATA: "/a" };
  assert.equal(readConfig({}, environment).port, 1);
  assert.equal(readConfig({ listen: "[::1]:2" }, environment).port, 2);
  assert.equal(readConfig({ listen: "[::1]:2" }, environment).host, "::1");
  assert.equal(readConfig({ data: "/b" }, environment).data, "/b");
});

test("plain HTTP beyond loopback needs TLS or a word", () => {
  for (const listen of ["0.0.0.0:80", "[::]:80", "192.0.2.1:80", "example.com:80"]) {
    fails({ listen }, "--listen");
    readConfig({ listen, insecureHttp: true }, {});
    readConfig({ listen, tlsCert: "c", tlsKey: "k" }, {});
  }
  readConfig({ listen: "127.1.2.3:80" }, {});
  readConfig({ listen: "localhost:80" }, {});
});

test("what cannot be meant is refused, naming its flag", () => {
  for (const listen of ["nonsense", ":80", "127.0.0.1:65536", "127.0.0.1", "::1:80"]) fails({ listen }, "--listen");
  fails({ tlsCert: "c" }, "--tls-key");
  fails({ tlsKey: "k" }, "--tls-cert");
  for (const network of ["nonsense", "10.0.0.0/33", "::/129", "10.0.0.0/8/8"])
    fails({ trustedProxy: [network] }, "--trusted-proxy");
  for (const publicUrl of ["audit.example", "ftp://a", "https://a/path"]) fails({ publicUrl }, "--public-url");
  for (const rateLimit of ["-1", "x", "1.5"]) fails({ rateLimit }, "--rate-limit");
  fails({ logLevel: "loud" }, "--log-level");
  fails({ auditFileSeconds: "0" }, "--audit-file-seconds");
  fails({ data: "/d", anchor: "/d/anchor.json" }, "--anchor");
  fails({}, "--listen", { TAISHI_LISTEN: "nonsense" });
  assert.equal(readConfig({ rateLimit: "0" }, {}).rateLimit, undefined);
  assert.equal(readConfig({ publicUrl: "https://audit.example/" }, {}).publicUrl, "https://audit.example");
});

test("docs/configuration.md lists every setting with its variable and default, and no other", () => {
  const page = readFileSync(new URL("../docs/configuration.md", import.meta.url), "utf8");
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| `--"))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const names = (cell: string | undefined): string[] =>
    [...(cell ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
  const all = Object.values(settings) as Setting[];
  assert.deepEqual(rows.flatMap(([, flag]) => names(flag)).sort(), all.map(({ flag }) => flag.split(" ")[0]!).sort());
  assert.deepEqual(
    rows.flatMap(([, , variable]) => names(variable)).sort(),
    all.flatMap(({ env }) => env ?? []).sort(),
  );
  for (const { flag, default: fallback } of all)
    if (fallback !== undefined) {
      const row = rows.find(([, cell]) => names(cell).includes(flag.split(" ")[0]!));
      assert.equal(row?.[3]?.replaceAll("`", ""), fallback, flag);
    }
});

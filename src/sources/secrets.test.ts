import assert from "node:assert/strict";
import { test } from "node:test";
import { argumentsWithoutSecrets, isSecretName, withoutSecrets } from "./secrets.ts";

function becomes(text: string, expected: string): void {
  assert.equal(withoutSecrets(text), expected);
}

test("flags with a password lose it, glued or as the next word", () => {
  becomes("app --password=hunter2 --port 5432", "app --password=***** --port 5432");
  becomes("app --password hunter2 --port 5432", "app --password ***** --port 5432");
  becomes("app -token hunter2", "app -token *****");
  becomes("app --api-key='a b c' x", "app --api-key=***** x");
  becomes("app --password --verbose", "app --password --verbose");
  becomes("docker login --password-stdin registry.example", "docker login --password-stdin registry.example");
  becomes("app --token-file /run/token", "app --token-file /run/token");
});

test("short flags are known by their program, and mean other things elsewhere", () => {
  becomes("mysql -uroot -phunter2 shop", "mysql -uroot -p***** shop");
  becomes("mysql -uroot -p shop", "mysql -uroot -p shop");
  becomes("/usr/bin/mysqldump -ph; mkdir -p /srv/a -pq", "/usr/bin/mysqldump -p***** mkdir -p /srv/a -pq");
  becomes("sh -c 'sshpass -p hunter2 ssh -p 22 h'", "sh -c 'sshpass -p ***** ssh -p ***** h'");
  becomes("redis-cli -a hunter2 PING | grep -a x", "redis-cli -a ***** PING | grep -a x");
  becomes("curl -u ann:hunter2 https://h/", "curl -u ann:***** https://h/");
  becomes("curl --user ann:hunter2 https://h/", "curl --user ann:***** https://h/");
  becomes("tar -pxf a.tar", "tar -pxf a.tar");
});

test("variables, headers, JSON and URLs", () => {
  becomes("PGPASSWORD=hunter2 psql -h db", "PGPASSWORD=***** psql -h db");
  becomes("export API_TOKEN=abc;ls PWD=/srv", "export API_TOKEN=***** PWD=/srv");
  becomes("curl -H Authorization: Bearer abc.def https://h/", "curl -H Authorization: Bearer ***** https://h/");
  becomes('curl -H "Authorization: Bearer abc" https://h/', 'curl -H "Authorization: Bearer *****" https://h/');
  becomes("curl -H 'X-Vault-Token: abc' https://h/", "curl -H 'X-Vault-Token: *****' https://h/");
  becomes("curl -H 'Cookie: a=b; c=d' https://h/", "curl -H 'Cookie: *****' https://h/");
  becomes('curl -H"Authorization: Basic YTpi" h', 'curl -H"Authorization: *****" h');
  becomes("curl -HAuthorization:abc https://h/", "curl -HAuthorization:***** https://h/");
  becomes(
    'curl -d \'{"user":"ann","password":"a b","n":1}\' h',
    'curl -d \'{"user":"ann","password":"*****","n":1}\' h',
  );
  becomes('curl -d \'{"user": "ann", "password": "a b"}\' h', 'curl -d \'{"user": "ann", "password": *****\' h');
  becomes("curl https://h/?user=ann&token=abc", "curl https://h/?user=ann&token=*****");
  becomes("git clone https://ann:p@ss:w@git.example/x.git", "git clone https://ann:*****@git.example/x.git");
  becomes("git clone https://git.example:8443/x.git", "git clone https://git.example:8443/x.git");
  becomes("psql postgres://ann:hunter2@db/shop", "psql postgres://ann:*****@db/shop");
  becomes("app eyJhbGciOiJIUzI1.eyJzdWIi.c2ln end", "app ***** end");
  becomes("vault login hvs.CAESIJ0000000000000000", "vault login *****");
});

test("what holds no secret stays as it is, whatever its quotes and spaces", () => {
  for (const text of [
    "",
    "  ls   -la\t/srv\n",
    "sh -c 'echo \"it''s\" | tr a b'",
    'echo "open',
    "echo 'open",
    "a\\",
    "bash -lc cat /etc/passwd",
    "grep -r secretary .",
    "test -f x && echo ok:fine",
  ])
    becomes(text, text);
});

test("arguments stand for themselves, and one with spaces is a command line", () => {
  assert.deepEqual(argumentsWithoutSecrets(["mysql", "-phunter2", "-e", "select 1"]), [
    "mysql",
    "-p*****",
    "-e",
    "select 1",
  ]);
  assert.deepEqual(argumentsWithoutSecrets(["sh", "-c", "mysql -phunter2 shop"]), ["sh", "-c", "mysql -p***** shop"]);
  assert.deepEqual(argumentsWithoutSecrets(["sh", "-c", "curl -H 'Authorization: Basic YTpi' h"]), [
    "sh",
    "-c",
    "curl -H 'Authorization: Basic *****' h",
  ]);
  assert.deepEqual(argumentsWithoutSecrets(["curl", "-H", "Authorization: Bearer a b"]), [
    "curl",
    "-H",
    "Authorization: Bearer *****",
  ]);
  assert.deepEqual(argumentsWithoutSecrets(["app", "--password=two words"]), ["app", "--password=*****"]);
  assert.deepEqual(argumentsWithoutSecrets(["app", "--password", "two words"]), ["app", "--password", "*****"]);
});

test("a command is not hidden by a beginning that looks like a secret's", () => {
  becomes("sh -c 'cookie: x; rm -rf /srv'", "sh -c 'cookie: ***** rm -rf /srv'");
  becomes("sh -c 'TOKEN=x psql -h db'", "sh -c 'TOKEN=***** psql -h db'");
  assert.deepEqual(argumentsWithoutSecrets(["sh", "-c", "TOKEN=x psql -h db"]), ["sh", "-c", "TOKEN=***** psql -h db"]);
  assert.deepEqual(argumentsWithoutSecrets(["bash", "-lc", "token: x; id"]), ["bash", "-lc", "token: ***** id"]);
  assert.deepEqual(argumentsWithoutSecrets(["env", "TOKEN=x y", "id"]), ["env", "TOKEN=*****", "id"]);
});

test("names that say secret, and names that only sound so", () => {
  for (const name of ["password", "DB_PASSWORD", "X-Vault-Token", "client_secret", "MYSQL_PWD", "Authorization"])
    assert.ok(isSecretName(name), name);
  for (const name of ["PWD", "password_file", "token_type", "user", "path", "author"])
    assert.ok(!isSecretName(name), name);
});

test("long and awkward texts take linear time", () => {
  for (const text of ["A", "a=", '"', "'", "\\", "a://", 'password="', "-p ", "eyJ", '"a', "token: ", "x'y\"z "]) {
    const began = process.hrtime.bigint();
    withoutSecrets(text.repeat(400_000 / text.length));
    const tookMs = Number(process.hrtime.bigint() - began) / 1e6;
    assert.ok(tookMs < 2_000, `${text}: ${tookMs} ms`);
  }
});

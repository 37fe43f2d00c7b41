import assert from "node:assert/strict";
import { test } from "node:test";
import { Fatal } from "../errors.ts";
import { CountingScrypt } from "./identity-house.test-support.ts";
import { Passwords, parsePassword } from "./password.ts";

function withReal(): { hash(password: string): Promise<string>; matches(p: string, r?: string): Promise<boolean> } {
  const passwords = new Passwords();
  return {
    hash: (password) => passwords.inTurn("a", ({ hash }) => hash(password)),
    matches: (password, record) => passwords.inTurn("a", ({ matches }) => matches(password, record)),
  };
}

test("a password is kept as salted scrypt with its parameters, and only it matches", async () => {
  const { hash, matches } = withReal();
  const record = await hash("correct horse");
  assert.match(record, /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.notEqual(await hash("correct horse"), record);
  assert.equal(await matches("correct horse", record), true);
  assert.equal(await matches("correct hors", record), false);
});

test("a record of other parameters is checked with those", async () => {
  // Made by Python's hashlib.scrypt.
  const record = "$scrypt$ln=10,r=4,p=2$AAECAwQFBgcICQoLDA0ODw$b5/u/52mphx112Trtp7lNkoBMyHO+Szb4E1MjpWcDxM";
  const { matches } = withReal();
  assert.equal(await matches("correct horse", record), true);
  assert.equal(await matches("correct horse ", record), false);
});

test("the same text in another normal form is the same password", async () => {
  const { hash, matches } = withReal();
  assert.equal(await matches("pass\u0065\u0301-word", await hash("pass\u00e9-word")), true);
});

test("a user that is not there, and a password that nobody can have, cost one scrypt with today's parameters", async () => {
  const costs: unknown[] = [];
  const counting = new CountingScrypt();
  const passwords = new Passwords({
    scrypt: (password, salt, length, options) => {
      costs.push([options.N, options.r, options.p, length, salt.length]);
      assert.ok(password.length <= 128);
      return counting.scrypt(password, salt, length, options);
    },
  });
  const record = await passwords.inTurn("", ({ hash }) => hash("right password"));
  for (const [password, kept] of [
    ["right password", record],
    ["wrong password", record],
    ["right password", undefined],
    ["", undefined],
    ["", record],
    ["\ud800".repeat(9), record],
    ["x".repeat(1_000_000), record],
  ] as const) {
    const right = await passwords.inTurn("", ({ matches }) => matches(password, kept));
    assert.equal(right, password === "right password" && kept === record);
  }
  assert.deepEqual(
    costs,
    Array.from({ length: 8 }, () => [32_768, 8, 1, 32, 16]),
  );
});

test("records that are none, or that would take all memory, are refused", () => {
  const salt = "A".repeat(22);
  const hash = "A".repeat(43);
  for (const record of [
    "",
    "secret",
    `$scrypt$ln=15,r=8,p=1$${salt}$`,
    `$argon2id$ln=15,r=8,p=1$${salt}$${hash}`,
    `$scrypt$ln=30,r=8,p=1$${salt}$${hash}`,
    `$scrypt$ln=17,r=8,p=1$${salt}$${hash}`,
    `$scrypt$ln=0,r=8,p=1$${salt}$${hash}`,
    `$scrypt$ln=15,r=0,p=1$${salt}$${hash}`,
  ])
    assert.throws(() => parsePassword(record), Fatal, record);
  assert.deepEqual(parsePassword(`$scrypt$ln=15,r=8,p=1$${salt}$${hash}`).parameters, { ln: 15, r: 8, p: 1 });
});

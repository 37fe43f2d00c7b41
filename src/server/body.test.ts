import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { TaishiError } from "../errors.ts";
import { BodyBudget, type BodyLease, type Encoding, expand, readEncoding } from "./body.ts";

const limit = 64 * 1024 * 1024;
const compressors = { gzip: (bytes: Buffer) => gzipSync(bytes), zstd: (bytes: Buffer) => zstdCompressSync(bytes) };

function freeLease(): BodyLease {
  return new BodyBudget(Number.POSITIVE_INFINITY).lease();
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const thrown = await work.then(
    () => assert.fail("nothing was refused"),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof TaishiError, String(thrown));
  return thrown.code;
}

for (const [name, compress] of Object.entries(compressors)) {
  const encoding = name as Encoding;
  const parts = [Buffer.from("first "), Buffer.alloc(0), Buffer.alloc(300_000, "second "), Buffer.from(" third")];

  test(`${name}: all members or frames are expanded, one after the other`, async () => {
    const wire = Buffer.concat(parts.map(compress));
    assert.deepEqual(await expand(wire, encoding, limit, freeLease()), Buffer.concat(parts));
  });

  test(`${name}: what is cut, damaged or followed by anything else is malformed`, async () => {
    const wire = Buffer.concat([compress(parts[0]!), compress(parts[3]!)]);
    const first = compress(parts[0]!).length;
    for (let end = 0; end < wire.length; end++) {
      if (end === first) continue;
      assert.equal(
        await codeOf(expand(wire.subarray(0, end), encoding, limit, freeLease())),
        "malformed-body",
        `${end}`,
      );
    }
    for (const garbage of ["x", "\0", "\0\0\0\0\0\0\0\0", "\x1f\x8b", "{}", "\x28\xb5"]) {
      const long = Buffer.concat([wire, Buffer.from(garbage, "latin1")]);
      assert.equal(await codeOf(expand(long, encoding, limit, freeLease())), "malformed-body", JSON.stringify(garbage));
    }
    assert.equal(await codeOf(expand(Buffer.from("plain text"), encoding, limit, freeLease())), "malformed-body");
  });

  test(`${name}: a small body that expands without end is cut at the limit`, async () => {
    const wire = compress(Buffer.alloc(200_000_000));
    let most = 0;
    const take = (bytes: number): void => {
      most += bytes;
    };
    const lease: BodyLease = { take, release: () => {} };
    assert.equal(await codeOf(expand(wire, encoding, limit, lease)), "too-large");
    assert.ok(most <= limit, `${most} bytes were held`);
  });

  test(`${name}: exactly the limit is allowed, one byte more is not`, async () => {
    const wire = compress(Buffer.alloc(100_000));
    assert.equal((await expand(wire, encoding, 100_000, freeLease())).length, 100_000);
    assert.equal(await codeOf(expand(wire, encoding, 99_999, freeLease())), "too-large");
  });
}

test("a zstd window that needs more memory than RFC 9659 allows is too large", async () => {
  const wire = zstdCompressSync(Buffer.alloc(20_000_000), { params: { [constants.ZSTD_c_windowLog]: 24 } });
  assert.equal(await codeOf(expand(wire, "zstd", limit, freeLease())), "too-large");
});

test("a zstd body of very many empty frames is too large", async () => {
  const wire = Buffer.concat(Array.from({ length: 10_001 }, () => zstdCompressSync(Buffer.alloc(0))));
  assert.equal(await codeOf(expand(wire, "zstd", limit, freeLease())), "too-large");
});

test("expanding stops where the budget of all bodies is used up, and gives back what it took", async () => {
  const budget = new BodyBudget(1_000_000);
  const lease = budget.lease();
  assert.equal(await codeOf(expand(gzipSync(Buffer.alloc(2_000_000)), "gzip", limit, lease)), "overloaded");
  assert.ok(budget.held <= 1_000_000);
  lease.release();
  assert.equal(budget.held, 0);
});

test("content encodings are read in any case, and others are refused", () => {
  assert.equal(readEncoding(undefined), "identity");
  assert.equal(readEncoding(" GZip "), "gzip");
  assert.equal(readEncoding("x-gzip"), "gzip");
  assert.equal(readEncoding("zstd"), "zstd");
  for (const other of ["br", "deflate", "gzip, zstd", "gzip,gzip"])
    assert.throws(() => readEncoding(other), { code: "unsupported-media-type" }, other);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, errorTable, TaishiError } from "../../errors.ts";
import {
  BusinessError,
  badValue,
  businessErrors,
  failureOf,
  foreignProject,
  malformedInstanceId,
  outOfRange,
  unknownInstance,
} from "./errors.ts";

test("every code of ours has a form for every service, in both languages, with non-empty strings", () => {
  for (const code of Object.keys(errorTable) as ErrorCode[])
    for (const service of [undefined, "gaussdb", "rds", "iam"] as const) {
      const error = new TaishiError(code, undefined, { field: "limit", retryAfter: 0.2 });
      const [english, chinese] = (["en-us", "zh-cn"] as const).map((language) => failureOf(error, language, service));
      assert.ok(english && chinese);
      assert.match(english.code, /^(APIGW|DBS)\.\d+$/);
      assert.ok(english.status >= 400 && english.status <= 503);
      assert.equal(english.headers["retry-after"], "1");
      assert.match(chinese.message, /\p{Script=Han}/u);
      assert.doesNotMatch(english.message, /\p{Script=Han}|undefined/u);
    }
});

test("each documented code of a database service is a case of one of ours and has its own sentence", () => {
  for (const [code, row] of Object.entries(businessErrors)) {
    const error = new BusinessError(code as keyof typeof businessErrors);
    assert.equal(error.code, row.code);
    assert.deepEqual(failureOf(error, "en-us", "gaussdb").message, row["en-us"]);
  }
});

test("a database service's own errors have their documented codes", () => {
  const words = { "en-us": "must be an integer", "zh-cn": "必须是整数" };
  const raised: [() => Error, number, string, RegExp][] = [
    [() => badValue("limit", words), 400, "DBS.280001", /^Parameter error\. limit must be an integer\.$/],
    [() => outOfRange("limit", words), 400, "DBS.280271", /^The parameter value is out of range\. limit must/],
    [() => malformedInstanceId(), 400, "DBS.280404", /^Invalid DB instance ID or node ID format\.$/],
    [() => unknownInstance(), 404, "DBS.200002", /^The DB instance does not exist\.$/],
    [() => foreignProject(), 403, "DBS.200010", /not authorized\.$/],
    [
      () => new TaishiError("invalid-parameter", "No.", { field: "x" }),
      400,
      "DBS.280001",
      /^Parameter error\. x: No\.$/,
    ],
    [() => new TaishiError("malformed-body", "It is not JSON."), 400, "DBS.280001", /It is not JSON\.$/],
    [() => new TaishiError("not-found"), 404, "DBS.290013", /^Resource not found\.$/],
    [() => new TaishiError("forbidden"), 403, "APIGW.0302", /not authorized/],
    [() => new Error("a secret of ours"), 500, "DBS.108000", /^Server failure\.$/],
  ];
  for (const [make, status, code, message] of raised) {
    const failure = failureOf(make(), "en-us", "gaussdb");
    assert.deepEqual([failure.status, failure.code], [status, code]);
    assert.match(failure.message, message);
  }
});

// The test client's signer against what a vendor's own SDK put on the wire.
import assert from "node:assert/strict";
import { test } from "node:test";
import { signatureHeaders } from "./signed-request.ts";

const signer = { accessKey: "AKTEST", secretKey: "SKTEST", service: "ark", region: "cn-beijing" };

test("the signature of a request captured from the Node SDK is made again", () => {
  const headers = signatureHeaders(signer, {
    method: "POST",
    host: "127.0.0.1:18733",
    target: "/?Action=ListAuditLogs&Version=2024-01-01",
    body: `{"ResourceId":"ep-1","ResourceType":"endpoint","Filter":{"LogType":"SshLogin","RiskLevels":["High"],"StartTime":1719453125},"PageNumber":1,"PageSize":10,"SortOrder":"Desc"}`,
    time: Date.UTC(2026, 10, 21, 0, 25, 24),
  });
  assert.equal(headers["x-date"], "20261121T002524Z");
  assert.equal(headers["x-content-sha256"], "0b61f1658d3608f24eb762aded6d51c741a1d59356d4b3e4eb727f7eecc15d19");
  assert.equal(
    headers.authorization,
    "HMAC-SHA256 Credential=AKTEST/20261121/cn-beijing/ark/request, SignedHeaders=host;x-content-sha256;x-date, " +
      "Signature=4fd24b1980f41a0978bce2bbd2eeee786d58ec47299d6cd1cfe79fbae69c605f",
  );
});

test("the order of query parameters on the request line does not matter", () => {
  const request = { method: "GET", host: "h:1", body: "", time: 0 };
  assert.deepEqual(
    signatureHeaders(signer, { ...request, target: "/api/v1/events?limit=10&kind=security&resourceId=a%20b" }),
    signatureHeaders(signer, { ...request, target: "/api/v1/events?resourceId=a+b&kind=security&limit=10" }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { longestParameters } from "../../redact.ts";
import { recordedParameters } from "./call-record.ts";

test("recorded parameters hold no secret and are cut between characters", () => {
  const login = {
    auth: {
      identity: {
        methods: ["password"],
        password: { user: { name: "Anna", password: "pw", domain: { name: "d" } }, hint: "pw" },
        token: { id: "tok" },
      },
    },
    secret_key: "s",
    passwords: ["pw"],
  };
  const kept = recordedParameters({ params: {}, query: [{ name: "token", value: "tok" }], body: login }) ?? "";
  assert.match(kept, /"name":"Anna"/);
  assert.doesNotMatch(kept, /"(pw|tok|s)"/);
  assert.equal(recordedParameters({ params: {}, query: [] }), undefined);
  for (let pad = 0; pad < 4; pad++) {
    const long = recordedParameters({ params: { a: "x".repeat(pad) + "审".repeat(3000) }, query: [] }) ?? "";
    assert.ok(Buffer.byteLength(long) <= longestParameters && Buffer.byteLength(long) > longestParameters - 3);
    assert.ok(!long.includes("\ufffd"));
  }
});

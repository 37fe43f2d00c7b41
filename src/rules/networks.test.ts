import assert from "node:assert/strict";
import { test } from "node:test";
import { Networks } from "./networks.ts";

test("an address is in the networks that hold it", () => {
  const networks = new Networks(["10.0.0.0/8", "198.51.100.23", "192.0.2.128/25", "2001:db8:a::/48", "fe80::1"]);
  for (const inside of [
    "10.255.0.1",
    "198.51.100.23",
    "192.0.2.128",
    "192.0.2.255",
    "2001:db8:a:ffff::1",
    "2001:0DB8:000a::",
    "::ffff:10.1.2.3",
    "fe80::1%eth0",
  ])
    assert.equal(networks.has(inside), true, inside);
  for (const outside of [
    "11.0.0.1",
    "198.51.100.24",
    "192.0.2.127",
    "2001:db8:b::1",
    "fe80::2",
    "UNKNOWN",
    "",
    "10.0.0.1 ",
    "10.0.0.1:22",
  ])
    assert.equal(networks.has(outside), false, outside);
});

test("what programs read differently is no address", () => {
  const all = new Networks(["0.0.0.0/0"]);
  for (const text of ["127.1", "0x7f.0.0.1", "010.0.0.1", "2130706433", "1.2.3.4.5", "1.2.3.256"])
    assert.equal(all.has(text), false, text);
  assert.equal(all.has("255.255.255.255"), true);
  assert.equal(all.has("2001:db8::1"), false, "another family");
  assert.equal(new Networks(["::/0"]).has("2001:db8::1"), true);
});

test("IPv4 written as IPv6 is IPv4", () => {
  assert.equal(new Networks(["::ffff:10.0.0.0/104"]).has("10.9.8.7"), true);
  assert.equal(new Networks(["::ffff:10.0.0.0/104"]).has("11.9.8.7"), false);
});

test("what is no network is refused and quoted", () => {
  for (const wrong of [
    "10.0.0.0/33",
    "10.0.0/8",
    "2001:db8::/129",
    "example.com",
    "",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "1.2.3.4/8/8",
  ])
    assert.throws(() => new Networks([wrong]), {
      name: "SyntaxError",
      message: `"${wrong}" is neither an address nor a network such as 10.0.0.0/8 or 2001:db8::/32`,
    });
});

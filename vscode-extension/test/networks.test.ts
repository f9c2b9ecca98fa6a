// What may be typed about a vPLC's network.

import assert from "node:assert/strict";
import { suite, test } from "node:test";

import { dottedMask, gatewayProblem, ipv4, ipv4Problem, maskProblem, nameServersProblem, prefixLength, versionProblem } from "../src/networks.ts";

suite("networks", () => {
  test("addresses have four numbers below 256", () => {
    assert.equal(ipv4("192.0.2.1"), 3221225985);
    for (const bad of ["", "192.0.2", "192.0.2.256", "192.0.2.1.1", "::1", "a.b.c.d"]) {
      assert.equal(ipv4(bad), undefined);
    }
    for (const bad of ["127.0.0.1", "0.1.2.3", "224.0.0.1", "255.255.255.255"]) {
      assert.notEqual(ipv4Problem(bad), undefined);
    }
  });
  test("masks are four numbers or a length, and become four numbers", () => {
    for (const [text, length] of [["255.255.255.0", 24], ["24", 24], ["/16", 16], ["255.255.255.252", 30], ["255.128.0.0", 9]] as const) {
      assert.equal(prefixLength(text), length);
    }
    for (const bad of ["", "0", "31", "32", "255.0.255.0", "0.0.0.0", "255.255.255.255", "mask"]) {
      assert.equal(prefixLength(bad), undefined, bad);
    }
    assert.deepEqual([dottedMask(24), dottedMask(9), dottedMask(30)], ["255.255.255.0", "255.128.0.0", "255.255.255.252"]);
  });
  test("an address is neither its network nor the broadcast address", () => {
    assert.equal(maskProblem("24", "192.0.2.50"), undefined);
    assert.match(maskProblem("24", "192.0.2.0") ?? "", /network itself/);
    assert.match(maskProblem("30", "192.0.2.3") ?? "", /broadcast/);
  });
  test("a gateway is another machine in the same network", () => {
    assert.equal(gatewayProblem("192.0.2.1", "192.0.2.50", "24"), undefined);
    assert.notEqual(gatewayProblem("192.0.2.50", "192.0.2.50", "24"), undefined);
    assert.notEqual(gatewayProblem("192.0.3.1", "192.0.2.50", "24"), undefined);
  });
  test("name servers and versions", () => {
    assert.equal(nameServersProblem(""), undefined);
    assert.equal(nameServersProblem("192.0.2.1, 192.0.2.2"), undefined);
    assert.notEqual(nameServersProblem("dns.example"), undefined);
    assert.equal(versionProblem("v4.1.4"), undefined);
    assert.notEqual(versionProblem("v4 latest"), undefined);
    assert.notEqual(versionProblem("x; rm"), undefined);
  });
});

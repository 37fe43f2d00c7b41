// IP addresses as texts, compared by what they mean: "fd00:ec2::254" is "FD00:0EC2:0:0:0:0:0:254", and an IPv4 address is the
// same one when it is mapped into IPv6. Pure.
import ipaddr from "ipaddr.js";

/** False where one of them is no address. */
export function sameAddress(one: string, other: string): boolean {
  const canonical = canonicalAddress(one);
  return canonical !== undefined && canonical === canonicalAddress(other);
}

function canonicalAddress(text: string): string | undefined {
  // Not what else ipaddr.js takes for an address: "1", "0x7f.1".
  if (!text.includes(":") && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  return ipaddr.isValid(text) ? ipaddr.process(text).toString() : undefined;
}

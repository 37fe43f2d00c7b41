// A set of networks that says whether an address is in one of them, in time that does not grow with their number. IPv4
// addresses within IPv6 (::ffff:a.b.c.d) are the IPv4 addresses.
import ipaddr from "ipaddr.js";

export class Networks {
  /** Networks as hex of their bytes with the host's bits cleared, by family and prefix length. */
  readonly #byPrefix = new Map<
    string,
    { readonly bytes: number; readonly bits: number; readonly known: Set<string> }
  >();

  /** @param networks addresses, or networks such as 10.0.0.0/8 @throws SyntaxError quoting the one that is neither */
  constructor(networks: Iterable<string>) {
    for (const network of networks) {
      const [, address = "", prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
      const given = bytesOf(address, false);
      const most = (given?.length ?? 0) * 8;
      if (given === undefined || Number(prefix ?? 0) > most)
        throw new SyntaxError(`"${network}" is neither an address nor a network such as 10.0.0.0/8 or 2001:db8::/32`);
      // ::ffff:10.0.0.0/104 says 10.0.0.0/8.
      const bytes = given.length === 16 && Number(prefix ?? most) >= 96 ? unmapped(given) : given;
      const bits = Number(prefix ?? most) - (given.length - bytes.length) * 8;
      const key = `${bytes.length}/${bits}`;
      const same = this.#byPrefix.get(key) ?? { bytes: bytes.length, bits, known: new Set() };
      same.known.add(masked(bytes, bits));
      this.#byPrefix.set(key, same);
    }
  }

  /** What is no address is in none. */
  has(address: string): boolean {
    const bytes = bytesOf(address, true);
    if (bytes === undefined) return false;
    for (const { bytes: length, bits, known } of this.#byPrefix.values())
      if (length === bytes.length && known.has(masked(bytes, bits))) return true;
    return false;
  }
}

/** 4 or 16 bytes. Only the usual forms: not 127.1, 0x7f.0.0.1 or 010.0.0.1, which programs read differently. */
function bytesOf(address: string, unmap: boolean): readonly number[] | undefined {
  if (address.length > 64) return undefined;
  if (ipaddr.IPv4.isValidFourPartDecimal(address)) return ipaddr.IPv4.parse(address).toByteArray();
  // A zone (fe80::1%eth0) says which link, not which address.
  const plain = address.replace(/%[^%]*$/, "");
  if (!plain.includes(":") || !ipaddr.IPv6.isValid(plain)) return undefined;
  const bytes = ipaddr.IPv6.parse(plain).toByteArray();
  return unmap ? unmapped(bytes) : bytes;
}

function unmapped(bytes: readonly number[]): readonly number[] {
  const isMapped = bytes.slice(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 255));
  return isMapped ? bytes.slice(12) : bytes;
}

function masked(bytes: readonly number[], bits: number): string {
  return bytes
    .map((byte, i) => {
      const kept = Math.min(8, Math.max(0, bits - 8 * i));
      return (byte & (0xff << (8 - kept)) & 0xff).toString(16).padStart(2, "0");
    })
    .join("");
}

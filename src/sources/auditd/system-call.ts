// Which system call a SYSCALL record tells of, and which address a SOCKADDR record holds. Numbers differ between processors;
// only the calls that become events are named.
import type { Fields } from "./record.ts";

interface Numbers {
  readonly connect: number;
  readonly execve: number;
  readonly execveat: number;
  /** One call for all of sockets, told apart by its first argument. */
  readonly socketcall?: number;
}

const generic: Numbers = { connect: 203, execve: 221, execveat: 281 };

/** By AUDIT_ARCH_*, as `arch=` has it. */
const processors: Readonly<Record<string, Numbers>> = {
  c000003e: { connect: 42, execve: 59, execveat: 322 }, // x86_64
  "40000003": { connect: 362, execve: 11, execveat: 358, socketcall: 102 }, // i386
  c00000b7: generic, // aarch64
  "40000028": { connect: 283, execve: 11, execveat: 387 }, // arm
  c00000f3: generic, // riscv64
  c0000102: generic, // loongarch64
  c0000015: { connect: 328, execve: 11, execveat: 362, socketcall: 102 }, // ppc64le
  "80000016": { connect: 362, execve: 11, execveat: 354, socketcall: 102 }, // s390x
};
/** The calls of x86_64's 32-bit pointers, beside those it shares. */
const x32 = { bit: 0x40000000, execve: 520, execveat: 545 };

export type Call = "connect" | "exec" | "other";

/** @param names of the enriched part: they tell of processors that are not in the table */
export function callOf(syscall: Fields, names: Fields): Call {
  const numbers = processors[syscall.get("arch") ?? ""];
  if (numbers === undefined) {
    const name = names.get("SYSCALL");
    return name === "connect" ? "connect" : name === "execve" || name === "execveat" ? "exec" : "other";
  }
  const written = Number(syscall.get("syscall"));
  const isX32 = numbers.execve === 59 && written >= x32.bit;
  const number = isX32 ? written - x32.bit : written;
  if (number === numbers.connect) return "connect";
  if (number === numbers.execve || number === numbers.execveat) return "exec";
  if (isX32 && (number === x32.execve || number === x32.execveat)) return "exec";
  return number === numbers.socketcall && syscall.get("a0") === "3" ? "connect" : "other";
}

export interface SocketAddress {
  readonly ip: string;
  /** Decimal. */
  readonly port: string;
}

/**
 * @param saddr a sockaddr as the process gave it, in hexadecimal: its family in the processor's byte order, the rest in the
 *   network's
 * @returns undefined where the bytes are cut, "other" for a family that is not IP's
 */
export function socketAddress(saddr: string | undefined): SocketAddress | "other" | undefined {
  if (saddr === undefined || !/^(?:[0-9A-Fa-f]{2}){2,200}$/.test(saddr)) return undefined;
  const bytes = Buffer.from(saddr, "hex");
  const family = bytes[0]! === 0 ? bytes[1]! : bytes[1]! === 0 ? bytes[0]! : -1;
  if (family !== 2 && family !== 10) return "other";
  if (bytes.length < (family === 2 ? 8 : 24)) return undefined;
  const port = String(bytes.readUInt16BE(2));
  return { ip: family === 2 ? ipv4(bytes.subarray(4, 8)) : ipv6(bytes.subarray(8, 24)), port };
}

function ipv4(bytes: Buffer): string {
  return [...bytes].join(".");
}

/** As RFC 5952 writes it; an IPv4 address that an IPv6 socket was given is told as what it is. */
function ipv6(bytes: Buffer): string {
  if (bytes.subarray(0, 12).equals(Buffer.from("00000000000000000000ffff", "hex"))) return ipv4(bytes.subarray(12));
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2));
  let longest = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > longest.length) longest = { at, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (longest.at === -1) return hex.join(":");
  return `${hex.slice(0, longest.at).join(":")}::${hex.slice(longest.at + longest.length).join(":")}`;
}

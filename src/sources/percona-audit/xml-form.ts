// The record of audit_log_format OLD (attributes) and NEW (elements): flat, with the names of the JSON form in capitals.
// Not a reader of XML: of what XML can be, only what the plugin writes is taken.
import type { AuditRecord } from "./record.ts";

/** Up to this nothing of a record is wider than its longest statement; it has not more parts. */
const mostParts = 32;

/** @param text from "<AUDIT_RECORD" on; undefined where it is of neither form */
export function readXml(text: string): AuditRecord | undefined {
  return /^\s*<AUDIT_RECORD>/.test(text) ? elements(text) : attributes(text);
}

function elements(text: string): AuditRecord | undefined {
  const record = new Map<string, string>();
  const part = /\s*<([A-Z_]{1,40})>([^<>]*)<\/([A-Z_]{1,40})>/y;
  part.lastIndex = text.indexOf(">") + 1;
  let end = part.lastIndex;
  for (let match = part.exec(text); match !== null; match = part.exec(text)) {
    const value = unescaped(match[2]!);
    if (match[1] !== match[3] || value === undefined || record.size === mostParts) return undefined;
    record.set(match[1]!.toLowerCase(), value);
    end = part.lastIndex;
  }
  return /^\s*<\/AUDIT_RECORD>\s*$/.test(text.slice(end)) ? record : undefined;
}

function attributes(text: string): AuditRecord | undefined {
  const start = /^\s*<AUDIT_RECORD(?=\s)/.exec(text);
  if (start === null) return undefined;
  const record = new Map<string, string>();
  const part = /\s+([A-Z_]{1,40})="([^"<>]*)"/y;
  part.lastIndex = start[0].length;
  let end = part.lastIndex;
  for (let match = part.exec(text); match !== null; match = part.exec(text)) {
    const value = unescaped(match[2]!);
    if (value === undefined || record.size === mostParts) return undefined;
    record.set(match[1]!.toLowerCase(), value);
    end = part.lastIndex;
  }
  return /^\s*\/>\s*$/.test(text.slice(end)) ? record : undefined;
}

const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** undefined where an ampersand begins nothing, or names no character. */
function unescaped(text: string): string | undefined {
  if (!text.includes("&")) return text;
  let broken = false;
  const out = text.replace(/&(?:([a-z]{2,4})|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));|&/g, (_, name, decimal, hex) => {
    if (name !== undefined && Object.hasOwn(named, name)) return named[name]!;
    const code = decimal !== undefined ? Number(decimal) : hex !== undefined ? Number.parseInt(hex, 16) : -1;
    if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      broken = true;
      return "";
    }
    return String.fromCodePoint(code);
  });
  return broken ? undefined : out;
}

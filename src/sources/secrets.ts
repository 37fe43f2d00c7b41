// Command lines without the secrets in them. Pure, and linear in the text. Errs on the side of removing: an entry cannot be
// taken back. What cannot be told from other words stays: a password given as a plain argument of an unknown program, and
// the later words of one with spaces whose quotes the origin has dropped.

export const removed = "*****";

const secretWords =
  /passw|pass(?:phrase|code)?$|pwd|token|secret|api[-_]?key|access[-_]?key|private[-_]?key|credential|authorization|auth[-_]?key|cookie|signature/i;
/** They name a file, a command or a kind, or take nothing: no secret follows. */
const harmless = /(?:file|path|dir|stdin|ttl|type|name|url|uri|policy|policies)$|^(?:old)?pwd$/i;

/** Whether what goes by this name (a flag, a variable, a header, a JSON member) is secret. */
export function isSecretName(name: string): boolean {
  return name.length <= 256 && secretWords.test(name) && !harmless.test(name);
}

/** Flags of one letter that hold a password, and how: glued to the letter, or as the next word too. */
interface Flags {
  readonly glued?: string;
  readonly next?: string;
  /** What follows is USER:PASSWORD. */
  readonly pair?: string;
}
const mysql: Flags = { glued: "p" };
const programs: ReadonlyMap<string, Flags> = new Map([
  ...["mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlshow", "mysqlcheck", "mysqlsh", "mariadb"].map(
    (name) => [name, mysql] as const,
  ),
  ...["mariadb-dump", "mariadb-admin", "mariadb-backup", "xtrabackup"].map((name) => [name, mysql] as const),
  ["sshpass", { glued: "p", next: "p" }],
  ["mongo", { glued: "p", next: "p" }],
  ["mongosh", { glued: "p", next: "p" }],
  ["mongodump", { glued: "p", next: "p" }],
  ["redis-cli", { next: "a" }],
  ["sqlcmd", { glued: "P", next: "P" }],
  ["ldapsearch", { glued: "w", next: "w" }],
  ["ldapmodify", { glued: "w", next: "w" }],
  ["ldapadd", { glued: "w", next: "w" }],
  ["docker", { glued: "p", next: "p" }],
  ["podman", { glued: "p", next: "p" }],
  ["curl", { glued: "u", next: "u", pair: "u" }],
]);
const noFlags: Flags = {};

/** Text as a person types it: a command line, or several. White space stays as it is. */
export function withoutSecrets(text: string): string {
  const parts = partsOf(text);
  const words = parts.filter((_, index) => index % 2 === 1);
  const clean = redactWords(words, withinWord);
  return parts.map((part, index) => (index % 2 === 1 ? clean[(index - 1) / 2]! : part)).join("");
}

/** Arguments as a program is given them, the program first. */
export function argumentsWithoutSecrets(args: readonly string[]): readonly string[] {
  return redactWords(args, withinArgument);
}

/** White space and words in turn, white space first. A quoted stretch is of one word, with the spaces in it. */
function partsOf(text: string): readonly string[] {
  const parts: string[] = [];
  const isSpace = (at: number): boolean => /\s/.test(text[at]!);
  /** Where no quote of this kind closes any more; without it many open ones would each look to the end. */
  const unclosed = new Set<string>();
  for (let at = 0; at < text.length; ) {
    const space = at;
    while (at < text.length && isSpace(at)) at++;
    parts.push(text.slice(space, at));
    const word = at;
    while (at < text.length && !isSpace(at)) {
      const character = text[at]!;
      if (character === "\\") at += at + 1 < text.length && !isSpace(at + 1) ? 2 : 1;
      else if ((character === '"' || character === "'") && !unclosed.has(character)) {
        const close = closing(text, at);
        if (close === -1) unclosed.add(character);
        at = close === -1 ? at + 1 : close + 1;
      } else at++;
    }
    if (at > word) parts.push(text.slice(word, at));
  }
  return parts;
}

function closing(text: string, quote: number): number {
  const character = text[quote]!;
  if (character === "'") return text.indexOf(character, quote + 1);
  for (let at = quote + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === character) return at;
  }
  return -1;
}

/** @param within redacts a word by itself */
function redactWords(words: readonly string[], within: (word: string, before: string) => string): readonly string[] {
  let flags = noFlags;
  /** What the word is, by the one before it. */
  let expected: "secret" | "header" | "pair" | undefined;
  return words.map((word, index) => {
    if (expected !== undefined) {
      const what = expected;
      expected = undefined;
      if (what === "header" && scheme.test(word)) {
        expected = "secret";
        return word;
      }
      // A flag instead of the value: the flag before took none.
      if (what === "header" || !/^-./.test(word)) return what === "pair" ? withoutPassword(word) : removed;
    }
    const program = programs.get(word.slice(word.lastIndexOf("/") + 1).replace(/^[("'`$]+/, ""));
    if (program !== undefined) {
      flags = program;
      return word;
    }
    const own = flags;
    // What follows is another command.
    if (/[|;&]$|^(?:then|do)$/.test(word)) flags = noFlags;
    const letter = /^-([A-Za-z])/.exec(word)?.[1];
    if (letter !== undefined && word.length === 2 && own.next?.includes(letter)) {
      expected = own.pair?.includes(letter) ? "pair" : "secret";
      return word;
    }
    if (letter !== undefined && word.length > 2 && own.glued?.includes(letter))
      return `-${letter}${own.pair?.includes(letter) ? withoutPassword(word.slice(2)) : removed}`;
    const long = /^--?([A-Za-z][\w.-]*)$/.exec(word)?.[1];
    if (long !== undefined && long.length > 1) {
      if (isSecretName(long)) expected = "secret";
      else if (long === "user" && own.pair !== undefined) expected = "pair";
      return word;
    }
    // "Authorization:" or {"password":, the value being the next word.
    const name = /(?<![\w.-])([\w.-]+)["']?[:=]$/.exec(word)?.[1];
    if (name !== undefined && isSecretName(name)) expected = word.endsWith("=") ? undefined : "header";
    return within(word, words[index - 1] ?? "");
  });
}

const scheme = /^(?:basic|bearer|digest|negotiate|token|apikey|aws4-hmac-sha256)$/i;

/** What takes a header as its next word. Nothing else is taken for one: a command that begins like it would be hidden. */
const takesHeader = /^(?:-\w*H|--header|--proxy-header)$/;

/** A word of a text, in which white space stands between quotes only. */
function withinWord(word: string, before: string): string {
  const quoted = /^(["'])(.*)\1$/s.exec(word);
  // The same quote within: several quoted stretches, not one.
  if (quoted === null || word.length < 3 || quoted[2]!.includes(quoted[1]!)) return redactWithin(word);
  return quoted[1]! + (header(quoted[2]!, before) ?? withoutSecrets(quoted[2]!)) + quoted[1]!;
}

/** An argument with white space in it is a command line of its own, a header, or the value of the name it begins with. */
function withinArgument(word: string, before: string): string {
  if (!/\s/.test(word)) return redactWithin(word);
  const name = /^(-{0,2})([\w.-]+)=/.exec(word);
  // A command line may begin with a variable.
  if (name !== null && isSecretName(name[2]!) && (name[1] !== "" || !/^-\w*c$/.test(before))) return name[0] + removed;
  return header(word, before) ?? withoutSecrets(word);
}

/** "Name: value" of a secret name, whatever the value has in it. */
function header(text: string, before: string): string | undefined {
  const match = takesHeader.test(before) ? /^([\w.-]+):\s*(\S+)?/.exec(text) : null;
  if (match === null || !isSecretName(match[1]!)) return undefined;
  return `${match[1]!}: ${scheme.test(match[2] ?? "") ? `${match[2]!} ` : ""}${removed}`;
}

function withoutPassword(pair: string): string {
  const colon = pair.indexOf(":");
  return colon === -1 ? pair : `${pair.slice(0, colon + 1)}${removed}`;
}

const named = /(?<![\w.-])([\w.-]+)\\?["']?\s{0,8}[:=]\s{0,8}/g;
const value = /(\\?"(?:[^"\\]|\\[^"])*\\?")|'[^']*'|\S+/y;
/** Of a header, to the end of the quotes it is in. */
const headerValue = /[^"']+/y;

/** What one word says by itself: NAME=value, --flag=value, "name":"value", URLs with a password, tokens known by their form. */
function redactWithin(word: string): string {
  let out = "";
  let copied = 0;
  named.lastIndex = 0;
  for (let match = named.exec(word); match !== null; match = named.exec(word)) {
    // What is not secret is not skipped: there may be a name within its value.
    if (!isSecretName(match[1]!)) continue;
    const expression = /: $/.test(match[0]) && word.startsWith("-H") ? headerValue : value;
    expression.lastIndex = named.lastIndex;
    const found = expression.exec(word);
    if (found === null) break;
    out += word.slice(copied, found.index) + (found[1] === undefined ? removed : `"${removed}"`);
    copied = expression.lastIndex;
    named.lastIndex = copied;
  }
  return (out + word.slice(copied))
    .replace(/(?<![\w+.-])([A-Za-z][\w+.-]*:\/\/[^\s/?#:@]*):[^\s/?#]+@/g, `$1:${removed}@`)
    .replace(/(?<![\w.-])eyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, removed)
    .replace(/(?<![\w.-])(?:hv[sb]\.|gh[pousr]_|github_pat_|glpat-|xox[abp]-)[\w.-]{16,}/g, removed);
}

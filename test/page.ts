// What a Markdown page claims to exist, read out of its text. Pure; docs.test.ts compares it with the repository.

/** Targets of relative links and images, anchors included; links to elsewhere are left out. */
export function linksIn(text: string): readonly string[] {
  const prose = text.replace(/```[\s\S]*?```/g, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(<?([^)>\s]+)>?(?:\s+"[^"]*")?\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target));
}

/**
 * Files and folders of the repository that are named as code: TypeScript and Markdown files by any end of their path, all
 * else by a path that starts in one of our folders. NAME stands for a name that is yet to be chosen.
 */
export function filesNamedIn(text: string): readonly string[] {
  const names = [...text.replace(/```[\s\S]*?```/g, "").matchAll(/`([^`\n]+)`/g)].map(([, code]) =>
    code!.replace(/^\.\//, ""),
  );
  return names.filter(
    (name) =>
      !/\bNAME\b/.test(name) &&
      (/^[\w.-]+(\/[\w.-]+)*\.(ts|md)$/.test(name) ||
        /^(src|test|bench|docs|testdata|\.ci)\/([\w.-]+\/?)*$/.test(name)),
  );
}

/** Names of npm scripts: `npm run X`, `npm test`, `npm start`. */
export function scriptsIn(text: string): readonly string[] {
  return codeIn(text).flatMap((code) =>
    [...code.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)].map(([, run, short]) => (run ?? short)!),
  );
}

/** Verbs, with their second word where it is one, of `taishi VERB …` wherever a command line stands as code. */
export function commandsIn(text: string): readonly string[] {
  return codeIn(text)
    .flatMap((code) => code.split("\n"))
    .flatMap((line) =>
      [...line.matchAll(/(?:^|[$|(;&] *)(?:\.\/|npx )?taishi +([a-z][\w-]*)(?: +([a-z][a-z-]*)(?=\s|$))?/g)].map(
        ([, verb, second]) => (second === undefined ? verb! : `${verb} ${second}`),
      ),
    )
    .filter((command) => !command.startsWith("listening"));
}

/** The insides of fenced blocks and code spans. */
function codeIn(text: string): readonly string[] {
  const blocks = [...text.matchAll(/```[^\n]*\n([\s\S]*?)```/g)].map(([, code]) => code!);
  const spans = [...text.replace(/```[\s\S]*?```/g, "").matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);
  return [...blocks, ...spans];
}

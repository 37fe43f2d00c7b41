// Where a thread's program is: beside this file, as source in a clone and compiled in the installed package.
export function threadUrl(name: string): URL {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`./${name}.${extension}`, import.meta.url);
}

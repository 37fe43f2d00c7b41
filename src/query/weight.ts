// How much of events one answer holds, and what an event weighs: its strings may be megabytes each.

/**
 * Characters of the events in one answer, or of its first event where that alone has more: on its way out an answer is in
 * memory several times over. docs/api.md says it.
 */
export const mostPageText = 32 * 1024 * 1024;

/** Characters of all strings in a value, their names left out. */
export function textWeight(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 0;
  let sum = 0;
  for (const item of Object.values(value)) sum += textWeight(item);
  return sum;
}

/** A sentence in which what stands between backticks is code. */
export function Prose({ text }: { readonly text: string }) {
  return text.split("`").map((part, i) =>
    i % 2 === 0 ? (
      part
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one sentence, in its order
      <span key={i} className="mono">
        {part}
      </span>
    ),
  );
}

import { Tag, theme } from "antd";

export type Hue = "blue" | "green" | "gold" | "red";

/** What a method does, at a glance. */
export function hueOf(method: string): Hue {
  if (method === "GET") return "blue";
  if (method === "DELETE") return "red";
  return method === "POST" ? "green" : "gold";
}

/** A method or a status. The presets' own letters are too pale to read; the palette's darker ones are not, light or dark. */
export function Mark({ hue, text, testId }: { readonly hue: Hue; readonly text: string; readonly testId?: string }) {
  const { token } = theme.useToken();
  return (
    <Tag color={hue} style={{ color: token[`${hue}-9`], margin: 0 }} data-testid={testId}>
      {text}
    </Tag>
  );
}

import { CopyOutlined } from "@ant-design/icons";
import { App, Button, theme } from "antd";
import { useWords } from "../../settings.tsx";

/** Text to be read as it stands, and copied. */
export function Code({
  text,
  testId,
  most = 420,
}: {
  readonly text: string;
  readonly testId: string;
  /** Pixels; beyond that it scrolls. */
  readonly most?: number;
}) {
  const words = useWords();
  const { message } = App.useApp();
  const { token } = theme.useToken();
  return (
    <div style={{ position: "relative" }}>
      <pre
        // What scrolls must be reachable by the keyboard.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        tabIndex={0}
        className="mono"
        data-testid={testId}
        style={{
          margin: 0,
          padding: "10px 44px 10px 12px",
          maxHeight: most,
          overflow: "auto",
          whiteSpace: "pre-wrap",
          tabSize: 4,
          background: token.colorFillQuaternary,
          border: `1px solid ${token.colorBorderSecondary}`,
          borderRadius: token.borderRadius,
        }}
      >
        {text}
      </pre>
      <Button
        type="text"
        size="small"
        aria-label={words.api.copy}
        icon={<CopyOutlined />}
        style={{ position: "absolute", top: 6, right: 8 }}
        onClick={() =>
          navigator.clipboard.writeText(text).then(
            () => message.success(words.copied),
            // Browsers give pages on plain http no clipboard.
            () => message.warning(words.api.copyYourself),
          )
        }
      />
    </div>
  );
}

// A value to be taken along whole: shown as it is, with a button that copies it. Works without the clipboard's API too, which
// browsers keep back where a page came over plain HTTP.
import { CheckOutlined, CopyOutlined } from "@ant-design/icons";
import { Button, Flex } from "antd";
import { useState } from "react";
import { useWords } from "../settings.tsx";

export function Copyable({ label, text }: { readonly label: string; readonly text: string }) {
  const words = useWords();
  const [copied, setCopied] = useState(false);
  return (
    <div style={{ marginBlockEnd: 12 }}>
      <div style={{ opacity: 0.75 }}>{label}</div>
      <Flex gap={8} align="start">
        <code className="mono" style={{ flex: 1, whiteSpace: "pre-wrap", userSelect: "all" }}>
          {text}
        </code>
        <Button
          size="small"
          aria-label={`${words.admin.copy}: ${label}`}
          icon={copied ? <CheckOutlined /> : <CopyOutlined />}
          onClick={() => copy(text).then(setCopied)}
        >
          {copied ? words.copied : words.admin.copy}
        </Button>
      </Flex>
    </div>
  );
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const place = document.createElement("textarea");
    place.value = text;
    place.style.position = "fixed";
    // Inside the dialog, which holds the focus.
    (document.activeElement?.parentElement ?? document.body).append(place);
    place.select();
    // biome-ignore lint/suspicious/noExplicitAny: the only way where the clipboard's API is absent
    const done = (document as any).execCommand("copy") as boolean;
    place.remove();
    return done;
  }
}

// What came back: status, time, the headers that matter, and the body, laid out where it is JSON.
import { StopOutlined } from "@ant-design/icons";
import { Alert, Button, Space, Spin, Tag, Typography } from "antd";
import { useMemo } from "react";
import { useWords } from "../../settings.tsx";
import { Code } from "./code.tsx";
import { Mark } from "./mark.tsx";
import { type Answer, type Sending, shownOfBody } from "./sending.ts";

export function Answered({ sending, stop }: { readonly sending: Sending; readonly stop: () => void }) {
  const words = useWords();
  if (sending.state === "idle") return null;
  if (sending.state === "asked")
    return (
      <Space>
        <Spin size="small" />
        <Button size="small" icon={<StopOutlined />} onClick={stop}>
          {words.api.stop}
        </Button>
      </Space>
    );
  if (sending.state === "failed")
    return (
      <Alert type="error" showIcon title={words.api.unreachable} description={sending.why} data-testid="api-failed" />
    );
  return <There answer={sending.answer} stop={stop} />;
}

function There({ answer, stop }: { readonly answer: Answer; readonly stop: () => void }) {
  const words = useWords();
  const { status, headers, text, bytes, headMs, ms, running, cut, ended } = answer;
  const body = useMemo(() => (running || cut ? text : laidOut(text)), [running, cut, text]);
  const hue = status < 300 ? "green" : status < 500 ? "gold" : "red";
  return (
    <section aria-label={words.api.answer} data-testid="api-answer">
      <Space wrap size={8} style={{ marginBottom: 8 }} role="status">
        <Mark hue={hue} text={String(status)} testId="api-status" />
        <span>{words.api.took(Math.round(headMs).toLocaleString(), Math.round(ms).toLocaleString())}</span>
        <Typography.Text type="secondary">{words.api.bytes(bytes.toLocaleString())}</Typography.Text>
        {running && (
          <Button size="small" danger icon={<StopOutlined />} onClick={stop} data-testid="api-stop">
            {words.api.stop}
          </Button>
        )}
        {ended === "stopped" && <Tag>{words.api.stopped}</Tag>}
      </Space>
      {headers.length > 0 && (
        <div className="mono" style={{ marginBottom: 8 }}>
          {headers.map(([name, value]) => (
            <div key={name}>
              <Typography.Text type="secondary">{name}:</Typography.Text> {value}
            </div>
          ))}
        </div>
      )}
      {cut && (
        <Alert
          type="info"
          showIcon
          style={{ marginBottom: 8 }}
          title={ended === "large" ? words.api.tooLarge : words.api.cut(shownOfBody.toLocaleString())}
        />
      )}
      {body === "" ? (
        <Typography.Text type="secondary">{running ? words.api.waiting : words.api.noBody}</Typography.Text>
      ) : (
        <Code text={body} testId="api-body" most={480} />
      )}
    </section>
  );
}

function laidOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // not JSON, or a line of JSON after another
  }
}

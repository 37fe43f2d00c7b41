import { Alert, Button, Card, Form, Input, Segmented, Typography } from "antd";
import { useState } from "react";
import { ask } from "../api.ts";
import { type Credentials, useSession } from "../session.tsx";
import { useSettings } from "../settings.tsx";

/** The one-time link that the service printed: its secret stands behind the #, which no server is sent. */
const first = new URLSearchParams(location.hash.slice(1)).get("first");

export function SignIn() {
  const { words, language, change } = useSettings();
  const { signIn, refresh, expired } = useSession();
  const [how, setHow] = useState<"password" | "token">("password");
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  const send = async (given: Record<string, string>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      if (first !== null) {
        await ask("/api/v1/session/first", { method: "POST", body: { ...given, token: first } });
        history.replaceState(null, "", location.pathname);
        await refresh();
      } else await signIn(given as unknown as Credentials);
    } catch (thrown) {
      setProblem((thrown as Error).message);
    } finally {
      setBusy(false);
    }
  };

  const needed = [{ required: true, message: words.required }];
  return (
    <main style={{ minHeight: "100%", display: "grid", placeItems: "center", padding: 16, boxSizing: "border-box" }}>
      <Card style={{ width: "100%", maxWidth: 400 }}>
        <div style={{ display: "flex", alignItems: "center", gap: 12 }}>
          <img src="/console/icon.svg" alt="" width={36} height={36} />
          <Typography.Title level={1} style={{ fontSize: 24, margin: 0, flex: 1 }}>
            {words.name}
          </Typography.Title>
          <Button type="link" onClick={() => change({ language: language === "zh" ? "en" : "zh" })}>
            {language === "zh" ? "English" : "中文"}
          </Button>
        </div>
        <Typography.Paragraph type="secondary" style={{ marginTop: 12 }}>
          {first === null ? words.signInHint : words.firstUserHint}
        </Typography.Paragraph>
        {expired && problem === undefined && (
          <Alert type="info" showIcon title={words.signedOut} style={{ marginBottom: 16 }} />
        )}
        {problem !== undefined && (
          <Alert type="error" showIcon title={problem} style={{ marginBottom: 16 }} role="alert" />
        )}
        {first === null && (
          <Segmented
            block
            style={{ marginBottom: 16 }}
            value={how}
            onChange={setHow}
            options={[
              { label: words.withPassword, value: "password" },
              { label: words.withToken, value: "token" },
            ]}
          />
        )}
        <Form layout="vertical" onFinish={send} requiredMark={false} disabled={busy}>
          {first !== null || how === "password" ? (
            <>
              {first === null && (
                <Form.Item name="account" label={words.account} rules={needed} extra={words.accountHint}>
                  <Input autoComplete="organization" autoFocus />
                </Form.Item>
              )}
              <Form.Item name="user" label={words.user} rules={needed}>
                <Input autoComplete="username" />
              </Form.Item>
              <Form.Item name="password" label={words.password} rules={needed}>
                <Input.Password autoComplete={first === null ? "current-password" : "new-password"} />
              </Form.Item>
            </>
          ) : (
            <Form.Item name="token" label={words.token} rules={needed}>
              <Input.Password autoComplete="off" autoFocus />
            </Form.Item>
          )}
          <Button type="primary" htmlType="submit" block loading={busy}>
            {first === null ? words.signIn : words.firstUser}
          </Button>
        </Form>
      </Card>
    </main>
  );
}

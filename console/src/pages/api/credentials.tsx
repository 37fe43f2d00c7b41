// What a cloud's request is signed with. It is kept in this page's memory, is sent only as a signature (a token: as itself),
// and is gone with the page: no storage, no form that a browser would offer to remember.
import { DeleteOutlined, KeyOutlined } from "@ant-design/icons";
import { Alert, Button, Card, Form, Input, Segmented, Space, Typography } from "antd";
import { useState } from "react";
import { useSession } from "../../session.tsx";
import { useWords } from "../../settings.tsx";

export interface Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
  /** Empty: the action's usual one. */
  readonly region: string;
  /** Huawei's other way. */
  readonly how: "key" | "token";
  readonly token: string;
}

export const none: Credentials = { accessKey: "", secretKey: "", region: "", how: "key", token: "" };

export function isComplete(cloud: "volcengine" | "huawei", { how, token, accessKey, secretKey }: Credentials): boolean {
  return cloud === "huawei" && how === "token" ? token !== "" : accessKey !== "" && secretKey !== "";
}

/** Text that browsers neither remember nor correct. */
const unremembered = { autoComplete: "off", spellCheck: false, className: "mono" } as const;

export function CredentialsCard({
  cloud,
  region,
  credentials,
  change,
}: {
  readonly cloud: "volcengine" | "huawei";
  /** Where none is filled in. */
  readonly region: string;
  readonly credentials: Credentials;
  readonly change: (credentials: Credentials) => void;
}) {
  const words = useWords();
  const set = (some: Partial<Credentials>) => change({ ...credentials, ...some });
  const byToken = cloud === "huawei" && credentials.how === "token";
  return (
    <Card
      size="small"
      title={
        <Space size={8}>
          <KeyOutlined />
          {words.api.credentials}
        </Space>
      }
      extra={
        <Button size="small" icon={<DeleteOutlined />} onClick={() => change(none)}>
          {words.api.forget}
        </Button>
      }
    >
      <Typography.Paragraph type="secondary">{words.api.credentialsHint}</Typography.Paragraph>
      {cloud === "huawei" && (
        <Segmented<Credentials["how"]>
          style={{ marginBottom: 12 }}
          value={credentials.how}
          onChange={(how) => set({ how })}
          options={[
            { value: "key", label: words.api.byKey },
            { value: "token", label: words.api.byToken },
          ]}
        />
      )}
      <Form layout="vertical">
        <div style={{ display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(220px, 1fr))", columnGap: 12 }}>
          {byToken ? (
            <Form.Item label="X-Auth-Token" htmlFor="api-token" style={{ marginBottom: 8 }}>
              <Input.Password
                id="api-token"
                {...unremembered}
                autoComplete="new-password"
                value={credentials.token}
                onChange={({ target }) => set({ token: target.value.trim() })}
              />
            </Form.Item>
          ) : (
            <>
              <Form.Item label={words.api.accessKey} htmlFor="api-access-key" style={{ marginBottom: 8 }}>
                <Input
                  id="api-access-key"
                  {...unremembered}
                  value={credentials.accessKey}
                  onChange={({ target }) => set({ accessKey: target.value.trim() })}
                />
              </Form.Item>
              <Form.Item label={words.api.secretKey} htmlFor="api-secret-key" style={{ marginBottom: 8 }}>
                <Input.Password
                  id="api-secret-key"
                  {...unremembered}
                  autoComplete="new-password"
                  value={credentials.secretKey}
                  onChange={({ target }) => set({ secretKey: target.value.trim() })}
                />
              </Form.Item>
            </>
          )}
          {cloud === "volcengine" && (
            <Form.Item label={words.api.region} htmlFor="api-region" style={{ marginBottom: 8 }}>
              <Input
                id="api-region"
                {...unremembered}
                placeholder={region}
                value={credentials.region}
                onChange={({ target }) => set({ region: target.value.trim() })}
              />
            </Form.Item>
          )}
        </div>
      </Form>
      {byToken && <TokenOf got={(token) => set({ token })} />}
    </Card>
  );
}

/** Asks IAM for a token, as Huawei's clients do. */
function TokenOf({ got }: { readonly got: (token: string) => void }) {
  const words = useWords();
  const { session } = useSession();
  const [domain, setDomain] = useState(session?.accountName ?? "");
  const [user, setUser] = useState(session?.userName ?? "");
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  const ask = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const response = await fetch("/v3/auth/tokens?nocatalog=true", {
        method: "POST",
        credentials: "omit",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          auth: {
            identity: { methods: ["password"], password: { user: { name: user, password, domain: { name: domain } } } },
          },
        }),
      });
      const token = response.headers.get("x-subject-token");
      if (token === null) {
        const { error } = (await response.json()) as { error?: { message?: string } };
        throw new Error(`${response.status} ${error?.message ?? ""}`);
      }
      setPassword("");
      got(token);
    } catch (thrown) {
      setProblem((thrown as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Typography.Text type="secondary">{words.api.tokenHint}</Typography.Text>
      <Space wrap size={8} style={{ display: "flex", marginTop: 4 }}>
        <Input
          aria-label={words.account}
          placeholder={words.account}
          {...unremembered}
          value={domain}
          onChange={({ target }) => setDomain(target.value)}
        />
        <Input
          aria-label={words.user}
          placeholder={words.user}
          {...unremembered}
          value={user}
          onChange={({ target }) => setUser(target.value)}
        />
        <Input.Password
          aria-label={words.password}
          placeholder={words.password}
          {...unremembered}
          autoComplete="new-password"
          value={password}
          onChange={({ target }) => setPassword(target.value)}
        />
        <Button
          loading={busy}
          disabled={domain === "" || user === "" || password === ""}
          onClick={() => void ask()}
          data-testid="api-token-ask"
        >
          {words.api.getToken}
        </Button>
      </Space>
      {problem !== undefined && <Alert type="error" showIcon title={problem} style={{ marginTop: 8 }} />}
    </>
  );
}

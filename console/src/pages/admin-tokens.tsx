// What the account's users are signed in to: sessions of the console and tokens of the clouds' APIs, each to be ended.
import { Button, Table, Typography } from "antd";
import { ask } from "../api.ts";
import { useAct } from "../parts/act.tsx";
import { Shown, useAsked } from "../parts/asked.tsx";
import { When } from "../parts/event.tsx";
import { Nothing } from "../parts/rows.tsx";
import { useWords } from "../settings.tsx";
import type { Part } from "./admin.tsx";

interface Token {
  readonly id: string;
  readonly user: string;
  readonly userName: string;
  readonly project: string | null;
  readonly issued: string;
  readonly expires: string;
}

export function Tokens({ changed }: Part) {
  const words = useWords();
  const say = words.admin;
  const { asked, again } = useAsked("tokens", (signal) =>
    ask<{ tokens: readonly Token[] }>("/api/v1/tokens", { signal }),
  );
  const { dialog, offer } = useAct();
  return (
    <>
      <Typography.Paragraph type="secondary">{say.tokensHint}</Typography.Paragraph>
      <Shown asked={asked} again={again}>
        {({ tokens }) => (
          <Table<Token>
            size="small"
            rowKey="id"
            dataSource={[...tokens]}
            pagination={tokens.length > 20 ? { pageSize: 20 } : false}
            locale={{ emptyText: <Nothing title={say.noTokens} /> }}
            columns={[
              { title: words.user, dataIndex: "userName" },
              {
                title: say.project,
                render: (_, { project }) =>
                  project === null ? say.wholeAccount : <span className="mono">{project}</span>,
              },
              { title: say.issued, render: (_, { issued }) => <When time={issued} /> },
              { title: say.expires, responsive: ["md"], render: (_, { expires }) => <When time={expires} /> },
              {
                title: "",
                align: "right",
                render: (_, { id, userName }) => (
                  <Button
                    size="small"
                    autoInsertSpace={false}
                    aria-label={`${say.revoke}: ${userName}`}
                    onClick={() =>
                      offer({
                        title: say.revokeToken(userName),
                        explain: say.revokeTokenExplain,
                        label: say.revoke,
                        danger: true,
                        done: say.done.revoked,
                        run: async () => {
                          await ask(`/api/v1/tokens/${encodeURIComponent(id)}`, { method: "DELETE" });
                          again();
                          changed();
                        },
                      })
                    }
                  >
                    {say.revoke}
                  </Button>
                ),
              },
            ]}
          />
        )}
      </Shown>
      {dialog}
    </>
  );
}

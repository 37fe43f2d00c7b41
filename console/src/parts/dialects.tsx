// An event as each cloud's API would return it: asked for when it is looked at.
import { Empty, Skeleton, Typography } from "antd";
import { ask } from "../api.ts";
import { useWords } from "../settings.tsx";
import { Shown, useAsked } from "./asked.tsx";

export function Dialects({ seq }: { readonly seq: number }) {
  const said = useWords().explorerPage;
  const { asked, again } = useAsked(`dialects ${seq}`, (signal) =>
    ask<Readonly<Record<string, unknown>>>(`/api/v1/events/${seq}/dialects`, { signal }),
  );
  if (asked.state === "loading") return <Skeleton active />;
  return (
    <Shown asked={asked} again={again}>
      {(dialects) =>
        Object.keys(dialects).length === 0 ? (
          <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={said.noDialect} />
        ) : (
          Object.entries(dialects).map(([api, item]) => {
            const text = typeof item === "string" ? item : JSON.stringify(item, null, 2);
            return (
              <section key={api} aria-label={api} data-testid="dialect">
                <Typography.Title level={5} copyable={{ text }} style={{ margin: "8px 0 4px" }}>
                  {api}
                </Typography.Title>
                <pre className="mono" style={{ whiteSpace: "pre-wrap", margin: "0 0 12px" }}>
                  {text}
                </pre>
              </section>
            );
          })
        )
      }
    </Shown>
  );
}

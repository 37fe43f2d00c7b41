// The frame of everything: looks, language, who is signed in, and which page stands at which address.
import { ConfigProvider, App as Messages, Result, Spin, theme } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { lazy, Suspense } from "react";
import { Redirect, Route, Router, Switch } from "wouter";
import { SignIn } from "./pages/sign-in.tsx";
import { SessionProvider, useSession } from "./session.tsx";
import { useSettings, useWords } from "./settings.tsx";
import { Shell } from "./shell.tsx";

const Overview = lazy(() => import("./pages/overview.tsx").then(({ Overview: page }) => ({ default: page })));
const Explorer = lazy(() => import("./pages/explorer.tsx").then(({ Explorer: page }) => ({ default: page })));
const Story = lazy(() => import("./pages/story.tsx").then(({ Story: page }) => ({ default: page })));
const Sources = lazy(() => import("./pages/sources.tsx").then(({ Sources: page }) => ({ default: page })));

export function App({ nonce }: { readonly nonce: string }) {
  const { dark, language } = useSettings();
  return (
    <ConfigProvider
      csp={{ nonce }}
      locale={language === "zh" ? zhCN : enUS}
      theme={{
        algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
        token: { colorPrimary: dark ? "#5b8fd9" : "#1f4e8c", borderRadius: 6 },
      }}
    >
      <Messages style={{ height: "100%" }}>
        <Router base="/console">
          <SessionProvider>
            <Pages />
          </SessionProvider>
        </Router>
      </Messages>
    </ConfigProvider>
  );
}

function Pages() {
  const { session } = useSession();
  const words = useWords();
  if (session === undefined) return <Spin fullscreen description={words.loading} />;
  if (session === null) return <SignIn />;
  return (
    <Shell>
      <Suspense fallback={<Spin style={{ display: "block", marginTop: 80 }} />}>
        <Switch>
          <Route path="/">
            <Redirect to={session.role === "writer" ? "/sources" : "/overview"} replace />
          </Route>
          <Route path="/overview" component={Overview} />
          <Route path="/events" component={Explorer} />
          <Route path="/story" component={Story} />
          <Route path="/sources" component={Sources} />
          <Route>
            <Result status="404" title="404" />
          </Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}

// The frame of everything: looks, language, who is signed in, and which page stands at which address.
import { ConfigProvider, App as Messages, Result, Spin, theme } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { Suspense, useEffect } from "react";
import { Redirect, Route, Router, Switch } from "wouter";
import { SignIn } from "./pages/sign-in.tsx";
import { later } from "./parts/later.tsx";
import { SessionProvider, useSession } from "./session.tsx";
import { useSettings, useWords } from "./settings.tsx";
import { Shell } from "./shell.tsx";

const Overview = later(() => import("./pages/overview.tsx").then(({ Overview: page }) => page));
const Explorer = later(() => import("./pages/explorer.tsx").then(({ Explorer: page }) => page));
const Story = later(() => import("./pages/story.tsx").then(({ Story: page }) => page));
const Sources = later(() => import("./pages/sources.tsx").then(({ Sources: page }) => page));
const Administration = later(() => import("./pages/admin.tsx").then(({ Administration: page }) => page));
const Trails = later(() => import("./pages/trails.tsx").then(({ Trails: page }) => page));
const Databases = later(() => import("./pages/databases.tsx").then(({ Databases: page }) => page));

/** Colours of text with a contrast of at least 4.5 to what they stand on (WCAG 2.1 AA). */
const lightColors = {
  colorPrimary: "#1f4e8c",
  colorLink: "#1f4e8c",
  colorLinkHover: "#2f6fc2",
  colorLinkActive: "#163a69",
  colorTextDescription: "#5c636b",
  colorTextTertiary: "#5c636b",
  colorTextPlaceholder: "#686f77",
  colorError: "#cf1322",
  colorErrorText: "#cf1322",
};
const darkColors = {
  colorPrimary: "#7fb0f0",
  colorLink: "#8ab8f5",
  colorLinkHover: "#b3d1fa",
  colorLinkActive: "#6fa3e8",
  colorTextDescription: "#a3abb4",
  colorTextTertiary: "#a3abb4",
  colorTextPlaceholder: "#9aa2ab",
  colorErrorText: "#ff7875",
  colorTextLightSolid: "#0d1b2a",
};
const ApiExplorer = later(() => import("./pages/api/api-explorer.tsx").then(({ ApiExplorer: page }) => page));

export function App({ nonce }: { readonly nonce: string }) {
  const { dark, language, still } = useSettings();
  return (
    <ConfigProvider
      csp={{ nonce }}
      locale={language === "zh" ? zhCN : enUS}
      theme={{
        algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
        token: { ...(dark ? darkColors : lightColors), borderRadius: 6, motion: !still },
        components: { Menu: dark ? { itemSelectedColor: "#d6e6fb" } : { itemSelectedBg: "#e1eaf5" } },
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
  const reads = session != null && session.role !== "writer";
  useEffect(() => {
    // Where most go next is fetched while nothing else is to be done.
    if (reads) requestIdleCallback(() => void Promise.all([Overview.fetch(), Explorer.fetch()]));
  }, [reads]);
  if (session === undefined) return <Spin fullscreen description={words.loading} />;
  if (session === null) return <SignIn />;
  return (
    <Shell>
      <Suspense fallback={<Spin style={{ display: "block", marginTop: 80 }} />}>
        <Switch>
          <Route path="/">
            <Redirect to={reads ? "/overview" : "/api-explorer"} replace />
          </Route>
          <Route path="/overview" component={Overview} />
          <Route path="/events" component={Explorer} />
          <Route path="/story" component={Story} />
          <Route path="/sources" component={Sources} />
          <Route path="/trails" component={Trails} />
          <Route path="/databases" component={Databases} />
          <Route path="/administration/:part?" component={Administration} />
          <Route path="/api-explorer/*?" component={ApiExplorer} />
          <Route>
            <Result status="404" title="404" />
          </Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}

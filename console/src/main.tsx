import { createRoot } from "react-dom/client";
import { App } from "./app.tsx";
import { SettingsProvider } from "./settings.tsx";
import "./base.css";

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

createRoot(document.getElementById("root")!).render(
  <SettingsProvider>
    <App nonce={nonce} />
  </SettingsProvider>,
);

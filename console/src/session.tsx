// Who is signed in. The secret is in a cookie that scripts cannot read; here is only what the service says of it.
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { ApiError, ask, whenSignedOut } from "./api.ts";

export interface Session {
  readonly account: string;
  readonly accountName?: string;
  readonly role: "admin" | "writer" | "auditor";
  readonly operator: boolean;
  /** "" where a user signed in. */
  readonly accessKey: string;
  readonly userName?: string;
}

export type Credentials =
  | { readonly account: string; readonly user: string; readonly password: string }
  | { readonly token: string };

interface Sessions {
  /** Undefined while it is not known, null where nobody is signed in. */
  readonly session: Session | null | undefined;
  /** Whether somebody was signed in and no longer is, without having asked for it. */
  readonly expired: boolean;
  signIn(credentials: Credentials): Promise<void>;
  signOut(): Promise<void>;
  /** Asks the service again. */
  refresh(): Promise<void>;
}

const Context = createContext<Sessions | undefined>(undefined);

/** Says that there may be a session, so that a first visit asks for none: the cookie itself no script can see. */
const place = "taishi-signed-in";

export function SessionProvider({ children }: { readonly children: ReactNode }) {
  const [session, setSession] = useState<Session | null>();
  const [expired, setExpired] = useState(false);

  const refresh = useCallback(async () => {
    try {
      setSession(await ask<Session>("/api/v1/session"));
      localStorage.setItem(place, "");
    } catch (thrown) {
      if (!(thrown instanceof ApiError) || thrown.status !== 401) throw thrown;
      localStorage.removeItem(place);
      setSession(null);
    }
  }, []);

  useEffect(() => {
    whenSignedOut(() => {
      localStorage.removeItem(place);
      setExpired(true);
      setSession(null);
    });
    if (localStorage.getItem(place) === null) setSession(null);
    else refresh().catch(() => setSession(null)); // the sign-in page tells what is wrong when it is tried
  }, [refresh]);

  const value = useMemo<Sessions>(
    () => ({
      session,
      expired,
      refresh,
      signIn: async (credentials) => {
        await ask("/api/v1/session", { method: "POST", body: credentials });
        setExpired(false);
        await refresh();
      },
      signOut: async () => {
        await ask("/api/v1/session", { method: "DELETE" });
        localStorage.removeItem(place);
        setSession(null);
      },
    }),
    [session, expired, refresh],
  );
  return <Context value={value}>{children}</Context>;
}

export function useSession(): Sessions {
  const sessions = useContext(Context);
  if (sessions === undefined) throw new Error("no session is provided here");
  return sessions;
}

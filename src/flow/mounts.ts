// Which dialect stands where: the clouds' gateways with their operations, put together from the stores. Knows no HTTP.
import { createSecretKey } from "node:crypto";
import { join } from "node:path";
import type { AuditFiles } from "../audit-files/port.ts";
import type { Clock } from "../clock.ts";
import { createHuaweiGateway } from "../clouds/huawei/gateway.ts";
import { newRequestId } from "../clouds/volcengine/envelope.ts";
import { createGateway } from "../clouds/volcengine/gateway.ts";
import { errorResponse } from "../clouds/volcengine/gateway-errors.ts";
import { DeliveryStates } from "../delivery/delivery-state.ts";
import { Exporter } from "../delivery/exporter.ts";
import { TrailStore } from "../delivery/trail-store.ts";
import { listAuditLogsAction } from "../dialects/ark/list-audit-logs.ts";
import { lookupEventsAction } from "../dialects/cloudtrail/lookup-events.ts";
import { trailActions } from "../dialects/cloudtrail/trail-actions.ts";
import { createIamOperations } from "../dialects/iam/operations.ts";
import { versionDocument } from "../dialects/iam/version-document.ts";
import { createDownload } from "../dialects/taurusdb/download.ts";
import { downloadPath, Links } from "../dialects/taurusdb/links.ts";
import { taurusdbOperations } from "../dialects/taurusdb/operations.ts";
import type { SystemEvent } from "../event/event.ts";
import type { OnCall } from "../exchange.ts";
import type { Log } from "../log.ts";
import type { Downloads, Gateway, Mount } from "../server/mount.ts";
import type { House } from "./house.ts";
import type { IndexClient } from "./index-client.ts";

export interface MountOptions {
  readonly house: House;
  readonly queries: IndexClient;
  readonly files: AuditFiles;
  readonly appendSystem: (account: string, event: SystemEvent) => Promise<void>;
  readonly data: string;
  readonly exportQuotaBytes: number;
  /** Where clients reach us, as far as is known; asked when something is answered. */
  readonly publicUrl: () => string;
  /** The same, only where it was configured: else links say what the request's Host says. */
  readonly configuredUrl: string | undefined;
  readonly tls: boolean;
  readonly rateLimit: { take(key: string): true | number };
  readonly onCall: OnCall;
  readonly onFault: (error: unknown, requestId: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Mounts {
  readonly gateway: Gateway;
  readonly mounts: readonly Mount[];
  readonly rootDocument: () => ReturnType<typeof versionDocument>;
  readonly downloads: Downloads;
  readonly exporter: Exporter;
  /** The same that the cloud's actions on trails change. */
  readonly trails: Pick<TrailStore, "list">;
}

/** How long the first event of an export file waits for others. */
const exportHoldMs = 30_000;

export function createMounts(options: MountOptions): Mounts {
  const { house, queries, files, appendSystem, publicUrl, rateLimit, onCall, onFault, clock, log } = options;
  const { identity, ledger } = house;
  const origin = (account: string): string => `${ledger.service}.taishi/${account}`;

  const exports = join(options.data, "exports");
  const states = new DeliveryStates(exports);
  const trails = new TrailStore({ appendSystem, queries, clock, states });
  const exporter = new Exporter({
    exports,
    accounts: () => identity.listAccounts().map(({ id }) => id),
    store: trails,
    states,
    queries,
    origin,
    clock,
    quotaBytes: options.exportQuotaBytes,
    holdMs: exportHoldMs,
    onError: (error, account, trail) => log.warn({ err: error, account, trail }, "a trail could not be exported"),
  });

  const volcengine = createGateway({
    actions: [
      listAuditLogsAction(queries),
      lookupEventsAction({ queries, clock, origin, tokenKey: createSecretKey(house.derivedKey("lookup token")) }),
      ...trailActions(trails),
    ],
    keyring: identity,
    clock,
    rateLimit,
    onCall,
    onFault,
  });

  const links = new Links(house.derivedKey("download link"));
  const huawei = createHuaweiGateway({
    operations: [
      ...createIamOperations({ directory: identity, signIn: identity, publicUrl }),
      ...taurusdbOperations({
        files,
        directory: identity,
        links,
        clock,
        publicUrl: options.configuredUrl,
        tls: options.tls,
      }),
    ],
    keyring: identity,
    signIn: identity,
    directory: identity,
    clock,
    rateLimit,
    onCall,
    onFault,
  });
  const download = createDownload({ files, directory: identity, links });

  return {
    gateway: {
      handle: volcengine,
      admit: (head, address) => volcengine.admit(head, address),
      error: (error) => errorResponse(error, { requestId: newRequestId(clock.now()) }),
    },
    mounts: [
      {
        paths: ["/v3", "/v3/*", "/v5/*"],
        owns: (path) => /^\/v[35](?:\/|$)/.test(path),
        gateway: {
          handle: huawei,
          admit: (head, address) => huawei.admit({ ...head, address }),
          error: (error, request) => huawei.error(error, request),
        },
      },
    ],
    rootDocument: () => versionDocument(publicUrl()),
    downloads: {
      path: `${downloadPath}/*`,
      source: "gaussdb",
      name: "DownloadAuditLog",
      open: async (target) => {
        const { headers, length, content, account, instance, file } = await download(target, clock.now());
        const resources = [{ type: "instance", id: instance }];
        return { headers, length, content, told: { account, resources, parameters: JSON.stringify({ id: file.id }) } };
      },
    },
    exporter,
    trails,
  };
}

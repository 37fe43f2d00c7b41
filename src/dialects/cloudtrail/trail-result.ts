// From trails to the Results of CloudTrail's actions on them. Pure. Members of both generations; what there is none of here,
// the log service's and encryption's, is "". Times are RFC 3339 in UTC, "" for never.
import type { Trail, TrailSettings } from "../../delivery/port.ts";
import { formatSeconds } from "../../event/time.ts";
import type { labelNames } from "./trail-parameters.ts";

/** The published versions of the service's actions on trails. */
export const generations = ["2018-01-01", "2021-09-01"] as const;
export type Generation = (typeof generations)[number];

type Members = Readonly<Record<string, unknown>>;

export function settingsResult(settings: TrailSettings, generation: Generation, account: string): Members {
  const { name, scope, sources, bucket, prefix, labels } = settings;
  const label = (key: (typeof labelNames)[number]): string => labels[key] ?? "";
  return {
    TrailName: name,
    EventRW: scope,
    EventSources: sources,
    TrailType: 0,
    TosBucketRegion: label("TosBucketRegion"),
    TosBucketName: bucket,
    TosKeyPrefix: prefix,
    TosBucketProject: label("TosBucketProject"),
    TlsProjectRegion: "",
    TlsProjectName: "",
    TlsTopicName: "",
    TlsProjectTopicProject: "",
    ...(generation === "2021-09-01" && {
      IncludeAllEventSources: sources.length === 0,
      TosAccountId: account,
      TosSSEAlgorithm: "",
      TosSSEKMSKeyID: "",
      TosWriteRoleTrn: label("TosWriteRoleTrn"),
      TlsAccountId: "",
      TlsWriteRoleTrn: "",
    }),
  };
}

export function createResult(trail: Trail, generation: Generation, account: string): Members {
  const all = trail.sources.length === 0 ? 1 : 0;
  return {
    ...settingsResult(trail, generation, account),
    ...(generation === "2021-09-01" && { IsEventSourceAll: all }),
  };
}

export function updateResult(trail: Trail, generation: Generation, account: string, region: string): Members {
  return {
    ...settingsResult(trail, generation, account),
    ...(generation === "2021-09-01" && { TrailRegion: region }),
  };
}

export function describeResult(
  trails: readonly Trail[],
  generation: Generation,
  account: string,
  region: string,
): Members {
  return {
    Trails: trails.map((trail) => ({
      ...settingsResult(trail, generation, account),
      ...(generation === "2018-01-01" && { TrailRegion: region }),
      LoggingStatus: trail.logging ? "Enable" : "Disable",
      StartLoggingTime: time(trail.loggingStarted),
      StopLoggingTime: time(trail.loggingStopped),
      LatestDeliveryTime: time(trail.delivery.delivered),
      LatestDeliveryError: trail.delivery.error ?? "",
      CreatedTime: time(trail.created),
      UpdatedTime: time(trail.updated),
      // An account's id is up to 15 digits here, so it is exact as a number.
      CreatorID: Number(account),
      OrganizationID: 0,
    })),
  };
}

function time(value: number | undefined): string {
  return value === undefined ? "" : formatSeconds(value);
}

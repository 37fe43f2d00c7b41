// AWS CloudTrail log files, {"Records":[…]}, as trail events. Pure; knows no gzip and no files. The detail of an event is its
// record's text exactly as it stands in the file. Spec: AWS CloudTrail record contents, eventVersion 1.0 to 1.11.
import type { TrailEventInput } from "../event/schema.ts";
import {
  elementTexts,
  isMembers,
  type Members,
  optionalText,
  parseJson,
  refusal,
  requiredText,
  requiredTime,
  resourcesOf,
  withoutMark,
  withoutUndefined,
} from "./json-text.ts";

const longestName = 128;

/** Whether a text is such a file, told by its beginning. */
export function looksLikeAwsCloudTrail(text: string): boolean {
  return /^\uFEFF?\s*\{\s*"Records"\s*:/.test(text);
}

/**
 * The events of a file, in its order.
 * @throws TaishiError invalid-parameter, naming the record and its member; also where the file is no such file
 */
export function* awsCloudTrailEvents(text: string): Generator<TrailEventInput> {
  const whole = withoutMark(text);
  const file = parseJson(whole, "the file");
  const records = isMembers(file) ? file.Records : undefined;
  if (!Array.isArray(records)) throw refusal("the file", "Records", "is missing or no array");
  const texts = elementTexts(whole, "Records");
  if (texts?.length !== records.length) throw refusal("the file", "Records", "cannot be taken apart");
  for (const [index, record] of (records as readonly unknown[]).entries())
    yield awsEvent(record, texts[index]!, `Records[${index}]`);
}

function awsEvent(record: unknown, text: string, where: string): TrailEventInput {
  if (!isMembers(record)) throw refusal(where, "", "must be an object");
  const identity = isMembers(record.userIdentity) ? record.userIdentity : {};
  return {
    kind: "trail",
    time: requiredTime(record, "eventTime", where),
    type: requiredText(record, "eventName", where, longestName),
    source: requiredText(record, "eventSource", where, longestName),
    ...withoutUndefined({
      eventId: optionalText(record.eventID),
      requestId: optionalText(record.requestID),
      accessKeyId: optionalText(identity.accessKeyId),
      userName: userName(identity),
      identityType: optionalText(identity.type),
      sourceIp: optionalText(record.sourceIPAddress),
      region: optionalText(record.awsRegion),
      errorCode: optionalText(record.errorCode),
      apiVersion: optionalText(record.apiVersion),
      readOnly: readOnly(record, where),
      resources: resourcesOf(record.resources, "type", "ARN"),
    }),
    detail: text,
  } as TrailEventInput;
}

/** The user's name, or of a role the session's: what AWS itself looks users up by. */
function userName(identity: Members): string | undefined {
  const arn = optionalText(identity.arn);
  const session = arn === undefined ? undefined : /:assumed-role\/[^/]+\/(.+)$/.exec(arn)?.[1];
  const context = isMembers(identity.sessionContext) ? identity.sessionContext : {};
  const issuer = isMembers(context.sessionIssuer) ? context.sessionIssuer : {};
  return optionalText(identity.userName) ?? session ?? optionalText(issuer.userName);
}

/** Older records say it as text. */
function readOnly(record: Members, where: string): boolean | undefined {
  const value = record.readOnly ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  if (value === "true" || value === "false") return value === "true";
  throw refusal(where, "readOnly", "must be a boolean");
}

// The actions on trails of service cloud_trail in both generations, 2018-01-01 and 2021-09-01: authorise, decode, ask the
// trails, encode. Holds no state. What a trail does is delivery's matter.
import type { Action, Call } from "../../clouds/volcengine/gateway.ts";
import { type Parameters, readParameters } from "../../clouds/volcengine/parameters.ts";
import { TrailQuotaError, type TrailSettings, type Trails } from "../../delivery/port.ts";
import { TaishiError } from "../../errors.ts";
import { type ActionName, authorise } from "./auth.ts";
import { refuse, trailErrorForm } from "./errors.ts";
import { decodeSettings, decodeTrailName, decodeTrailNames } from "./trail-parameters.ts";
import { createResult, describeResult, type Generation, generations, updateResult } from "./trail-result.ts";

const maxBodyBytes = 64 * 1024;

type Handler = (trails: Trails, call: Call, parameters: Parameters, generation: Generation) => Promise<unknown>;
type TrailAction = Exclude<ActionName, "LookupEvents">;

const handlers: Readonly<Record<TrailAction, Handler>> = {
  async DescribeTrails(trails, { caller, region }, parameters, generation) {
    const names = decodeTrailNames(parameters);
    const found = await trails.list(caller.account);
    const shown = found.filter(({ name }) => names === undefined || names.includes(name));
    return describeResult(shown, generation, caller.account, region);
  },

  async CreateTrail(trails, { caller: { account } }, parameters, generation) {
    const settings = decodeSettings(parameters, account, undefined);
    return createResult(await named(settings.name, trails.create(account, settings)), generation, account);
  },

  async UpdateTrail(trails, { caller: { account }, region }, parameters, generation) {
    const name = decodeTrailName(parameters);
    const change = (before: TrailSettings): TrailSettings => decodeSettings(parameters, account, before);
    return updateResult(await named(name, trails.update(account, name, change)), generation, account, region);
  },

  async DeleteTrail(trails, { caller }, parameters) {
    const name = decodeTrailName(parameters);
    await named(name, trails.remove(caller.account, name));
    return {};
  },

  StartLogging: (trails, call, parameters) => setLogging(trails, call, parameters, true),
  StopLogging: (trails, call, parameters) => setLogging(trails, call, parameters, false),
};

export function trailActions(trails: Trails): readonly Action[] {
  return generations.flatMap((generation) =>
    (Object.entries(handlers) as [TrailAction, Handler][]).map(
      ([action, handler]): Action => ({
        action,
        version: generation,
        service: "cloud_trail",
        methods: ["GET", "POST"],
        maxBodyBytes,
        errorForm: trailErrorForm,
        async handle(call) {
          authorise(call.caller, action);
          return handler(trails, call, readParameters(call), generation);
        },
      }),
    ),
  );
}

async function setLogging(trails: Trails, { caller }: Call, parameters: Parameters, on: boolean): Promise<object> {
  const name = decodeTrailName(parameters);
  await named(name, trails.setLogging(caller.account, name, on));
  return {};
}

/** The trails' own refusals in the service's words. */
async function named<T>(name: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    if (thrown instanceof TrailQuotaError) throw refuse("TrailQuotaExceeded");
    if (thrown instanceof TaishiError && thrown.code === "already-exists") throw refuse("TrailAlreadyExists", name);
    if (thrown instanceof TaishiError && thrown.code === "not-found") throw refuse("TrailNotExist", name);
    throw thrown;
  }
}

// The errors Ark's actions raise themselves: MissingParameter.X and InvalidParameter.X, without a CodeN. Their wire form is
// made by the gateway. A parameter inside Filter is named by its own name alone, as ResourceId is.
import { TaishiError } from "../../errors.ts";

export function missing(parameter: string): TaishiError {
  return new TaishiError("missing-parameter", undefined, { field: parameter });
}

/** @param why a sentence for the caller, following the cloud's own */
export function invalid(parameter: string, why: string): TaishiError {
  return new TaishiError("invalid-parameter", why, { field: parameter });
}

// The errors TaurusDB's and RDS's operations raise themselves, as DBS codes with our own sentence after the cloud's, in both
// languages of X-Language. Their wire form, and what every operation can meet (signatures, bodies, load), is the gateway's.
// A bad value is always DBS.280001: the cloud's text fits, and which code its service gives is not published.
import { BusinessError, badValue } from "../../clouds/huawei/errors.ts";

/** A value that cannot be read or is out of its range. Both sentences follow the parameter's name, without a full stop. */
export function invalid(field: string, english: string, chinese: string): BusinessError {
  return badValue(field, { "en-us": english, "zh-cn": chinese });
}

export function missing(field: string): BusinessError {
  return invalid(field, "is required", "不能为空");
}

export function notInteger(field: string, least: number, most: number): BusinessError {
  return invalid(field, `must be an integer from ${least} to ${most}`, `必须是${least}到${most}之间的整数`);
}

export function emptyBody(): BusinessError {
  return new BusinessError("DBS.200006");
}

export function malformedNodeId(): BusinessError {
  return new BusinessError("DBS.280404", undefined, { field: "node_id" });
}

/** The role of who asks does not go that far. */
export function notAuthorised(): BusinessError {
  return new BusinessError("DBS.200010");
}

/** Of a file that never was, is retired, or is another instance's: all the same (I7). */
export function unknownFile(id: string): BusinessError {
  const hint = { "en-us": `There is no audit log ${id}.`, "zh-cn": `审计日志${id}不存在。` };
  return new BusinessError("DBS.290013", hint, { field: "ids" });
}

// The words of LogDetail in the two languages. Chinese words are those of Ark's published examples, punctuation and spaces
// included; what the examples do not show is ours. Only words: which of them are said is decided in detail.ts.

export interface KmsFacts {
  /** "" for each that is not known. */
  readonly account: string;
  readonly key: string;
  readonly operation: string;
  readonly model: string;
  readonly isBaseModel: boolean;
}

export interface Words {
  readonly sshUnknown: string;
  readonly ssh: string;
  /** By the Result of a login that was not, or is over. */
  readonly sshResults: ReadonlyMap<string, string>;
  readonly containerLogin: string;
  readonly connection: string;
  readonly metadataServer: string;
  readonly breakout: string;
  readonly varmor: string;
  /** It was written down, and not stopped. */
  readonly varmorNoted: string;
  /** Between a sentence and what follows it. */
  readonly gap: string;
  // Labels, with their own colon and space.
  readonly origin: string;
  readonly source: string;
  readonly destination: string;
  readonly loginMethod: string;
  readonly loginCommand: string;
  readonly connectionType: string;
  readonly connectionStatus: string;
  readonly breakoutType: string;
  readonly user: string;
  readonly command: string;
  readonly process: string;
  readonly pid: string;
  readonly action: string;
  readonly hook: string;
  /** By the tag that says it. */
  readonly tags: ReadonlyMap<string, string>;
  readonly kms: (facts: KmsFacts) => string;
}

const chineseOperations: ReadonlyMap<string, string> = new Map([
  ["decrypt", "信封解密"],
  ["encrypt", "信封加密"],
]);

export const chinese: Words = {
  sshUnknown: "存在通过未知源ssh登录安全沙箱容器的行为。",
  ssh: "存在通过ssh登录安全沙箱容器的行为。",
  sshResults: new Map([
    ["Failed", "存在尝试通过ssh登录安全沙箱容器但未成功的行为。"],
    ["InvalidUser", "存在以不存在或不被允许的用户尝试通过ssh登录安全沙箱容器的行为,未成功。"],
    ["Disconnected", "安全沙箱容器的一个ssh连接已断开。"],
  ]),
  containerLogin: "存在从本地节点登录到安全沙箱容器的行为。",
  connection: "存在从安全沙箱容器向外进行网络连接的行为。",
  metadataServer: "容器上存在连接Metadata Server的行为,疑似进行容器逃逸准备。",
  breakout: "容器上存在疑似容器逃逸的行为。",
  varmor: "vArmor成功拦截了一次风险操作。",
  varmorNoted: "vArmor记录了一次风险操作,未拦截。",
  gap: "",
  origin: "来源: ",
  source: "源IP/端口: ",
  destination: "目标IP/端口: ",
  loginMethod: "登录方式: ",
  loginCommand: "登录命令: ",
  connectionType: "连接类型:",
  connectionStatus: "连接状态:",
  breakoutType: "类型: ",
  user: "用户: ",
  command: "命令: ",
  process: "进程: ",
  pid: "pid: ",
  action: "处置: ",
  hook: "触发hook: ",
  tags: new Map([
    ["Blocking", "阻塞式"],
    ["NonBlocking", "非阻塞式"],
    ["ConnectionSucceed", "成功"],
    ["ConnectionFailed", "失败"],
  ]),
  kms: ({ account, key, operation, model, isBaseModel }) => {
    const request = `请求${account === "" ? "" : `${account}用户的`}${key}密钥`;
    const object = model === "" ? "" : `对${isBaseModel ? "基座模型" : "模型"}${model}`;
    return `${request}，${object}进行${chineseOperations.get(operation) ?? `${operation}操作`}`;
  },
};

const englishOperations: ReadonlyMap<string, string> = new Map([
  ["decrypt", "envelope decryption"],
  ["encrypt", "envelope encryption"],
  ["", "an operation"],
]);

export const english: Words = {
  sshUnknown: "SSH login to a security sandbox container from an unknown source.",
  ssh: "SSH login to a security sandbox container.",
  sshResults: new Map([
    ["Failed", "Failed attempt to log in to a security sandbox container by SSH."],
    [
      "InvalidUser",
      "Failed attempt to log in to a security sandbox container by SSH, as a user that does not exist or may not log in.",
    ],
    ["Disconnected", "An SSH connection to a security sandbox container ended."],
  ]),
  containerLogin: "Login to a security sandbox container from its own node.",
  connection: "Network connection out of a security sandbox container.",
  metadataServer: "A container connected to the metadata server, possibly preparing a container escape.",
  breakout: "A container may have attempted an escape.",
  varmor: "vArmor blocked a risky operation.",
  varmorNoted: "vArmor noted a risky operation and did not block it.",
  gap: " ",
  origin: "Origin: ",
  source: "Source IP/port: ",
  destination: "Destination IP/port: ",
  loginMethod: "Login method: ",
  loginCommand: "Login command: ",
  connectionType: "Type: ",
  connectionStatus: "Status: ",
  breakoutType: "Type: ",
  user: "User: ",
  command: "Command: ",
  process: "Process: ",
  pid: "pid: ",
  action: "Action: ",
  hook: "Hook: ",
  tags: new Map([
    ["Blocking", "blocking"],
    ["NonBlocking", "non-blocking"],
    ["ConnectionSucceed", "succeeded"],
    ["ConnectionFailed", "failed"],
  ]),
  kms: ({ account, key, operation, model, isBaseModel }) => {
    const request = `Key${key === "" ? "" : ` ${key}`}${account === "" ? "" : ` of account ${account}`} was requested`;
    const object = model === "" ? "" : ` of ${isBaseModel ? "base model" : "model"} ${model}`;
    return `${request} for ${englishOperations.get(operation) ?? operation}${object}`;
  },
};

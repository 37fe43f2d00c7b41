// The rules that hold where nobody wrote others: the gradings that Ark's published examples show, and what follows from them for
// events the examples do not show. `taishi rules show` prints the text; docs/rules.md says what it does.

export const defaultRulesName = "built-in rules";

export const defaultRules = `# Taishi's built-in rules. Your own file begins with "extends: built-in" and fills the lists.

lists:
  trusted-networks: []        # addresses and networks that people log in from
  trusted-users: []           # who may log in from anywhere
  trusted-destinations: []    # addresses and networks that may be connected to
  trusted-processes: []       # who may connect anywhere: /usr/bin/node, or patterns such as */chronyd

rules:
  # Logins by SSH. What matters most comes first: the first rule with a risk that holds decides.
  - id: ssh-login-after-brute-force
    when: { type: SshLogin, outcome: success }
    after: { rule: ssh-brute-force, by: source.ip, within: 1h }
    risk: Critical
  - id: ssh-brute-force
    when: { type: SshLogin, outcome: failure, operation: { not: disconnected } }
    count: { by: source.ip, within: 10m, at-least: 5 }
    risk: High
  - id: ssh-login-failed
    when: { type: SshLogin, outcome: failure }
    risk: Low
  - id: ssh-disconnected
    when: { type: SshLogin, operation: disconnected }
    risk: Info
  - id: ssh-trusted-network
    when: { type: SshLogin, source.ip: { cidr: $trusted-networks } }
    risk: Info
    tags: Whitelisted
  - id: ssh-trusted-user
    when: { type: SshLogin, user: { in: $trusted-users } }
    risk: Info
    tags: Whitelisted
  - id: ssh-login
    when: { type: SshLogin }
    risk: Medium
  - id: ssh-unknown-source    # no risk: it only adds its tag, whichever rule decides
    when:
      type: SshLogin
      operation: { not: disconnected }
      outcome: { not: failure }
      source.ip: { not: { cidr: $trusted-networks } }
      user: { not: { in: $trusted-users } }
    tags: Unknown

  # Commands run in containers, and terminals opened there.
  - id: container-login
    when: { type: ContainerLogin }
    risk: High

  # Connections from containers to elsewhere.
  - id: connection-trusted-destination
    when: { type: Connection, destination.ip: { cidr: $trusted-destinations } }
    risk: Info
    tags: Whitelisted
  - id: connection-trusted-process
    when: { type: Connection, process: { glob: $trusted-processes } }
    risk: Info
    tags: Whitelisted
  - id: connection
    when: { type: Connection }
    risk: Medium

  # Attempts to leave a container. Asking the metadata server is preparation at most.
  - id: breakout-metadata-server
    when: { type: ContainerBreakout, tag: MetadataServer }
    risk: Low
  - id: breakout-blocked
    when: { type: ContainerBreakout, outcome: failure }
    risk: High
  - id: breakout
    when: { type: ContainerBreakout }
    risk: Critical

  # What vArmor says of a container: prevented, or only noticed.
  - id: varmor-denied
    when: { type: VarmorDefence, content.Action: DENIED }
    risk: Info
  - id: varmor-not-denied
    when: { type: VarmorDefence, content.Action: [AUDIT, ALLOWED, "AUDIT|ALLOWED"] }
    risk: Low

  # Uses of keys. The first in 30 days of one key by one user is worth a look.
  - id: kms-first-user
    when: { type: KMSAccess }
    first-seen: { by: [key, user], within: 30d }
    risk: Low
  - id: kms-access
    when: { type: KMSAccess }
    risk: Info
  - id: tks-first-user
    when: { type: TksAccess }
    first-seen: { by: [key, user], within: 30d }
    risk: Low
  - id: tks-access
    when: { type: TksAccess }
    risk: Info
`;

/** systemd units of an exporter and of a collector: what they may do is what they need, and nothing else. */
import path from 'node:path';

export interface UnitOptions {
  /** Of the service: the profile's name. */
  readonly name: string;
  /** Absolute paths. */
  readonly node: string;
  readonly weir: string;
  readonly profileFile: string;
  /** Whether a server may edit its profile: the profile's folder can be written to then. */
  readonly enrolled: boolean;
  /** Options of `weir export` beside those that the unit gives it. */
  readonly exportArguments: readonly string[];
}

export interface CollectorUnitOptions {
  /** Absolute paths. */
  readonly node: string;
  readonly weir: string;
  /** Options of `weir collect` beside its data folder. */
  readonly collectArguments: readonly string[];
}

/** Name of the collector's service; its data is in /var/lib/weir/ under this name. */
export const COLLECTOR_SERVICE = 'collector';

/** The text of the unit file of an exporter. */
export function systemdUnit({
  name,
  node,
  weir,
  profileFile,
  enrolled,
  exportArguments,
}: UnitOptions): string {
  return unitText({
    name,
    description: `Weir: flow metadata exporter (${name})`,
    command: [
      node,
      weir,
      'export',
      '--profile',
      profileFile,
      '--state',
      `/run/weir/${name}`,
      ...exportArguments,
    ],
    stopping:
      'SIGTERM ends every flow and exports it: up to 10 s for the collectors, and some for the cache.',
    readable: 'files that the profile names (a TLS key)',
    needs: [
      "Packet sockets need CAP_NET_RAW; NFLOG, WireGuard's peers and large socket buffers need CAP_NET_ADMIN.",
      'CAP_NET_RAW CAP_NET_ADMIN',
    ],
    sockets: [
      'Capture, NFLOG, the control socket, the collectors.',
      'AF_PACKET AF_NETLINK AF_UNIX AF_INET AF_INET6',
    ],
    files: [node, weir, profileFile],
    ...(enrolled ? { writableFolder: path.dirname(profileFile) } : {}),
  });
}

/** The text of the unit file of the collector. */
export function collectorUnit({ node, weir, collectArguments }: CollectorUnitOptions): string {
  const data = `/var/lib/weir/${COLLECTOR_SERVICE}`;
  return unitText({
    name: COLLECTOR_SERVICE,
    description: 'Weir: flow collector',
    command: [node, weir, 'collect', '--data', data, ...collectArguments],
    stopping: 'SIGTERM takes what has arrived, writes it down and closes the store.',
    readable: 'files that the configuration names (a TLS key)',
    needs: [
      'Ports below 1024 need CAP_NET_BIND_SERVICE, large socket buffers CAP_NET_ADMIN.',
      'CAP_NET_BIND_SERVICE CAP_NET_ADMIN',
    ],
    sockets: ['Exporters, the console, names of interfaces.', 'AF_NETLINK AF_UNIX AF_INET AF_INET6'],
    files: [node, weir, ...collectArguments.filter((word) => word.startsWith('/'))],
  });
}

interface UnitText {
  readonly name: string;
  readonly description: string;
  readonly command: readonly string[];
  readonly stopping: string;
  readonly readable: string;
  /** Why, and which capabilities. */
  readonly needs: readonly [why: string, capabilities: string];
  /** What for, and which families of addresses. */
  readonly sockets: readonly [what: string, families: string];
  /** Files that it reads. */
  readonly files: readonly string[];
  /** Beside its own below /var/lib and /run. */
  readonly writableFolder?: string;
}

function unitText({
  name,
  description,
  command,
  stopping,
  readable,
  needs,
  sockets,
  files,
  writableFolder,
}: UnitText): string {
  return `# Written by "weir service install"; "weir service uninstall" removes it.
[Unit]
Description=${description}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${command.map(quoted).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
# ${stopping}
KillSignal=SIGTERM
TimeoutStopSec=60
# Exit code 2 is a mistake in the configuration, which another start does not mend.
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=2

# A user that exists only while the service runs. Where ${readable} must be
# readable by this service alone, make the user yourself ("useradd --system weir"): it is taken then.
DynamicUser=yes
User=weir
RuntimeDirectory=weir/${name}
StateDirectory=weir/${name}
UMask=0077

# ${needs[0]}
AmbientCapabilities=${needs[1]}
CapabilityBoundingSet=${needs[1]}
NoNewPrivileges=yes

ProtectSystem=strict
${writableFolder === undefined ? '' : `ReadWritePaths=${quoted(writableFolder)}\n`}ProtectHome=${underHome(files) ? 'read-only' : 'yes'}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
RemoveIPC=yes
# ${sockets[0]}
RestrictAddressFamilies=${sockets[1]}
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @keyring
SystemCallErrorNumber=EPERM
# Off, because V8 compiles JavaScript to machine code: it writes pages and then makes them executable.
MemoryDenyWriteExecute=no

[Install]
WantedBy=multi-user.target
`;
}

/** systemd.service(5), "COMMAND LINES": quotes, specifiers (%) and variables ($). */
function quoted(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[A-Za-z0-9_@%$+=:,./-]+$/.test(escaped)
    ? escaped
    : `"${escaped.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Home folders stay readable where the program or what it reads is in one. */
function underHome(files: readonly string[]): boolean {
  return files.some((file) => /^\/(home|root|run\/user)\//.test(path.resolve(file)));
}

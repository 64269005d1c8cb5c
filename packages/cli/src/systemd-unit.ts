/** The systemd unit of an exporter: what it may do is what it needs, and nothing else. */
import path from 'node:path';

export interface UnitOptions {
  /** Of the service: the profile's name. */
  readonly name: string;
  /** Absolute paths. */
  readonly node: string;
  readonly weir: string;
  readonly profileFile: string;
  /** Options of `weir export` beside those that the unit gives it. */
  readonly exportArguments: readonly string[];
}

/** The text of the unit file. */
export function systemdUnit(options: UnitOptions): string {
  const { name, profileFile, exportArguments } = options;
  const command = [
    options.node,
    options.weir,
    'export',
    '--profile',
    profileFile,
    '--state',
    `/run/weir/${name}`,
    ...exportArguments,
  ];
  return `# Written by "weir service install"; "weir service uninstall" removes it.
[Unit]
Description=Weir: flow metadata exporter (${name})
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${command.map(quoted).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
# SIGTERM ends every flow and exports it: up to 10 s for the collectors, and some for the cache.
KillSignal=SIGTERM
TimeoutStopSec=60
# Exit code 2 is a mistake in the configuration, which another start does not mend.
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=2

# A user that exists only while the service runs. Where files that the profile names (a TLS key) must be
# readable by this service alone, make the user yourself ("useradd --system weir"): it is taken then.
DynamicUser=yes
User=weir
RuntimeDirectory=weir/${name}
StateDirectory=weir/${name}
UMask=0077

# Packet sockets need CAP_NET_RAW; NFLOG, WireGuard's peers and large socket buffers need CAP_NET_ADMIN.
AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN
CapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN
NoNewPrivileges=yes

ProtectSystem=strict
ProtectHome=${underHome(options) ? 'read-only' : 'yes'}
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
# Capture, NFLOG, the control socket, the collectors.
RestrictAddressFamilies=AF_PACKET AF_NETLINK AF_UNIX AF_INET AF_INET6
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

/** Home folders stay readable where the program or the profile is in one. */
function underHome({ node, weir, profileFile }: UnitOptions): boolean {
  return [node, weir, profileFile].some((file) => /^\/(home|root|run\/user)\//.test(path.resolve(file)));
}
